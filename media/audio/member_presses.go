package audio

import (
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

const (
	mostKeys = 8 // packets of presses that are passed on in a turn; a key that is held down sends one or two
	keySize  = 4 // octets of a payload (RFC 4733 section 2.3)

	pressesApart = time.Second // within which two presses stay as far apart as they were at the member
)

// presses are the packets of telephone events that a member has sent in this turn.
type presses struct {
	keys  [mostKeys]press
	n     int
	lines [2]pressLine // of what came as packets, and by signalling
}

// press is a packet of an event.
type press struct {
	event  codec.Event
	clock  int           // of its duration, in Hz
	began  time.Duration // on the line of the conference, which begins at its first turn
	marker bool
}

// pressLine places the events of a source on the line of the conference.
type pressLine struct {
	known bool
	clock int
	time  uint32 // of the last event, at the member
	began time.Duration
}

// add takes a packet in a turn that begins now.
func (s *presses) add(p *media.Packet, now time.Duration) {
	e, ok := codec.ReadEvent(p.Payload)
	if !ok || p.Codec == nil || p.Codec.ClockRate <= 0 {
		return
	}
	of := &s.lines[0]
	if p.Signal {
		of = &s.lines[1]
	}
	if !of.place(p, now) || s.n == mostKeys {
		return
	}
	s.keys[s.n] = press{e, p.Codec.ClockRate, of.began, p.Marker}
	s.n++
}

// place finds where the event of p began; false if another has begun since: what is told of it now is late. All packets of an event bear one
// time. Where many come at once, as after a hold-up, two presses that are one key do not become one.
func (l *pressLine) place(p *media.Packet, now time.Duration) bool {
	begun := now
	if l.known && p.Codec.ClockRate == l.clock {
		if p.Time == l.time && (!p.Start || !p.Marker) {
			return true
		}
		since := time.Duration(int32(p.Time-l.time)) * time.Second / time.Duration(l.clock)
		if since < 0 && since > -pressesApart && !p.Start {
			return false
		}
		switch at := l.began + since; {
		case p.Time-l.time == fullDuration:
			begun = at // the next segment of a press that lasts (RFC 4733 section 2.5.1.3)
		case since > 0 && since < pressesApart && at < now+pressesApart:
			begun = max(now, at)
		}
	}
	*l = pressLine{true, p.Codec.ClockRate, p.Time, begun}
	return true
}

// pass sends the keys that another has pressed, on the clock of what else the member hears.
func (one *Member) pass(keys *presses) {
	now := one.m.passed()
	for _, key := range keys.keys[:keys.n] {
		e := key.event
		e.Duration = uint16(min(int(e.Duration)*one.event.ClockRate/key.clock, fullDuration))
		back := int64(now-key.began) * int64(one.event.ClockRate) / int64(time.Second)
		one.p = media.Packet{What: media.Digit, Marker: key.marker, Codec: one.event, Time: one.time - uint32(back), Payload: e.Append(one.key[:0])}
		one.send(&one.p)
	}
}
