package engine

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	latchAfter = 3               // packets of one SSRC from one address, before it is believed
	latchMax   = 256             // addresses watched at a time
	latchTurn  = 5 * time.Second // for which, and up to twice as long, what a call has left behind is told from the media of others
	latchEnded = 4096            // ended calls that are remembered in that time
)

// latch finds the call of plain RTP that comes from another port than the far side's description says, as it does through a NAT. Only
// the address of the description is believed, only while nothing has come from where it said, only if one call alone can be meant,
// only after several packets of one source, and not of a source whose call has just ended: a gateway goes on sending for a moment,
// from the address where the next call is waited for. If media comes from where the description said after all, that holds. So it is
// if another call, which was there already, turns out to be described at the address that was found: its media has come before its
// description. A description that names another address begins this anew. Its own lock guards it; the order is shard, latch.
type latch struct {
	mu      sync.Mutex
	waiting map[netip.Addr][]*transport // by the address in the description or, with ICE, of the path
	seen    map[netip.AddrPort]*sighting
	lost    map[lostSource][]*transport // as the reporter found them last
	away    map[netip.Addr]time.Time    // when a packet of an address was last turned away

	ended  map[leftover]struct{}
	before map[leftover]struct{}
	turned time.Time
}

type sighting struct {
	tr    *transport
	ssrc  uint32
	n     int
	since time.Time
}

// leftover is the source of a call that has ended.
type leftover struct {
	from netip.AddrPort
	ssrc uint32
}

// latched is an address that has proved itself.
type latched struct {
	tr   *transport
	from netip.AddrPort
	lost bool // by a source that was heard elsewhere
}

// expect lets tr be found under the address that it now awaits, and no other.
func (l *latch) expect(tr *transport) {
	under := listed{addr: tr.awaited.Addr()}
	if from := tr.t.signals.Load(); from != nil && *from != under.addr {
		under.signals = from
	}
	l.list(tr, under)
}

// listed are the addresses that a call is listed under.
type listed struct {
	addr    netip.Addr
	signals *netip.Addr // another one that the far side's signalling comes from; nil: there is none
}

func (l *listed) all(yield func(netip.Addr) bool) {
	if (!l.addr.IsValid() || yield(l.addr)) && l.signals != nil {
		yield(*l.signals)
	}
}

// list lists a call under addresses, in place of those before. One that ICE has found is there to be told from those that wait.
func (l *latch) list(tr *transport, under listed) {
	l.forget(tr)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		l.waiting, l.seen = map[netip.Addr][]*transport{}, map[netip.AddrPort]*sighting{}
	}
	tr.listed = under
	for addr := range under.all {
		l.waiting[addr] = append(l.waiting[addr], tr)
	}
}

// see takes a packet of an unknown address.
func (l *latch) see(w *worker, b []byte, from netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(b) < rtpHeaderSize || isRTCP(b) {
		return
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	if l.over(leftover{from, ssrc}, w.now) {
		return
	}
	tr, lost := l.returning(b, lostSource{from.Addr(), ssrc}, w.now), true
	if tr == nil {
		tr, lost = l.only(from, w.now), false
	}
	if tr == nil {
		l.turn(from.Addr(), w.now)
		return
	}
	proved := false
	if table := tr.payloads.Load(); table != nil {
		c := table.of(b).crypt.Load()
		if c != nil && !c.authentic(w, b) {
			l.turn(from.Addr(), w.now)
			return // of a protected stream nothing is believed that its keys do not prove
		}
		proved = c != nil
	}
	s := l.seen[from]
	if s == nil {
		if len(l.seen) >= latchMax {
			clear(l.seen)
		}
		s = new(sighting)
		l.seen[from] = s
	}
	if s.ssrc != ssrc || s.tr != tr {
		*s = sighting{tr: tr, ssrc: ssrc, since: w.now}
	}
	if s.n++; s.n < latchAfter || !lost && !proved && l.anothers(s, from.Addr(), w.now) {
		return
	}
	delete(l.seen, from)
	w.latch = append(w.latch, latched{tr, from, lost})
}

// turn notes that a packet is turned away. l.mu is held.
func (l *latch) turn(addr netip.Addr, now time.Time) {
	if l.away == nil || len(l.away) >= latchMax {
		l.away = map[netip.Addr]time.Time{}
	}
	l.away[addr] = now
}

// turnedAway returns when a packet of an address was last turned away.
func (l *latch) turnedAway(addr netip.Addr) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.away[addr]
}

