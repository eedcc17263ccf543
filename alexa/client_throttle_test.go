package alexa_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

// of returns a message of a type for a call of its own.
func of(t alexa.MessageType, session string) *alexa.Message {
	m := *requests()[t]
	m.SessionID = session
	return &m
}

// sends sends messages at once, and returns their errors when all are done.
func sends(t *testing.T, c *alexa.Client, limit time.Duration, ms ...*alexa.Message) []error {
	errs := make([]error, len(ms))
	var wg sync.WaitGroup
	for i, m := range ms {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			errs[i] = c.SendTo(ctx, alexa.Origin{}, m)
		})
		synctest.Wait() // so that they come in this order
	}
	wg.Wait()
	return errs
}

// sessionOf returns the session id of a try.
func sessionOf(t *testing.T, y try) string {
	t.Helper()
	m, err := alexa.ParseMessage([]byte(y.body))
	must(t, err)
	return m.SessionID
}

// TestOneRefusalSlowsAll has Alexa refuse one call's message with 429. All others wait as she asks; CallEnded does not, and new calls
// come last.
func TestOneRefusalSlowsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := newClient(t, status(429, "Retry-After", "2"), status(200))
		var wg sync.WaitGroup
		wg.Go(func() { must(t, c.Send(t.Context(), of(alexa.CallRinging, "refused"))) })
		synctest.Wait()
		time.Sleep(500 * time.Millisecond)
		for _, err := range sends(t, c, 6*time.Second,
			of(alexa.InitiateInboundCall, "new"), of(alexa.CallAccepted, "first"), of(alexa.CallRingingAck, "second"), of(alexa.CallEnded, "ends")) {
			if err != nil {
				t.Error(err)
			}
		}
		wg.Wait()
		var order []string
		for _, y := range s.tries {
			order = append(order, sessionOf(t, y))
		}
		if want := []string{"refused", "ends", "first", "second", "refused", "new"}; !slices.Equal(order, want) {
			t.Errorf("got %v, want %v", order, want)
		}
		if at := s.tries[1].at; at != 500*time.Millisecond {
			t.Errorf("CallEnded went after %v", at)
		}
		for i, y := range s.tries[2:] {
			if y.at < 2*time.Second || y.at > 2100*time.Millisecond || i > 0 && y.at <= s.tries[i+1].at {
				t.Errorf("message %d went after %v, want one by one from 2 s on", i+2, y.at)
			}
		}
	})
}

// TestPauseThatDoesNotFit fails messages at once that a pause of the whole client leaves no time for.
func TestPauseThatDoesNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := newClient(t, status(429, "Retry-After", "300"), status(200))
		if err := c.Send(t.Context(), of(alexa.CallRinging, "a")); !errors.Is(err, &alexa.Error{Status: 429}) {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		defer cancel()
		err := c.Send(ctx, of(alexa.CallAccepted, "b"))
		e, ok := errors.AsType[*alexa.Error](err)
		if !ok || e.Fault() != alexa.FaultThrottled || !e.Retryable() || e.Uncertain || len(s.tries) != 1 || time.Since(s.begin) != 0 {
			t.Errorf("got %v after %d tries", err, len(s.tries))
		}
		// However long Alexa asks for, the others wait for ten seconds.
		must(t, c.Send(t.Context(), of(alexa.CallAccepted, "c")))
		if d := time.Since(s.begin); d != 10*time.Second {
			t.Errorf("waited %v", d)
		}
	})
}

// TestWaitingIsGivenUp cancels a message that waits, at the head of the queue and behind it.
func TestWaitingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := newClient(t, status(429, "Retry-After", "5"), status(200))
		var wg sync.WaitGroup
		wg.Go(func() { must(t, c.Send(t.Context(), of(alexa.CallRinging, "refused"))) })
		synctest.Wait()
		gone := errors.New("the caller hung up")
		var cancels []context.CancelCauseFunc
		for _, name := range []string{"head", "behind", "stays"} {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			cancels = append(cancels, cancel)
			wg.Go(func() {
				if err := c.Send(ctx, of(alexa.CallAccepted, name)); errors.Is(err, gone) == (name == "stays") {
					t.Errorf("%s: %v", name, err)
				}
			})
			synctest.Wait()
		}
		time.Sleep(time.Second)
		cancels[1](gone)
		synctest.Wait()
		cancels[0](gone)
		wg.Wait()
		if d := time.Since(s.begin); len(s.tries) != 3 || d > 5100*time.Millisecond {
			t.Errorf("%d tries in %v", len(s.tries), d)
		}
	})
}

