package audio_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

const allKeys = "0123456789*#ABCD"

// TestDigitsEvents takes every key, at both clocks, once each, when it goes down and when it is let go.
func TestDigitsEvents(t *testing.T) {
	for _, c := range []media.Codec{media.PCMU(), media.Opus()} {
		synctest.Test(t, func(t *testing.T) {
			h := newHandset(c, media.TelephoneEvent(c.ClockRate))
			d := audio.NewDigits(h, &audio.DigitsOptions{Ends: true})
			defer closed(t, d)
			s := &speaker{to: h, of: c}
			for _, key := range []byte(allKeys + "55!") {
				began := time.Now()
				var sending sync.WaitGroup
				sending.Go(func() { s.event(key, 5) })
				down, err := d.Next(t.Context())
				if want := (audio.Digit{Key: key}); err != nil || down != want || time.Since(began) > 0 {
					t.Errorf("got %+v, %v, after %v, want %+v at once", down, err, time.Since(began), want)
				}
				up, err := d.Next(t.Context())
				if want := (audio.Digit{Key: key, End: true, Duration: 100 * time.Millisecond}); err != nil || up != want {
					t.Errorf("got %+v, %v, want %+v", up, err, want)
				}
				sending.Wait()
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
}

// TestDigitsEndLost ends a press whose last packets are lost, though nothing comes any more.
func TestDigitsEndLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandset(media.PCMU(), media.TelephoneEvent(8000))
		d := audio.NewDigits(h, &audio.DigitsOptions{Ends: true})
		defer closed(t, d)
		n := 0
		s := &speaker{to: h, of: media.PCMU(), drop: func() bool { n++; return n > 4 }}
		s.event('7', 5)
		began := time.Now()
		all, _ := typed(t, d)
		want := []audio.Digit{{Key: '7'}, {Key: '7', End: true, Duration: 80 * time.Millisecond}}
		if !slices.Equal(all, want) {
			t.Errorf("got %+v, want %+v", all, want)
		}
		if wait := time.Since(began) - 2*time.Second; wait > 300*time.Millisecond {
			t.Errorf("its end came after %v", wait)
		}
	})
}

// TestDigitsTones hears keys in the sound, coded in all ways that this build codes, while no events are agreed on.
func TestDigitsTones(t *testing.T) {
	for _, c := range []media.Codec{media.PCMU(), media.PCMA(), media.G722(), {Name: "L16", ClockRate: 16000, Channels: 1}} {
		synctest.Test(t, func(t *testing.T) {
			h := newHandset(c)
			d := audio.NewDigits(h, &audio.DigitsOptions{Ends: true})
			defer closed(t, d)
			s := &speaker{to: h, of: c}
			for _, key := range []byte("12#55D") {
				s.tone(t, key, 4, 3)
			}
			all, keys := typed(t, d)
			if keys != "12#55D" || len(all) != 12 {
				t.Errorf("%v: got %q: %+v", c, keys, all)
			}
			for _, digit := range all {
				if digit.From != audio.DigitTone || digit.End && (digit.Duration < 70*time.Millisecond || digit.Duration > 90*time.Millisecond) {
					t.Errorf("%v: %+v", c, digit)
				}
			}
		})
	}
}

// TestDigitsTonesStop lets go of a key whose sound breaks off.
func TestDigitsTonesStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandset(media.PCMU())
		d := audio.NewDigits(h, &audio.DigitsOptions{Ends: true})
		defer closed(t, d)
		(&speaker{to: h, of: media.PCMU()}).tone(t, '4', 10, 0)
		if all, keys := typed(t, d); keys != "4" || len(all) != 2 {
			t.Errorf("got %+v", all)
		}
	})
}

