package replay_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/replay"
)

func TestSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s replay.Set
		if !s.First("a") || s.First("a") || !s.First("b") || !s.First("") || !s.First("") {
			t.Error("ids are not told apart")
		}
		time.Sleep(5 * time.Minute)
		if s.First("a") {
			t.Error("forgotten after five minutes")
		}
		time.Sleep(time.Second)
		if !s.First("c") || s.First("a") {
			t.Error("forgotten with the first turn")
		}
		time.Sleep(6 * time.Minute)
		s.First("d")
		if !s.First("a") || s.First("c") {
			t.Error("remembered for longer than two turns")
		}
	})
}

// TestSetIsBounded remembers the last 250,000 ids at least, and forgets older ones.
func TestSetIsBounded(t *testing.T) {
	var s replay.Set
	const n = 500_000
	for i := range n + 1 {
		if !s.First(strconv.Itoa(i)) {
			t.Fatalf("%d is not new", i)
		}
	}
	for i := n/2 + 1; i <= n; i++ {
		if s.First(strconv.Itoa(i)) {
			t.Fatalf("%d was forgotten", i)
		}
	}
	if !s.First("0") {
		t.Error("the first was not forgotten")
	}
}

func wants[T comparable](t *testing.T, x *replay.Answer[T], want T) {
	t.Helper()
	if got, ok := x.Wait(nil, time.After(time.Minute)); !ok || got != want {
		t.Errorf("got %v, %v; want %v", got, ok, want)
	}
}

func TestAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a replay.Answers[string]
		x, first := a.Begin("x", time.Minute)
		y, again := a.Begin("x", time.Minute)
		if !first || again || x != y {
			t.Fatal("one request is two")
		}
		if _, ok := y.Wait(nil, time.After(time.Second)); ok {
			t.Error("an answer before there is one")
		}
		a.Finish(x, "one", 3, true)
		wants(t, y, "one")
		if z, first := a.Begin("x", time.Minute); first || z != x {
			t.Error("the answer was not kept")
		}
		time.Sleep(time.Minute)
		x, first = a.Begin("x", time.Minute)
		if !first {
			t.Error("the answer was kept for longer than asked")
		}
		a.Finish(x, "failed", 6, false)
		wants(t, x, "failed")
		if _, first = a.Begin("x", time.Minute); !first {
			t.Error("an answer was kept that was not to be")
		}
		for range 2 {
			if _, first := a.Begin("", time.Minute); !first {
				t.Error("a request without an id is another's")
			}
		}
	})
}

// TestAnswersAreBounded by number and by bytes, also when ids are used again after their time, or never answered.
func TestAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a replay.Answers[int]
		kept := func(n int) (count int) {
			for i := range n {
				if x, first := a.Begin(strconv.Itoa(i), time.Nanosecond); !first {
					count++
				} else {
					a.Finish(x, 0, 0, false)
				}
			}
			return count
		}
		fill := func(n, bytes int) {
			for i := range n {
				x, _ := a.Begin(strconv.Itoa(i), time.Minute)
				a.Finish(x, i, bytes, true)
			}
		}
		for range 3 { // the same ids anew: the bytes of the expired ones no longer count
			fill(40, 100_000)
			time.Sleep(2 * time.Minute)
		}
		fill(40, 100_000)
		if n := kept(40); n != 40 {
			t.Errorf("%d of 40 are kept", n)
		}
		time.Sleep(2 * time.Minute)
		fill(50, 100_000)
		for i := range 50 {
			_, first := a.Begin(strconv.Itoa(49-i), time.Minute) // the newest first
			if want := i >= 41; first != want {
				t.Errorf("the %dth newest: first %v, want %v", i, first, want)
			}
		}
		time.Sleep(2 * time.Minute)
		fill(4097, 1)
		if _, first := a.Begin("4096", time.Minute); first {
			t.Error("the newest was forgotten")
		}
		if _, first := a.Begin("1", time.Minute); first {
			t.Error("the oldest that may stay was forgotten")
		}
		if _, first := a.Begin("0", time.Minute); !first {
			t.Error("the oldest was kept")
		}
	})
}
