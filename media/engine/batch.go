package engine

import "net/netip"

// inBatch is what one system call has read. data aliases buf.
type inBatch struct {
	io   batchIO
	buf  [batchSize][packetSize]byte
	data [batchSize][]byte
	from [batchSize]netip.AddrPort
}

// outBatch collects datagrams for one socket until it is flushed. It holds on to their bytes until then.
type outBatch struct {
	io   batchIO
	sock *socket
	n    int
	data [batchSize][]byte
	to   [batchSize]netip.AddrPort
	lost uint64 // refused by the kernel
}

// add queues a datagram and flushes when there is no more room.
func (o *outBatch) add(b []byte, to netip.AddrPort) {
	o.data[o.n], o.to[o.n] = b, to
	if o.n++; o.n == batchSize {
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
