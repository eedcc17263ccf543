package codec

import (
	"time"

	"github.com/alexacall/alexacall/media"
)

// A Sequencer puts the packets of one source in order as they come. It adds no delay while nothing is missing; what follows a gap waits
// for the missing packets until it is too much, when the gap is reported. The zero value is ready for use. One goroutine uses it: after
// each Put it calls Next until there is no more.
type Sequencer struct {
	// Depth is how many packets wait at most, 1 to 15; 0: 4.
	Depth int
	// Wait is how much waits at most, by the RTP timestamps of the sound that waits, from the first to the last, and 20 ms for each packet of an
	// event; 0: 20 ms. It is short because each packet that is lost makes those after it wait, while few come out of order, and these by one
	// place mostly.
	Wait time.Duration

	slots []slot // what waits, by the low bits of its number; made when something has to
	held  int
	next  uint16 // the number after the last one that went out
	seen  uint64 // bit i: number next-1-i went out
	known bool   // there was a packet

	now   media.Packet // what Put has been given, if it does not wait
	state arrival      // of now

	jumped  bool // restart is set
	restart uint16

	stats SequencerStats
}

// SequencerStats are the totals of a Sequencer, in packets.
type SequencerStats struct {
	Lost      uint64 // reported as missing
	Late      uint64 // dropped because they came when they had been reported, or bear a number far from the source's
	Duplicate uint64 // dropped because they had come before
}

// slot is a place for a packet that waits.
type slot struct {
	p    media.Packet // its payload is the slot's own and is used again
	full bool
}

const (
	slots        = 16
	defaultDepth = 4
	defaultWait  = 20 * time.Millisecond
	eventPace    = 20 * time.Millisecond // between the packets of an event, mostly
)

// Limits of RFC 3550 appendix A.1: a number further ahead or behind than these is no loss and no disorder.
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// arrival is where a packet that does not wait stands.
type arrival uint8

const (
	nothing arrival = iota
	inTurn          // before what waits
	aside           // before what waits, and without a number
	after           // after all that waits
	anew            // likewise, and the first of a source
)

// Put takes a packet, which it does not change. Its payload has to stay until Next has returned all there is. Of a source that begins
// anew, by Packet.Start or by numbers that only this explains, the first packet has Start set when it is returned.
func (s *Sequencer) Put(p *media.Packet) {
	s.state = nothing
	switch {
	case p.What != media.RTP && p.What != media.Digit:
		s.direct(p, aside)
	case p.Start || !s.known:
		s.direct(p, anew)
	default:
		s.sort(p)
	}
}

func (s *Sequencer) direct(p *media.Packet, state arrival) { s.now, s.state = *p, state }

// sort finds the place of a packet by its number.
func (s *Sequencer) sort(p *media.Packet) {
	ahead := int(int16(p.Seq - s.next))
	if ahead >= maxDropout || ahead <= -maxMisorder {
		if s.jumped && p.Seq == s.restart { // two in a row
			s.direct(p, anew)
			return
		}
		s.jumped, s.restart = true, p.Seq+1
		s.stats.Late++
		return
	}
	s.jumped = false
	switch {
	case ahead == 0:
		s.direct(p, inTurn)
	case ahead >= slots:
		s.direct(p, after)
	case ahead > 0:
		s.hold(p)
	case -ahead <= 64 && s.seen>>(-ahead-1)&1 == 1:
		s.stats.Duplicate++
	default:
		s.stats.Late++
	}
}

func (s *Sequencer) hold(p *media.Packet) {
	if s.slots == nil {
		s.slots = make([]slot, slots)
	}
	to := &s.slots[p.Seq%slots]
	if to.full {
		s.stats.Duplicate++
		return
	}
	payload := append(to.p.Payload[:0], p.Payload...)
	to.p, to.full = *p, true
	to.p.Payload = payload
	s.held++
}

// Next stores the next packet of the source in p and returns how many before it are lost; ok is false if there is none for now. The
// payload is valid until the next Put.
func (s *Sequencer) Next(p *media.Packet) (lost int, ok bool) {
	switch {
	case s.state == aside:
		*p, s.state = s.now, nothing
		return 0, true
	case s.state == inTurn:
		*p, s.state = s.now, nothing
		return s.out(p), true
	case s.held > 0 && (s.slots[s.next%slots].full || s.state != nothing || s.isOver()):
		return s.release(p), true
	case s.held == 0 && s.state != nothing:
		if s.state == anew {
			s.now.Start, s.known, s.jumped = true, true, false
			s.next, s.seen = s.now.Seq, 0
		}
		*p, s.state = s.now, nothing
		return s.out(p), true
	}
	return 0, false
}

// Flush is a Next that waits for nothing: for who knows that no more will come soon.
func (s *Sequencer) Flush(p *media.Packet) (lost int, ok bool) {
	if lost, ok = s.Next(p); ok || s.held == 0 {
		return lost, ok
	}
	return s.release(p), true
}

// release hands out the first packet that waits; there is one.
func (s *Sequencer) release(p *media.Packet) int {
	from := &s.slots[s.next%slots]
	for i := uint16(1); !from.full && i < slots; i++ {
		from = &s.slots[(s.next+i)%slots]
	}
	*p, from.full = from.p, false
	s.held--
	return s.out(p)
}

// out notes that p goes out, and returns how many are lost before it.
func (s *Sequencer) out(p *media.Packet) int {
	lost := int(p.Seq - s.next)
	s.seen = s.seen<<(lost+1) | 1
	s.next = p.Seq + 1
	s.stats.Lost += uint64(lost)
	return lost
}

// isOver reports whether too much waits.
func (s *Sequencer) isOver() bool {
	depth, wait := s.Depth, s.Wait
	if depth <= 0 {
		depth = defaultDepth
	}
	if wait <= 0 {
		wait = defaultWait
	}
	return s.held > depth || s.span() >= wait
}

// span returns how much waits, from the first to the last. Of events each packet counts for as long as the pace of a source usually is: all of
// one bear one time, and a key must not wait until somebody speaks again.
func (s *Sequencer) span() time.Duration {
	var from, to *media.Packet
	events := 0
	for i := range uint16(slots) {
		at := &s.slots[(s.next+i)%slots]
		switch {
		case !at.full:
		case at.p.What == media.Digit:
			events++
		case at.p.Codec != nil:
			if from == nil {
				from = &at.p
			}
			to = &at.p
		}
	}
	all := time.Duration(events) * eventPace
	if from == nil {
		return all - eventPace
	}
	if from.Codec.ClockRate > 0 && from.Codec.ClockRate == to.Codec.ClockRate {
		all += time.Duration(max(0, int32(to.Time-from.Time))) * time.Second / time.Duration(from.Codec.ClockRate)
	}
	return all
}

// Stats returns the totals so far.
func (s *Sequencer) Stats() SequencerStats { return s.stats }
