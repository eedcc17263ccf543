package engine

import "github.com/pion/rtcp"

// collide acts on a source of the far side's that bears the number of one of ours (RFC 3550 section 8.2): ours says goodbye and goes on
// under another one. It does so once: what comes back under the new number too is what we send, from an echo or through a loop. That is
// heard as any other source is, for people call echo services to hear themselves.
func (t *terminal) collide(ssrc uint32) {
	for s := range t.streams {
		if s.out.ssrc.Load() == ssrc && !s.out.collided.Swap(true) {
			s.renumber(ssrc)
		}
	}
}

// renumber ends our source and begins another one. Sequence and time go on.
func (s *stream) renumber(old uint32) {
	r := &s.t.reports
	if s.out.snapshot().Packets > 0 {
		r.write(s, []rtcp.Packet{&rtcp.ReceiverReport{SSRC: old}, r.name(s), &rtcp.Goodbye{Sources: []uint32{old}, Reason: "SSRC collision"}})
	}
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	s.out.before = sentBefore{uint32(s.out.stats.packets), uint32(s.out.stats.bytes)}
	s.out.ssrc.Store(s.t.freshSSRC(old))
	if s.out.repeater != nil {
		s.out.repeater.cache = cache{} // of the source that is no more
	}
}

// freshSSRC returns a number that no stream of the terminal has, other than the one given.
func (t *terminal) freshSSRC(not uint32) uint32 {
	for {
		n := random()
		if n != not && !t.anyStream(func(s *stream) bool { return s.out.ssrc.Load() == n || s.out.repairSSRC == n }) {
			return n
		}
	}
}
