package alexa_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
)

// idleCall is what a call may hold while nothing happens in it, without its media: bytes of live objects and of stacks.
const idleCall = 24 << 10

// footprint returns what the process holds after a collection, which also frees what is too large of the stacks.
func footprint() (bytes, goroutines int64) {
	runtime.GC()
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/sched/goroutines:goroutines"},
	}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() + s[1].Value.Uint64()), int64(s[2].Value.Uint64())
}

// settled returns the footprint once the collector finds nothing more to free.
func settled() (bytes, goroutines int64) {
	bytes, goroutines = footprint()
	for range 5 {
		b, g := footprint()
		bytes, goroutines = min(bytes, b), min(goroutines, g)
	}
	return bytes, goroutines
}

// taken answers every request as Alexa does.
type taken struct{}

func (taken) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

// steady is a source of one token.
type steady struct{}

func (steady) Token(context.Context) (*lwa.Token, error) {
	return &lwa.Token{AccessToken: "token"}, nil
}
func (steady) Invalidate(string) {}

// TestIdleCall holds what an accepted call costs besides its media, the handler that waits for its end included. The engine is one in
// memory, whose terminals negotiate.
func TestIdleCall(t *testing.T) {
	const calls = 500
	up := make(chan struct{}, calls)
	skill := &alexa.Skill{
		ID: skillID, Engine: &calltest.Engine{},
		Client: &alexa.Client{Endpoint: alexa.EndpointEU, Tokens: steady{}, HTTPClient: &http.Client{Transport: taken{}}},
		Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			if err := in.Answer(ctx, nil); err != nil {
				return err
			}
			up <- struct{}{}
			for rev := uint64(0); ; {
				info, err := in.Next(ctx, rev)
				if err != nil {
					return err
				}
				rev = info.Rev
			}
		}),
	}
	event := func(i int, request map[string]any) {
		t.Helper()
		request["requestId"] = fmt.Sprint(request["type"], i)
		if _, err := skill.HandleEvent(t.Context(), eventOf(t, request)); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(from, to int) {
		for i := from; i < to; i++ {
			event(i, invitation(fmt.Sprint("s-", i), dtlsSDP))
		}
		for i := from; i < to; i++ {
			select {
			case <-up:
			case <-time.After(time.Minute):
				t.Fatal("a call is not answered")
			}
		}
		for i := from; i < to; i++ {
			event(i, map[string]any{"type": string(alexa.CallRingingAck), "sessionId": fmt.Sprint("s-", i)})
			event(i, map[string]any{"type": string(alexa.CallAcceptedAck), "sessionId": fmt.Sprint("s-", i)})
		}
	}
	begin(0, 10) // what all calls share
	bytes, goroutines := settled()
	begin(10, 10+calls)
	for deadline := time.Now().Add(20 * time.Second); ; { // what setting up has left is collected bit by bit
		b, g := footprint()
		each, others := (b-bytes)/calls, float64(g-goroutines)/calls
		if others <= 2 && (alexa.RaceEnabled == 1 || each <= idleCall) { // the race detector keeps books of its own
			t.Logf("%d bytes and %.1f goroutines a call", each, others)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes and %.1f goroutines a call; want at most %d, and 2", each, others, idleCall)
		}
		runtime.Gosched()
	}
	if st := skill.Stats(); st.Sessions != calls+10 {
		t.Errorf("stats %+v", st)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := skill.Drain(over); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