// TestDigitsTonesWhen listens to tones as long as no events are agreed on and none have come, or as the option says.
func TestDigitsTonesWhen(t *testing.T) {
	events := media.TelephoneEvent(8000)
	for _, c := range []struct {
		name   string
		codecs []media.Codec
		tones  audio.InBand
		want   string
	}{
		{"needed", []media.Codec{media.PCMU()}, audio.InBandIfNeeded, "15"},
		{"agreed", []media.Codec{media.PCMU(), events}, audio.InBandIfNeeded, "5"},
		{"always", []media.Codec{media.PCMU(), events}, audio.InBandAlways, "159"},
		{"never", []media.Codec{media.PCMU()}, audio.InBandNever, "5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHandset(c.codecs...)
				d := audio.NewDigits(h, &audio.DigitsOptions{Tones: c.tones})
				defer closed(t, d)
				s := &speaker{to: h, of: media.PCMU()}
				s.tone(t, '1', 5, 60)
				s.event('5', 5)
				s.tone(t, '9', 5, 60) // an event has come
				if _, keys := typed(t, d); keys != c.want {
					t.Errorf("got %q, want %q", keys, c.want)
				}
			})
		})
	}
}

// TestDigitsChange follows what is agreed on in mid-call.
func TestDigitsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandset(media.PCMU(), media.TelephoneEvent(8000))
		d := audio.NewDigits(h, nil)
		defer closed(t, d)
		s := &speaker{to: h, of: media.PCMU()}
		s.tone(t, '1', 5, 5)
		h.agree(media.PCMA())
		s.of = media.PCMA()
		s.tone(t, '2', 5, 5)
		h.agree(media.G722())
		s.of = media.G722()
		s.tone(t, '3', 5, 5)
		h.agree(media.Codec{Name: "G729", ClockRate: 8000, Channels: 1}) // which nobody here decodes
		s.send(media.Packet{Codec: &h.Plan()[0].Codecs[0], Time: s.time, Payload: make([]byte, 20)})
		h.agree(media.PCMU())
		s.of = media.PCMU()
		s.tone(t, '4', 5, 5)
		h.agree(media.PCMU(), media.TelephoneEvent(8000))
		s.tone(t, '5', 5, 5)
		if _, keys := typed(t, d); keys != "234" {
			t.Errorf("got %q, want 234", keys)
		}
	})
}

// TestDigitsOnce presses keys that two or all three ways tell of, in any order, and one key several times: each press is told once.
func TestDigitsOnce(t *testing.T) {
	const never = -1
	for _, c := range []struct {
		name                string
		event, tone, signal int // how many frames after the key went down each way tells of it
	}{
		{"event and tone", 0, 1, never},
		{"tone, then event", 4, 0, never},
		{"event, then signalling", 0, never, 15},
		{"tone, then signalling", never, 0, 15},
		{"all", 0, 0, 12},
		{"signalling first", 2, 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHandset(media.PCMU())
				d := audio.NewDigits(h, &audio.DigitsOptions{Tones: audio.InBandAlways, Ends: true})
				defer closed(t, d)
				const keys, every, held = "15557", 20, 6
				s := &speaker{to: h, of: media.PCMU()}
				for f := range every * len(keys) {
					key, at := keys[f/every], f%every
					if k := at - c.event; c.event != never && k >= 0 && k < held {
						s.report(key, s.time-uint32(k)*160, k+1, k == held-1)
					}
					if at == c.signal {
						s.inform(key, 77_000_000+s.time)
					}
					if k := at - c.tone; c.tone != never && k == 0 {
						s.hold(t, key)
					} else if k == held {
						s.hold(t, 0)
					}
					s.sound(t)
				}
				all, got := typed(t, d)
				if got != keys || len(all) != 2*len(keys) {
					t.Errorf("got %q, want %q: %+v", got, keys, all)
				}
				ends := ""
				for _, digit := range all {
					if digit.End {
						ends += string(digit.Key)
					}
				}
				if ends != keys {
					t.Errorf("%q were let go, want %q", ends, keys)
				}
			})
		})
	}
}

