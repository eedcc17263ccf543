package codec_test

import (
	"testing"
	"time"

	"github.com/alexacall/alexacall/media/codec"
)

// costTable is what a frame takes at each complexity, on a machine with nothing else to do: what libopus takes at 48 kHz.
var costTable = [...]time.Duration{50e3, 55e3, 60e3, 70e3, 80e3, 105e3, 130e3, 150e3, 170e3, 198e3, 198e3}

// governed has a governor encode for a time while the machine is so many times slower than it should be, and returns each complexity it chose.
func governed(g *codec.Governor, now int, slower float64, d time.Duration) []int {
	var all []int
	for range d / (20 * time.Millisecond) {
		now = g.Took(time.Duration(slower * float64(costTable[now])))
		all = append(all, now)
	}
	return all
}

func ending(all []int) int { return all[len(all)-1] }

func TestGovernor(t *testing.T) {
	const budget = time.Millisecond
	g := codec.NewGovernor(9, budget)
	if all := governed(g, 9, 1, time.Minute); ending(all) != 9 {
		t.Fatalf("with nothing else to do the complexity became %d", ending(all))
	}
	busy := governed(g, 9, 8, 10*time.Second)
	if low := ending(busy); time.Duration(8*float64(costTable[low])) > budget || low < 4 {
		t.Fatalf("eight times slower, %d", ending(busy))
	}
	for i := 1; i < len(busy); i++ {
		if busy[i] > busy[i-1] {
			t.Fatalf("while it was too dear, the complexity rose from %d to %d", busy[i-1], busy[i])
		}
	}
	if all := governed(g, ending(busy), 100, 10*time.Second); ending(all) != 0 {
		t.Fatalf("a hundred times slower, %d, want 0", ending(all))
	}
	if all := governed(g, 0, 1, 2*time.Minute); ending(all) != 9 {
		t.Fatalf("two minutes later, %d, want 9 again", ending(all))
	}
}

// TestGovernorHiccup has one frame take very long now and then, as when the machine did something else in its midst.
func TestGovernorHiccup(t *testing.T) {
	g := codec.NewGovernor(5, time.Millisecond)
	for i := range 10000 {
		d := 100 * time.Microsecond
		if i%200 == 100 {
			d = time.Second
		}
		if got := g.Took(d); got != 5 {
			t.Fatalf("complexity %d after frame %d", got, i)
		}
	}
}

// TestGovernorLate has most frames take as long as ever and one of ten very long, as on a machine with too much to do.
func TestGovernorLate(t *testing.T) {
	g, now := codec.NewGovernor(9, time.Millisecond), 9
	for i := range 500 {
		d := costTable[now]
		if i%10 == 9 {
			d = 50 * time.Millisecond
		}
		now = g.Took(d)
	}
	if now != 0 {
		t.Errorf("complexity %d after ten seconds of a frame of ten late, want 0", now)
	}
}

// TestGovernorRests has a machine on which a complexity takes less than half of the budget and the next one more than all: it is tried ever
// more seldom.
func TestGovernorRests(t *testing.T) {
	g, now, rises := codec.NewGovernor(10, time.Millisecond), 10, [2]int{}
	const half = 50 * 60 * 5
	for i := range 2 * half {
		d := 400 * time.Microsecond
		if now > 5 {
			d = 1500 * time.Microsecond
		}
		was := now
		if now = g.Took(d); now > was {
			rises[i/half]++
		}
	}
	if rises[0] == 0 || rises[0] > 12 || rises[1] > 5 || now > 6 {
		t.Errorf("in five minutes it rose %d times, in five more %d, to %d", rises[0], rises[1], now)
	}
}
