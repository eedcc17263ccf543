package audio_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// dial presses keys on a clock of its own.
func dial(t testing.TB, to media.Stream, digits string, o *audio.DialOptions) error {
	t.Helper()
	c := audio.NewClock(nil)
	defer c.Close()
	return audio.Dial(t.Context(), c, to, digits, o)
}

// TestDialEvents follows the packets of each press (RFC 4733 section 2.5): the marker on the first alone, one time, a duration that grows
// with time, an end three times, and a gap.
func TestDialEvents(t *testing.T) {
	for _, c := range []media.Codec{media.PCMU(), media.G722(), media.Opus()} {
		synctest.Test(t, func(t *testing.T) {
			h := newHandset(c, media.TelephoneEvent(c.ClockRate))
			o := audio.DialOptions{Press: 90 * time.Millisecond, Gap: 60 * time.Millisecond, Volume: 7}
			if err := dial(t, h, "1 2-a", &o); err != nil {
				t.Fatal(err)
			}
			out := h.written()
			if len(out) != 3*7 {
				t.Fatalf("%v: %d packets, want 7 of each key", c, len(out))
			}
			unit := c.ClockRate / 50
			for i, p := range out {
				key, k := i/7, i%7
				e, ok := codec.ReadEvent(p.Payload)
				want := codec.Event{Code: []uint8{1, 2, 12}[key], Volume: 7, Duration: uint16(min(k+1, 5) * unit), End: k >= 4}
				if !ok || e != want || p.What != media.Digit || *p.Codec != media.TelephoneEvent(c.ClockRate) {
					t.Errorf("%v: packet %d is %+v of %v, want %+v", c, i, e, p.Codec, want)
				}
				if p.Marker != (k == 0) || p.Start != (i == 0) || p.Seq != uint16(i) {
					t.Errorf("%v: packet %d: marker %v, start %v, number %d", c, i, p.Marker, p.Start, p.Seq)
				}
				if since, want := p.Time-out[0].Time, uint32(key*8*unit); since != want {
					t.Errorf("%v: packet %d at %d, want %d", c, i, since, want)
				}
				if since, want := h.when[i].Sub(h.when[0]), time.Duration(key*8+k)*audio.FrameTime; since != want {
					t.Errorf("%v: packet %d after %v, want %v", c, i, since, want)
				}
			}
		})
	}
}

// TestDialHeard takes by Digits what Dial sends, over a Pipe, whichever way it goes: every key, once each, also one that is held for longer
// than a segment of an event lasts.
func TestDialHeard(t *testing.T) {
	events := media.TelephoneEvent
	for _, c := range []struct {
		name   string
		codecs []media.Codec
		o      audio.DialOptions
		from   audio.DigitSource
	}{
		{"events", []media.Codec{media.PCMU(), events(8000)}, audio.DialOptions{}, audio.DigitEvent},
		{"short", []media.Codec{media.PCMU(), events(8000)}, audio.DialOptions{Press: 40 * time.Millisecond, Gap: 40 * time.Millisecond}, audio.DigitEvent},
		{"events at 48 kHz", []media.Codec{media.Opus(), events(48000)}, audio.DialOptions{Press: 3 * time.Second}, audio.DigitEvent},
		{"tones", []media.Codec{media.PCMA()}, audio.DialOptions{Tones: audio.InBandAlways}, audio.DigitTone},
		{"short tones", []media.Codec{media.PCMA()}, audio.DialOptions{Tones: audio.InBandAlways, Press: 40 * time.Millisecond, Gap: 40 * time.Millisecond}, audio.DigitTone},
		{"soft tones", []media.Codec{media.PCMU()}, audio.DialOptions{Tones: audio.InBandAlways, Volume: 30}, audio.DigitTone},
		{"wide tones", []media.Codec{media.G722()}, audio.DialOptions{Tones: audio.InBandAlways}, audio.DigitTone},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: c.codecs}})
				d := audio.NewDigits(far, &audio.DigitsOptions{Ends: true})
				defer closed(t, d)
				const first, second = "0123456789", "99w*#,ABCD"
				var sending sync.WaitGroup
				defer sending.Wait()
				sending.Go(func() {
					for _, digits := range []string{first, second} {
						if err := dial(t, near.Stream(media.Audio), digits, &c.o); err != nil {
							t.Error(err)
						}
					}
				})
				held := c.o.Press
				if held == 0 {
					held = 100 * time.Millisecond
				}
				want := first + "99*#ABCD"
				for i := range 2 * len(want) {
					digit, err := d.Next(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					off := digit.Duration - held
					if digit.Key != want[i/2] || digit.From != c.from || digit.End != (i%2 == 1) || digit.End && (off < -10*time.Millisecond || off > 10*time.Millisecond) {
						t.Errorf("digit %d is %+v, want %c for %v", i/2, digit, want[i/2], held)
					}
				}
				sending.Wait()
				if all, _ := typed(t, d); len(all) != 0 {
					t.Errorf("and then %+v", all)
				}
			})
		})
	}
}

