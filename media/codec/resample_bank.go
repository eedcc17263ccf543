package codec

import (
	"math"
	"sync"
)

// rateTable holds the rates, in Hz, of all sound that is resampled: those of codecs, and those of files.
var rateTable = [...]int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}

// bankTable holds the filters by the rates from and to, each made when it is first asked for.
var bankTable = banksOf(rateTable[:])

func banksOf(rates []int) map[[2]int]func() *bank {
	t := make(map[[2]int]func() *bank, len(rates)*len(rates))
	for _, from := range rates {
		for _, to := range rates {
			t[[2]int{from, to}] = sync.OnceValue(func() *bank { return newBank(from, to) })
		}
	}
	return t
}

// A bank is a low-pass filter, at a multiple of both rates, cut into phases: one for each place between two samples that come in where a
// sample may have to go out.
type bank struct {
	up, down int   // so many samples go out for so many that come in
	taps     int   // of a phase
	margin   int   // how many more the longest row has
	rows     []row // by the phase of the first of two samples
}

// A row makes two samples that follow each other at once, each by 32 of the 64 bits of a sum: the first by the lower ones. Its taps are sums
// themselves, of the first sample's and of the second's, moved to where that begins.
type row struct {
	taps        []int64 // the oldest sample's first
	later, step int     // where the second begins, and the one that follows both, in samples that come in
	after, next int     // their phases
}

const (
	filterWidth  = 28    // in samples of the lower rate
	filterCutoff = 0.485 // of the lower rate: 6 dB down
	filterDepth  = 60.0  // dB, from 0.55 of the lower rate on
	tapBits      = 14    // of a tap are its fraction: the sizes of a phase's add up to less than 4, so that a sum is less than 1<<31
	unrolled     = 8     // taps at a time, of which a row has a multiple
)

func newBank(from, to int) *bank {
	g := gcd(from, to)
	b := &bank{up: to / g, down: from / g}
	lower := float64(min(from, to)) / float64(from) // of the rate that comes in
	b.taps = int(math.Ceil(filterWidth/lower)) + 1
	phases := make([][]int64, b.up)
	for i := range phases {
		phases[i] = b.phase(float64(i)/float64(b.up), lower)
	}
	b.rows = make([]row, b.up)
	for i := range b.rows {
		r := &b.rows[i]
		r.later, r.after = (i+b.down)/b.up, (i+b.down)%b.up
		r.step, r.next = (i+2*b.down)/b.up, (i+2*b.down)%b.up
		r.taps = make([]int64, (b.taps+r.later+unrolled-1)/unrolled*unrolled)
		b.margin = max(b.margin, len(r.taps)-b.taps)
		copy(r.taps, phases[i])
		for j, tap := range phases[r.after] {
			r.taps[r.later+j] += tap << 32
		}
	}
	return b
}

// phase returns the taps for a sample that goes out a part of the way from one that comes in to the next. They add up to 1, so that a
// constant stays one.
func (b *bank) phase(part, lower float64) []int64 {
	weights, sum := make([]float64, b.taps), 0.0
	for i := range weights {
		// When the newest sample, the last, has come in, what goes out is from half the width before.
		t := float64(i-b.taps+1) + filterWidth/lower/2 - part
		weights[i] = sinc(2*filterCutoff*lower*t) * kaiser(2*t*lower/filterWidth)
		sum += weights[i]
	}
	taps, over := make([]int64, b.taps), int64(1<<tapBits)
	for i, w := range weights {
		taps[i] = int64(math.Round(w / sum * (1 << tapBits)))
		over -= taps[i]
	}
	taps[b.taps/2] += over
	return taps
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the window of that name, from -1 to 1, for a filter that is filterDepth down.
func kaiser(x float64) float64 {
	const beta = 0.1102 * (filterDepth - 8.7)
	if math.Abs(x) > 1 {
		return 0
	}
	return bessel(beta * math.Sqrt(1-x*x))
}

// bessel is the modified function of the first kind and order 0.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x / (2 * k) * x / (2 * k)
		sum += term
	}
	return sum
}
