package engine

import (
	"math/rand/v2"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

// TestNumbers holds the window against a set of all numbers, over wraps and jumps.
func TestNumbers(t *testing.T) {
	for seed := range testutil.Seeds(t, 3) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		var n numbers
		used, highest := map[int]bool{}, 60_000
		n.next(uint16(highest-1), uint16(highest))
		used[highest] = true
		for range 20_000 {
			at := highest + 1
			switch rnd.IntN(10) {
			case 0:
				at += rnd.IntN(numbersKept - 1)
			case 1:
				at += rnd.IntN(3 * numbersKept)
			case 2, 3, 4:
				at = highest - rnd.IntN(numbersKept+20)
			}
			want := used[at] || at <= highest-numbersKept
			if got := n.used(uint16(highest), uint16(at)); got != want {
				t.Fatalf("seed %d: %d of highest %d: used is %v, want %v", seed, at, highest, got, want)
			}
			if want {
				continue
			}
			if used[at] = true; at > highest {
				n.next(uint16(highest), uint16(at))
				highest = at
			} else {
				n.use(uint16(at))
			}
		}
	}
}
