package audio_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

// lossy is an endpoint that loses a tenth of what is written to it.
type lossy struct {
	media.Endpoint
	mu     sync.Mutex
	chance *rand.Rand // nil: it loses nothing
	lost   int
}

func newLossy(e media.Endpoint, seed uint64) *lossy {
	return &lossy{Endpoint: e, chance: rand.New(rand.NewPCG(seed, 5))}
}

func (l *lossy) loses() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.chance == nil || l.chance.IntN(10) > 0 {
		return false
	}
	l.lost++
	return true
}

func (l *lossy) losses() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

func (l *lossy) Stream(k media.Kind) media.Stream { return lossyStream{l.Endpoint.Stream(k), l} }

type lossyStream struct {
	media.Stream
	of *lossy
}

func (s lossyStream) Write(p *media.Packet) error {
	if s.of.loses() {
		return nil
	}
	return s.Stream.Write(p)
}

// TestDigitsRelayed dials through a relay that copies between two pipes, of which the first loses a tenth of all packets, and of events the
// second too: each key comes once, as an event and as a tone.
func TestDigitsRelayed(t *testing.T) {
	const keys = "0123456789*#ABCD5555!"
	for seed := range uint64(5) {
		for _, c := range []struct {
			codecs []media.Codec
			o      audio.DialOptions
			keys   string
		}{
			{[]media.Codec{media.PCMU(), media.TelephoneEvent(8000)}, audio.DialOptions{}, keys},
			{[]media.Codec{media.Opus(), media.TelephoneEvent(48000)}, audio.DialOptions{}, keys},
			{[]media.Codec{media.PCMU()}, audio.DialOptions{Tones: audio.InBandAlways, Press: 200 * time.Millisecond}, keys[:len(keys)-1]},
		} {
			synctest.Test(t, func(t *testing.T) {
				plan := media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: c.codecs}}
				alice, nearA := media.Pipe(plan)
				bob, nearB := media.Pipe(plan)
				to := newLossy(nearB, seed)
				if c.o.Tones == audio.InBandAlways {
					to.chance = nil
				}
				relay, err := media.NewRelay(nearA, to, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer closed(t, relay)
				d := audio.NewDigits(bob, nil)
				defer closed(t, d)
				from := newLossy(alice, seed+100)
				if err := dial(t, from.Stream(media.Audio), c.keys, &c.o); err != nil {
					t.Fatal(err)
				}
				if _, got := typed(t, d); got != c.keys {
					t.Errorf("seed %d, %v: got %q, want %q", seed, c.codecs, got, c.keys)
				}
				if to.losses() < 5 && to.chance != nil || from.losses() < 5 {
					t.Errorf("only %d and %d packets were lost", from.losses(), to.losses())
				}
			})
		}
	}
}
