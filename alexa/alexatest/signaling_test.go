package alexatest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// story runs f in a bubble with a cloud without sockets, an Echo "7201" without media, and a skill that acknowledges everything and
// accepts calls with CallInProgress and CallAccepted.
func story(t *testing.T, co *alexatest.CloudOptions, eo *alexatest.EchoOptions, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if co == nil {
			co = &alexatest.CloudOptions{}
		}
		if eo == nil {
			eo = &alexatest.EchoOptions{}
		}
		c, e := *co, *eo
		c.NoSockets, e.NoMedia = true, true
		w := &world{t: t, cloud: newCloud(t, &c), began: time.Now()}
		w.echo = newEcho(t, w.cloud, "7201", &e)
		w.skill = newSkill(t, w.cloud, w.handle)
		defer func() { w.cloud.Close(); w.close() }()
		f(t, w)
		synctest.Wait()
	})
}

type world struct {
	*skill
	t     *testing.T
	cloud *alexatest.Cloud
	echo  *alexatest.Echo
	began time.Time

	muted atomic.Pointer[[]string]
}

// mute names the events that get no reaction from now on.
func (w *world) mute(names ...string) { w.muted.Store(&names) }

func (w *world) handle(e event) {
	ctx, name := w.t.Context(), strings.TrimPrefix(e.Type, prefix)
	if muted := w.muted.Load(); muted != nil && slices.Contains(*muted, name) {
		return
	}
	switch name {
	case "InitiateOutboundCall":
		w.say(ctx, "CallRinging", e.SessionID)
		w.say(ctx, "CallInProgress", e.SessionID, sdpMember("ANSWER", answerTo(e.Details.Value, "sendrecv")))
		w.say(ctx, "CallAccepted", e.SessionID, `"sdpDetails":{}`)
	case "CallRinging", "CallInProgress", "CallAccepted":
		w.say(ctx, name+"Ack", e.SessionID)
	case "CallUpdate":
		w.say(ctx, "CallUpdateResponse", e.SessionID, fmt.Sprintf(`"renegotiationType":%q`, e.Kind),
			sdpMember("ANSWER", answerTo(e.Details.Value, "sendrecv")))
	case "CallUpdateResponse":
		w.say(ctx, "CallUpdateAck", e.SessionID)
	}
}

func answerTo(offer, dir string) string {
	mid, formats := "0", "111 0 8"
	if strings.Contains(offer, "audio0") {
		mid, formats = "audio0", "96 0 8"
	}
	return strings.ReplaceAll(cannedSDP("active", mid, formats, dir), "rtpmap:96", "rtpmap:"+strings.Fields(formats)[0])
}

// want compares the transcript: > marks messages to the skill, < those from it, and a failure has its status. An event that answers
// a request is not bound to come before the next request, so each direction is compared by itself.
func (w *world) want(transcript string) {
	w.t.Helper()
	synctest.Wait()
	got := map[string][]string{}
	for _, e := range w.cloud.Transcript() {
		mark := map[alexatest.Direction]string{alexatest.ToSkill: ">", alexatest.FromSkill: "<"}[e.Direction]
		s := mark + e.Type
		if e.Status/100 > 2 {
			s += fmt.Sprint(e.Status)
		}
		got[mark] = append(got[mark], s)
	}
	wanted := map[string][]string{}
	for s := range strings.FieldsSeq(transcript) {
		wanted[s[:1]] = append(wanted[s[:1]], s)
	}
	for _, mark := range []string{"<", ">"} {
		if !slices.Equal(got[mark], wanted[mark]) {
			w.t.Errorf("got  %v\nwant %v", got[mark], wanted[mark])
		}
	}
}

const outboundStory = ">InitiateOutboundCall <CallRinging >CallRingingAck <CallInProgress >CallInProgressAck <CallAccepted >CallAcceptedAck"

const inboundStory = "<InitiateInboundCall >CallRinging <CallRingingAck >CallInProgress <CallInProgressAck >CallAccepted <CallAcceptedAck"

// call has the skill call the device as session s-1.
func (w *world) call(ctx context.Context) (int, string) {
	return w.post(ctx, message("InitiateInboundCall", "s-1", parties("7201"), sdpMember("OFFER", cannedSDP("actpass", "a", "0 101 96", "sendrecv"))))
}

