package audio_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// handset is an endpoint whose far side is the test: what is delivered arrives, and what is written is kept.
type handset struct {
	fan media.Fanout

	mu   sync.Mutex
	plan media.Plan
	deaf bool // takes no digits
	out  []media.Packet
	when []time.Time
}

func newHandset(codecs ...media.Codec) *handset {
	return &handset{plan: media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: codecs}}}
}

func (h *handset) Plan() media.Plan {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.plan
}

func (h *handset) agree(codecs ...media.Codec) {
	h.mu.Lock()
	h.plan = media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: codecs}}
	h.mu.Unlock()
	h.fan.Change()
}

func (h *handset) Stream(media.Kind) media.Stream { return h }
func (h *handset) Reader() *media.Reader          { return h.fan.Open() }
func (h *handset) Gate(media.Direction)           {}
func (h *handset) Stats() media.Stats             { return media.Stats{} }

func (h *handset) Codec() media.Codec {
	for _, c := range h.Plan()[0].Codecs {
		if !c.IsDigits() {
			return c
		}
	}
	return media.Codec{}
}

func (h *handset) Write(p *media.Packet) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.What == media.Digit && h.deaf {
		return media.ErrNoCommonCodec
	}
	q := *p
	q.Payload = append([]byte(nil), p.Payload...)
	q.Codec = new(*p.Codec)
	h.out = append(h.out, q)
	h.when = append(h.when, time.Now())
	return nil
}

func (h *handset) written() []media.Packet {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.out
}

// speaker sends packets to a handset as one source does: with numbers and times that go on.
type speaker struct {
	to   *handset
	of   media.Codec
	seq  uint16
	time uint32
	drop func() bool // loses packets; nil: none

	coder codec.Encoder
	codes media.Codec // that coder is of
	key   *codec.KeyTone
}

func (s *speaker) send(p media.Packet) {
	s.seq++
	p.Seq = s.seq
	if s.drop == nil || !s.drop() {
		s.to.fan.Deliver(&p)
	}
}

// hold sounds a key from now on; 0: none.
func (s *speaker) hold(t testing.TB, key byte) {
	t.Helper()
	if s.codes != s.of {
		e, err := codec.NewEncoder(s.of, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.coder, s.codes = e, s.of
	}
	s.key = nil
	if key != 0 {
		tone, err := codec.NewKeyTone(key, s.coder.Rate(), codec.KeyLow, codec.KeyHigh)
		if err != nil {
			t.Fatal(err)
		}
		s.key = tone
	}
}

// sound sends 20 ms, and lets them pass.
func (s *speaker) sound(t testing.TB) {
	t.Helper()
	if s.coder == nil {
		s.hold(t, 0)
	}
	pcm := make([]int16, s.coder.Rate()/50)
	if s.key != nil {
		pcm = s.key.Append(pcm[:0], len(pcm))
	}
	payload, err := s.coder.Encode(nil, pcm)
	if err != nil {
		t.Fatal(err)
	}
	s.send(media.Packet{Codec: &s.of, Time: s.time, Payload: payload})
	s.time += uint32(s.of.ClockRate / 50)
	time.Sleep(audio.FrameTime)
}

// tone sounds a key for some frames, and is silent for as many after it.
func (s *speaker) tone(t testing.TB, key byte, frames, silent int) {
	t.Helper()
	s.hold(t, key)
	for range frames {
		s.sound(t)
	}
	s.hold(t, 0)
	for range silent {
		s.sound(t)
	}
}

// report sends one packet of a telephone event.
func (s *speaker) report(key byte, at uint32, frames int, end bool) {
	code, _ := codec.KeyCode(key)
	events := media.TelephoneEvent(s.of.ClockRate)
	e := codec.Event{Code: code, Volume: 10, Duration: uint16(frames * s.of.ClockRate / 50), End: end}
	s.send(media.Packet{What: media.Digit, Codec: &events, Time: at, Payload: e.Append(nil)})
}

// event presses a key for some frames as a telephone event, with the last packet three times.
func (s *speaker) event(key byte, frames int) {
	for i := range frames + 2 {
		s.report(key, s.time, min(i+1, frames), i >= frames-1)
		time.Sleep(audio.FrameTime)
	}
	s.time += uint32((frames + 2) * s.of.ClockRate / 50)
}

// inform tells of a key as the engine does for what came by signalling.
func (s *speaker) inform(key byte, at uint32) {
	code, _ := codec.KeyCode(key)
	events := media.TelephoneEvent(8000)
	for i := range 4 {
		e := codec.Event{Code: code, Volume: 10, Duration: 1280, End: i > 0}
		s.to.fan.Deliver(&media.Packet{What: media.Digit, Signal: true, Start: true, Codec: &events, Seq: uint16(i), Time: at, Payload: e.Append(nil)})
	}
}

// typed collects digits until there is none for two seconds, or the end.
func typed(t testing.TB, d *audio.Digits) (all []audio.Digit, keys string) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		digit, err := d.Next(ctx)
		cancel()
		switch {
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF):
			return all, keys
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, digit)
		if !digit.End {
			keys += string(digit.Key)
		}
	}
}

func closed(t testing.TB, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
