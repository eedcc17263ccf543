package sip

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFIFO compares a queue with a plain slice. It needs no more room than twice what was in it at a time.
func TestFIFO(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		var q fifo[int]
		var want, got []int
		most := 0
		for n := range 2000 {
			if r.IntN(100) < int(seed) {
				q.push(n)
				want = append(want, n)
			} else if q.len() > 0 {
				got = append(got, q.pop())
			}
			most = max(most, q.len())
		}
		room := cap(q.all)
		for q.len() > 0 {
			got = append(got, q.pop())
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: %v, want %v", seed, got, want)
		}
		if room > 4*most+8 {
			t.Errorf("seed %d: room for %d, and there were %d", seed, room, most)
		}
	}
}