func TestOutboundStory(t *testing.T) {
	for _, style := range []alexatest.OfferStyle{alexatest.OfferModern, alexatest.OfferCaptured} {
		story(t, nil, &alexatest.EchoOptions{OfferStyle: style, HangUpAfter: 3 * time.Minute}, func(t *testing.T, w *world) {
			call, err := w.echo.Call(t.Context(), "reception")
			must(t, err)
			must(t, call.WaitState(t.Context(), alexatest.StateConnected))
			w.want(outboundStory)
			must(t, call.WaitState(t.Context(), alexatest.StateEnded))
			w.want(outboundStory + " >CallEnded")
			if took := time.Since(w.began); took != 3*time.Minute {
				t.Errorf("hung up after %v", took)
			}
			first := w.seen[0]
			if len(first.Parties) != 2 || first.Parties[0].ID.Value != w.echo.ProfileID() || !first.Parties[0].IsOriginator ||
				first.Parties[1].ID.Type != "RAW_ADDRESS" || first.Parties[1].ID.Value != "reception" {
				t.Errorf("participants %+v", first.Parties)
			}
			if err := call.WaitHeard(t.Context(), time.Second); !errors.Is(err, alexatest.ErrEnded) {
				t.Errorf("WaitHeard without media: %v", err)
			}
			if calls := w.echo.Calls(); len(calls) != 1 || calls[0] != call {
				t.Errorf("calls %v", calls)
			}
			noViolations(t, w.cloud)
		})
	}
}

func TestInboundStory(t *testing.T) {
	story(t, nil, &alexatest.EchoOptions{AnswerAfter: 7 * time.Second}, func(t *testing.T, w *world) {
		if status, _ := w.call(t.Context()); status != http.StatusOK {
			t.Fatal(status)
		}
		call, err := w.echo.NextCall(t.Context())
		must(t, err)
		must(t, call.WaitState(t.Context(), alexatest.StateConnected))
		if took := time.Since(w.began); took != 7*time.Second {
			t.Errorf("accepted after %v", took)
		}
		w.want(inboundStory)
		// The answer takes the offerer's payload types in its order, and its mid.
		for _, line := range []string{"m=audio 9 UDP/TLS/RTP/SAVPF 0 96\r\n", "a=mid:a\r\n", "a=group:BUNDLE a\r\n", "a=setup:active\r\n", "a=sendrecv\r\n"} {
			if !strings.Contains(call.LocalSDP(), line) {
				t.Errorf("answer has no line %q", line)
			}
		}
		w.say(t.Context(), "CallUpdate", "s-1", `"renegotiationType":"CALL_HOLD"`,
			sdpMember("OFFER", cannedSDP("actpass", "a", "0", "sendonly")))
		w.want(inboundStory + " <CallUpdate >CallUpdateResponse <CallUpdateAck")
		if !strings.Contains(call.LocalSDP(), "a=recvonly") {
			t.Error("the device does not let itself be held")
		}
		w.say(t.Context(), "CallEnded", "s-1", endedMember)
		must(t, call.WaitState(t.Context(), alexatest.StateEnded))
		if code, text := call.Ended(); code != "SUCCESS" || text != "Call ended by user" {
			t.Errorf("ended with %q %q", code, text)
		}
		if status, _ := w.post(t.Context(), message("CallEnded", "s-1", endedMember)); status != http.StatusBadRequest {
			t.Errorf("an ended call is ended again: %d", status)
		}
		noViolations(t, w.cloud)
	})
}

func TestRejections(t *testing.T) {
	for code, want := range map[string]string{
		"DEVICE_BUSY":     "<InitiateInboundCall >CallEnded",
		"UNAUTHORISED":    "<InitiateInboundCall >CallEnded",
		"SESSION_TIMEOUT": "<InitiateInboundCall >CallRinging <CallRingingAck >CallEnded",
		"SUCCESS":         "<InitiateInboundCall >CallRinging <CallRingingAck >CallEnded",
	} {
		story(t, nil, &alexatest.EchoOptions{Reject: code, AnswerAfter: 30 * time.Second}, func(t *testing.T, w *world) {
			w.call(t.Context())
			call, err := w.echo.NextCall(t.Context())
			must(t, err)
			if err := call.WaitState(t.Context(), alexatest.StateConnected); !errors.Is(err, alexatest.ErrEnded) || !strings.Contains(err.Error(), code) {
				t.Errorf("%s: %v", code, err)
			}
			w.want(want)
			if got := w.seen[len(w.seen)-1].Result.Code; got != code {
				t.Errorf("code %q instead of %q", got, code)
			}
			noViolations(t, w.cloud)
		})
	}
}