// TestManyCallsPastALimit has a thousand messages meet a limit of 200 a second: the client comes down to it, all are taken, and in the
// end nothing waits any more.
func TestManyCallsPastALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		second, count, refused := time.Time{}, 0, 0
		c := &alexa.Client{Tokens: new(tokens), HTTPClient: &http.Client{Transport: answer(func(r *http.Request) (reply, error) {
			mu.Lock()
			if now := time.Now().Truncate(time.Second); now != second {
				second, count = now, 0
			}
			count++
			over := count > 200
			if over {
				refused++
			}
			mu.Unlock()
			time.Sleep(20 * time.Millisecond)
			if over {
				return status(429, "Retry-After", "1")(r)
			}
			return status(200)(r)
		})}}
		begin := time.Now()
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				time.Sleep(time.Duration(i) * 2 * time.Millisecond)
				if err := c.Send(ctx, of(alexa.CallRinging, "call")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		t.Logf("%d refusals in %v", refused, time.Since(begin))
		if d := time.Since(begin); d < 4*time.Second || d > 12*time.Second || refused > 200 {
			t.Errorf("%d refusals in %v", refused, d)
		}
		time.Sleep(2 * time.Second)
		for _, err := range sends(t, c, 10*time.Millisecond+20*time.Millisecond, of(alexa.CallRinging, "a"), of(alexa.CallRinging, "b")) {
			if err != nil {
				t.Errorf("long after: %v", err)
			}
		}
	})
}

// TestCallEndedGoesOn gets a CallEnded through for a minute, whatever becomes of its tries, and gives up when its caller does.
func TestCallEndedGoesOn(t *testing.T) {
	reset := failing(errors.New("connection reset"))
	for _, tt := range []struct {
		name    string
		bad     answer
		until   time.Duration // when Alexa is well again; 0: never
		limit   time.Duration // of the caller; 0: none
		ok      bool
		atLeast int           // tries
		atMost  time.Duration // it takes
	}{
		{"an outage of 50 s", status(503), 50 * time.Second, 0, true, 8, 59 * time.Second},
		{"no network for 50 s", reset, 50 * time.Second, 0, true, 8, 59 * time.Second},
		{"silence for 40 s", silent, 40 * time.Second, 0, true, 6, 52 * time.Second},
		{"conflicts for 20 s", status(409), 20 * time.Second, 0, true, 6, 29 * time.Second},
		{"429 for 30 s", status(429), 30 * time.Second, 0, true, 6, 39 * time.Second},
		{"429 with a pause", status(429, "Retry-After", "7"), 30 * time.Second, 0, true, 5, 36 * time.Second},
		{"for ever", status(500), 0, 0, false, 8, time.Minute},
		{"conflicts for ever", status(409), 0, 0, false, 8, time.Minute},
		{"its caller has less time", status(500), 0, 10 * time.Second, false, 4, 10 * time.Second},
		{"its caller has more time", status(500), 0, time.Hour, false, 8, time.Minute},
		{"what Alexa refuses", status(404), 0, 0, false, 1, 0},
		{"the token always refused", status(401), 0, 0, false, 2, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				c, s, _ := newClient(t, func(r *http.Request) (reply, error) {
					if tt.until > 0 && time.Since(begin) >= tt.until {
						return status(200)(r)
					}
					return tt.bad(r)
				})
				ctx := t.Context()
				if tt.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.limit)
					defer cancel()
				}
				err := c.Send(ctx, requests()[alexa.CallEnded])
				if (err == nil) != tt.ok || len(s.tries) < tt.atLeast || time.Since(begin) > tt.atMost {
					t.Errorf("%d tries in %v: %v", len(s.tries), time.Since(begin), err)
				}
				if e, ok := errors.AsType[*alexa.Error](err); err != nil && (!ok || e.Status == 0) {
					t.Errorf("got %#v", err)
				}
				for i := range s.tries[1:] {
					if pause := s.tries[i+1].at - s.tries[i].at; pause > 11*time.Second {
						t.Errorf("nothing for %v", pause)
					}
				}
			})
		})
	}
}

// TestCallEndedIsCut lets a program that has to go give up at once.
func TestCallEndedIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := newClient(t, status(503))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		err := c.Send(ctx, requests()[alexa.CallEnded])
		if !errors.Is(err, context.Canceled) || time.Since(s.begin) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(s.begin), err)
		}
		if !strings.Contains(err.Error(), "503") {
			t.Errorf("%q does not say what went wrong", err)
		}
	})
}

// TestRefusalsThatAreNoLimit has every thirteenth message answered with 429, however few there are: a rate of 80 a second is kept up,
// and each message comes through in the time that one has in mid-call.
func TestRefusalsThatAreNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n, failed atomic.Int64
		c := &alexa.Client{Tokens: new(tokens), HTTPClient: &http.Client{Transport: answer(func(r *http.Request) (reply, error) {
			time.Sleep(50 * time.Millisecond)
			if n.Add(1)%13 == 0 {
				return status(429)(r)
			}
			return status(200)(r)
		})}}
		var wg sync.WaitGroup
		for i := range 2000 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 12 * time.Millisecond)
				ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
				defer cancel()
				if c.Send(ctx, of(alexa.CallRinging, "call")) != nil {
					failed.Add(1)
				}
			})
		}
		wg.Wait()
		if failed.Load() > 20 {
			t.Errorf("%d of 2000 messages failed", failed.Load())
		}
	})
}
