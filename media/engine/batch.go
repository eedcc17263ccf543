package engine

import "net/netip"

// inBatch is what one system call has read. data aliases buf.
type inBatch struct {
	io   batchIO
	buf  [][packetSize]byte
	data [][]byte
	from []netip.AddrPort
}

// newInBatch returns a batch of up to size datagrams.
func newInBatch(size int) inBatch {
	return inBatch{newBatchIO(size), make([][packetSize]byte, size), make([][]byte, size), make([]netip.AddrPort, size)}
}

// outBatch collects datagrams for one socket until it is flushed. It holds on to their bytes until then.
type outBatch struct {
	io   batchIO
	sock *socket
	n    int
	data [][]byte
	to   []netip.AddrPort
	lost uint64 // refused by the kernel
}

func newOutBatch(sock *socket, size int) *outBatch {
	return &outBatch{io: newBatchIO(size), sock: sock, data: make([][]byte, size), to: make([]netip.AddrPort, size)}
}

// add queues a datagram and flushes when there is no more room.
func (o *outBatch) add(b []byte, to netip.AddrPort) {
	o.data[o.n], o.to[o.n] = b, to
	if o.n++; o.n == len(o.data) {
		o.flush()
	}
}

// flush sends what is queued.
func (o *outBatch) flush() {
	if o.n == 0 {
		return
	}
	o.send()
	clear(o.data[:o.n])
	o.n = 0
}
