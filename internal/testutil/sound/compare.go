package sound

import (
	"math"
	"math/bits"
	"math/cmplx"
)

const (
	segmentsPerSecond = 50  // 20 ms each
	active            = -50 // dBFS: a segment of want that is softer is a pause, and not measured

	// WorstSNR is the least SNR of a segment, in dB: one that is lost does not outweigh all others.
	WorstSNR = -10.0
	// BestSNR is the greatest: one that is exact does not either.
	BestSNR = 60.0
)

// SegmentalSNR returns the mean over segments of 20 ms of how far, in dB, the difference of want and got lies below want, each within
// WorstSNR and BestSNR. Segments in which want is silent are not counted. Got has to be aligned (see Align) and as loud as want; what it
// lacks at its end counts as silence. Nothing to measure is WorstSNR.
func SegmentalSNR(want, got []int16, rate int) float64 {
	n := rate / segmentsPerSecond
	sum, count := 0.0, 0
	for from := 0; from+n <= len(want); from += n {
		segment := want[from : from+n]
		if Power(segment) < active {
			continue
		}
		signal, noise := 0.0, 0.0
		for i, x := range segment {
			e := float64(x) - float64(at(got, from+i))
			signal, noise = signal+float64(x)*float64(x), noise+e*e
		}
		sum, count = sum+max(WorstSNR, min(BestSNR, 10*math.Log10(signal/noise))), count+1
	}
	if count == 0 {
		return WorstSNR
	}
	return sum / float64(count)
}

// LogSpectralDistance returns how much, in dB, the spectrum of got differs from that of want: the root mean square over the bins up to half
// the rate of a frame of 32 ms, the mean of that over all frames in which want is not silent. Bins 50 dB below a frame's strongest are
// alike. Got has to be aligned to some milliseconds; what it lacks counts as silence. Nothing to measure is +Inf.
func LogSpectralDistance(want, got []int16, rate int) float64 {
	const depth = 1e-5 // 50 dB
	n := 1 << bits.Len(uint(rate/32))
	a, b := make([]complex128, n), make([]complex128, n)
	sum, count := 0.0, 0
	for from := 0; from+n <= len(want); from += n / 2 {
		if Power(want[from:from+n]) < active {
			continue
		}
		strongest := spectrum(a, want, from)
		spectrum(b, got, from)
		distance := 0.0
		for i := 1; i <= n/2; i++ {
			x, y := max(real(a[i]), depth*strongest), max(real(b[i]), depth*strongest)
			e := 10 * math.Log10(x/y)
			distance += e * e
		}
		sum, count = sum+math.Sqrt(distance/float64(n/2)), count+1
	}
	if count == 0 {
		return math.Inf(1)
	}
	return sum / float64(count)
}

// spectrum sets bins to the powers of a frame of pcm, and returns the greatest.
func spectrum(bins []complex128, pcm []int16, from int) float64 {
	for i := range bins {
		hann := 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(len(bins)))
		bins[i] = complex(hann*float64(at(pcm, from+i)), 0)
	}
	transform(bins)
	greatest := 0.0
	for i, x := range bins {
		power := real(x)*real(x) + imag(x)*imag(x)
		bins[i] = complex(power, 0)
		greatest = max(greatest, power)
	}
	return greatest
}

// Align returns by how many samples got is later than want, from -most to most: the lag at which they correlate most.
func Align(want, got []int16, most int) int {
	n := 1 << bits.Len(uint(max(len(want), len(got))+most))
	a, b := make([]complex128, n), make([]complex128, n)
	for i, x := range want {
		a[i] = complex(float64(x), 0)
	}
	for i, x := range got {
		b[i] = complex(float64(x), 0)
	}
	transform(a)
	transform(b)
	for i := range a {
		a[i] *= cmplx.Conj(b[i]) // the inverse, which the correlation needs, is the transform of the conjugate
	}
	transform(a)
	lag := 0
	for i := -most; i <= most; i++ {
		if real(a[(i+n)%n]) > real(a[(lag+n)%n]) {
			lag = i
		}
	}
	return lag
}

// Shift returns pcm earlier by lag samples: without its first lag samples, or with -lag samples of silence before it.
func Shift(pcm []int16, lag int) []int16 {
	if lag >= 0 {
		return pcm[min(lag, len(pcm)):]
	}
	return append(make([]int16, -lag), pcm...)
}

// transform is the discrete Fourier transform in place, of a power of two.
func transform(x []complex128) {
	shift := 64 - bits.Len(uint(len(x)-1))
	for i := range x {
		if j := int(bits.Reverse64(uint64(i)) >> shift); j > i {
			x[i], x[j] = x[j], x[i]
		}
	}
	for half := 1; half < len(x); half *= 2 {
		turns := make([]complex128, half)
		for k := range turns {
			turns[k] = cmplx.Rect(1, -math.Pi*float64(k)/float64(half))
		}
		for from := 0; from < len(x); from += 2 * half {
			for k, turn := range turns {
				u, v := x[from+k], turn*x[from+k+half]
				x[from+k], x[from+k+half] = u+v, u-v
			}
		}
	}
}
