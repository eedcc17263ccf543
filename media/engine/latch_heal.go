package engine

import (
	"net/netip"
	"slices"
	"time"

	"github.com/alexacall/alexacall/media"
)

const (
	healAfter = 500 * time.Millisecond // silence of where a source came from, after which it is believed elsewhere
	healRest  = 2 * time.Second        // from one such move of a call to the next
)

// lostSource is a source that is not heard any more, and the address that it came from some port of.
type lostSource struct {
	addr netip.Addr
	ssrc uint32
}

// findLost looks which sources have fallen silent, so that a packet from an unknown port is held against these alone: a NAT may have given
// the far side another port. The reporter calls it.
func (e *Engine) findLost(open []*terminal, now time.Time) {
	all := map[*latch]map[lostSource][]*transport{}
	for _, s := range e.shards {
		all[&s.latch] = nil
	}
	for _, t := range open {
		all[&t.transport.shard().latch] = nil
	}
	for _, t := range open {
		for s := range t.streams {
			tr := s.way.Load()
			ssrc, heard := s.in.source()
			if t.policy.ICE || !heard || !s.receives() || !tr.ready() || !tr.quiet(now) {
				continue
			}
			l := &tr.shard().latch
			if all[l] == nil {
				all[l] = map[lostSource][]*transport{}
			}
			source := lostSource{tr.remote().Addr(), ssrc}
			all[l][source] = append(all[l][source], tr)
		}
	}
	for l, lost := range all {
		l.mu.Lock()
		l.lost = lost
		l.mu.Unlock()
	}
}

// receives reports whether it is agreed that the far side sends.
func (s *stream) receives() bool {
	return s.used() && media.Direction(s.dir.Load())&media.RecvOnly != 0
}

// quiet reports whether nothing comes from where the far side was heard.
func (tr *transport) quiet(now time.Time) bool {
	for s := range tr.t.streams {
		if s.way.Load() == tr && now.Sub(s.in.last()) < tr.t.engine.limits.heal {
			return false
		}
	}
	return true
}

// returning returns the one transport that a packet of an unknown port has been lost by: of the same address, source and stream. l.mu is
// held.
func (l *latch) returning(b []byte, source lostSource, now time.Time) *transport {
	var found *transport
	for _, tr := range l.lost[source] {
		table := tr.payloads.Load()
		if table == nil || !tr.quiet(now) {
			continue
		}
		p := table.find(b[1] & 0x7f)
		if p == nil || table.stream(p).way.Load() != tr {
			continue
		}
		if ssrc, _ := table.stream(p).in.source(); ssrc != source.ssrc {
			continue
		}
		if found != nil {
			return nil
		}
		found = tr
	}
	return found
}

// anothers reports whether what was sighted is rather the source of another call at that address, whose NAT has given it another port: it
// has fallen silent, or may have and it does not show yet. One that goes on where it was is another phone that uses the same number. l.mu is
// held.
func (l *latch) anothers(seen *sighting, addr netip.Addr, now time.Time) bool {
	young := now.Sub(seen.since) < 2*seen.tr.t.engine.limits.heal
	for _, tr := range l.waiting[addr] {
		for s := range tr.t.streams {
			ssrc, heard := s.in.source()
			if tr != seen.tr && heard && ssrc == seen.ssrc && s.way.Load() == tr && tr.ready() && (young || tr.quiet(now)) {
				return true
			}
		}
	}
	return false
}

// heal moves a call to where its source comes from now. The place before is given up: should the source come back there, that is another
// move.
func (s *shard) heal(tr *transport, from netip.AddrPort, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	forgotten := tr.shard() != s || len(tr.bound) == 0
	if forgotten || tr.stopped.Load() || !tr.quiet(now) || tr.healed != nil && now.Sub(*tr.healed) < healRest || !s.own(s.remotes, from, tr) {
		return false
	}
	old := tr.remote()
	tr.bound = slices.DeleteFunc(tr.bound, func(a netip.AddrPort) bool { return a == old })
	s.unbind(old, tr)
	tr.healed, tr.awaited, tr.found, tr.reopened = &now, netip.AddrPort{}, false, false
	tr.aim(from)
	return true
}

// reopen lets the far side be found anew, if it does not go on where it is: it has described itself again. The shard's lock is held.
func (tr *transport) reopen() {
	at := tr.remote()
	if tr.t.policy.ICE || !at.IsValid() || len(tr.bound) == 0 || !tr.t.anyStream(func(s *stream) bool {
		return s.way.Load() == tr && s.receives()
	}) {
		return
	}
	home := tr.shard()
	if tr.found { // where it was awaited before is a place like any other now
		old := tr.awaited
		tr.bound = slices.DeleteFunc(tr.bound, func(a netip.AddrPort) bool { return a == old })
		home.unbind(old, tr)
	}
	if tr.awaited == at {
		return // it waits for its first packet
	}
	tr.awaited, tr.found, tr.reopened = at, false, true
	home.latch.expect(tr)
}
