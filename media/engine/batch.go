package engine

import (
	"net/netip"
	"sync/atomic"
)

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
	of   []*atomic.Uint64 // where its owner counts what the kernel refuses; nil: nowhere
}

func newOutBatch(sock *socket, size int) *outBatch {
	return &outBatch{
		io: newBatchIO(size), sock: sock, data: make([][]byte, size), to: make([]netip.AddrPort, size), of: make([]*atomic.Uint64, size),
	}
}

// add queues a datagram of somebody who counts in refused, and flushes when there is no more room.
func (o *outBatch) add(b []byte, to netip.AddrPort, refused *atomic.Uint64) {
	o.data[o.n], o.to[o.n], o.of[o.n] = b, to, refused
	if o.n++; o.n == len(o.data) {
		o.flush()
	}
}

// refused counts datagram i as refused by the kernel.
func (o *outBatch) refused(i int) {
	if n := o.of[i]; n != nil {
		n.Add(1)
	}
}

// flush sends what is queued.
func (o *outBatch) flush() {
	if o.n == 0 {
		return
	}
	o.send()
	clear(o.data[:o.n])
	clear(o.of[:o.n])
	o.n = 0
}
