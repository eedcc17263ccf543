package callback_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/mediaserver/callback"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

const floodOf = 1000 // calls

// flood has 1,000 calls come at once, and returns how many were decided and how many were not, by why.
func flood(t *testing.T, a *callback.Application) (decided, full, down, other int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for range floodOf {
		all.Go(func() {
			_, err := a.NewCall(t.Context(), newCall)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				decided++
			case errors.Is(err, callback.ErrFull):
				full++
			case errors.Is(err, callback.ErrDown):
				down++
			default:
				other++
			}
		})
	}
	all.Wait()
	return decided, full, down, other
}

// busy is an application that counts how many ask it at a time.
type busy struct {
	takes     time.Duration
	now, most atomic.Int64
}

func (b *busy) answer(w http.ResponseWriter, r *http.Request) error {
	if n := b.now.Add(1); n > b.most.Load() {
		b.most.Store(n) // not exactly, under the race detector: too low, at worst
	}
	defer b.now.Add(-1)
	return after(b.takes, goesOn)(w, r)
}

// TestFlood: an application has so many callbacks at a time, and all of them are answered.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &busy{takes: 50 * time.Millisecond}
		a := application(t, at(b.answer, nil), callback.Options{})
		began := time.Now()
		decided, _, _, _ := flood(t, a)
		if decided != floodOf || b.most.Load() > 64 || b.most.Load() < 60 || time.Since(began) > time.Second {
			t.Errorf("%d decided, %d at a time, in %v", decided, b.most.Load(), time.Since(began))
		}
	})
}

// TestFloodBeyondTheQueue: whoever finds it full is refused at once, or has what is stored.
func TestFloodBeyondTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &busy{takes: 100 * time.Millisecond}
		o := callback.Options{Concurrency: 10, Queue: 90}
		a := application(t, at(b.answer, nil), o)
		decided, full, down, other := flood(t, a)
		if decided != 100 || full != 900 || down+other != 0 || b.most.Load() > 10 || a.Stats().Full != 900 {
			t.Errorf("%d decided, %d refused, %d others, %d at a time, %+v", decided, full, down+other, b.most.Load(), a.Stats())
		}
		store := &callback.Memory{}
		if err := store.Put(t.Context(), domain, "100", hangsUp(wire.OnError, "sorry")); err != nil {
			t.Fatal(err)
		}
		o.Fallbacks = store
		if decided, _, _, _ := flood(t, application(t, at(b.answer, nil), o)); decided != floodOf {
			t.Errorf("%d decided, want all", decided)
		}
	})
}

// TestFloodOfAHostThatIsDown: few callbacks reach it, and those who wait do not wait for it. It is tried again by one at a time, and has all
// when it is back.
func TestFloodOfAHostThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := after(time.Second, breaks(errRefused))
		n := at(func(w http.ResponseWriter, r *http.Request) error { return up(w, r) }, nil)
		a := application(t, n, callback.Options{})
		began := time.Now()
		decided, full, down, _ := flood(t, a)
		// 64 are there when the first one fails; the first four of them make room.
		if sent := len(n.requests()); decided+full != 0 || down != floodOf || sent > 64+4 || time.Since(began) > 3*time.Second {
			t.Errorf("%d decided, %d refused, %d found it down, %d requests, in %v", decided, full, down, sent, time.Since(began))
		}
		sent := len(n.requests())
		time.Sleep(6 * time.Second)
		if _, _, down, other := flood(t, a); len(n.requests()) != sent+1 || down != floodOf {
			t.Errorf("%d requests, want one; %d found it down, %d others", len(n.requests())-sent, down, other)
		}
		time.Sleep(6 * time.Second)
		up = goesOn
		if _, err := a.NewCall(t.Context(), newCall); err != nil {
			t.Error("it is back:", err)
		}
		if decided, _, _, _ := flood(t, a); decided != floodOf {
			t.Errorf("%d decided, want all", decided)
		}
	})
}

// TestWhoAsksGoesFirst: notices wait behind callbacks that somebody waits for.
func TestWhoAsksGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := at(after(time.Second, goesOn), nil)
		a := application(t, n, callback.Options{Concurrency: 1})
		var all sync.WaitGroup
		begin := func(f func()) {
			all.Go(f)
			synctest.Wait()
		}
		begin(func() { a.Notify(t.Context(), ringing) })
		begin(func() { a.Notify(t.Context(), ringing) })
		begin(func() { _, _ = a.NewCall(t.Context(), newCall) })
		all.Wait()
		var got []string
		for _, r := range n.requests() {
			got = append(got, r.path)
		}
		if len(got) != 3 || got[1] != "/ivr/s3cret/newCall" {
			t.Errorf("sent in the order %q", got)
		}
	})
}

// TestWhoGivesUpMakesRoom: a callback that is given up is no failure of its host, and neither is one that waits.
func TestWhoGivesUpMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := after(time.Hour, goesOn)
		n := at(func(w http.ResponseWriter, r *http.Request) error { return up(w, r) }, nil)
		a := application(t, n, callback.Options{Concurrency: 1, Queue: 5, Failures: 1})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				if _, err := a.NewCall(ctx, newCall); !errors.Is(err, context.Canceled) {
					t.Error("given up:", err)
				}
			})
		}
		time.Sleep(time.Second)
		if _, err := a.NewCall(t.Context(), newCall); !errors.Is(err, callback.ErrFull) {
			t.Error("a seventh:", err)
		}
		cancel()
		all.Wait()
		up = goesOn
		if _, err := a.NewCall(t.Context(), newCall); err != nil {
			t.Error("afterwards:", err)
		}
	})
}

// TestGivenUpAsItIsLetIn: who gives up in the instant in which there is room leaves the room to others.
func TestGivenUpAsItIsLetIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := application(t, at(after(time.Second, goesOn), nil), callback.Options{Concurrency: 1})
		for i := range 50 {
			var both sync.WaitGroup
			both.Go(func() { _, _ = a.NewCall(t.Context(), newCall) })
			both.Go(func() { _, _ = a.NewCall(decideFor(t, 1200*time.Millisecond), newCall) })
			both.Wait()
			if _, err := a.NewCall(t.Context(), newCall); err != nil {
				t.Fatalf("%d: %v", i, err)
			}
		}
	})
}

// TestFailuresAreInARow: a host that fails now and then is not left alone.
func TestFailuresAreInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := goesOn
		a := application(t, at(func(w http.ResponseWriter, r *http.Request) error { return up(w, r) }, nil), callback.Options{Failures: 3})
		for range 5 {
			up = breaks(errRefused)
			if _, err := a.NewCall(t.Context(), newCall); err == nil || errors.Is(err, callback.ErrDown) {
				t.Error("it fails:", err)
			}
			up = goesOn
			if _, err := a.NewCall(t.Context(), newCall); err != nil {
				t.Error("it is back:", err)
			}
		}
	})
}

// endless is an answer without an end.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	e.read += len(b)
	return copy(b, bytes.Repeat([]byte(" "), len(b))), nil
}

func (e *endless) Close() error { return nil }

// RoundTrip implements http.RoundTripper.
func (e *endless) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: e}, nil
}

// TestEndlessAnswer: no more is read of an answer than may be in it.
func TestEndlessAnswer(t *testing.T) {
	e := new(endless)
	a, err := callback.New(baseURL, &callback.Options{HTTPClient: &http.Client{Transport: e}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.NewCall(t.Context(), newCall); err == nil || e.read > 2*wire.MaxBody {
		t.Errorf("%d bytes were read, %v", e.read, err)
	}
}
