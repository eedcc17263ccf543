package codec_test

import (
	"math"
	"math/cmplx"
)

// opusQuality is the measure by which a decoder of Opus is found to conform (RFC 6716 section 6, opus_compare of RFC 8251): how little of the
// difference between a reference decoder's output, at 48 kHz, and ours, at rate, is heard in their channels. 100 is no difference; conformance
// begins at 0.
func opusQuality(reference, got [][]int16, rate int) float64 {
	const window, step = 480, 120 // samples at 48 kHz
	down := 48000 / rate
	frames := min((len(reference[0])-window+step)/step, (len(got[0])-window/down+step/down)/(step/down))
	edges := opusBandTable[:map[int]int{8000: 13, 12000: 15, 16000: 17, 24000: 19, 48000: 21}[rate]+1]
	x, y := make([][][]float64, len(reference)), make([][][]float64, len(reference))
	for c := range reference {
		x[c], y[c] = powersOf(reference[c], window, step, frames, 1), powersOf(got[c], window/down, step/down, frames, float64(down))
	}
	hide(x, y, edges)
	sum := 0.0
	for i := 1; i < frames; i++ { // two frames at a time
		sum += math.Pow(heardIn(x, y, i, edges, rate)/21, 4)
	}
	return 100 * (1 - 0.5*math.Log(1+math.Pow(sum/float64(frames), 1.0/16))/math.Log(1.13))
}

// hide adds to both what in the reference hides other sound, of two channels a hundredth of the other's too.
func hide(x, y [][][]float64, edges []int) {
	before := make([][21]float64, len(x))
	for i := range x[0] {
		for c := range x {
			before[c] = masksOf(x[c][i], &before[c])
		}
		if len(x) == 2 {
			for band := range before[0] {
				left, right := &before[0][band], &before[1][band]
				*left, *right = *left+0.01**right, *right+0.01**left
			}
		}
		for c := range x {
			for band := range len(edges) - 1 {
				for bin := edges[band]; bin < edges[band+1]; bin++ {
					x[c][i][bin] += 0.1 * before[c][band]
					y[c][i][bin] += 0.1 * before[c][band]
				}
			}
		}
	}
}

// heardIn is what of the difference is heard in a frame and the one before it.
func heardIn(x, y [][][]float64, i int, edges []int, rate int) float64 {
	most := edges[len(edges)-1]
	if rate != 48000 && rate != 12000 {
		most -= 3 // the last 300 Hz are the filter's
	}
	all := 0.0
	for band := range len(edges) - 1 {
		heard := 0.0
		for bin := edges[band]; bin < min(edges[band+1], most); bin++ {
			for c := range x {
				ratio := (y[c][i][bin] + y[c][i-1][bin]) / (x[c][i][bin] + x[c][i-1][bin])
				e := ratio - math.Log(ratio) - 1
				switch { // where SILK and CELT meet, filters are free to differ
				case bin == 80:
					e *= 0.01
				case bin >= 79 && bin <= 81:
					e *= 0.1
				}
				heard += e
			}
		}
		heard /= float64((edges[band+1] - edges[band]) * len(x))
		all += heard * heard
	}
	return all
}

// opusBandTable are the edges of bands of 2.5 ms of CELT, in bins of 100 Hz.
var opusBandTable = [...]int{0, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 68, 80, 96, 120, 156, 200}

// masksOf is what in each band hides other sound: a frame's powers, spread upwards by 10 dB a band, downwards by 15 dB, and on from the
// frame before by 3 dB.
func masksOf(powers []float64, before *[21]float64) [21]float64 {
	var m [21]float64
	for band := range m {
		from, to := opusBandTable[band], opusBandTable[band+1]
		for _, power := range powers[from:to] {
			m[band] += power / float64(to-from)
		}
	}
	for band := 1; band < len(m); band++ {
		m[band] += 0.1 * m[band-1]
	}
	for band := len(m) - 2; band >= 0; band-- {
		m[band] += 0.03 * m[band+1]
	}
	for band := range m {
		m[band] += 0.5 * before[band]
	}
	return m
}

// powersOf returns the power spectra of frames of pcm, up to half the rate; they are never nothing.
func powersOf(pcm []int16, window, step, frames int, gain float64) [][]float64 {
	hann, roots, all := make([]float64, window), make([]complex128, window), make([][]float64, frames)
	for i := range hann {
		hann[i] = gain * (0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(window-1)))
		roots[i] = cmplx.Rect(1, -2*math.Pi*float64(i)/float64(window))
	}
	frame, bins := make([]complex128, window), make([]complex128, window)
	for i := range all {
		for k := range frame {
			frame[k] = complex(hann[k]*float64(pcm[i*step+k]), 0)
		}
		fourier(bins, frame, 1, roots)
		all[i] = make([]float64, window/2)
		for k, c := range bins[:window/2] {
			all[i][k] = real(c)*real(c) + imag(c)*imag(c) + 100000
		}
	}
	return all
}

// fourier sets bins to the discrete Fourier transform of every step-th of x. Any length will do; many factors of two make it quick. Roots
// are those of unity, of the whole length.
func fourier(bins, x []complex128, step int, roots []complex128) {
	n := len(bins)
	if n%2 != 0 {
		for i := range bins {
			bins[i] = 0
			for k := range n {
				bins[i] += x[k*step] * roots[i*k%n*step]
			}
		}
		return
	}
	even, odd := bins[:n/2], bins[n/2:]
	fourier(even, x, 2*step, roots)
	fourier(odd, x[step:], 2*step, roots)
	for i, a := range even {
		b := odd[i] * roots[i*step]
		even[i], odd[i] = a+b, a-b
	}
}
