package engine

import (
	"math"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

// TestEstimate knows no limit before there is a loss, falls to what has come less half of what is lost, stays where little is lost, and
// grows where nothing is, until there is nothing to limit.
func TestEstimate(t *testing.T) {
	now, in := time.Unix(1_700_000_000, 0), media.InStats{}
	var e estimate
	second := func(came, lost, repaired uint64) float64 {
		now = now.Add(time.Second)
		in.Packets, in.Lost, in.Repaired, in.Bytes = in.Packets+came, in.Lost+lost-min(repaired, lost), in.Repaired+repaired, in.Bytes+came*1250
		e.update(&in, now)
		return e.rate
	}
	for i, c := range []struct {
		came, lost, repaired uint64
		want                 float64
	}{
		{100, 50, 0, 0}, // the first second begins somewhere
		{100, 0, 0, 0},
		{90, 10, 0, 0},                      // 10 %: not yet
		{80, 20, 0, 800_000 * 0.9},          // 20 %
		{95, 5, 0, 720_000},                 // 5 %: stays
		{100, 0, 0, 777_600},                // nothing
		{100, 1, 0, 839_808},                // next to nothing
		{100, 25, 25, 1_000_000 * 0.9},      // lost, and sent again
		{0, 0, 0, 900_000},                  // nothing came at all
		{1, 99, 0, estimateLeast},           // nearly all is lost
		{100, 0, 0, estimateLeast * 1.08},   // and back
		{100, 0, 0, estimateLeast * 1.1664}, // and on
	} {
		if got := second(c.came, c.lost, c.repaired); math.Abs(got-c.want) > 1 {
			t.Errorf("second %d: %.0f bit/s, want %.0f", i, got, c.want)
		}
	}
	for n := 0; second(100, 0, 0) != 0; n++ {
		if n > 100 {
			t.Fatal("the limit is never lifted")
		}
	}
	e.update(&media.InStats{Packets: 1 << 40}, now.Add(estimateEvery-1))
	if e.before.Packets == 1<<40 {
		t.Error("looked at twice in a second")
	}
}

// TestCeilings tells the lower of two limits once a second, a fall at once, and that there is none any more once.
func TestCeilings(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var c ceilings
	next := func(after time.Duration, want uint32, wantDue bool) {
		t.Helper()
		now = now.Add(after)
		if bits, due := c.next(now); bits != want || due != wantDue {
			t.Errorf("%d, due %v; want %d, %v", bits, due, want, wantDue)
		}
	}
	next(0, 0, false)
	c.wanted = 1_000_000
	next(0, 1_000_000, true)
	next(ceilingEvery-1, 0, false)
	next(1, 1_000_000, true)
	c.estimate.rate = 700_000
	next(ceilingSoon-1, 0, false)
	next(1, 700_000, true)
	c.wanted = 500_000
	next(ceilingSoon, 500_000, true)
	c.wanted = 2_000_000
	next(ceilingSoon, 0, false)
	next(ceilingEvery-ceilingSoon, 700_000, true)
	c.wanted, c.estimate.rate = 0, 0
	next(ceilingEvery, estimateMost, true)
	next(time.Minute, 0, false)
}
