package testutil

import "math"

// toneBlock is the length, in seconds, over which a tone must keep its phase. A jump between two
// blocks, as a lost packet or a joined call leaves, then costs nothing.
const toneBlock = 0.05

// ToneShare returns the share, from 0 to 1, of the power of samples that lies at the frequency hz: 1
// for a pure tone, 0 for silence and for a frequency outside (0, rate/2). It is measured by the Goertzel
// algorithm in blocks of about 50 ms, each a whole number of cycles long, and so tells frequencies apart
// that differ by more than 20 Hz.
func ToneShare(samples []int16, rate int, hz float64) float64 {
	if rate <= 0 || hz <= 0 || hz >= float64(rate)/2 || len(samples) == 0 {
		return 0
	}
	cycles := math.Max(1, math.Round(hz*toneBlock))
	block := min(int(math.Round(cycles*float64(rate)/hz)), len(samples))
	coeff := 2 * math.Cos(2*math.Pi*hz/float64(rate))
	var tone, total float64
	for ; len(samples) >= block; samples = samples[block:] {
		var s1, s2 float64
		for _, v := range samples[:block] {
			x := float64(v)
			total += x * x
			s1, s2 = x+coeff*s1-s2, s1
		}
		// A sine of amplitude A has |X|² = (A·n/2)² and energy A²·n/2.
		tone += 2 * (s1*s1 + s2*s2 - coeff*s1*s2) / float64(block)
	}
	if total == 0 {
		return 0
	}
	return math.Min(1, tone/total)
}
