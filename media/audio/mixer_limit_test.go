package audio

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestLimiter has sums of every size come out with their sign, as they are where there is room, and where there is none as large as there
// is.
func TestLimiter(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	var l limiter
	in, out := make([]int32, 160), []int16(nil)
	for turn := range 2000 {
		loud := int32(1) << (10 + turn/100) // to 2^29
		for i := range in {
			in[i] = dice.Int32N(2*loud+1) - loud
		}
		out = l.apply(out[:0], in)
		for i, x := range in {
			if y := out[i]; x > 0 && y < 0 || x < 0 && y > 0 || y == math.MinInt16 {
				t.Fatalf("%d becomes %d", x, y)
			}
			if loud < ceiling && int32(out[i]) != x {
				t.Fatalf("%d becomes %d, and nothing is loud", x, out[i])
			}
		}
	}
	if l.less < 0.99 {
		t.Errorf("%v is taken back", l.less)
	}
	turns := 0
	for ; l.less > 0; turns++ {
		clear(in)
		in[0] = 100
		l.apply(nil, in)
	}
	if turns < 200 || turns > 600 {
		t.Errorf("all is given again after %d turns", turns)
	}
}

// TestBend is a line up to the ceiling, and grows on without ever leaving 16 bits.
func TestBend(t *testing.T) {
	before := int16(math.MinInt16)
	for x := float32(-1e9); x <= 1e9; x += max(1, float32(math.Abs(float64(x)))/64) {
		y := bend(x)
		if y < before || math.Abs(float64(x)) < ceiling && float32(y) != float32(int16(x)) {
			t.Fatalf("%v becomes %d after %d", x, y, before)
		}
		before = y
	}
	if bend(-1e9) < -math.MaxInt16 || bend(1e9) < ceiling || bend(float32(math.Inf(1))) != math.MaxInt16 {
		t.Errorf("%d, %d", bend(-1e9), bend(1e9))
	}
}
