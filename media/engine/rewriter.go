package engine

import (
	"time"

	"github.com/alexacall/alexacall/media"
)

// rewriter gives one outgoing stream a sequence and a time line of its own, whatever sources feed it one after another. Within a
// source the distances stay as they are; a new source goes on one number and as much time as has really passed after the last
// packet. So the far side sees one unbroken sender: a sequence number or time that went back would look like a replay to SRTP, or
// like seconds of loss (RFC 3550 section 6.4.1, RFC 3711 section 3.3.2).
type rewriter struct {
	seq  uint16 // highest sent
	time uint32 // of the packet that had it
	at   time.Time
	rate int // clock of time, in Hz

	seqOff  uint16 // added to the source's
	timeOff uint32
	first   uint16 // sequence number that the source began with

	event media.Codec // of the last telephone event
	inAt  uint32      // its time at the source
	outAt uint32      // and here
}

// newRewriter begins at random numbers (RFC 3550 section 5.1).
func newRewriter(seq uint16, ts uint32) rewriter { return rewriter{seq: seq, time: ts} }

// next returns sequence number and time for p, or false if p is older than the source it belongs to. start says that p is the first
// of a source.
func (r *rewriter) next(p *media.Packet, start bool, now time.Time) (seq uint16, ts uint32, ok bool) {
	clock := p.Codec.ClockRate
	if start || r.rate == 0 || p.What == media.RTP && clock != r.rate {
		r.join(p, now)
	}
	if int16(p.Seq-r.first) < 0 {
		return 0, 0, false
	}
	seq = p.Seq + r.seqOff
	if p.What == media.Digit && clock != r.rate {
		ts = r.eventTime(p, now)
	} else {
		ts = p.Time + r.timeOff
	}
	if int16(seq-r.seq) > 0 {
		r.seq, r.at = seq, now
		if int32(ts-r.time) > 0 {
			r.time = ts
		}
	}
	return seq, ts, true
}

// join lets the source that begins with p go on where the last one stopped.
func (r *rewriter) join(p *media.Packet, now time.Time) {
	ts := r.time
	if r.rate != 0 {
		ts = r.elapsed(now)
	}
	if p.What == media.RTP || r.rate == 0 {
		r.rate = p.Codec.ClockRate
	}
	r.seqOff, r.timeOff, r.first = r.seq+1-p.Seq, ts-p.Time, p.Seq
}

// elapsed returns our time line's reading now, and at least one tick after the last packet.
func (r *rewriter) elapsed(now time.Time) uint32 {
	passed := min(max(now.Sub(r.at), 0), time.Hour)
	return r.time + max(1, uint32(passed*time.Duration(r.rate)/time.Second))
}

// eventTime places a telephone event whose clock is not the stream's: at the moment that it is first seen, for as long as it lasts
// (RFC 4733 section 2.1 wants one clock for both; devices differ).
func (r *rewriter) eventTime(p *media.Packet, now time.Time) uint32 {
	if r.event != *p.Codec || r.inAt != p.Time {
		r.event, r.inAt, r.outAt = *p.Codec, p.Time, r.elapsed(now)
	}
	return r.outAt
}
