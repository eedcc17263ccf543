package alexatest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// TestReofferAfterAccept has the device change nothing at once after acceptance, in calls of both directions.
func TestReofferAfterAccept(t *testing.T) {
	faults := alexatest.Faults{ReofferAfterAccept: true, AcceptTwice: true}
	story(t, &alexatest.CloudOptions{Faults: faults}, nil, func(t *testing.T, w *world) {
		_, err := w.echo.Call(t.Context(), "reception")
		must(t, err)
		w.want(outboundStory + " >CallUpdate <CallUpdateResponse >CallUpdateAck")
		noViolations(t, w.cloud)
	})
	story(t, &alexatest.CloudOptions{Faults: faults}, nil, func(t *testing.T, w *world) {
		w.call(t.Context())
		w.want(inboundStory + " >CallAccepted <CallAcceptedAck >CallUpdate <CallUpdateResponse >CallUpdateAck")
		if last := w.seen[3]; last.Type != prefix+"CallAccepted" || last.Details.Value != "" {
			t.Errorf("the second acceptance is %s with SDP", last.Type)
		}
		noViolations(t, w.cloud)
	})
}

// TestImpostors sends forged and stale copies of every event. A skill that refuses them is right; one that takes them is told.
func TestImpostors(t *testing.T) {
	faults := alexatest.Faults{ForgedEvents: true, StaleEvents: true}
	story(t, &alexatest.CloudOptions{Faults: faults}, nil, func(t *testing.T, w *world) {
		w.call(t.Context())
		w.want("<InitiateInboundCall >CallRinging400 >CallRinging400 >CallRinging <CallRingingAck " +
			">CallInProgress400 >CallInProgress400 >CallInProgress <CallInProgressAck >CallAccepted400 >CallAccepted400 >CallAccepted <CallAcceptedAck")
		noViolations(t, w.cloud)
	})
	story(t, &alexatest.CloudOptions{Faults: faults}, nil, func(t *testing.T, w *world) {
		w.cloud.SetSkillHandler(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { receipt(rw) }))
		_, err := w.echo.Call(t.Context(), "reception")
		must(t, err)
		want := []string{
			"event InitiateOutboundCall with a bad signature was answered 200", "event InitiateOutboundCall which is too old was answered 200",
		}
		if got := w.cloud.Violations(); !slices.Equal(got, want) {
			t.Errorf("violations %q", got)
		}
	})
}

func TestRepeatedEvents(t *testing.T) {
	story(t, &alexatest.CloudOptions{Faults: alexatest.Faults{RepeatEvents: true}}, nil, func(t *testing.T, w *world) {
		w.mute("InitiateOutboundCall")
		_, err := w.echo.Call(t.Context(), "reception")
		must(t, err)
		w.want(">InitiateOutboundCall >InitiateOutboundCall")
		if a, b := w.seen[0], w.seen[1]; a.RequestID == b.RequestID || a.SessionID != b.SessionID {
			t.Errorf("requests %s, %s of sessions %s, %s", a.RequestID, b.RequestID, a.SessionID, b.SessionID)
		}
		noViolations(t, w.cloud)
	})
}

// TestEveryEnd has the device end a call with each code, in both spellings where there are two.
func TestEveryEnd(t *testing.T) {
	for _, code := range []string{"SUCCESS", "INTERNAL_ERROR", "DEVICE_BUSY", "SESSION_TIMEOUT", "UNAUTHORIZED", "UNAUTHORISED", "SOMETHING_NEW"} {
		story(t, nil, nil, func(t *testing.T, w *world) {
			call, err := w.echo.Call(t.Context(), "reception")
			must(t, err)
			must(t, call.WaitState(t.Context(), alexatest.StateConnected))
			synctest.Wait() // for the Ack of CallAccepted
			must(t, call.End(t.Context(), code, "because"))
			w.want(outboundStory + " >CallEnded")
			if last := w.seen[len(w.seen)-1]; last.Result.Code != code || last.Result.Message != "because" {
				t.Errorf("ended with %+v, want %s", last.Result, code)
			}
		})
	}
}

