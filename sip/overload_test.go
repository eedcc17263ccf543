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
		{"it keeps up", fewest, []step{{0, []time.Duration{399 * ms, 399 * ms}, false}, {50 * ms, []time.Duration{399 * ms}, false}, {50 * ms, nil, false}}},
		{"too late", fewest, []step{{0, []time.Duration{400 * ms}, false}, {49 * ms, nil, false}, {ms, nil, true}}},
		{"the mean counts", fewest, []step{{0, []time.Duration{900 * ms, 0, 299 * ms}, false}, {50 * ms, nil, false}}},
		{"the mean counts when some are quick too", fewest, []step{{0, []time.Duration{900 * ms, 0, 300 * ms}, false}, {50 * ms, nil, true}}},
		{"it ends far below what it begins at", fewest, []step{
			{0, []time.Duration{400 * ms}, false}, {50 * ms, []time.Duration{125 * ms}, true}, {50 * ms, []time.Duration{124 * ms}, true}, {50 * ms, nil, false},
		}},
		{"it ends when nothing comes", fewest, []step{{0, []time.Duration{400 * ms}, false}, {50 * ms, nil, true}, {50 * ms, nil, false}}},
		{"a late one now and then", fewest, []step{{0, []time.Duration{900 * ms}, false}, {100 * ms, []time.Duration{900 * ms}, false}, {time.Hour, nil, false}}},
		{"few are late", fewest - 1, []step{{0, []time.Duration{900 * ms}, false}, {50 * ms, []time.Duration{900 * ms}, false}, {50 * ms, nil, false}}},
		{"a clock that was set", fewest, []step{{0, []time.Duration{-time.Hour, 600 * ms}, false}, {50 * ms, nil, false}}},
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

// TestOverloadLasts follows what is thought of a wait that is not too long yet: it has to get less.
func TestOverloadLasts(t *testing.T) {
	const ms = time.Millisecond
	const never = -1
	for _, c := range []struct {
		name       string
		wait       func(after time.Duration) time.Duration // negative: few messages come
		begin, end time.Duration                           // of the time for which there is too much to do
	}{
		{"too long", func(time.Duration) time.Duration { return 400 * ms }, 50 * ms, never},
		{"not long at all", func(time.Duration) time.Duration { return 249 * ms }, never, never},
		{"it lasts", func(time.Duration) time.Duration { return 250 * ms }, 250 * ms, never},
		{"it ends in time", func(after time.Duration) time.Duration {
			if after < 200*ms {
				return 399 * ms
			}
			return 249 * ms
		}, never, never},
		{"a pause, and a sixth of the time to spare", func(after time.Duration) time.Duration { return 399*ms - after/5 }, never, never},
		{"a pause, and next to no time to spare", func(after time.Duration) time.Duration { return 390*ms - after/50 }, never, never},
		{"a pause, and none", func(time.Duration) time.Duration { return 390 * ms }, 250 * ms, never},
		{"a longer pause", func(after time.Duration) time.Duration { return 420*ms - after/5 }, 50 * ms, 1550 * ms},
		{"after a pause it gets less by and by", func(after time.Duration) time.Duration {
			return 370*ms - after/10 + 10*ms*(after/lookEvery%3)
		}, never, never},
		{"one pause after the other", func(after time.Duration) time.Duration { return 390*ms - after/10 + 40*ms*(after/(500*ms)) }, 700 * ms, never},
		{"it grows", func(after time.Duration) time.Duration { return 200*ms + after/20 }, 1250 * ms, never},
		{"it grows fast", func(after time.Duration) time.Duration { return after / 2 }, 750 * ms, never},
		{"again and again", func(after time.Duration) time.Duration {
			if after%(200*ms) == 0 {
				return 200 * ms
			}
			return 300 * ms
		}, never, never},
		{"few messages for a while", func(after time.Duration) time.Duration {
			if after%(200*ms) == 0 {
				return -1
			}
			return 300 * ms
		}, never, never},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, now := new(overload), time.Now()
			o.eases(now)
			begin, end := time.Duration(never), time.Duration(never)
			for after := time.Duration(0); after < 4*time.Second; after += lookEvery {
				for range fewest {
					if wait := c.wait(after); wait >= 0 {
						o.took(now.Add(-wait), now)
					}
				}
				now = now.Add(lookEvery)
				switch over := !o.eases(now); {
				case over && begin == never:
					begin = after + lookEvery
				case !over && begin != never && end == never:
					end = after + lookEvery
				}
			}
			if begin != c.begin || end != c.end {
				t.Errorf("too much to do from %v to %v, want %v to %v", begin, end, c.begin, c.end)
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
