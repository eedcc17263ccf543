package audio

import "math"

// Periods of the voice's pitch, as parts of a second: from 400 Hz to 67 Hz.
const (
	shortestPeriod = 400
	longestPeriod  = 67
)

const (
	alikeEnough = 0.6 // likeness of two periods, 1 at most, at which one of them is not missed
	quietEnough = 64  // root mean square of what is no voice
)

// shorten leaves one period of at most most samples out of the beginning of pcm, where one is like the next; if it must, the likest.
func shorten(pcm []int16, rate, most int, must bool) []int16 {
	lag, likeness := period(pcm, rate, most)
	if lag == 0 || likeness < alikeEnough && !must {
		return pcm
	}
	for i := range lag { // from the first period into the second
		pcm[i] = int16((int(pcm[i])*(lag-i) + int(pcm[lag+i])*i) / lag)
	}
	return append(pcm[:lag], pcm[2*lag:]...)
}

// lengthen repeats one period at the beginning of pcm: likewise.
func lengthen(pcm []int16, rate int, must bool) []int16 {
	lag, likeness := period(pcm, rate, len(pcm))
	if lag == 0 || likeness < alikeEnough && !must {
		return pcm
	}
	n := len(pcm)
	pcm = append(pcm, pcm[n-lag:]...)
	copy(pcm[2*lag:], pcm[lag:n])
	for i := range lag { // from the second period back into the first
		pcm[lag+i] = int16((int(pcm[lag+i])*(lag-i) + int(pcm[i])*i) / lag)
	}
	return pcm
}

// period returns the length, most at most, at which the beginning of pcm is most like what follows, and how like it is. 0: there is none.
func period(pcm []int16, rate, most int) (lag int, likeness float64) {
	from, to := rate/shortestPeriod, min(rate/longestPeriod, most, len(pcm)/2)
	if from > to {
		return 0, 0
	}
	if loudness(pcm) < quietEnough {
		return to, 1
	}
	stride := max(1, rate/8000)
	for at := from; at <= to; at += stride {
		if l := alike(pcm, at, stride); l > likeness || lag == 0 {
			lag, likeness = at, l
		}
	}
	for at := max(from, lag-stride+1); at <= min(to, lag+stride-1); at++ {
		if l := alike(pcm, at, stride); l > likeness {
			lag, likeness = at, l
		}
	}
	return lag, likeness
}

// alike returns how like the first lag samples of pcm are to the next, -1 to 1, looking at one of stride.
func alike(pcm []int16, lag, stride int) float64 {
	dot, a, b := 0, 1, 1
	for i := 0; i < lag; i += stride {
		x, y := int(pcm[i]), int(pcm[lag+i])
		dot += x * y
		a += x * x
		b += y * y
	}
	return float64(dot) / math.Sqrt(float64(a)*float64(b))
}

func loudness(pcm []int16) float64 {
	sum := 0.0
	for _, x := range pcm {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum / float64(max(1, len(pcm))))
}
