package alexatest_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

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
		for name, want := range map[string]int{"CallRingingAck": 200, "CallAcceptedAck": 400, "CallUpdateAck": 400} { // the first was sent
			if status, text := w.post(ctx, message(name, "a")); status != want {
				t.Errorf("%s that crosses the end: %d %s, want %d", name, status, text, want)
			}
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
