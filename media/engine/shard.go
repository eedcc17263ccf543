package engine

import (
	"cmp"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"github.com/alexacall/alexacall/media"
)

// shard is one pair of UDP ports with the calls that live on it. Its two readers own the packet path: they classify what arrives
// (RFC 7983), find its call, and decrypt, rewrite, encrypt and send in place. They take the shard's lock once for a batch.
type shard struct {
	engine *Engine
	rtp    *socket
	rtcp   *socket
	log    *slog.Logger

	mu      sync.RWMutex
	remotes *addrTable // by the far side's address, of RTP and all that shares its port
	reports *addrTable // by the far side's address of RTCP alone
	agents  agents
	named   map[netip.AddrPort]int // calls whose far side names an address, where calls may have ports of their own
	latch   latch

	done chan struct{} // closed with the shard

	checks checks // STUN requests of ours that wait for their response

	strays  atomic.Uint64 // datagrams that belong to no call
	packets atomic.Uint64 // datagrams that have come, counted by the batch
	calls   int           // terminals that live here; guarded by the engine's lock
	work    sync.WaitGroup
}

// readPause is how long a reader waits after an error of the system.
const readPause = 10 * time.Millisecond

// worker is what one reader keeps between packets, so that none of them allocates.
type worker struct {
	in     inBatch
	size   int         // datagrams of a batch; 0: batchSize
	outs   []*outBatch // by socket of a shard; a handful
	odd    *outBatch   // for the sockets that calls have for themselves, one after another
	now    time.Time
	header rtp.Header
	pkt    media.Packet
	latch  []latched // to be done after the batch
	sealed []byte    // a packet as it came, where decrypting it is tried twice

	courses []course // of what was read
}

func newWorker(size int) *worker {
	return &worker{in: newInBatch(size), size: size, courses: make([]course, size)}
}

func newShard(e *Engine, addr netip.AddrPort) (*shard, error) {
	rtp, rtcp, err := listenPair(addr, socketRoom)
	if err != nil {
		return nil, err
	}
	return e.newShard(rtp, rtcp, batchSize, batchSize), nil
}

// newShard begins to read from two sockets, so and so many datagrams at a time.
func (e *Engine) newShard(rtp, rtcp *socket, batch, batchRTCP int) *shard {
	s := &shard{
		engine: e, log: e.log, rtp: rtp, rtcp: rtcp,
		remotes: newAddrTable(), reports: newAddrTable(), agents: agents{},
		named: map[netip.AddrPort]int{},
		done:  make(chan struct{}),
	}
	s.work.Go(func() { s.read(s.rtp, newWorker(batch), s.datagram) })
	s.work.Go(func() { s.read(s.rtcp, newWorker(batchRTCP), s.report) })
	return s
}

// close closes both sockets and waits for the readers.
func (s *shard) close() {
	close(s.done)
	_ = s.rtp.conn.Close()
	_ = s.rtcp.conn.Close()
	s.work.Wait()
}

// read is a reader: it hands every datagram of a socket to take, until the socket is closed.
func (s *shard) read(sock *socket, w *worker, take func(*worker, []byte, netip.AddrPort, *transport)) {
	for {
		n, err := w.in.read(sock)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.log.Error("reading from the media socket", "err", err)
			s.pause() // the system's trouble of a moment must not end the calls
			continue
		}
		w.now = time.Now()
		s.packets.Add(uint64(n))
		s.mu.RLock()
		if sock == s.rtp {
			s.fetch(w, n)
		}
		for i := range n {
			if data := w.in.data[i]; len(data) > 0 && len(data) < packetSize {
				take(w, data, w.in.from[i], w.courses[i].tr)
			} else {
				s.strays.Add(1) // empty, or so long that it may have been cut
			}
		}
		s.mu.RUnlock()
		w.flush()
		clear(w.courses[:n])
		if len(w.latch) > 0 {
			s.latchAll(w)
		}
	}
}

// pause waits a little, unless the shard is closed.
func (s *shard) pause() {
	timer := time.NewTimer(readPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.done:
	}
}

// datagram takes one datagram of the RTP port, from an address that tr owns; nil: nobody. The shard's lock is held for reading.
func (s *shard) datagram(w *worker, b []byte, from netip.AddrPort, tr *transport) {
	if b[0] < 4 {
		s.stun(b, from)
		return
	}
	if tr != nil && tr.crowd != nil {
		if tr = tr.crowd.find(w, b); tr == nil {
			s.strays.Add(1)
			return
		}
	}
	if tr != nil && tr.arrived(w, b, from) {
		return
	}
	if tr == nil && b[0] >= 128 && b[0] < 192 {
		s.latch.see(w, b, from)
	}
	s.strays.Add(1)
}

