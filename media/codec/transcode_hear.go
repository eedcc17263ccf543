package codec

import (
	"errors"
	"time"

	"github.com/alexacall/alexacall/media"
)

const (
	heardVolume = 10          // of the events that are made of tones, in -dBm0
	endsAgain   = 2           // times that the last packet of an event is sent again (RFC 4733 section 2.5.1.4)
	sameWithin  = time.Second // after which what signalling tells of is another press: INFO takes its time

	mostWaits = 2 // frames that wait while they may be the beginning of a key: one is known 38 ms after its tone began
	cutsEarly = 5 * time.Millisecond
)

// hearing makes events of the tones of keys in the sound that is transcoded.
type hearing struct {
	ear   *Detector // nil: nobody listens
	codec media.Codec
	some  []Press

	key   byte  // whose tone sounds; 0: none
	event Event // of it, or of the one before
	began int64 // the event, or its segment, on the line of what goes out
	units int   // that its segments before have lasted
	cut   bool  // silence has gone out in its place
	waits int   // frames in a row that may be the beginning of a key
	again int   // times that its last packet is to go out yet

	last   byte // key that was heard last; 0: none
	lastAt int64
	same   uint32 // time of the event that has told of it once more
	known  bool   // there was one
}

var _ media.KeyHearer = (*transcoder)(nil)

// HearKeys implements media.KeyHearer. What sounds as a key might waits for 20 to 40 ms, until that is known: of its tone 10 ms go out at most.
func (t *transcoder) HearKeys(events media.Codec) {
	if t.from == nil || events.ClockRate <= 0 {
		return
	}
	ear, err := NewDetector(t.from.Rate())
	if err != nil {
		return
	}
	t.heard = hearing{ear: ear, codec: events, some: make([]Press, 0, 4)}
}

// listen sends what has been decoded, and events in place of the tones in it.
func (t *transcoder) listen(out func(*media.Packet) error) error {
	all := t.raw
	defer func() { t.raw = all }()
	for rest := all; len(rest) > 0; {
		n := min(len(rest), t.from.Rate()/FramesPerSecond)
		t.raw, rest = rest[:n], rest[n:]
		if t.heard.ear != nil {
			t.heard.some = t.heard.ear.Hear(t.heard.some[:0], t.raw)
			t.heard.wonder()
			if err := t.presses(out); err != nil {
				return err
			}
		}
		if err := t.send(out); err != nil {
			return err
		}
	}
	return nil
}

// wonder looks whether what has been heard may become a key.
func (h *hearing) wonder() {
	if h.waits++; h.ear.key != 0 || !h.ear.suspects() {
		h.waits = 0
	}
}

// isWaiting reports whether what is to be sent waits for what follows. What sounds like a key for longer than one takes is none.
func (h *hearing) isWaiting() bool { return h.waits > 0 && h.waits <= mostWaits }

// skip has the ear pass over samples that are lost, or were never sent.
func (t *transcoder) skip(n int, out func(*media.Packet) error) error {
	if t.heard.ear == nil {
		return nil
	}
	t.heard.some, t.heard.waits = t.heard.ear.Skip(t.heard.some[:0], n), 0
	t.raw = t.raw[:0]
	return t.presses(out)
}

// presses tells of what has been heard up to the end of what is decoded and not sent yet.
func (t *transcoder) presses(out func(*media.Packet) error) error {
	h := &t.heard
	for _, p := range h.some {
		if !p.Down {
			if err := t.letGo(t.samples(p.Duration), out); err != nil {
				return err
			}
			continue
		}
		code, _ := KeyCode(p.Key)
		now := t.at + int64(len(t.pcm)) + t.converted(len(t.raw))
		h.key, h.event, h.units, h.cut, h.again = p.Key, Event{Code: code, Volume: heardVolume}, 0, false, 0
		h.began = now - t.converted(h.ear.since())
		clear(t.pcm[min(max(0, int(h.began-t.at)-t.to.Rate()*int(cutsEarly/time.Millisecond)/1000), len(t.pcm)):])
		if err := t.report(h.ear.held(), true, out); err != nil {
			return err
		}
	}
	return nil
}

