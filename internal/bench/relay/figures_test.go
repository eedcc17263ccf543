//go:build linux && (amd64 || arm64)

package main

import (
	"math"
	"slices"
	"testing"
	"time"
)

// TestHistogram compares quantiles with those of the sorted delays.
func TestHistogram(t *testing.T) {
	var h histogram
	if got := h.quantile(0.5); got != 0 {
		t.Errorf("of nothing: got %v, want 0", got)
	}
	var all []time.Duration
	for i := range 5000 {
		d := time.Duration(i*i) * time.Microsecond // up to 25 s
		all = append(all, d)
		h.add(d)
	}
	for _, share := range []float64{0, 0.01, 0.5, 0.99, 1} {
		got, want := h.quantile(share), all[int(share*float64(len(all)-1))]
		if math.Abs(float64(got-want)) > float64(want)/64 {
			t.Errorf("%v: got %v, want %v within 1/64", share, got, want)
		}
	}
	var both histogram
	both.add(-time.Second) // clocks differ: no delay
	both.merge(&h)
	both.add(100 * time.Hour) // beyond its end
	if both.n != 5002 || both.quantile(0) != 0 || both.quantile(1) < time.Hour/2 {
		t.Errorf("got %d from %v to %v", both.n, both.quantile(0), both.quantile(1))
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{nil, spread{}},
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{3, 1}, spread{2, 1, 3}},
		{[]float64{5, 1, 2}, spread{2, 1, 5}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("%v: got %v, want %v", c.values, got, c.want)
		}
	}
	if got, want := (spread{2, 1, 5}).String(), "2.00 (1.00-5.00)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestVerdict(t *testing.T) {
	plain := spreadOf(ratios([]float64{5, 4, 6}, []float64{10, 10, 10}))
	got := verdict(plain, spread{mid: 0.624}, spread{mid: 0.576}, 1800, 900)
	if want := "ratio plain=0.50 cm80=0.62 gcm=0.58 calls=2.0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got = soundVerdict(spread{mid: 0.52}, spread{mid: 0.39}, spread{mid: 0.6}, (&row{total: figures{sent: 400, lost: 8}}).changed())
	if want := "ratio opus_same=0.52 opus_default=0.39 g722=0.60 common=0.02"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (*row)(nil).changed(); !math.IsNaN(got) {
		t.Errorf("of nothing %v were changed, want no number", got)
	}
	if got := ratios([]float64{1, 2, 3}, []float64{0, 4}); !slices.Equal(got, []float64{0.5}) {
		t.Errorf("rounds that only one has: got %v, want that which both have", got)
	}
}

func TestCarried(t *testing.T) {
	run := func(sent, lost int, delay time.Duration) *figures {
		f := &figures{sent: sent, lost: lost}
		for range sent {
			f.delay.add(delay)
		}
		return f
	}
	for _, c := range []struct {
		name string
		f    *figures
		want bool
	}{
		{"nothing", run(0, 0, 0), false},
		{"all well", run(10_000, 9, time.Millisecond), true},
		{"loss", run(10_000, 10, time.Millisecond), false},
		{"delay", run(10_000, 0, 21*time.Millisecond), false},
	} {
		if got := c.f.carried(); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// TestSearch looks for known limits, from guesses on either side.
func TestSearch(t *testing.T) {
	for _, limit := range []int{1, 90, 900, 1700} {
		for _, guess := range []int{100, 900, 2000} {
			tries := 0
			got, err := search(guess, func(calls int) (bool, error) {
				tries++
				return calls <= limit, nil
			})
			if err != nil || got > limit || tries < 12 && got < limit-max(limit/24, 1) {
				t.Errorf("limit %d from %d: got %d after %d tries, %v", limit, guess, got, tries, err)
			}
		}
	}
}
