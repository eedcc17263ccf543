package engine

import (
	"math"
	"slices"
	"time"

	"github.com/pion/rtcp"

	"github.com/alexacall/alexacall/media"
)

// ceilings are the bit rates that one side of a stream tells the other, in bit/s.
type ceilings struct {
	wanted   uint32    // of what comes in, by whom it goes to; 0: none
	told     uint32    // last to the far side; 0: none
	toldAt   time.Time // when
	passedAt time.Time // when the far side's own was last passed on
	estimate estimate
}

const (
	ceilingEvery = time.Second            // between two that say the same
	ceilingSoon  = 200 * time.Millisecond // between two at the least
)

// cap notes what those take to whom the pictures of s go; 0: no limit any more.
func (s *stream) cap(bits uint32) {
	if s.asks == nil {
		return
	}
	s.asks.mu.Lock()
	s.asks.ceilings.wanted = bits
	s.asks.mu.Unlock()
}

// limit tells the far side what it may send at most (draft-alvestrand-rmcat-remb-03): what they take to whom it goes, and what the path
// from it can carry. The reporter calls it.
func (s *stream) limit(now time.Time) {
	if !media.Feedback(s.asks.agreed.Load()).Has(media.REMB) || !s.passes(media.RecvOnly) {
		return
	}
	in := s.in.snapshot()
	s.asks.mu.Lock()
	s.asks.ceilings.estimate.update(&in, now)
	bits, due := s.asks.ceilings.next(now)
	s.asks.mu.Unlock()
	if ssrc, heard := s.in.source(); due && heard {
		s.tell(&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: s.out.ssrc.Load(), Bitrate: float32(bits), SSRCs: []uint32{ssrc}})
	}
}

// next returns what is to be told, and whether it is time for it: once a second, and soon where it falls. A limit that is no more is
// lifted once.
func (c *ceilings) next(now time.Time) (bits uint32, due bool) {
	bits = c.wanted
	if e := uint32(c.estimate.rate); e > 0 && (bits == 0 || e < bits) {
		bits = e
	}
	every := ceilingEvery
	switch {
	case bits == 0 && c.told == 0:
		return 0, false
	case bits != 0 && (c.told == 0 || bits < c.told):
		every = ceilingSoon
	}
	if now.Sub(c.toldAt) < every {
		return 0, false
	}
	c.told, c.toldAt = bits, now
	if bits == 0 {
		bits = estimateMost
	}
	return bits, true
}

// limited takes what the far side says that it takes at most: to the readers, and to the stream that this one is linked to.
func (s *stream) limited(r *rtcp.ReceiverEstimatedMaximumBitrate, now time.Time) {
	if s.asks == nil || !media.Feedback(s.asks.agreed.Load()).Has(media.REMB) || !slices.Contains(r.SSRCs, s.out.ssrc.Load()) || !(r.Bitrate >= 0) {
		return
	}
	bits := uint32(min(max(float64(r.Bitrate), 1), math.MaxUint32))
	if !s.out.limited(bits) && !s.ceilingDue(now) {
		return
	}
	p := media.Packet{What: media.Ceiling, Time: bits}
	s.fan.Deliver(&p)
	if l := s.link.Load(); l != nil {
		l.ask(&p)
	}
}

// limited notes what the far side takes, and reports whether it is another value than before.
func (o *sender) limited(bits uint32) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.stats.ceiling
	o.stats.ceiling = bits
	return bits != before
}

// ceilingDue reports whether it is time to pass on the far side's ceiling though it is the same, for a link that is new.
func (s *stream) ceilingDue(now time.Time) bool {
	s.asks.mu.Lock()
	defer s.asks.mu.Unlock()
	if now.Sub(s.asks.ceilings.passedAt) < ceilingEvery {
		return false
	}
	s.asks.ceilings.passedAt = now
	return true
}