// TestFailures meets every failure by itself, in memory and over sockets.
func TestFailures(t *testing.T) {
	for f, want := range map[alexatest.Failure]struct {
		status int    // 0: no whole answer
		text   string // of the answer, or of what went wrong
		known  bool   // the call exists afterwards
	}{
		alexatest.Conflict:     {409, "refused by chance", false},
		alexatest.Throttled:    {429, "refused by chance", false},
		alexatest.ServerError:  {500, "refused by chance", false},
		alexatest.TokenRevoked: {401, "refused by chance", false},
		alexatest.RequestLost:  {0, "connection reset", false},
		alexatest.AnswerLost:   {0, "connection reset", true},
		alexatest.AnswerLate:   {200, "s-1", true},
		alexatest.HalfBody:     {0, "unexpected EOF", true},
	} {
		o := alexatest.CloudOptions{Faults: alexatest.Faults{Random: alexatest.Random{
			Share: 1, Failures: []alexatest.Failure{f}, Delay: 100 * time.Millisecond,
		}}}
		try := func(t *testing.T, w *world) {
			t.Helper()
			w.mute("CallRinging", "CallInProgress", "CallAccepted") // Acks would meet the failure too
			began := time.Now()
			status, text := w.call(t.Context())
			if status != want.status || !strings.Contains(text, want.text) {
				t.Errorf("failure %d: %d %q, want %d %q", f, status, text, want.status, want.text)
			}
			if late := time.Since(began) >= 100*time.Millisecond; f == alexatest.AnswerLate && !late {
				t.Error("the late answer is not late")
			}
			w.cloud.SetFaults(alexatest.Faults{})
			w.bearer(true)
			if status, _ := w.call(t.Context()); (status == http.StatusConflict) != want.known {
				t.Errorf("failure %d: the call again: %d", f, status)
			}
			must(t, w.echo.Calls()[0].Hangup(t.Context()))
		}
		story(t, &o, nil, try)
		cloud := newCloud(t, &o)
		w := &world{t: t, cloud: cloud, echo: newEcho(t, cloud, "7201", &alexatest.EchoOptions{NoMedia: true})}
		w.skill = newSkill(t, cloud, func(event) {})
		try(t, w)
		cloud.Close()
		w.close()
	}
}

// TestRetryAfter has refusals say when to come again.
func TestRetryAfter(t *testing.T) {
	story(t, &alexatest.CloudOptions{Faults: alexatest.Faults{Refuse: []int{429, 503, 409}, RetryAfter: 1500 * time.Millisecond}}, nil,
		func(t *testing.T, w *world) {
			for _, want := range []string{"2", "2", ""} {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.cloud.URL()+"/v1/communications/signaling",
					strings.NewReader(message("CallRinging", "s-1")))
				must(t, err)
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Authorization", "Bearer "+w.bearer(false))
				res, err := w.http.Do(r)
				must(t, err)
				res.Body.Close()
				if got := res.Header.Get("Retry-After"); got != want {
					t.Errorf("status %d with Retry-After %q, want %q", res.StatusCode, got, want)
				}
			}
		})
}

// TestSeed makes the same calls in clouds with the same and with another seed.
func TestSeed(t *testing.T) {
	run := func(seed uint64) (out string) {
		o := alexatest.CloudOptions{Seed: seed, Faults: alexatest.Faults{Random: alexatest.Random{Share: 0.5}}}
		story(t, &o, nil, func(t *testing.T, w *world) {
			w.lenient.Store(true)
			w.mute("InitiateOutboundCall", "CallRingingAck")
			for range 20 {
				call, err := w.echo.Call(t.Context(), "reception")
				must(t, err)
				for range 4 {
					w.bearer(true)
					status, _ := w.post(t.Context(), message("CallRinging", call.SessionID()))
					out += fmt.Sprint(status, " ")
				}
			}
			synctest.Wait()
		})
		return out
	}
	first := run(7)
	if again := run(7); again != first {
		t.Errorf("the same seed:\n%s\n%s", first, again)
	}
	if other := run(8); other == first {
		t.Errorf("seeds 7 and 8 choose the same: %s", first)
	}
	for _, status := range []string{"0 ", "200 ", "401 ", "409 ", "429 ", "500 "} {
		if !strings.Contains(first, status) {
			t.Errorf("no answer %s in %s", status, first)
		}
	}
}
