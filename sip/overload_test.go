package sip

import (
	"testing"
	"time"
)

// TestOverload follows what is thought of how long messages wait.
func TestOverload(t *testing.T) {
	const ms = time.Millisecond
	type step struct {
		after  time.Duration // since the step before
		waited []time.Duration
		over   bool // thereafter
	}
	for _, c := range []struct {
		name  string
		times int // that each wait is seen
		steps []step
	}{
		{"nothing", fewest, []step{{0, nil, false}, {50 * ms, nil, false}, {50 * ms, nil, false}}},
		{"it keeps up", fewest, []step{{0, []time.Duration{249 * ms, 249 * ms}, false}, {50 * ms, []time.Duration{249 * ms}, false}, {50 * ms, nil, false}}},
		{"too late", fewest, []step{{0, []time.Duration{250 * ms}, false}, {49 * ms, nil, false}, {ms, nil, true}}},
		{"the mean counts", fewest, []step{{0, []time.Duration{600 * ms, 0, 0, ms}, false}, {50 * ms, nil, false}}},
		{"the mean counts when some are quick too", fewest, []step{{0, []time.Duration{600 * ms, 0, 150 * ms}, false}, {50 * ms, nil, true}}},
		{"it ends at half of what it begins at", fewest, []step{
			{0, []time.Duration{300 * ms}, false}, {50 * ms, []time.Duration{125 * ms}, true}, {50 * ms, []time.Duration{124 * ms}, true}, {50 * ms, nil, false},
		}},
		{"it ends when nothing comes", fewest, []step{{0, []time.Duration{300 * ms}, false}, {50 * ms, nil, true}, {50 * ms, nil, false}}},
		{"a late one now and then", fewest, []step{{0, []time.Duration{900 * ms}, false}, {100 * ms, []time.Duration{900 * ms}, false}, {time.Hour, nil, false}}},
		{"few are late", fewest - 1, []step{{0, []time.Duration{900 * ms}, false}, {50 * ms, []time.Duration{900 * ms}, false}, {50 * ms, nil, false}}},
		{"a clock that was set", fewest, []step{{0, []time.Duration{-time.Hour, 400 * ms}, false}, {50 * ms, nil, false}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, now := new(overload), time.Now()
			o.eases(now)
			for i, s := range c.steps {
				now = now.Add(s.after)
				over := !o.eases(now)
				for _, w := range s.waited {
					for range c.times {
						o.took(now.Add(-w), now)
					}
				}
				if over != s.over {
					t.Fatalf("step %d: too much to do: %v, want %v", i, over, s.over)
				}
			}
		})
	}
}

// TestTurnedAway remembers who was turned away for as long as he may ask again, and not for ever.
func TestTurnedAway(t *testing.T) {
	o, now := new(overload), time.Now()
	first := now
	for i := range 200 {
		o.eases(now)
		if !o.turn(mark(i)) {
			t.Fatal("no room")
		}
		for age := range time.Duration(i + 1) {
			was, _ := o.turned(mark(i) - mark(age))
			if aged := age * time.Second; !was && aged <= giveUp || was && aged > 2*giveUp {
				t.Fatalf("after %v: %v", aged, was)
			}
		}
		now = now.Add(time.Second)
	}
	if o.eases(now.Add(giveUp)); o.before == nil {
		t.Error("the last are forgotten too early")
	}
	if !o.eases(now.Add(3 * giveUp)) {
		t.Errorf("%v after the first somebody is remembered", now.Add(3*giveUp).Sub(first))
	}
	for i := range maxTurnedAway {
		o.turn(mark(i))
	}
	if o.turn(maxTurnedAway) {
		t.Error("there is no limit")
	}
}

// TestCameAt takes stamps of a clock that somebody sets.
func TestCameAt(t *testing.T) {
	now := time.Now()
	for _, c := range []struct{ age, want time.Duration }{
		{0, 0}, {time.Second, time.Second}, {oldest, oldest}, {oldest + 1, 0}, {-1, 0}, {-time.Hour, 0},
	} {
		if got := now.Sub(cameAt(now.Round(0).Add(-c.age), now)); got != c.want {
			t.Errorf("stamped %v ago: %v, want %v", c.age, got, c.want)
		}
	}
}
