package engine

import (
	"math/rand/v2"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

// TestNumbers holds the window against a set of all numbers, over wraps and jumps.
func TestNumbers(t *testing.T) {
	t.Run("sound", func(t *testing.T) { testNumbers(t, func(*numbers) {}, numbersOfSound) })
	t.Run("pictures", func(t *testing.T) { testNumbers(t, (*numbers).ofPictures, numbersKept) })
}

func testNumbers(t *testing.T, prepare func(*numbers), kept int) {
	for seed := range testutil.Seeds(t, 3) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		var n numbers
		prepare(&n)
		used, highest := map[int]bool{}, 60_000
		n.next(uint16(highest-1), uint16(highest))
		used[highest] = true
		for range 20_000 {
			at := highest + 1
			switch rnd.IntN(10) {
			case 0:
				at += rnd.IntN(kept - 1)
			case 1:
				at += rnd.IntN(3 * kept)
			case 2, 3, 4:
				at = highest - rnd.IntN(kept+20)
			}
			want := used[at] || at <= highest-kept
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