func TestRingOnlyAndCancel(t *testing.T) {
	story(t, nil, &alexatest.EchoOptions{RingOnly: true}, func(t *testing.T, w *world) {
		w.call(t.Context())
		call, err := w.echo.NextCall(t.Context())
		must(t, err)
		time.Sleep(30 * time.Minute)
		if call.State() != alexatest.StateRinging {
			t.Errorf("state %v", call.State())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := call.WaitState(ctx, alexatest.StateConnected); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("WaitState: %v", err)
		}
		w.say(t.Context(), "CallEnded", "s-1", endedMember)
		w.want("<InitiateInboundCall >CallRinging <CallRingingAck <CallEnded")
		noViolations(t, w.cloud)
	})
}

// TestUpdateOfTheDevice covers the device's re-offer, glare, and a skill that does not answer.
func TestUpdateOfTheDevice(t *testing.T) {
	story(t, &alexatest.CloudOptions{AckTimeout: 2 * time.Second}, nil, func(t *testing.T, w *world) {
		ctx := t.Context()
		call, err := w.echo.Call(ctx, "reception")
		must(t, err)
		must(t, call.WaitState(ctx, alexatest.StateConnected))
		must(t, call.Update(ctx, alexatest.Hold))
		w.want(outboundStory + " >CallUpdate <CallUpdateResponse >CallUpdateAck")
		if last := w.seen[len(w.seen)-2]; last.Kind != "CALL_HOLD" || !strings.Contains(last.Details.Value, "a=inactive") {
			t.Errorf("hold: %s", last.Kind)
		}
		must(t, call.Update(ctx, alexatest.Resume))
		if !strings.Contains(call.LocalSDP(), "a=sendrecv") {
			t.Error("resume without a=sendrecv")
		}

		w.mute("CallUpdate")
		result := make(chan error)
		go func() { result <- call.Update(ctx, alexatest.Mute) }()
		synctest.Wait()
		if err := call.Update(ctx, alexatest.Refresh); !errors.Is(err, alexatest.ErrUpdating) {
			t.Errorf("a second update: %v", err)
		}
		offer := sdpMember("OFFER", cannedSDP("actpass", "0", "0", "sendrecv"))
		if status, _ := w.post(ctx, message("CallUpdate", call.SessionID(), `"renegotiationType":"CALL_UPDATE"`, offer)); status != http.StatusConflict {
			t.Errorf("glare: %d", status)
		}
		before := time.Now()
		if err := <-result; err == nil || time.Since(before) != 2*time.Second {
			t.Errorf("an update that nobody answered: %v after %v", err, time.Since(before))
		}
		synctest.Wait()
		if v := w.cloud.Violations(); len(v) != 1 || !strings.Contains(v[0], "CallUpdateResponse") {
			t.Errorf("violations %q", v)
		}
		w.mute()
		must(t, call.Update(ctx, alexatest.Refresh))
		if !strings.Contains(call.LocalSDP(), "a=sendrecv") {
			t.Error("the update that failed is still in force")
		}
		w.mute("CallUpdate")
		go func() { result <- call.Update(ctx, alexatest.Mute) }()
		synctest.Wait()
		w.say(ctx, "CallEnded", call.SessionID(), endedMember)
		if err := <-result; !errors.Is(err, alexatest.ErrEnded) {
			t.Errorf("the call ended under an update: %v", err)
		}
	})
}

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

