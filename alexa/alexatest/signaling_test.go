package alexatest_test

import (
	"context"
	"errors"
	"fmt"
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
	switch {
	case strings.Contains(offer, "audio0"):
		mid, formats = "audio0", "96 0 8"
	case strings.Contains(offer, "a=mid:a\r\n"):
		mid = "a"
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
