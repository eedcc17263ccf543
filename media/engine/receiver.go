package engine

import (
	"sync"
	"time"

	"github.com/alexacall/alexacall/media"
)

// receiver is the incoming half of a stream: its statistics as RFC 3550 appendix A keeps them, and the recognition of new sources.
type receiver struct {
	mu    sync.Mutex
	stats inTotals
	clock clock

	known    bool
	again    bool   // what comes next joins as a new source, though it is none
	jumped   bool   // restart is set
	repeated uint8  // length of the row of duplicates
	repeat   uint16 // what follows the last of it
	restart  uint16 // where the source goes on if it has begun anew under its old SSRC
	reach    int16  // how far behind the highest a number is late and no new beginning; 0: maxMisorder
	ssrc     uint32
	base     uint32 // extended sequence number of the first packet
	highest  uint32 // extended
	count    uint32 // packets of this source, each number once
	twice    uint32 // those that came again
	resent   uint32 // those that came beside it (RFC 4588)
	rate     uint32 // clock of transit and jitter, in Hz
	heard    numbers
	missing  *missing // of pictures; nil: what is lost stays lost
	transit  int64    // of the last packet, in units of its clock
	jitter   int64    // times 16

	sr     uint32 // middle of the last sender report's NTP time
	prior  uint32 // expected and received at our last report
	priorN uint32
	srAt   moment // when the last sender report came

	evidence evidence
}

// Limits of RFC 3550 appendix A.1: a number further ahead or behind than these is no loss and no disorder.
const (
	maxDropout  = 3000
	maxMisorder = 100

	maxMisorderVideo = numbersKept - 1 // a packet that is sent again is behind all that came meanwhile
)

// accept counts a packet, marks the first of a source, and reports whether it is to be taken.
func (r *receiver) accept(p *media.Packet, ssrc uint32, now time.Time, open bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.clock.at(now)
	if !open {
		r.stats.blocked++
		r.evidence.at = at
		r.end() // what comes after the hold joins as a new source
		return false
	}
	switch {
	case !r.known || ssrc != r.ssrc:
		r.begin(p, ssrc)
	case r.far(p.Seq):
		if !r.jumped || p.Seq != r.restart {
			r.restart, r.jumped = p.Seq+1, true
			r.stats.late++
			return false
		}
		r.begin(p, ssrc) // two in a row: the source has begun anew
	}
	if !r.sequence(p.Seq, now) {
		r.stats.duplicate++
		if !r.repeats(p.Seq) {
			return false
		}
		r.begin(p, ssrc)
		r.sequence(p.Seq, now)
	}
	p.Start = p.Start || r.again
	r.again, r.jumped, r.repeated = false, false, 0
	if p.What == media.Digit {
		r.stats.digits++
	} else {
		r.interarrival(p, at)
	}
	r.stats.packets++
	r.stats.bytes += uint64(len(p.Payload))
	r.stats.last = at
	r.evidence.took(p, r.count)
	if r.stats.first == 0 {
		r.stats.first = at
	}
	return true
}

func (r *receiver) begin(p *media.Packet, ssrc uint32) {
	r.end()
	p.Start = true
	if ssrc != r.ssrc {
		r.sr, r.srAt = 0, 0 // it was about another source
	}
	r.known, r.ssrc = true, ssrc
	r.base = 1<<16 | uint32(p.Seq) // one turn up, so that a packet from before the first has a number
	r.highest = r.base - 1
	r.count, r.twice, r.jitter, r.rate = 0, 0, 0, 0
	r.prior, r.priorN, r.repeated, r.resent = 0, 0, 0, 0
	r.heard.clear()
	if r.missing != nil {
		r.missing.clear()
	}
}

// end keeps what is to be kept of a source that is over.
func (r *receiver) end() {
	r.stats.lost = r.lostNow()
	r.known = false
}

// leave is end for others.
func (r *receiver) leave() {
	r.mu.Lock()
	r.end()
	r.mu.Unlock()
}

// rejoin lets what comes next join as a new source, for something else has come in between.
func (r *receiver) rejoin() {
	r.mu.Lock()
	r.again = true
	r.mu.Unlock()
}

// maxRepeat is how many packets in a row may be duplicates. A source that repeats more has begun anew: a short announcement that is
// played again, for one.
const maxRepeat = 8

// repeats reports whether a duplicate is one too many in an unbroken row of them.
func (r *receiver) repeats(seq uint16) bool {
	if seq != r.repeat {
		r.repeated = 0
	}
	r.repeat = seq + 1
	r.repeated++
	return r.repeated > maxRepeat
}

// far reports whether a sequence number is too far from the source's for loss and disorder to explain it.
func (r *receiver) far(seq uint16) bool {
	d, reach := int16(seq-uint16(r.highest)), r.reach
	if reach == 0 {
		reach = maxMisorder
	}
	return d >= maxDropout || d <= -reach
}

// sequence extends the number, keeps the highest, and reports whether it comes for the first time.
func (r *receiver) sequence(seq uint16, now time.Time) bool {
	highest := uint16(r.highest)
	switch d := int16(seq - highest); {
	case r.heard.used(highest, seq):
		r.twice++
		return false
	case d > 0:
		if d > 1 && r.missing != nil && r.count > 0 {
			r.missing.skipped(highest+1, seq, now)
		}
		r.heard.next(highest, seq)
		r.highest += uint32(d)
	default:
		r.heard.use(seq)
		if r.missing != nil && r.missing.came(seq) {
			r.stats.repaired++
		} else {
			r.stats.late++
		}
	}
	r.count++
	return true
}

// interarrival updates the jitter (RFC 3550 section 6.4.1).
func (r *receiver) interarrival(p *media.Packet, at moment) {
	rate := p.Codec.ClockRate
	transit := int64(at/1000)*int64(rate)/1_000_000 - int64(p.Time)
	if r.rate == uint32(rate) {
		d := int64(int32(transit - r.transit))
		r.jitter += max(d, -d) - (r.jitter+8)>>4
	}
	r.rate, r.transit = uint32(rate), transit
}

// lostNow returns the packets missing so far.
func (r *receiver) lostNow() uint64 {
	if !r.known {
		return r.stats.lost
	}
	return r.stats.lost + uint64(max(0, int64(r.highest-r.base+1)-int64(r.count)))
}

func (r *receiver) snapshot() media.InStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats.stats(&r.clock)
	s.Lost = r.lostNow()
	if r.rate > 0 {
		s.Jitter = time.Duration(r.jitter>>4) * time.Second / time.Duration(r.rate)
	}
	return s
}

// source returns the source that was heard last.
func (r *receiver) source() (ssrc uint32, heard bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ssrc, r.stats.first != 0
}

// bad counts a report that is malformed, replayed or not authentic.
func (r *receiver) bad() {
	r.mu.Lock()
	r.stats.bad++
	r.mu.Unlock()
}