func TestCallsToDevices(t *testing.T) {
	story(t, &alexatest.CloudOptions{MaxCalls: 1}, &alexatest.EchoOptions{RingOnly: true}, func(t *testing.T, w *world) {
		ctx := t.Context()
		offer := sdpMember("OFFER", cannedSDP("actpass", "0", "0", "sendrecv"))
		call := func(session, kind, callee string) int {
			p := strings.Replace(parties(callee), `"type":"RAW_ADDRESS","value":"`+callee, `"type":"`+kind+`","value":"`+callee, 1)
			status, _ := w.post(ctx, message("InitiateInboundCall", session, p, offer))
			return status
		}
		for _, tt := range []struct {
			session, kind, callee string
			want                  int
		}{
			{"a", "RAW_ADDRESS", "nobody", 404},
			{"a", "PHONE_NUMBER", "7201", 404},
			{"a", "RAW_ADDRESS", "7201", 200},
			{"a", "RAW_ADDRESS", "7201", 409},
			{"b", "RAW_ADDRESS", "7201", 429},
		} {
			if got := call(tt.session, tt.kind, tt.callee); got != tt.want {
				t.Errorf("%+v: %d", tt, got)
			}
		}
		synctest.Wait()
		w.say(ctx, "CallEnded", "a", endedMember)
		if got := call("a", "RAW_ADDRESS", "7201"); got != 400 {
			t.Errorf("the id of an ended session: %d", got)
		}
		if got := call("c", "COMMUNICATION_PROFILE_ID", w.echo.ProfileID()); got != 200 {
			t.Errorf("by profile: %d", got)
		}
		synctest.Wait()
		if status, text := w.post(ctx, message("CallRinging", "x")); status != 404 || !strings.Contains(text, `"message"`) {
			t.Errorf("unknown session: %d %s", status, text)
		}
		noViolations(t, w.cloud)
	})
}

// TestWrongState posts what does not fit the state of a call.
func TestWrongState(t *testing.T) {
	story(t, nil, &alexatest.EchoOptions{RingOnly: true}, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.mute("InitiateOutboundCall")
		out, err := w.echo.Call(ctx, "reception")
		must(t, err)
		w.call(ctx)
		synctest.Wait()
		if err := out.Update(ctx, alexatest.Hold); err == nil || errors.Is(err, alexatest.ErrEnded) {
			t.Errorf("an update before the call is connected: %v", err)
		}
		answer := sdpMember("ANSWER", answerTo(out.LocalSDP(), "sendrecv"))
		other := sdpMember("ANSWER", answerTo(out.LocalSDP(), "recvonly"))
		update := `"renegotiationType":"CALL_UPDATE"`
		offer := sdpMember("OFFER", cannedSDP("actpass", "0", "0", "sendrecv"))
		id := out.SessionID()
		for i, tt := range []struct {
			name, session string
			more          []string
			want          int
		}{
			{"CallRinging", "s-1", nil, 400}, // the skill called itself
			{"CallAccepted", "s-1", []string{answer}, 400},
			{"CallInProgressAck", "s-1", nil, 400}, // not sent yet
			{"CallRingingAck", "s-1", nil, 200},    // one too many
			{"CallUpdate", id, []string{update, offer}, 400},
			{"CallUpdateResponse", id, []string{update, answer}, 400},
			{"CallUpdateAck", id, nil, 400},
			{"CallAccepted", id, []string{`"sdpDetails":{}`}, 400}, // a violation: no answer yet
			{"CallRinging", id, nil, 200},
			{"CallRinging", id, nil, 200},
			{"CallInProgress", id, []string{answer}, 200},
			{"CallInProgress", id, []string{answer}, 400},
			{"CallRinging", id, nil, 400},
			{"CallAccepted", id, []string{other}, 400}, // a violation: another answer
			{"CallAccepted", id, []string{answer}, 200},
			{"CallAccepted", id, []string{answer}, 400},
			{"CallUpdateResponse", id, []string{update, answer}, 400},
		} {
			if status, text := w.post(ctx, message(tt.name, tt.session, tt.more...)); status != tt.want {
				t.Errorf("%d %s: %d %s", i, tt.name, status, text)
			}
		}
		if v := w.cloud.Violations(); len(v) != 2 {
			t.Errorf("violations %q", v)
		}
	})
}

