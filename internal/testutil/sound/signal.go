package sound

import (
	"math"
	"math/rand/v2"
	"time"
)

// FullScale is the amplitude of the loudest sine, 0 dBFS.
const FullScale = 32767

// Quietest is the level in dBFS of silence, and of all that is softer: less than 16 bits can hold.
const Quietest = -140.0

func length(rate int, d time.Duration) int { return int(d * time.Duration(rate) / time.Second) }

func sample(x float64) int16 { return int16(math.Round(max(-FullScale-1, min(FullScale, x)))) }

// Sine returns a tone of hz, which begins at phase 0. The amplitude is that of its peaks, FullScale at most.
func Sine(rate int, hz, amplitude float64, d time.Duration) []int16 {
	pcm := make([]int16, length(rate, d))
	for i := range pcm {
		pcm[i] = sample(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return pcm
}

// Noise returns white noise, equally likely at every value up to the amplitude.
func Noise(seed uint64, rate int, amplitude float64, d time.Duration) []int16 {
	chance := rand.New(rand.NewPCG(seed, 1))
	pcm := make([]int16, length(rate, d))
	for i := range pcm {
		pcm[i] = sample(amplitude * (2*chance.Float64() - 1))
	}
	return pcm
}

// Mix returns the sum of sounds, as long as the longest and limited to what 16 bits hold.
func Mix(sounds ...[]int16) []int16 {
	longest := 0
	for _, s := range sounds {
		longest = max(longest, len(s))
	}
	pcm := make([]int16, longest)
	for i := range pcm {
		sum := 0
		for _, s := range sounds {
			sum += int(at(s, i))
		}
		pcm[i] = int16(max(math.MinInt16, min(math.MaxInt16, sum)))
	}
	return pcm
}

// at is the sample i of a sound that has silence before and after it.
func at(pcm []int16, i int) int16 {
	if i < 0 || i >= len(pcm) {
		return 0
	}
	return pcm[i]
}

// Power returns the level of pcm in dBFS: 0 for a sine of FullScale, Quietest for silence.
func Power(pcm []int16) float64 {
	sum := 0.0
	for _, x := range pcm {
		sum += float64(x) * float64(x)
	}
	return decibels(2*sum/max(1, float64(len(pcm))), FullScale*FullScale)
}

// Level returns the level in dBFS of the tone of hz in pcm: 0 for a sine of FullScale, Quietest where there is none. It looks through a
// window (Blackman-Harris) that lets 90 dB less of another tone through which is 4/len(pcm) of the rate away or more.
func Level(pcm []int16, rate int, hz float64) float64 {
	re, im, weights := 0.0, 0.0, 0.0
	for i, x := range pcm {
		turn := 2 * math.Pi * (float64(i) + 0.5) / float64(len(pcm))
		w := 0.35875 - 0.48829*math.Cos(turn) + 0.14128*math.Cos(2*turn) - 0.01168*math.Cos(3*turn)
		sin, cos := math.Sincos(2 * math.Pi * hz / float64(rate) * float64(i))
		re, im, weights = re+w*float64(x)*cos, im+w*float64(x)*sin, weights+w
	}
	if weights == 0 {
		return Quietest
	}
	return decibels(4*(re*re+im*im)/(weights*weights), FullScale*FullScale)
}

func decibels(power, of float64) float64 { return max(Quietest, 10*math.Log10(power/of)) }