// only returns the one transport that waits for an address and has heard nothing yet, or not since it has described itself again. Of
// several behind one NAT it is the one that has described the port, which many a NAT keeps.
func (l *latch) only(from netip.AddrPort, now time.Time) *transport {
	var found *transport
	several := false
	for _, tr := range l.waiting[from.Addr()] {
		if tr.found || !tr.awaited.IsValid() || tr.reopened && !tr.quiet(now) {
			continue
		}
		if tr.awaited.Port() == from.Port() {
			return tr
		}
		several, found = several || found != nil, tr
	}
	if several {
		return nil
	}
	return found
}

func (l *latch) forget(tr *transport) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for addr := range tr.listed.all {
		trs := l.waiting[addr]
		i := slices.Index(trs, tr)
		if i < 0 {
			continue
		}
		if trs = slices.Delete(trs, i, i+1); len(trs) == 0 {
			delete(l.waiting, addr)
		} else {
			l.waiting[addr] = trs
		}
	}
	tr.listed = listed{}
	maps.DeleteFunc(l.seen, func(_ netip.AddrPort, s *sighting) bool { return s.tr == tr })
}

// end remembers the source of a call that has ended.
func (l *latch) end(source leftover, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended == nil || now.Sub(l.turned) > latchTurn {
		l.before, l.ended, l.turned = l.ended, map[leftover]struct{}{}, now
	}
	if len(l.ended) < latchEnded {
		l.ended[source] = struct{}{}
	}
}

// over reports whether a source is that of a call that has ended a moment ago. l.mu is held.
func (l *latch) over(source leftover, now time.Time) bool {
	age := now.Sub(l.turned)
	_, late := l.ended[source]
	_, later := l.before[source]
	return late && age <= 2*latchTurn || later && age <= latchTurn
}

// yields reports whether an address that was found for a transport is rather that of a call which was there then, and is described at it or
// has proved by ICE to be there.
func (tr *transport) yields(addr netip.AddrPort, t *terminal) bool {
	return tr.found && tr.remote() == addr && t.id <= tr.newest
}

// evict lets a call that was found at an address go back to where it was described, if the address is rather t's. s.mu is held.
func (s *shard) evict(addr netip.AddrPort, t *terminal) {
	owner := s.remotes.of(addr)
	if owner == nil || owner.t == t || !owner.yields(addr, t) {
		return
	}
	owner.found = false
	owner.far.Store(new(owner.awaited))
	if owner.mux.Load() {
		owner.farRTCP.Store(new(owner.awaited))
	}
}

// claim makes tr the owner of an address that its description names, even if it was found for another call meanwhile. Undo takes that back.
func (s *shard) claim(addr netip.AddrPort, tr *transport, from *sources) (undo func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evict(addr, tr.t)
	before, had := tr.sources, slices.Contains(tr.bound, addr)
	tr.sources = from
	if !s.own(s.remotes, addr, tr) {
		tr.sources = before
		return nil, false
	}
	return func() { s.unclaim(addr, tr, before, had) }, true
}

// latchAll moves calls to the addresses that a batch has proved.
func (s *shard) latchAll(w *worker) {
	for _, found := range w.latch {
		if found.lost && s.heal(found.tr, found.from, w.now) || !found.lost && s.follow(found.tr, found.from) {
			s.log.Debug("media comes from another port than before", "terminal", found.tr.t.id)
		}
	}
	w.latch = w.latch[:0]
}

// follow moves a call to where its media comes from, unless it has been heard or moved since.
func (s *shard) follow(tr *transport, from netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if tr.shard() != s {
		return false
	}
	home := from == tr.awaited
	if !tr.awaited.IsValid() || tr.found != home || !s.own(s.remotes, from, tr) {
		return false
	}
	tr.found, tr.newest = !home, tr.t.engine.ids.Load()
	if home {
		tr.awaited = netip.AddrPort{}
		tr.bound = slices.DeleteFunc(tr.bound, func(a netip.AddrPort) bool { return a == tr.remote() })
		s.unbind(tr.remote(), tr)
	}
	tr.aim(from)
	return true
}

// aim lets packets go to an address, and RTCP that shares their port.
func (tr *transport) aim(at netip.AddrPort) {
	tr.far.Store(&at)
	if tr.mux.Load() {
		tr.farRTCP.Store(&at)
	}
}