// TestDigitsWait keeps what is typed ahead, the first 64 keys of it, until it is cleared.
func TestDigitsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandset(media.PCMU(), media.TelephoneEvent(8000))
		d := audio.NewDigits(h, nil)
		defer closed(t, d)
		s := &speaker{to: h, of: media.PCMU()}
		ahead := strings.Repeat(allKeys, 5)
		for _, key := range []byte(ahead) {
			s.event(key, 2)
		}
		synctest.Wait()
		if _, keys := typed(t, d); keys != ahead[:64] || d.Lost() != uint64(len(ahead)-64) {
			t.Errorf("got %q, %d lost", keys, d.Lost())
		}
		s.event('1', 2)
		synctest.Wait()
		d.Clear()
		s.event('2', 2)
		if _, keys := typed(t, d); keys != "2" {
			t.Errorf("got %q after Clear", keys)
		}
	})
}

// TestDigitsEnd ends with the media: what waits is had, the key that is down is let go. Close ends at once, and who waits.
func TestDigitsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandset(media.PCMU(), media.TelephoneEvent(8000))
		d := audio.NewDigits(h, &audio.DigitsOptions{Ends: true})
		n := 0
		s := &speaker{to: h, of: media.PCMU(), drop: func() bool { n++; return n > 2 }}
		s.event('3', 3)
		h.fan.Close()
		for _, want := range []audio.Digit{{Key: '3'}, {Key: '3', End: true, Duration: 40 * time.Millisecond}} {
			if got, err := d.Next(t.Context()); err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
		}
		for range 2 {
			if _, err := d.Next(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("after the end: %v", err)
			}
		}
		closed(t, d)

		d = audio.NewDigits(newHandset(media.PCMU()), nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("a context that has ended: %v", err)
		}
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				if _, err := d.Next(t.Context()); !errors.Is(err, media.ErrClosed) {
					t.Errorf("closed while it waited: %v", err)
				}
			})
		}
		synctest.Wait()
		closed(t, d)
		waiting.Wait()
		closed(t, d)
		if _, err := d.Next(t.Context()); !errors.Is(err, media.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// TestDigitsShared hands each digit to one of several who wait.
func TestDigitsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandset(media.PCMU(), media.TelephoneEvent(8000))
		d := audio.NewDigits(h, nil)
		var mu sync.Mutex
		var waiting sync.WaitGroup
		got := ""
		for range 4 {
			waiting.Go(func() {
				for {
					digit, err := d.Next(t.Context())
					if err != nil {
						return
					}
					mu.Lock()
					got += string(digit.Key)
					mu.Unlock()
				}
			})
		}
		s := &speaker{to: h, of: media.PCMU()}
		for _, key := range []byte(allKeys) {
			s.event(key, 2)
		}
		h.fan.Close()
		waiting.Wait()
		closed(t, d)
		if got != allKeys {
			t.Errorf("got %q", got)
		}
	})
}

// TestDigitsLoss loses a tenth of all packets: of events no press is missed or doubled, and of tones none is doubled.
func TestDigitsLoss(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			chance := rand.New(rand.NewPCG(seed, 4))
			loses := func() bool { return chance.IntN(10) == 0 }
			h := newHandset(media.PCMU(), media.TelephoneEvent(8000))
			d := audio.NewDigits(h, nil)
			defer closed(t, d)
			s := &speaker{to: h, of: media.PCMU(), drop: loses}
			const keys = "1122334455*#"
			for _, key := range []byte(keys) {
				s.event(key, 5)
				s.tone(t, 0, 0, 3)
			}
			if _, got := typed(t, d); got != keys {
				t.Errorf("seed %d: events: got %q, want %q", seed, got, keys)
			}

			h = newHandset(media.PCMU())
			tones := audio.NewDigits(h, nil)
			defer closed(t, tones)
			s = &speaker{to: h, of: media.PCMU(), drop: loses}
			for _, key := range []byte(keys) {
				s.tone(t, key, 15, 5)
			}
			if _, got := typed(t, tones); got != keys {
				t.Errorf("seed %d: tones: got %q, want %q", seed, got, keys)
			}
		})
	}
}