// samples are so many of the decoder's.
func (t *transcoder) samples(d time.Duration) int {
	return int(d * time.Duration(t.from.Rate()) / time.Second)
}

// converted are so many samples of the decoder in those of the encoder.
func (t *transcoder) converted(n int) int64 {
	return int64(n) * int64(t.to.Rate()) / int64(t.from.Rate())
}

// letGo ends the event of a key that was held for so many samples.
func (t *transcoder) letGo(held int, out func(*media.Packet) error) error {
	h := &t.heard
	if h.key == 0 {
		return nil
	}
	h.last, h.lastAt, h.key, h.again = h.key, t.at, 0, endsAgain
	h.event.End = true
	return t.report(held, false, out)
}

// sounds tells of the event under way beside a frame, and reports whether that is to be sent.
func (t *transcoder) sounds(out func(*media.Packet) error) (sent bool, err error) {
	h := &t.heard
	switch {
	case h.key != 0:
		sent, h.cut = !h.cut, true
		return sent, t.report(h.ear.held(), false, out)
	case h.again > 0:
		h.again--
		return true, t.tell(false, out)
	}
	return true, nil
}

// report sends how long a key has been held, in samples of the decoder. What is too long for an event goes on in a further segment (RFC 4733
// section 2.5.1.3).
func (t *transcoder) report(held int, first bool, out func(*media.Packet) error) error {
	h := &t.heard
	units := int(int64(held)*int64(h.codec.ClockRate)/int64(t.from.Rate())) - h.units
	end := h.event.End
	for ; units > fullSegment; units -= fullSegment {
		h.event.Duration, h.event.End = fullSegment, false
		if err := t.tell(first, out); err != nil {
			return err
		}
		h.units += fullSegment
		h.began += fullSegment * int64(t.to.Rate()) / int64(h.codec.ClockRate)
	}
	before := h.event.Duration
	h.event.Duration, h.event.End = max(before%fullSegment, uint16(max(units, 1))), end // it never becomes shorter
	if h.event.Duration == before && !end {
		return nil
	}
	return t.tell(first, out)
}

// tell sends a packet of the event. Where the far side does not take it after all the tone is left to itself.
func (t *transcoder) tell(first bool, out func(*media.Packet) error) error {
	h, extra, start := &t.heard, t.out.Extra, t.start
	t.payload = h.event.Append(t.payload[:0])
	t.out = media.Packet{What: media.Digit, Marker: first, Codec: &h.codec, Time: t.time(h.began, h.codec.ClockRate), Payload: t.payload}
	err := t.write(out)
	t.out = media.Packet{Extra: extra}
	if errors.Is(err, media.ErrNoCommonCodec) {
		t.seq--
		t.start, h.ear, h.key, h.again, h.waits = start, nil, 0, 0, 0
		return nil
	}
	return err
}

// elsewhere is told of an event that is none of ours, and reports whether it is of a press that has been heard: the source has another way for
// its keys, so nobody listens to their tones any more.
func (t *transcoder) elsewhere(p *media.Packet, out func(*media.Packet) error) (heard bool, err error) {
	h := &t.heard
	if h.ear != nil {
		err = t.letGo(h.ear.held(), out)
		h.ear, h.waits = nil, 0
	}
	if h.known && h.same == p.Time {
		return true, err
	}
	e, _ := ReadEvent(p.Payload)
	if key, ok := e.Key(); !ok || key != h.last || t.at-h.lastAt > int64(sameWithin)*int64(t.to.Rate())/int64(time.Second) {
		return false, err
	}
	h.last, h.same, h.known = 0, p.Time, true
	return true, err
}
