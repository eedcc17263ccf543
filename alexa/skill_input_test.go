package alexa_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
)

// TestBadRequests are not Amazon's, or not for this skill: 400, a line in the log, and nothing else.
func TestBadRequests(t *testing.T) {
	const secret = "a-secret-of-the-request"
	for _, tt := range []struct {
		name  string
		fault alexatest.EventFault
		says  string
	}{
		{"bad signature", alexatest.EventFault{BadSignature: true}, "signature"},
		{"no signature", alexatest.EventFault{NoSignature: true}, "header"},
		{"another host", alexatest.EventFault{ChainURL: "https://s3.example.com/echo.api/c.pem"}, "certificate URL"},
		{"a missing chain", alexatest.EventFault{ChainURL: "https://s3.amazonaws.com/echo.api/none.pem"}, "certificate not fetched"},
		{"an expired chain", alexatest.EventFault{Chain: alexatest.ChainExpired}, "out of date"},
		{"a chain for another name", alexatest.EventFault{Chain: alexatest.ChainWrongName}, "certificate"},
		{"an untrusted chain", alexatest.EventFault{Chain: alexatest.ChainUntrusted}, "certificate"},
		{"another skill", alexatest.EventFault{SkillID: "amzn1.ask.skill.other"}, "skill id"},
		{"stale", alexatest.EventFault{Age: 151 * time.Second}, "clock"},
		{"of the future", alexatest.EventFault{Age: -151 * time.Second}, "clock"},
		{"not JSON", alexatest.EventFault{Body: []byte(`{"request":"` + secret)}, "body"},
		{"empty", alexatest.EventFault{Body: []byte{}}, "body"},
		{"no request", alexatest.EventFault{Body: []byte(`{"version":"1.0"}`)}, "body"},
		{"a number for a session", alexatest.EventFault{Body: []byte(`{"request":{"type":"Alexa.Comms.CallSignaling.CallEnded","sessionId":12065550100}}`)}, "body"},
		{"no session", alexatest.EventFault{Body: []byte(`{"request":{"type":"Alexa.Comms.CallSignaling.CallEnded"}}`)}, "body"},
		{"nested too deep", alexatest.EventFault{Body: []byte(strings.Repeat("[", 100_000))}, "body"},
		{"too large", alexatest.EventFault{Body: append([]byte(`{"x":"`), bytes.Repeat([]byte("x"), alexa.MaxBody)...)}, "too large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, props{}, func(t *testing.T, s *stage) {
				status, body, err := s.cloud.SendEvent(t.Context(), invitation("s-1", dtlsSDP), &tt.fault)
				if err != nil || status != http.StatusBadRequest || string(body) != "bad request\n" {
					t.Errorf("%d %q, %v", status, body, err)
				}
				text := s.log.String()
				if n := strings.Count(text, "\n"); n != 1 || !strings.Contains(text, tt.says) || !strings.Contains(text, "level=WARN") {
					t.Errorf("the log has %d lines: %s", n, text)
				}
				for _, private := range []string{secret, "12065550100", "device-password", "devicefrag", "AA:BB:CC:DD"} {
					if strings.Contains(text, private) {
						t.Errorf("%q was logged", private)
					}
				}
				s.wantStats(alexa.SkillStats{Refused: 1})
			})
		})
	}
}

func TestOnlyPostIsTaken(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, "PROPFIND"} {
			rec := httptest.NewRecorder()
			s.skill.ServeHTTP(rec, httptest.NewRequest(method, "/alexa", nil))
			if rec.Code != http.StatusMethodNotAllowed || rec.Header().Get("Allow") != http.MethodPost {
				t.Errorf("%s: %d, Allow %q", method, rec.Code, rec.Header().Get("Allow"))
			}
		}
		rec := httptest.NewRecorder()
		s.skill.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/alexa", brokenRequest{}))
		if rec.Code != http.StatusBadRequest {
			t.Errorf("a body that breaks off: %d", rec.Code)
		}
		s.wantStats(alexa.SkillStats{Refused: 1})
	})
}

