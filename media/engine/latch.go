package engine

import (
	"encoding/binary"
	"net/netip"
	"sync"
)

const (
	latchAfter = 3   // packets of one SSRC from one address, before it is believed
	latchMax   = 256 // addresses watched at a time
)

// latch finds the call of plain RTP that comes from another port than the far side's description says, as it does through a NAT. Only
// the address of the description is believed, only while nothing has come from where it said, only if one call alone can be meant,
// and only after several packets of one source. A description that names another address begins this anew. Its own lock guards it; the
// order is shard, latch.
type latch struct {
	mu      sync.Mutex
	waiting map[netip.Addr][]*transport // by the address in the description
	seen    map[netip.AddrPort]*sighting
}

type sighting struct {
	ssrc uint32
	n    int
}

// latched is an address that has proved itself.
type latched struct {
	tr   *transport
	from netip.AddrPort
}

// expect lets tr be found under the address that it now awaits, and no other.
func (l *latch) expect(tr *transport) {
	l.forget(tr)
	l.mu.Lock()
	defer l.mu.Unlock()
	addr := tr.awaited.Addr()
	if l.waiting == nil {
		l.waiting, l.seen = map[netip.Addr][]*transport{}, map[netip.AddrPort]*sighting{}
	}
	l.waiting[addr] = append(l.waiting[addr], tr)
}

// see takes a packet of an unknown address.
func (l *latch) see(w *worker, b []byte, from netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tr := l.only(from.Addr())
	if tr == nil || len(b) < rtpHeaderSize || isRTCP(b) {
		return
	}
	s, ssrc := l.seen[from], binary.BigEndian.Uint32(b[8:])
	if s == nil {
		if len(l.seen) >= latchMax {
			clear(l.seen)
		}
		s = new(sighting)
		l.seen[from] = s
	}
	if s.ssrc != ssrc {
		*s = sighting{ssrc: ssrc}
	}
	if s.n++; s.n == latchAfter {
		delete(l.seen, from)
		w.latch = append(w.latch, latched{tr, from})
	}
}

// only returns the one transport that waits for an address and has heard nothing yet.
func (l *latch) only(addr netip.Addr) *transport {
	var found *transport
	for _, tr := range l.waiting[addr] {
		if !tr.awaited.IsValid() {
			continue
		}
		if found != nil {
			return nil
		}
		found = tr
	}
	return found
}

func (l *latch) forget(tr *transport) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for addr, trs := range l.waiting {
		for i := range trs {
			if trs[i] == tr {
				trs = append(trs[:i:i], trs[i+1:]...)
				break
			}
		}
		if l.waiting[addr] = trs; len(trs) == 0 {
			delete(l.waiting, addr)
		}
	}
}

// latchAll moves calls to the addresses that a batch has proved.
func (s *shard) latchAll(w *worker) {
	for _, found := range w.latch {
		if s.follow(found.tr, found.from) {
			s.log.Debug("media comes from another port than described", "terminal", found.tr.t.id)
		}
	}
	w.latch = w.latch[:0]
}

// follow moves a call to where its media comes from, unless it has been heard or moved since.
func (s *shard) follow(tr *transport, from netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !tr.awaited.IsValid() || !s.own(s.remotes, from, tr) {
		return false
	}
	tr.awaited = netip.AddrPort{}
	tr.far.Store(&from)
	if tr.mux.Load() {
		tr.farRTCP.Store(&from)
	}
	return true
}
