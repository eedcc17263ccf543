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
	sent numbers   // which of the numbers up to seq are sent
	at   time.Time // when time was sent
	rate int       // clock of time, in Hz
	time uint32    // highest sent
	seq  uint16    // highest sent

	first   uint16 // oldest sequence number of the source that is still taken
	seqOff  uint16 // added to the source's
	timed   bool   // timeOff is known: the source has sent something of our clock
	timeOff uint32

	moved   bool   // something of ours went out before one of the source's packets
	movedAt uint16 // its number at the source
	before  uint16 // what is added to the numbers of those before it, instead of seqOff

	event uint32 // clock of the last telephone event, in Hz; 0: there was none
	inAt  uint32 // its time at the source
	outAt uint32 // and here
}

// sourceReach is how far back a packet may be behind the newest one of its source: a quarter of the number space, so that old and
// new stay apart however long the source lasts.
const sourceReach = 1 << 14

// begin sets the numbers to begin at, which are random (RFC 3550 section 5.1).
func (r *rewriter) begin(seq uint16, ts uint32) { r.seq, r.time = seq, ts }

// next returns sequence number and time for p, or false if p is older than the source it belongs to, or bears a number that went out
// already: two packets under one number would be encrypted with one key stream (RFC 3711 section 9.1). clock is that of the format which
// p goes out in, in Hz; start says that p is the first of a source.
func (r *rewriter) next(p *media.Packet, clock int, start bool, now time.Time) (seq uint16, ts uint32, ok bool) {
	if start || r.rate == 0 || p.What == media.RTP && clock != r.rate {
		r.join(p, clock, now)
	}
	ahead := int16(p.Seq - r.first)
	if ahead < 0 {
		return 0, 0, false
	}
	seq = p.Seq + r.seqOff
	if r.moved && int16(p.Seq-r.movedAt) < 0 {
		seq = p.Seq + r.before
	}
	if r.sent.used(r.seq, seq) {
		return 0, 0, false
	}
	if p.What == media.Digit {
		ts, ok = r.eventTime(p, start, seq, now)
	} else {
		ts, ok = r.mediaTime(p, now), true
	}
	if !ok {
		return 0, 0, false
	}
	if ahead > sourceReach {
		r.first = p.Seq - sourceReach
		r.moved = r.moved && int16(r.movedAt-r.first) > 0
	}
	r.use(seq)
	if int32(ts-r.time) > 0 {
		r.time, r.at = ts, now
	}
	return seq, ts, true
}

// insert makes room for n packets of ours before p, the first at sequence number seq, all at the time of p; p itself is no start of a source
// any more. There is none before a packet that has come late. What is older than p and comes after it keeps its place, back to where
// something was inserted before; that is an old picture's, and nobody waits for it.
func (r *rewriter) insert(p *media.Packet, n uint16, clock int, start bool, now time.Time) (seq uint16, ts uint32, ok bool) {
	if start || r.rate == 0 || clock != r.rate {
		r.join(p, clock, now)
	}
	seq = p.Seq + r.seqOff
	if int16(p.Seq-r.first) < 0 || int16(seq-r.seq) <= 0 {
		return 0, 0, false
	}
	if r.moved {
		r.first = r.movedAt
	}
	r.moved, r.movedAt, r.before = true, p.Seq, r.seqOff
	r.seqOff += n
	for i := range n {
		r.use(seq + i)
	}
	ts = r.mediaTime(p, now)
	if int32(ts-r.time) > 0 {
		r.time, r.at = ts, now
	}
	return seq, ts, true
}

// use notes a number that goes out.
func (r *rewriter) use(seq uint16) {
	if int16(seq-r.seq) > 0 {
		r.sent.next(r.seq, seq)
		r.seq = seq
	} else {
		r.sent.use(seq)
	}
}

// join lets the source that begins with p go on where the last one stopped.
func (r *rewriter) join(p *media.Packet, clock int, now time.Time) {
	ts := r.time
	if r.rate == 0 {
		r.at = now
	} else {
		ts = r.elapsed(now)
	}
	if p.What == media.RTP || r.rate == 0 {
		r.rate = clock
	}
	r.seqOff, r.timeOff, r.first = r.seq+1-p.Seq, ts-p.Time, p.Seq
	r.timed, r.moved = p.Codec.ClockRate == r.rate, false
}

// elapsed returns our time line's reading now, and at least one tick after the last packet.
func (r *rewriter) elapsed(now time.Time) uint32 {
	passed := min(max(now.Sub(r.at), 0), time.Hour)
	return r.time + max(1, uint32(passed*time.Duration(r.rate)/time.Second))
}

// mediaTime places sound or pictures. A source that began with an event of another clock has told us nothing of its own yet.
func (r *rewriter) mediaTime(p *media.Packet, now time.Time) uint32 {
	if !r.timed {
		r.timeOff, r.timed = r.elapsed(now)-p.Time, true
	}
	return p.Time + r.timeOff
}

// eventTime places a telephone event: all its packets at one time (RFC 4733 section 2.5.1.2), also when sound of another source comes
// between them. One whose clock is not the stream's goes to the moment that it is first seen, for as long as it lasts (section 2.1
// wants one clock for both; devices differ); then a late packet of an event before it has no place and is dropped.
func (r *rewriter) eventTime(p *media.Packet, start bool, seq uint16, now time.Time) (uint32, bool) {
	clock := uint32(p.Codec.ClockRate)
	if r.event == clock && r.inAt == p.Time && (!start || !p.Marker) {
		return r.outAt, true
	}
	ts := p.Time + r.timeOff
	if !r.timed || p.Codec.ClockRate != r.rate {
		if int16(seq-r.seq) <= 0 {
			return 0, false
		}
		ts = r.elapsed(now)
	}
	r.event, r.inAt, r.outAt = clock, p.Time, ts
	return ts, true
}
