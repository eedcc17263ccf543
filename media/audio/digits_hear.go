package audio

import (
	"slices"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// hearing makes digits of packets, whichever way they come: one of each press. It keeps no time of its own.
type hearing struct {
	tones   InBand
	agrees  bool // that there are telephone events
	came    bool // such an event, or one by signalling
	keypads [DigitTone]codec.Keypad
	ear     *ear // nil: no tone is listened to
	known   knownPresses

	some []codec.Press
	out  []Digit
}

// agreed takes what is agreed on.
func (h *hearing) agreed(p media.Plan) {
	sound, _ := p.Find(media.Audio)
	h.agrees = slices.ContainsFunc(sound.Codecs, media.Codec.IsDigits)
}

// listens reports whether tones count.
func (h *hearing) listens() bool {
	return h.tones == InBandAlways || h.tones == InBandIfNeeded && !h.agrees && !h.came
}

// take returns the digits that p, which has come now, tells of. They are valid until the next call.
func (h *hearing) take(p *media.Packet, now time.Time) []Digit {
	h.out = h.out[:0]
	if p.What == media.Digit {
		from := DigitEvent
		if p.Signal {
			from = DigitSignal
		}
		h.some = h.keypads[from].Take(h.some[:0], p, now)
		h.pressed(from, now)
		h.came = true
	}
	switch {
	case h.listens():
		if h.ear == nil {
			h.ear = new(ear)
		}
		h.some = h.ear.take(h.some[:0], p, now)
		h.pressed(DigitTone, now)
	case h.ear != nil:
		h.some = h.ear.stop(h.some[:0])
		h.pressed(DigitTone, now)
		h.ear = nil
	}
	return h.out
}

// expire returns the ends of presses of which nothing has come for a while.
func (h *hearing) expire(now time.Time) []Digit {
	h.out = h.out[:0]
	for from := range h.keypads {
		h.some = h.keypads[from].Expire(h.some[:0], now)
		h.pressed(DigitSource(from), now)
	}
	if h.ear != nil && h.ear.isDue(now) {
		h.some = h.ear.stop(h.some[:0])
		h.pressed(DigitTone, now)
	}
	return h.out
}

// due returns when expire has something to do unless something comes before; zero while no key is down.
func (h *hearing) due() time.Time {
	var first time.Time
	sooner := func(due time.Time) {
		if !due.IsZero() && (first.IsZero() || due.Before(first)) {
			first = due
		}
	}
	for i := range h.keypads {
		sooner(h.keypads[i].Due())
	}
	if h.ear != nil {
		sooner(h.ear.due)
	}
	return first
}

// pressed adds to out what is news in some.
func (h *hearing) pressed(from DigitSource, now time.Time) {
	for _, p := range h.some {
		if p.Down {
			if h.known.down(p.Key, from, now) {
				h.out = append(h.out, Digit{Key: p.Key, From: from})
			}
		} else if as, ok := h.known.up(p.Key, from, now); ok {
			h.out = append(h.out, Digit{Key: p.Key, From: as, End: true, Duration: p.Duration})
		}
	}
}

const (
	sameWithin  = time.Second // after which a press that another source tells of is another one: INFO takes its time
	mostPresses = 16          // that are remembered for that
)

// knownPresses are those of the last while, so that the same press, told of by another source, is known.
type knownPresses struct{ all []knownPress }

type knownPress struct {
	key   byte
	told  DigitSource        // who told of it first
	holds DigitSource        // who tells of its end
	by    [digitSources]bool // who has told of it
	ended bool
	last  time.Time
}

// down takes a press and reports whether it is news. A press is told of by each source once. A tone beside a key that is held is that key
// in any case: it may break off.
func (s *knownPresses) down(key byte, from DigitSource, now time.Time) bool {
	s.forget(now)
	for i := range s.all {
		p := &s.all[i]
		held := !p.ended && from == DigitTone && p.holds != DigitTone
		if p.key != key || p.by[from] && !held {
			continue
		}
		p.by[from], p.last = true, now
		if p.holds == DigitTone {
			p.holds = from // knows better
		}
		return false
	}
	p := knownPress{key: key, told: from, holds: from, last: now}
	p.by[from] = true
	s.all = append(s.all, p)
	return true
}

// up takes the end of a press, and returns who told of it if it is news.
func (s *knownPresses) up(key byte, from DigitSource, now time.Time) (told DigitSource, ok bool) {
	for i := range s.all {
		p := &s.all[i]
		if p.key == key && p.by[from] && !p.ended {
			p.last = now
			if p.holds == from {
				p.ended = true
				return p.told, true
			}
			return 0, false
		}
	}
	return 0, false
}

func (s *knownPresses) forget(now time.Time) {
	kept := s.all[:0]
	for i, p := range s.all {
		if len(s.all)-i < mostPresses && (!p.ended || now.Sub(p.last) <= sameWithin) {
			kept = append(kept, p)
		}
	}
	s.all = kept
}
