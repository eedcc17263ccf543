package audio_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// sink is a stream that takes everything.
type sink struct {
	farEnd
	packets, bytes int
}

func (s *sink) Codec() media.Codec { return s.codec }

func (s *sink) Write(p *media.Packet) error {
	s.packets++
	s.bytes += len(p.Payload)
	return nil
}

// turns returns a player without a clock, in the middle of a sound, and what its clock would call.
func turns(t testing.TB, c media.Codec, rate int, pcm []int16) (p *audio.Player, to *sink, stop func()) {
	to = &sink{farEnd: farEnd{codec: c}}
	p = audio.PlayerWithoutClock(to)
	m := &memory{rate: rate, pcm: pcm}
	done := make(chan error)
	go func() { done <- p.Play(t.Context(), m, &audio.PlayOptions{Loop: -1, Gain: -3}) }()
	for p.Stats().Frames < 10 {
		audio.Turn(p)
	}
	return p, to, func() {
		p.Stop()
		if err := <-done; !errors.Is(err, audio.ErrStopped) {
			t.Error(err)
		}
	}
}

// TestPlayerDoesNotAllocate takes turns in mid-sound, while the source is read on.
func TestPlayerDoesNotAllocate(t *testing.T) {
	for _, c := range []media.Codec{media.PCMU(), media.G722(), media.Opus(), codec.L16(48000)} {
		if !codec.Encodes(c) {
			continue
		}
		for _, rate := range []int{8000, 44100} {
			p, to, stop := turns(t, c, rate, sound.Speech(3, rate, time.Second))
			if n := testing.AllocsPerRun(500, func() { audio.Turn(p) }); n != 0 {
				t.Errorf("%v from %d Hz: %v allocations a turn", c, rate, n)
			}
			if stop(); to.packets < 500 {
				t.Errorf("%d packets", to.packets)
			}
		}
	}
}

// BenchmarkPlayer is a turn of each of 1000 players, as a clock takes them within 20 ms: ns/op is for all of them, so that 20,000,000 would be
// a whole core.
func BenchmarkPlayer(b *testing.B) {
	for _, c := range []media.Codec{media.PCMU(), media.G722()} {
		for _, rate := range []int{8000, 16000, 44100} {
			b.Run(fmt.Sprint(c.Name, " from ", rate), func(b *testing.B) {
				const all = 1000
				pcm := sound.Speech(3, rate, 3*time.Second)
				var ps []*audio.Player
				for range all {
					p, _, stop := turns(b, c, rate, pcm)
					defer stop()
					ps = append(ps, p)
				}
				b.ReportAllocs()
				for b.Loop() {
					for _, p := range ps {
						audio.Turn(p)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/all, "ns/frame")
			})
		}
	}
}