type brokenRequest struct{}

func (brokenRequest) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestSameRequestAgain answers a delivery that is repeated as the first one, and does nothing.
func TestSameRequestAgain(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceTalks()
		ended := map[string]any{"type": string(alexa.CallEnded), "sessionId": "another"}
		for range 3 {
			status, body, err := s.cloud.SendEvent(t.Context(), ended, &alexatest.EventFault{RequestID: "once"})
			if err != nil || status != http.StatusOK || string(body) != `{"version":"1.0","response":{}}` {
				t.Errorf("%d %q, %v", status, body, err)
			}
		}
		s.wantStats(alexa.SkillStats{Sessions: 1, Calls: 1, Events: 4, Repeated: 2, Unknown: 1})
		// Forgotten after twice the time in which a request may arrive at all.
		time.Sleep(11 * time.Minute)
		if _, _, err := s.cloud.SendEvent(t.Context(), map[string]any{"type": string(alexa.CallRinging), "sessionId": "x"}, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Minute)
		if _, _, err := s.cloud.SendEvent(t.Context(), ended, &alexatest.EventFault{RequestID: "once"}); err != nil {
			t.Fatal(err)
		}
		s.wantStats(alexa.SkillStats{Sessions: 1, Calls: 1, Events: 6, Repeated: 2, Unknown: 3})
		must(t, call.Hangup(t.Context()))
		calltest.WantEnd(t, phone, bridge.Normal, true)
	})
}

// TestHandleEvent is the way of a Lambda function: nobody checks signature and time there, but the skill id is.
func TestHandleEvent(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		handle := func(skill string, request map[string]any) ([]byte, error) {
			body, err := json.Marshal(map[string]any{
				"version": "1.0", "request": request,
				"context": map[string]any{"System": map[string]any{"application": map[string]any{"applicationId": skill}}},
			})
			must(t, err)
			return s.skill.HandleEvent(t.Context(), body)
		}
		answer, err := handle(s.cloud.SkillID(), invitation("s-1", dtlsSDP))
		if err != nil || string(answer) != `{"version":"1.0","response":{}}` {
			t.Errorf("%s, %v", answer, err)
		}
		phone := s.desk.next(t)
		_ = calltest.End(t, phone) // the cloud does not know of the call
		if _, err := handle("amzn1.ask.skill.other", invitation("s-2", dtlsSDP)); !errors.Is(err, &alexa.VerifyError{Reason: alexa.ReasonSkill}) {
			t.Errorf("another skill: %v", err)
		}
		if _, err := handle(s.cloud.SkillID(), map[string]any{"type": string(alexa.CallEnded)}); err == nil {
			t.Error("a message without a session was taken")
		} else if _, ok := errors.AsType[*alexa.ParseError](err); !ok {
			t.Errorf("a message without a session: %T", err)
		}
		synctest.Wait()
		if st := s.skill.Stats(); st.Refused != 2 || st.Calls != 1 {
			t.Errorf("stats %+v", st)
		}
	})
}

// TestRefusedDescriptionsAreNotLogged holds the log against what hostile descriptions have in them.
func TestRefusedDescriptionsAreNotLogged(t *testing.T) {
	answers := bridge.Func(func(ctx context.Context, in bridge.Leg) error { return in.Answer(ctx, nil) })
	play(t, props{bridge: answers}, func(t *testing.T, s *stage) {
		for name, sdp := range hostileSDPs() {
			s.send(invitation("s "+name, sdp))
		}
		s.send(invitation("s-good", dtlsSDP))
		synctest.Wait()
		for _, private := range []string{"12065550100", "device-password", "devicefrag", "AA:BB:CC:DD"} {
			if i := strings.Index(s.log.String(), private); i >= 0 {
				t.Errorf("%q was logged: %s", private, s.log.String()[max(0, i-300):i])
			}
		}
	})
}