// report takes one datagram of the RTCP port.
func (s *shard) report(w *worker, b []byte, from netip.AddrPort, _ *transport) {
	tr := s.reports.of(from)
	if tr != nil && tr.crowd != nil {
		tr = tr.crowd.reporter(b)
	}
	if tr != nil && isRTCP(b) {
		tr.t.reports.arrived(tr, b, w.now)
		return
	}
	s.strays.Add(1)
}

// rtcpSize is the size of the smallest RTCP packet that says of whom it is: a receiver report without reports (RFC 3550 section 6.4.2).
const rtcpSize = 8

// isRTCP tells RTCP from RTP on one port (RFC 5761 section 4).
func isRTCP(b []byte) bool { return len(b) >= rtcpSize && b[1] >= 192 && b[1] <= 223 }

// to returns the batch for a socket.
func (w *worker) to(sock *socket) *outBatch {
	if sock.odd {
		return w.toOdd(sock)
	}
	for _, o := range w.outs {
		if o.sock == sock {
			return o
		}
	}
	o := newOutBatch(sock, cmp.Or(w.size, batchSize))
	w.outs = append(w.outs, o)
	return o
}

// toOdd returns the batch for a socket that one call has for itself. There is one for all of these, for they come and go: it is sent
// when another's turn comes.
func (w *worker) toOdd(sock *socket) *outBatch {
	if w.odd == nil {
		w.odd = newOutBatch(nil, pairBatch)
	}
	if w.odd.sock != sock {
		w.odd.flush()
		w.odd.sock = sock
	}
	return w.odd
}

func (w *worker) flush() {
	for _, o := range w.outs {
		o.flush()
	}
	if w.odd != nil {
		w.odd.flush()
		w.odd.sock = nil // which may be closed, and is not to be kept
	}
}

// maxBound is how many remote addresses one call may own: those that its far side has proved to use, or has described.
const maxBound = 32

// bind makes tr the owner of a remote address in one of the tables. An address that another call sends to stays with that one, and tr
// hears nothing from there, unless the two can be told apart: then both have it. One that its owner has left is handed over, for its far
// side's gateway may use a port again.
func (s *shard) bind(table *addrTable, addr netip.AddrPort, tr *transport) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.own(table, addr, tr)
}

// own is bind where s.mu is held.
func (s *shard) own(table *addrTable, addr netip.AddrPort, tr *transport) bool {
	if at := table.of(addr); at != nil && at.crowd != nil {
		s.leftBy(at.crowd, addr)
	}
	owner := table.of(addr)
	switch {
	case tr.shard() != s:
		return false // it has moved
	case owner == tr:
		return true
	case owner != nil && owner.t != tr.t && owner.uses(addr):
		return s.crowdIn(table, addr, tr)
	case len(tr.bound) >= maxBound && !s.release(tr):
		return false
	}
	if owner != nil {
		owner.bound = slices.DeleteFunc(owner.bound, func(a netip.AddrPort) bool { return a == addr })
	}
	table.set(addr, tr)
	tr.bound = append(tr.bound, addr)
	return true
}

// release gives up the oldest remote address of a transport that it has left, and reports whether there was one. s.mu is held.
func (s *shard) release(tr *transport) bool {
	for i, addr := range tr.bound {
		if !tr.uses(addr) {
			tr.bound = slices.Delete(tr.bound, i, i+1)
			s.unbind(addr, tr)
			return true
		}
	}
	return false
}

// forget gives up every remote address of a transport.
func (s *shard) forget(tr *transport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(tr)
}

// drop is forget where s.mu is held.
func (s *shard) drop(tr *transport) {
	for _, addr := range tr.bound {
		s.unbind(addr, tr)
		for stream := range tr.t.streams {
			if ssrc, heard := stream.in.source(); heard && stream.way.Load() == tr && stream.crypt.Load() == nil {
				s.latch.end(leftover{addr, ssrc}, time.Now())
			}
		}
	}
	tr.bound, tr.awaited, tr.found = nil, netip.AddrPort{}, false
	s.latch.forget(tr)
}

// unbind takes an address out of the tables where it is tr's. s.mu is held.
func (s *shard) unbind(addr netip.AddrPort, tr *transport) {
	for _, table := range [...]*addrTable{s.remotes, s.reports} {
		at := table.of(addr)
		if at != nil && (at == tr || at.crowd != nil && at.crowd.part(tr)) {
			table.drop(addr)
		}
	}
}
