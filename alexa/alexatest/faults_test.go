package alexatest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// TestMissingAcks lets all Acks of the skill out: the call goes on, and each is noted.
func TestMissingAcks(t *testing.T) {
	story(t, nil, nil, func(t *testing.T, w *world) {
		w.mute("CallRinging", "CallInProgress", "CallAccepted", "CallUpdateResponse")
		w.call(t.Context())
		call, err := w.echo.NextCall(t.Context())
		must(t, err)
		must(t, call.WaitState(t.Context(), alexatest.StateConnected))
		if took := time.Since(w.began); took != 10*time.Second {
			t.Errorf("connected after %v", took)
		}
		update := message("CallUpdate", "s-1", `"renegotiationType":"CALL_UPDATE"`, sdpMember("OFFER", cannedSDP("actpass", "a", "0", "sendrecv")))
		if status, _ := w.post(t.Context(), update); status != http.StatusOK {
			t.Error(status)
		}
		if status, _ := w.post(t.Context(), update); status != http.StatusConflict {
			t.Errorf("a second update before the Ack of the first: %d", status)
		}
		time.Sleep(time.Minute)
		want := []string{
			"no CallRingingAck within 5s", "no CallInProgressAck within 5s", "no CallAcceptedAck within 5s", "no CallUpdateAck within 5s",
		}
		got := w.cloud.Violations()
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("violations %q", got)
		}
	})
}

func TestFaults(t *testing.T) {
	story(t, &alexatest.CloudOptions{Faults: alexatest.Faults{
		Status: http.StatusAccepted, AckNever: true, DuplicateEvents: true, BareAccept: true,
	}}, nil, func(t *testing.T, w *world) {
		call, err := w.echo.Call(t.Context(), "reception")
		must(t, err)
		must(t, call.WaitState(t.Context(), alexatest.StateConnected))
		w.want(">InitiateOutboundCall >InitiateOutboundCall <CallRinging <CallInProgress <CallAccepted")
		if w.seen[0].RequestID != w.seen[1].RequestID {
			t.Error("the second delivery has another requestId")
		}
		if status, _ := w.call(t.Context()); status != http.StatusAccepted {
			t.Errorf("status %d", status)
		}
		inbound, err := w.echo.NextCall(t.Context())
		must(t, err)
		must(t, inbound.WaitState(t.Context(), alexatest.StateConnected))
		synctest.Wait()
		if last := w.seen[len(w.seen)-1]; last.Type != prefix+"CallAccepted" || last.Details.Value != "" {
			t.Errorf("%s with SDP", last.Type)
		}
		w.cloud.SetFaults(alexatest.Faults{Refuse: []int{429, 500}, TokenExpired: true})
		for i, want := range []int{401, 401, 429, 500, 200} {
			if i == 2 {
				w.bearer(true) // the fault revoked the token for good
			}
			if status, _ := w.post(t.Context(), message("CallEnded", call.SessionID(), endedMember)); status != want {
				t.Errorf("status %d instead of %d", status, want)
			}
		}
		noViolations(t, w.cloud)
	})
}

// TestTokenRunsOut has a token end in mid-call.
func TestTokenRunsOut(t *testing.T) {
	story(t, &alexatest.CloudOptions{TokenLifetime: time.Minute}, nil, func(t *testing.T, w *world) {
		call, err := w.echo.Call(t.Context(), "reception")
		must(t, err)
		must(t, call.WaitState(t.Context(), alexatest.StateConnected))
		time.Sleep(time.Minute)
		end := message("CallEnded", call.SessionID(), endedMember)
		if status, _ := w.post(t.Context(), end); status != http.StatusUnauthorized {
			t.Errorf("an expired token: %d", status)
		}
		w.bearer(true)
		if status, _ := w.post(t.Context(), end); status != http.StatusOK {
			t.Errorf("a new token: %d", status)
		}
		if n := w.cloud.TokenRequests("refresh_token"); n != 2 || w.cloud.TokenRequests("") != 2 {
			t.Errorf("%d token requests", n)
		}
		noViolations(t, w.cloud)
	})
}

// TestAckFirst has the Ack come before the answer to the request that it acknowledges.
func TestAckFirst(t *testing.T) {
	for _, first := range []bool{false, true} {
		var order []string
		story(t, &alexatest.CloudOptions{AckFirst: first}, nil, func(t *testing.T, w *world) {
			w.answer = func(rw http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Second)
				receipt(rw)
			}
			w.mute("InitiateOutboundCall")
			call, err := w.echo.Call(t.Context(), "reception")
			must(t, err)
			before := time.Now()
			w.say(t.Context(), "CallRinging", call.SessionID())
			order = append(order, time.Since(before).String())
			must(t, call.Hangup(t.Context()))
			noViolations(t, w.cloud)
		})
		if want := map[bool]string{false: "0s", true: "1s"}[first]; order[0] != want {
			t.Errorf("AckFirst %v: answered after %s", first, order[0])
		}
	}
}

// TestSlowSkill has the skill take longer for an event than Alexa waits.
func TestSlowSkill(t *testing.T) {
	story(t, nil, nil, func(t *testing.T, w *world) {
		w.mute("InitiateOutboundCall")
		w.answer = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		before := time.Now()
		if _, err := w.echo.Call(t.Context(), "reception"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("call: %v", err)
		}
		if took := time.Since(before); took != 8*time.Second {
			t.Errorf("gave up after %v", took)
		}
		synctest.Wait()
		if v := w.cloud.Violations(); len(v) != 1 || !strings.Contains(v[0], "event InitiateOutboundCall") {
			t.Errorf("violations %q", v)
		}
	})
}

func TestSkillAnswers(t *testing.T) {
	const directive = `{"version":"1.0","response":{"directives":[{"type":"Alexa.Comms.CallSignaling.InitiateOutboundCall","providerSessionId":"%s"}]}}`
	for _, tt := range []struct {
		name, kind, body string
		status           int
		good             bool
	}{
		{"empty", "application/json;charset=UTF-8", `{"version":"1.0","response":{},"userAgent":"ask-node/2.14.0"}`, 200, true},
		{"directive", "application/json", directive, 200, true},
		{"another session", "application/json", strings.ReplaceAll(directive, "%s", "x"), 200, false},
		{"500", "application/json", `{"version":"1.0","response":{}}`, 500, false},
		{"no type", "text/plain", `{"version":"1.0","response":{}}`, 200, false},
		{"no JSON", "application/json", `ok`, 200, false},
		{"no response", "application/json", `{"version":"1.0"}`, 200, false},
	} {
		story(t, nil, nil, func(t *testing.T, w *world) {
			w.mute("InitiateOutboundCall")
			w.answer = func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", tt.kind)
				rw.WriteHeader(tt.status)
				w.mu.Lock()
				id := w.seen[len(w.seen)-1].SessionID
				w.mu.Unlock()
				_, _ = io.WriteString(rw, strings.ReplaceAll(tt.body, "%s", id))
			}
			_, err := w.echo.Call(t.Context(), "reception")
			if (err == nil) != tt.good {
				t.Errorf("%s: %v", tt.name, err)
			}
			if n := len(w.cloud.Violations()); (n == 0) != tt.good {
				t.Errorf("%s: %d violations", tt.name, n)
			}
		})
	}
}