// TestDialFalls sends tones to a far side that takes digits in no other way, unless that is not wanted or cannot be.
func TestDialFalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandset(media.PCMU())
		h.deaf = true
		if err := dial(t, h, "w5", nil); err != nil {
			t.Fatal(err)
		}
		heard := newHandset(media.PCMU())
		d := audio.NewDigits(heard, nil)
		defer closed(t, d)
		out := h.written()
		if len(out) != 10 || !out[0].Start || out[1].Start {
			t.Errorf("%d packets", len(out))
		}
		for i, p := range out {
			if p.What != media.RTP || *p.Codec != media.PCMU() || p.Time-out[0].Time != uint32(i*160) || p.Seq != uint16(i) || len(p.Payload) != 160 {
				t.Errorf("packet %d is %+v", i, p)
			}
			heard.fan.Deliver(&p)
		}
		if _, keys := typed(t, d); keys != "5" {
			t.Errorf("they sound as %q", keys)
		}
		if err := dial(t, h, "5", &audio.DialOptions{Tones: audio.InBandNever}); !errors.Is(err, media.ErrNoCommonCodec) {
			t.Errorf("without tones: %v", err)
		}
		h.agree(media.Codec{Name: "G729", ClockRate: 8000, Channels: 1})
		if err := dial(t, h, "5", nil); !errors.Is(err, codec.ErrUnknown) {
			t.Errorf("in a codec that nobody here codes: %v", err)
		}
		h.agree()
		if err := dial(t, h, "5", nil); !errors.Is(err, media.ErrNoCommonCodec) {
			t.Errorf("without a codec: %v", err)
		}
	})
}

// TestDialStops lets the key go when the context ends, and says so three times.
func TestDialStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for after := 10 * time.Millisecond; after < 200*time.Millisecond; after += audio.FrameTime {
			h := newHandset(media.PCMU(), media.TelephoneEvent(8000))
			c := audio.NewClock(nil)
			ctx, cancel := context.WithTimeout(t.Context(), after)
			if err := audio.Dial(ctx, c, h.Stream(media.Audio), "8", nil); !errors.Is(err, context.DeadlineExceeded) && after < 180*time.Millisecond {
				t.Errorf("after %v: %v", after, err)
			}
			cancel()
			c.Close()
			ends := 0
			for _, p := range h.written() {
				if e, _ := codec.ReadEvent(p.Payload); e.End {
					ends++
				}
			}
			if ends != 3 {
				t.Errorf("after %v: %d ends", after, ends)
			}
		}
		h := newHandset(media.PCMU())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := audio.NewClock(nil)
		defer c.Close()
		if err := audio.Dial(ctx, c, h, "1", nil); !errors.Is(err, context.Canceled) || len(h.written()) != 0 {
			t.Errorf("a context that has ended: %v, %d packets", err, len(h.written()))
		}
	})
}

func TestDialRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			digits string
			o      audio.DialOptions
		}{
			{"12x4", audio.DialOptions{}},
			{"é", audio.DialOptions{}},
			{strings.Repeat("1", 257), audio.DialOptions{}},
			{"1", audio.DialOptions{Press: time.Millisecond}},
			{"1", audio.DialOptions{Press: time.Minute}},
			{"1", audio.DialOptions{Gap: -time.Second}},
			{"1", audio.DialOptions{Volume: 37}},
			{"1", audio.DialOptions{Volume: -1}},
			{"!", audio.DialOptions{Tones: audio.InBandAlways}},
		} {
			h := newHandset(media.PCMU())
			err := dial(t, h, c.digits, &c.o)
			if err == nil || !strings.HasPrefix(err.Error(), "audio: dial: ") || strings.Contains(err.Error(), c.digits) && c.digits != "1" && c.digits != "!" {
				t.Errorf("%q, %+v: %v", c.digits, c.o, err)
			}
			if len(h.written()) != 0 {
				t.Errorf("%q, %+v: %d packets are out", c.digits, c.o, len(h.written()))
			}
		}
		if err := dial(t, newHandset(media.PCMU()), "", nil); err != nil {
			t.Errorf("no digits: %v", err)
		}
	})
}
