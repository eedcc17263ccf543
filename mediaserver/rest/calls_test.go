package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

const base = "/mediaservice/" + ours + "/"

func TestOperations(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct{ op, body, asked, answer string }{
		{
			"placeivrcall", `{"destAddr":"sip:device@customer.example"}`, `place sip:device@customer.example from "" for 0s, ""`,
			`{"success":true,"sessionId":"s1","participantId":"p1","replyId":"r1"}`,
		},
		{
			"placeivrcall", `{"destAddr":"+4670","callerId":"sip:desk@customer.example","maxRingTime":20,"sessionReferenceId":"campaign-7"}`,
			`place +4670 from "sip:desk@customer.example" for 20s, "campaign-7"`, `{"success":true,"sessionId":"s1","participantId":"p1","replyId":"r1"}`,
		},
		{"splitconnection", `{"connectionId":"c1","replyId":"r1"}`, "split c1 r1", done},
		{"connect", `{"participantId":"p1","peerParticipantId":"p2","sessionId":"s1","replyId":"r1"}`, "connect p1 p2 r1", done},
		{"createconferenceconnection", `{"sessionId":"s1","replyId":"r1"}`, `confer "s1" "r1"`, `{"success":true,"connectionId":"c9"}`},
		{"createconferenceconnection", `{"replyId":"r1"}`, `confer "" "r1"`, `{"success":true,"connectionId":"c9"}`},
		{"createconferenceconnection", ``, `confer "" ""`, `{"success":true,"connectionId":"c9"}`},
		{"createconferenceconnection", ` {}`, `confer "" ""`, `{"success":true,"connectionId":"c9"}`},
		{"createconferenceconnection", `{"conferenceName":"a"}`, `confer "" ""`, `{"success":true,"connectionId":"c9"}`},
		{"hangupparticipant", `{"participantId":"p1","replyId":"r1","sessionId":"s1"}`, "hang up p1 r1", done},
		{"startrecording", `{"connectionId":"c1","replyId":"r1","filename":"a.wav"}`, `record c1 r1 "a.wav"`, done},
		{"startrecording", `{"connectionId":"c1","replyId":"r1"}`, `record c1 r1 ""`, done},
		{"stoprecording", `{"connectionId":"c1","replyId":"r1","more":7}`, "stop recording c1 r1", done},
	} {
		s.calls.asked = nil
		resp := s.do(http.MethodPost, base+c.op, c.body)
		if got := resp.head.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: content type %q", c.op, got)
		}
		expect(t, c.op, resp, http.StatusOK, c.answer)
		if !slices.Equal(s.calls.asked, []string{c.asked}) {
			t.Errorf("%s: asked for %q, want %q", c.op, s.calls.asked, c.asked)
		}
	}
	if got := s.Stats(); got.Requests != 13 || got.Unknown != 2 || got.Refused+got.Failed+got.Busy != 0 {
		t.Errorf("stats are %+v", got)
	}
}

func TestMalformed(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct {
		name, op, body string
		status         int
		reason         string
	}{
		{"nothing", "splitconnection", "", 400, "not JSON"},
		{"no JSON", "splitconnection", "{", 400, "not JSON"},
		{"a member is missing", "splitconnection", `{"connectionId":"c1"}`, 400, "replyId: missing"},
		{"a session without a replyId", "createconferenceconnection", `{"sessionId":"s1"}`, 400, "replyId: missing"},
		{"of another kind", "splitconnection", `{"connectionId":7,"replyId":"r1"}`, 400, "connectionId: not a string"},
		{"empty, where that says nothing", "placeivrcall", `{}`, 400, "destAddr: missing"},
		{"one more header", "placeivrcall", `{"destAddr":"a","sipFrom":"b\r\nX-Evil: c"}`, 400, "sipFrom: has control characters"},
		{"too large", "placeivrcall", `{"destAddr":"` + strings.Repeat("a", wire.MaxBody) + `"}`, 413, "too large"},
	} {
		resp := s.do(http.MethodPost, base+c.op, c.body)
		expect(t, c.name, resp, c.status, failed(c.reason))
	}
	long := s.do(http.MethodPost, base+"placeivrcall", `{"destAddr":"a","xHeaders":{"`+strings.Repeat("a", 4000)+`":{"b":1,"b":2}}}`)
	if text := long.body; long.status != http.StatusBadRequest || len(text) > 2000 {
		t.Errorf("got %d and %d bytes of reason", long.status, len(text))
	}
	if len(s.calls.asked) != 0 {
		t.Errorf("asked for %q", s.calls.asked)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		reason string
	}{
		{mediaserver.ErrNotFound, 404, "no such session, participant or connection"},
		{mediaserver.ErrReply, 409, "replyId forged, stale or of another thing"},
		{mediaserver.ErrState, 409, "not possible now"},
		{mediaserver.ErrName, 400, "not a file name"},
		{mediaserver.ErrFull, 429, "no more calls"},
		{bridge.ErrDraining, 503, "draining"},
		{errors.New("secret of ours"), 500, "failed"},
	} {
		for _, op := range []string{
			`placeivrcall {"destAddr":"a"}`, `splitconnection {"connectionId":"c","replyId":"r"}`, `createconferenceconnection `,
			`connect {"participantId":"p","peerParticipantId":"q","replyId":"r"}`, `hangupparticipant {"participantId":"p","replyId":"r"}`,
			`startrecording {"connectionId":"c","replyId":"r"}`, `stoprecording {"connectionId":"c","replyId":"r"}`,
		} {
			s := newStage(t)
			s.calls.err = fmt.Errorf("wrapped: %w", c.err)
			op, body, _ := strings.Cut(op, " ")
			resp := s.do(http.MethodPost, base+op, body)
			later := resp.head.Get("Retry-After")
			if (later != "") != (c.status == 429 || c.status == 503) {
				t.Errorf("%v: Retry-After is %q", c.err, later)
			}
			expect(t, op, resp, c.status, failed(c.reason))
			if failed := s.Stats().Failed; (failed == 1) != (c.status >= 500) {
				t.Errorf("%v: %d have failed", c.err, failed)
			}
		}
	}
}

func TestTimeAndRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.Most = 1
		s.calls.wait = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		first := make(chan answer)
		go func() { first <- s.do(http.MethodPost, base+"placeivrcall", `{"destAddr":"a"}`) }()
		synctest.Wait()
		expect(t, "one too many", s.do(http.MethodPost, base+"placeivrcall", `{"destAddr":"a"}`), 429, failed("too many requests"))
		expect(t, "OPTIONS is not counted", s.doWith(http.MethodOptions, base+"placeivrcall", ""), 200, "{}")
		expect(t, "late", <-first, 503, failed("no answer in time"))
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("answered after %v", d)
		}
		s.calls.wait = nil
		expect(t, "there is room again", s.do(http.MethodPost, base+"placeivrcall", `{"destAddr":"a"}`), 200,
			`{"success":true,"sessionId":"s1","participantId":"p1","replyId":"r1"}`)
		if got := s.Stats(); got.Busy != 1 || got.Failed != 1 || got.Requests != 3 {
			t.Errorf("stats are %+v", got)
		}
	})
}
