package codec_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/alexacall/alexacall/media/codec"
)

// A predictor is that of G.722 as its document has it (section 6.2.2, block 4), one operation after another, each with its limit.
type predictor struct {
	s, sz   int
	a, r, p [3]int // from 1 on; 0 is the latest of r and p
	b, d    [7]int // likewise
}

func saturated(x int) int { return max(math.MinInt16, min(math.MaxInt16, x)) }

// unlike is -x where the signs of y and z differ.
func unlike(x, y, z int) int {
	if (y < 0) != (z < 0) {
		return -x
	}
	return x
}

// take takes a difference and returns what the next sample is going to be.
func (q *predictor) take(d int) int {
	q.d[0] = d
	q.r[0], q.p[0] = saturated(q.s+d), saturated(q.sz+d)

	pole2 := saturated(-unlike(saturated(4*q.a[1]), q.p[0], q.p[1])) >> 7
	pole2 = saturated(pole2 + unlike(128, q.p[0], q.p[2]) + q.a[2]*32512>>15)
	q.a[2] = max(-12288, min(12288, pole2))
	most := saturated(15360 - q.a[2])
	q.a[1] = max(-most, min(most, saturated(unlike(192, q.p[0], q.p[1])+q.a[1]*32640>>15)))

	nudge := 128
	if d == 0 {
		nudge = 0
	}
	for i := 6; i > 0; i-- {
		q.b[i] = saturated(unlike(nudge, q.d[0], q.d[i]) + q.b[i]*32640>>15)
	}
	for i := 6; i > 0; i-- {
		q.d[i] = q.d[i-1]
	}
	for i := 2; i > 0; i-- {
		q.r[i], q.p[i] = q.r[i-1], q.p[i-1]
	}
	sp := saturated(q.a[1]*saturated(2*q.r[1])>>15 + q.a[2]*saturated(2*q.r[2])>>15)
	q.sz = 0
	for i := 6; i > 0; i-- {
		q.sz = saturated(q.sz + q.b[i]*saturated(2*q.d[i])>>15)
	}
	q.s = saturated(sp + q.sz)
	return q.s
}

// TestG722Predictor compares each guess with that of the document's operations, over differences of all sizes: noise, tones, what is as
// loud as can be for a long time, and silence.
func TestG722Predictor(t *testing.T) {
	chance := rand.New(rand.NewPCG(7, 22))
	turns, sign := 2, 1
	for name, d := range map[string]func(n int) int{
		"noise":   func(int) int { return chance.IntN(1<<16) - 1<<15 },
		"soft":    func(int) int { return chance.IntN(64) - 32 },
		"loudest": func(n int) int { return []int{math.MaxInt16, math.MinInt16}[n/5000%2] },
		"half":    func(n int) int { return []int{1<<14 - 1, -1 << 14}[n/7%2] },
		"tone":    func(n int) int { return int(20000 * math.Sin(float64(n)*0.3)) },
		"turns": func(n int) int { // ever more seldom
			if n%1000 == 0 {
				turns = 2 + chance.IntN(40)
			}
			if chance.IntN(turns) == 0 {
				sign = -sign
			}
			return sign * (math.MaxInt16 - chance.IntN(1<<(n/1000%15)))
		},
		"gaps": func(n int) int { return n / 100 % 2 * (chance.IntN(20000) - 10000) },
	} {
		var want predictor
		got := codec.NewG722Predictor()
		limited := 0
		for n := range 50_000 {
			x := d(n)
			guess := want.take(x)
			if guess == math.MaxInt16 || guess == math.MinInt16 {
				limited++
			}
			if g := got(x); g != guess {
				t.Fatalf("%s: after %d differences the guess is %d, want %d", name, n+1, g, guess)
			}
		}
		if name == "loudest" && limited < 1000 {
			t.Errorf("%d guesses are at their limit: nothing is too loud", limited)
		}
	}
}
