package engine

import (
	"testing"
	"time"
)

// The rate is that of the last second, and none before a second has passed.
func TestRate(t *testing.T) {
	var r rate
	now, count := time.Unix(1000, 0), uint64(5000)
	step := func(packets uint64, ticks int) {
		for range ticks {
			count += packets
			now = now.Add(reportTick)
			r.note(count, now)
		}
	}
	for _, c := range []struct {
		packets uint64 // in a tick
		ticks   int
		want    int
	}{
		{100, 4, 0},
		{100, 1, 400},
		{100, 7, 400},
		{200, 2, 600},
		{200, 2, 800},
		{0, 3, 200},
		{0, 1, 0},
		{1000, 1, 1000},
		{0, 4, 0},
	} {
		if step(c.packets, c.ticks); r.last != c.want {
			t.Errorf("%d more ticks of %d packets: %d a second, want %d", c.ticks, c.packets, r.last, c.want)
		}
	}
	now = now.Add(9 * time.Second) // the program stood still
	if step(1000, 1); r.last != 100 {
		t.Errorf("1000 packets in 10 s: %d a second", r.last)
	}
}