// TestAnswersThatCannotWork has the cloud refuse SDP that a device could do nothing with.
func TestAnswersThatCannotWork(t *testing.T) {
	story(t, nil, nil, func(t *testing.T, w *world) {
		w.mute("InitiateOutboundCall")
		call, err := w.echo.Call(t.Context(), "reception")
		must(t, err)
		good := answerTo(call.LocalSDP(), "sendrecv")
		for name, bad := range map[string]string{
			"no SDP":          "hello",
			"no ICE":          strings.Replace(good, "a=ice-ufrag:gate\r\n", "", 1),
			"no DTLS":         strings.Replace(good, "a=fingerprint", "a=finger", 1),
			"no role":         strings.Replace(good, "a=setup:active", "a=setup:actpass", 1),
			"no candidate":    strings.Replace(good, "a=candidate", "a=cand", 1),
			"no rtcp-mux":     strings.Replace(good, "a=rtcp-mux\r\n", "", 1),
			"plain RTP":       strings.Replace(good, "UDP/TLS/RTP/SAVPF", "RTP/AVP", 1),
			"rejected":        strings.Replace(good, "m=audio 9", "m=audio 0", 1),
			"another mid":     strings.Replace(good, "a=mid:0", "a=mid:1", 1),
			"another section": good + "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n",
			"another codec":   strings.Replace(good, "SAVPF 111 0 8", "SAVPF 9", 1),
			"another type":    strings.Replace(good, "111 0 8\r\n", "112 0 8\r\na=rtpmap:112 opus/48000/2\r\n", 1),
		} {
			if bad == good {
				t.Fatalf("%s: nothing changed", name)
			}
			before := len(w.cloud.Violations())
			status, text := w.post(t.Context(), message("CallAccepted", call.SessionID(), sdpMember("ANSWER", bad)))
			if status != http.StatusBadRequest || len(w.cloud.Violations()) != before+1 {
				t.Errorf("%s: %d %s", name, status, text)
			}
		}
		w.say(t.Context(), "CallAccepted", call.SessionID(), sdpMember("ANSWER", good))
	})
}

// TestNoCommonCodec ends a call to a device that cannot answer the offer.
func TestNoCommonCodec(t *testing.T) {
	story(t, nil, &alexatest.EchoOptions{Codecs: []string{"opus"}}, func(t *testing.T, w *world) {
		status, _ := w.post(t.Context(), message("InitiateInboundCall", "s-1", parties("7201"),
			sdpMember("OFFER", cannedSDP("actpass", "0", "8", "sendrecv"))))
		if status != http.StatusOK {
			t.Fatal(status)
		}
		w.want("<InitiateInboundCall >CallRinging <CallRingingAck >CallEnded")
		if v := w.cloud.Violations(); len(v) != 1 || !strings.Contains(v[0], "no codec in common") {
			t.Errorf("violations %q", v)
		}
	})
}

// TestCloseWhileCallsStand closes the cloud under calls in several states; the bubble judges that nothing is left.
func TestCloseWhileCallsStand(t *testing.T) {
	story(t, nil, &alexatest.EchoOptions{AnswerAfter: time.Hour}, func(t *testing.T, w *world) {
		w.call(t.Context())
		call, err := w.echo.Call(t.Context(), "reception")
		must(t, err)
		must(t, call.WaitState(t.Context(), alexatest.StateConnected))
		next := make(chan error)
		go func() {
			_, _ = w.echo.NextCall(t.Context())
			_, err := w.echo.NextCall(t.Context())
			next <- err
		}()
		synctest.Wait()
		w.cloud.Close()
		if err := <-next; !errors.Is(err, alexatest.ErrClosed) {
			t.Errorf("NextCall: %v", err)
		}
		if _, err := w.echo.Call(t.Context(), "reception"); !errors.Is(err, alexatest.ErrClosed) {
			t.Errorf("Call: %v", err)
		}
		if _, err := w.cloud.NewEcho("7202", nil); !errors.Is(err, alexatest.ErrClosed) {
			t.Errorf("NewEcho: %v", err)
		}
		if status, text := w.post(t.Context(), message("CallEnded", "s-1", endedMember)); status != 0 || !strings.Contains(text, "closed") {
			t.Errorf("post: %d %s", status, text)
		}
		if _, _, err := w.cloud.SendEvent(t.Context(), map[string]any{}, nil); !errors.Is(err, alexatest.ErrClosed) {
			t.Errorf("SendEvent: %v", err)
		}
	})
}
