package engine

import (
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

// TestClock gives every time back as it was, but for those before the first, which are the first.
func TestClock(t *testing.T) {
	var c clock
	begin := time.Now()
	if at := c.at(begin); at == 0 || !c.when(at).Equal(begin) {
		t.Errorf("the first moment is %d, %v; want %v", at, c.when(at), begin)
	}
	for _, passed := range []time.Duration{0, 1, 20 * time.Millisecond, 100 * 24 * time.Hour} {
		at := c.at(begin.Add(passed))
		if got := c.when(at).Sub(begin); got != passed {
			t.Errorf("%v after the first comes back as %v", passed, got)
		}
		if got := c.since(at, begin.Add(passed+time.Second)); got != time.Second {
			t.Errorf("a second after %v is %v after it", passed, got)
		}
	}
	if at := c.at(begin.Add(-time.Minute)); at != c.at(begin) {
		t.Errorf("before the first: %d", at)
	}
	if !c.when(0).IsZero() {
		t.Errorf("never is %v", c.when(0))
	}
}

// TestTotals holds what statistics tell against what was counted, each in its place.
func TestTotals(t *testing.T) {
	var c clock
	begin := time.Now()
	first, last := c.at(begin), c.at(begin.Add(time.Second))
	in := inTotals{
		packets: 1, bytes: 2, digits: 3, late: 4, blocked: 5, unknown: 6, bad: 7, replayed: 8, duplicate: 9, repaired: 10, asked: 11, lost: 12,
		first: first, last: last,
	}
	if got, want := in.stats(&c), (media.InStats{
		Packets: 1, Bytes: 2, Digits: 3, Late: 4, Blocked: 5, Unknown: 6, Bad: 7, Replayed: 8, Duplicate: 9, Repaired: 10, Asked: 11, Lost: 12,
		First: begin, Last: begin.Add(time.Second),
	}); got != want {
		t.Errorf("in: got %+v, want %+v", got, want)
	}
	out := outTotals{
		packets: 1, bytes: 2, blocked: 3, mismatched: 4, failed: 5, resent: 6, first: first, last: last, trip: 7, jitter: 8, lost: 9, ceiling: 10,
	}
	if got, want := out.stats(&c), (media.OutStats{
		Packets: 1, Bytes: 2, Blocked: 3, Mismatched: 4, Failed: 5, Resent: 6, First: begin, Last: begin.Add(time.Second),
		RoundTrip: 7, RemoteJitter: 8, RemoteLost: 9, Ceiling: 10,
	}); got != want {
		t.Errorf("out: got %+v, want %+v", got, want)
	}
}
