package codec_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media/codec"
)

// lossy returns pcm in frames of 20 ms of which some are lost, in rows of a mean length, and made up by a Concealer or, without, by zeros.
// It returns of the lost frames what they were and what was made up, too.
func lossy(seed uint64, pcm []int16, rate int, loss, row float64, conceal bool) (out, were, made []int16) {
	chance := rand.New(rand.NewPCG(seed, 3))
	size, lost := rate/codec.FramesPerSecond, false
	c := codec.Concealer{Rate: rate}
	for ; len(pcm) >= size; pcm = pcm[size:] {
		if lost {
			lost = chance.Float64() > 1/row
		} else {
			lost = chance.Float64() < loss/row/(1-loss)
		}
		frame := slices.Clone(pcm[:size])
		switch {
		case !lost:
			c.Heard(frame)
			out = append(out, frame...)
		case conceal:
			out = c.Append(out, size)
		default:
			out = append(out, make([]int16, size)...)
		}
		if lost {
			were, made = append(were, pcm[:size]...), append(made, out[len(out)-size:]...)
		}
	}
	return out, were, made
}

// TestConcealerQuality compares a voice of which 5 % are lost with one that has holes: by the signal-to-noise ratio of what was lost, which
// is 0 dB for a hole, and by the distance of the spectra of all.
func TestConcealerQuality(t *testing.T) {
	alone(t)
	for _, c := range []struct {
		rate       int
		row        float64 // frames that are lost together, mostly
		snr, share float64 // at least, and of the distance with holes at most
	}{{8000, 1, 2, 0.9}, {8000, 2.5, -0.2, 0.95}, {16000, 1, 3, 0.85}, {16000, 2.5, 0.5, 0.95}, {48000, 1, 3, 0.9}} {
		var snr, distance, holes float64
		const seeds = 1
		for seed := range uint64(seeds) {
			voice := sound.Speech(seed, c.rate, 10*time.Second)
			out, were, made := lossy(seed, voice, c.rate, 0.05, c.row, true)
			snr += sound.SegmentalSNR(were, made, c.rate) / seeds
			distance += sound.LogSpectralDistance(voice, out, c.rate) / seeds
			out, _, _ = lossy(seed, voice, c.rate, 0.05, c.row, false)
			holes += sound.LogSpectralDistance(voice, out, c.rate) / seeds
		}
		t.Logf("%d Hz, %.1f in a row: %.2f dB and %.2f dB, with holes 0 and %.2f dB", c.rate, c.row, snr, distance, holes)
		if snr < c.snr || distance > c.share*holes {
			t.Errorf("%d Hz, %.1f in a row: %.2f dB and %.2f dB, with holes 0 and %.2f dB", c.rate, c.row, snr, distance, holes)
		}
	}
}

// TestConcealerFades: nothing is heard of what was made up after 60 ms, and nothing clicks where it begins, goes round, fades or ends.
func TestConcealerFades(t *testing.T) {
	for _, rate := range []int{8000, 16000, 44100, 48000} {
		tone := sound.Sine(rate, 137, 10000, time.Second)
		at, gap := rate/2+rate/300, rate/10
		c := codec.Concealer{Rate: rate}
		c.Heard(tone[:at])
		out := c.Append(slices.Clone(tone[:at]), gap)
		after := slices.Clone(tone[at+gap:])
		c.Heard(after)
		out = append(out, after...)
		steepest := 0.0
		for i := 1; i < len(tone); i++ {
			steepest = max(steepest, math.Abs(float64(tone[i])-float64(tone[i-1])))
		}
		for i := 1; i < len(out); i++ {
			if step := math.Abs(float64(out[i]) - float64(out[i-1])); step > 1.5*steepest+4 {
				t.Errorf("%d Hz: a step of %.0f %.1f ms after the gap begins, want %.0f at most", rate, step, 1000*float64(i-at)/float64(rate), 1.5*steepest)
			}
		}
		if got := sound.Power(out[at+rate*61/1000 : at+gap]); got != sound.Quietest {
			t.Errorf("%d Hz: %.0f dB after 60 ms", rate, got)
		}
		if got := sound.Power(out[at : at+rate/100]); math.Abs(got-sound.Power(tone)) > 1.5 {
			t.Errorf("%d Hz: begins at %.1f dB, want %.1f", rate, got, sound.Power(tone))
		}
	}
}

func BenchmarkConceal(b *testing.B) {
	for _, rate := range []int{8000, 48000} {
		b.Run(strconv.Itoa(rate), func(b *testing.B) {
			voice := sound.Speech(1, rate, time.Second)
			c := codec.Concealer{Rate: rate}
			pcm := make([]int16, 0, rate/50)
			for b.Loop() {
				c.Heard(voice[rate/2:][:rate/50])
				pcm = c.Append(pcm[:0], rate/50)
			}
		})
	}
}
