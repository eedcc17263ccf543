package audio_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
	"github.com/alexacall/alexacall/media/engine"
)

// spoilt is an endpoint of which a tenth of what arrives is lost. It ends when the endpoint does.
func spoilt(t *testing.T, e media.Endpoint) *handset {
	t.Helper()
	h, l, r := &handset{plan: e.Plan()}, newLossy(e, 7), e.Stream(media.Audio).Reader()
	var reading sync.WaitGroup
	reading.Go(func() {
		buf := make([]byte, 2048)
		for {
			var p media.Packet
			if r.Read(buf, &p) != nil {
				return
			}
			if p.Start || !l.loses() {
				h.fan.Deliver(&p)
			}
		}
	})
	t.Cleanup(func() {
		_ = r.Close()
		reading.Wait()
	})
	return h
}

// TestDigitsEngine dials over real sockets, through two legs of an engine that are relayed, each of which loses a tenth of all packets,
// with tones the second alone: every key comes once, with the clocks of the legs alike or not, as an event, by signalling or as a tone, also
// where the relay transcodes.
func TestDigitsEngine(t *testing.T) {
	const keys = "01*#55"
	narrow, wide := media.TelephoneEvent(8000), media.TelephoneEvent(48000)
	for _, c := range []struct {
		name     string
		from, to []media.Codec
		signals  bool // the second leg has signalling for digits
		by       audio.DigitSource
	}{
		{"events", []media.Codec{media.PCMU(), narrow}, []media.Codec{media.PCMU(), narrow}, false, audio.DigitEvent},
		{"down", []media.Codec{media.Opus(), media.PCMU(), wide}, []media.Codec{media.PCMU(), narrow}, false, audio.DigitEvent},
		{"up", []media.Codec{media.PCMU(), narrow}, []media.Codec{media.Opus(), media.PCMU(), wide}, false, audio.DigitEvent},
		{"signalling", []media.Codec{media.PCMU(), narrow}, []media.Codec{media.PCMU()}, true, audio.DigitSignal},
		{"transcoded", []media.Codec{media.PCMU(), narrow}, []media.Codec{media.G722(), narrow}, false, audio.DigitEvent},
		{"transcoded down", []media.Codec{media.Opus(), wide}, []media.Codec{media.PCMU(), narrow}, false, audio.DigitEvent},
		{"transcoded with two clocks", []media.Codec{media.Opus(), narrow}, []media.Codec{media.G722(), narrow}, false, audio.DigitEvent},
		{"transcoded up", []media.Codec{media.PCMA(), narrow}, []media.Codec{codec.L16(48000), wide}, false, audio.DigitEvent},
		{"transcoded tones", []media.Codec{media.PCMU()}, []media.Codec{media.G722(), narrow}, false, audio.DigitEvent},
		{"tones", []media.Codec{media.PCMU()}, []media.Codec{media.PCMU()}, false, audio.DigitTone},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var engines [3]*engine.Engine
			for i := range engines {
				e, err := engine.Listen("127.0.0.1:0", nil)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = e.Close() })
				engines[i] = e
			}
			var bob media.Terminal
			var signalling media.OpenOptions
			if c.signals {
				signalling.Digits = func(p media.Packet) { bob.Inject(media.Audio, &p) } // as two ends of a SIP dialog do between them
			}
			nearA, alice := calltest.Agree(t, engines[0], engines[1], c.from, nil)
			nearB, far := calltest.Agree(t, engines[0], engines[2], c.to, &signalling)
			bob = far
			relay, err := media.NewRelay(nearA, nearB, codec.Relay(nil))
			if err != nil {
				t.Fatal(err)
			}
			d := audio.NewDigits(spoilt(t, bob), nil)
			from, o := newLossy(alice, 3), audio.DialOptions{Press: 60 * time.Millisecond, Gap: 60 * time.Millisecond}
			tones := len(c.from) == 1
			if tones {
				from.chance, o.Press, o.Gap = nil, 100*time.Millisecond, 100*time.Millisecond
			}
			out := from.Stream(media.Audio)
			if !tones {
				out = newTalking(t, out)
			}
			clock := audio.NewClock(nil)
			var sending sync.WaitGroup
			sending.Go(func() {
				if err := audio.Dial(t.Context(), clock, out, keys, &o); err != nil {
					t.Error(err)
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			got := ""
			for range keys {
				digit, err := d.Next(ctx)
				if err != nil {
					t.Errorf("after %q: %v", got, err)
					break
				}
				if got += string(digit.Key); digit.From != c.by {
					t.Errorf("%c came as %v, want %v", digit.Key, digit.From, c.by)
				}
			}
			sending.Wait()
			clock.Close()
			if err := relay.Close(); err != nil {
				t.Error(err)
			}
			for _, term := range []media.Terminal{nearA, nearB, alice, bob} {
				if err := term.Close(); err != nil {
					t.Error(err)
				}
			}
			closed(t, d)
			if got != keys {
				t.Errorf("got %q, want %q", got, keys)
			}
		})
	}
}
