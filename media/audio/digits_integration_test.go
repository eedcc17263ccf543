package audio_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/engine"
)

// called opens a terminal on each of two engines, which agree on what both allow.
func called(t *testing.T, near, far *engine.Engine, codecs []media.Codec, o *media.OpenOptions) (here, there media.Terminal) {
	t.Helper()
	policy := media.Phone()
	policy.Audio = codecs
	here, err := near.Open(policy, o)
	if err != nil {
		t.Fatal(err)
	}
	if there, err = far.Open(policy, nil); err != nil {
		t.Fatal(err)
	}
	offer, err := here.Offer(nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := there.Answer(offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := here.Accept(answer); err != nil {
		t.Fatal(err)
	}
	return here, there
}

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
// with tones the second alone: every key comes once, with the clocks of the legs alike or not, as an event, by signalling or as a tone.
func TestDigitsEngine(t *testing.T) {
	const keys = "0159*#AD55"
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
			nearA, alice := called(t, engines[0], engines[1], c.from, nil)
			nearB, far := called(t, engines[0], engines[2], c.to, &signalling)
			bob = far
			relay, err := media.NewRelay(nearA, nearB, nil)
			if err != nil {
				t.Fatal(err)
			}
			d := audio.NewDigits(spoilt(t, bob), nil)
			from, o := newLossy(alice, 3), audio.DialOptions{Press: 60 * time.Millisecond, Gap: 60 * time.Millisecond}
			if c.by == audio.DigitTone {
				from.chance, o.Press, o.Gap = nil, 100*time.Millisecond, 100*time.Millisecond
			}
			clock := audio.NewClock(nil)
			var sending sync.WaitGroup
			sending.Go(func() {
				if err := audio.Dial(t.Context(), clock, from.Stream(media.Audio), keys, &o); err != nil {
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
