package codec

import (
	"time"

	"github.com/alexacall/alexacall/media"
)

const (
	endLostFor   = 250 * time.Millisecond // after which the end of an event is not waited for: five packets at the slowest usual rate
	pauseAtLeast = 20 * time.Millisecond  // between two presses; any less, and it is one that goes on in another segment
	replayAfter  = time.Second            // from when on an event that begins again is a recording that is played again
	keptPresses  = 8                      // that are remembered, so that late packets of them are known
	fullSegment  = 0xffff                 // the longest duration of an event's segment (RFC 4733 section 2.5.1.3)
)

// A Keypad makes presses out of packets of telephone events (RFC 4733): of the many packets of a press, some of which are lost, come twice
// or late, one press. A press is known by its RTP time and its key, whatever the marker bit says; it is told at the first sight of it,
// and ends with its end bit, with the next press, or when nothing has come of it for a while. The zero value is ready for use. One
// goroutine uses it; it keeps no time of its own.
type Keypad struct {
	down   bool
	now    pressed // if down
	recent [keptPresses]pressed
	next   int // of recent, to be replaced
}

// pressed is a press, by its packets.
type pressed struct {
	code   uint8
	clock  int    // in Hz
	first  uint32 // RTP time of it
	time   uint32 // and of its latest segment
	units  uint64 // it lasts, without its latest segment
	latest uint16 // duration of that
	seen   time.Time
	over   bool // its end has come
}

func (p *pressed) lasts() time.Duration {
	return time.Duration((p.units + uint64(p.latest)) * uint64(time.Second) / uint64(p.clock))
}

// holds reports whether an event at an RTP time is one of p's packets.
func (p *pressed) holds(code uint8, clock int, at uint32) bool {
	return p.clock == clock && p.code == code && at-p.first <= p.time-p.first
}

// goesOn reports whether an event at an RTP time is the next segment of p: it begins where the last one ended. One that has come to the
// longest duration and has not ended goes on in any case, for what follows may have been timed anew by who passed it on.
func (p *pressed) goesOn(code uint8, clock int, at uint32) bool {
	if p.code != code || p.clock != clock || int32(at-p.time) <= 0 {
		return false
	}
	slack := int64(pauseAtLeast * time.Duration(clock) / time.Second)
	gap := int64(at-p.time) - int64(p.latest)
	return p.latest == fullSegment || at-p.time == fullSegment || gap > -slack && gap < slack
}

// Take appends the presses and ends that p, which arrived now, tells of. What is no telephone event tells nothing.
func (k *Keypad) Take(out []Press, p *media.Packet, now time.Time) []Press {
	out = k.Expire(out, now)
	if p.What != media.Digit || p.Codec == nil || p.Codec.ClockRate <= 0 {
		return out
	}
	e, ok := ReadEvent(p.Payload)
	if _, key := e.Key(); !ok || !key {
		return out
	}
	clock := p.Codec.ClockRate
	switch {
	case k.down && k.now.holds(e.Code, clock, p.Time):
		k.now.seen = now
		if p.Time == k.now.time {
			k.now.latest = max(k.now.latest, e.Duration)
		}
	case k.down && k.now.goesOn(e.Code, clock, p.Time):
		k.now.units += uint64(p.Time - k.now.time)
		k.now.time, k.now.latest, k.now.seen = p.Time, e.Duration, now
	case k.knows(&e, clock, p.Time, now):
		return out
	case k.down && k.now.clock == clock && k.overtaken(p.Time):
		was := pressed{code: e.Code, clock: clock, first: p.Time, time: p.Time, latest: e.Duration, seen: now}
		k.keep(was)
		return append(out, Press{Key: keyNames[e.Code], Down: true}, Press{Key: keyNames[e.Code], Duration: was.lasts()})
	default:
		out = k.end(out)
		k.down = true
		k.now = pressed{code: e.Code, clock: clock, first: p.Time, time: p.Time, latest: e.Duration, seen: now}
		out = append(out, Press{Key: keyNames[e.Code], Down: true})
	}
	if e.End && p.Time == k.now.time {
		k.now.over = true
		out = k.end(out)
	}
	return out
}

// Expire appends the end of a press of which nothing has come for a while.
func (k *Keypad) Expire(out []Press, now time.Time) []Press {
	if due := k.Due(); due.IsZero() || now.Before(due) {
		return out
	}
	return k.end(out)
}

// Due returns when Expire has something to do unless something arrives before; zero while no key is down.
func (k *Keypad) Due() time.Time {
	if !k.down {
		return time.Time{}
	}
	return k.now.seen.Add(endLostFor)
}

func (k *Keypad) end(out []Press) []Press {
	if !k.down {
		return out
	}
	k.down = false
	k.keep(k.now)
	return append(out, Press{Key: keyNames[k.now.code], Duration: k.now.lasts()})
}

func (k *Keypad) keep(p pressed) {
	k.recent[k.next] = p
	k.next = (k.next + 1) % keptPresses
}

// knows reports whether an event is of a press that is over. A recording of it that is played again bears the same times; it begins again.
func (k *Keypad) knows(e *Event, clock int, at uint32, now time.Time) bool {
	for i := range k.recent {
		r := &k.recent[i]
		recent := now.Sub(r.seen) <= replayAfter
		if !r.over && recent && r.goesOn(e.Code, clock, at) {
			r.time, r.latest = at, 0 // its end was not waited for any longer
		}
		if !r.holds(e.Code, clock, at) {
			continue
		}
		if !e.End && e.Duration < r.latest && !recent {
			*r = pressed{}
			continue
		}
		r.seen = now
		if at == r.time {
			r.latest = max(r.latest, e.Duration)
		}
		return true
	}
	return false
}

// overtaken reports whether an event at an RTP time began shortly before the press that is down: all that has come of it is late.
func (k *Keypad) overtaken(at uint32) bool {
	behind := int32(k.now.first - at)
	return behind > 0 && behind < int32(k.now.clock)
}
