package alexa_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
)

// other is a handler of requests that are not about calls, which notes what it was given.
type other struct {
	got   []string
	serve func(ctx context.Context, e *alexa.Event) ([]byte, error)
}

func (o *other) handle(ctx context.Context, e *alexa.Event) ([]byte, error) {
	o.got = append(o.got, e.RequestType)
	return o.serve(ctx, e)
}

func withOther(o *other) props {
	return props{skill: func(k *alexa.Skill) { k.Other = o.handle }}
}

func plain(typ string) map[string]any { return map[string]any{"type": typ} }

// wantAnswer sends an event and wants this answer.
func (s *stage) wantAnswer(request map[string]any, f *alexatest.EventFault, status int, want string) {
	s.t.Helper()
	got, body, err := s.cloud.SendEvent(s.t.Context(), request, f)
	if err != nil || got != status || string(body) != want {
		s.t.Errorf("%v: %d %s, %v; want %d %s", request["type"], got, body, err, status, want)
	}
}

const receipt = `{"version":"1.0","response":{}}`

// TestOtherRequests are handed to the user's handler, verified, and a call's message is not.
func TestOtherRequests(t *testing.T) {
	const speech = `{"version":"1.0","response":{"outputSpeech":{"type":"PlainText","text":"Hello"}}}`
	o := &other{serve: func(_ context.Context, e *alexa.Event) ([]byte, error) {
		if e.RequestType == "LaunchRequest" {
			return []byte(speech), nil
		}
		return nil, nil
	}}
	play(t, withOther(o), func(t *testing.T, s *stage) {
		s.wantAnswer(plain("LaunchRequest"), nil, 200, speech)
		for _, typ := range []string{"IntentRequest", "SessionEndedRequest", "AlexaSkillEvent.SkillEnabled"} {
			s.wantAnswer(plain(typ), nil, 200, receipt)
		}
		s.wantAnswer(plain("AlexaSkillEvent.SkillDisabled"), &alexatest.EventFault{Age: 59 * time.Minute}, 200, receipt)
		s.wantAnswer(plain("LaunchRequest"), &alexatest.EventFault{Age: 151 * time.Second}, 400, "bad request\n")
		s.wantAnswer(plain("LaunchRequest"), &alexatest.EventFault{BadSignature: true}, 400, "bad request\n")
		s.wantAnswer(plain("LaunchRequest"), &alexatest.EventFault{SkillID: "amzn1.ask.skill.other"}, 400, "bad request\n")
		s.wantAnswer(map[string]any{"type": string(alexa.CallEnded), "sessionId": "x"}, nil, 200, receipt)
		want := "LaunchRequest IntentRequest SessionEndedRequest AlexaSkillEvent.SkillEnabled AlexaSkillEvent.SkillDisabled"
		if got := strings.Join(o.got, " "); got != want {
			t.Errorf("handled %s, want %s", got, want)
		}
		s.wantStats(alexa.SkillStats{Events: 1, Others: 5, Unknown: 1, Refused: 3})
	})
}

// TestOtherRequestsAreReceivedWithoutHandler has nobody care for them.
func TestOtherRequestsAreReceivedWithoutHandler(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		s.wantAnswer(plain("LaunchRequest"), nil, 200, receipt)
		s.wantStats(alexa.SkillStats{})
	})
}

// TestGrant hands over the code of a permission, which is in no log.
func TestGrant(t *testing.T) {
	const code = "ANUbUKCJqlBOpMhwYWxU"
	var got []string
	o := &other{serve: func(_ context.Context, e *alexa.Event) ([]byte, error) {
		got = append(got, e.Grant())
		return alexa.AppendGrantAnswer(nil, e.Grant() != ""), nil
	}}
	play(t, withOther(o), func(t *testing.T, s *stage) {
		grant := func(kind string) map[string]any {
			return map[string]any{"type": "Alexa.Authorization.Grant", "body": map[string]any{"grant": map[string]any{"type": kind, "code": code}}}
		}
		for kind, want := range map[string]string{"OAuth2.AuthorizationCode": "AcceptGrant.Response", "Magic": "ErrorResponse"} {
			status, body, err := s.cloud.SendEvent(t.Context(), grant(kind), nil)
			var answer struct {
				Version  string
				Response struct {
					Event struct {
						Header  struct{ Namespace, Name, PayloadVersion, MessageID string }
						Payload map[string]string
					}
				}
			}
			if err != nil || status != 200 || json.Unmarshal(body, &answer) != nil {
				t.Fatalf("%d %s, %v", status, body, err)
			}
			h, failure := answer.Response.Event.Header, answer.Response.Event.Payload["type"]
			if answer.Version != "1.0" || h.Namespace != "Alexa.Authorization" || h.Name != want || h.PayloadVersion != "3" || h.MessageID == "" ||
				(failure != "") != (want == "ErrorResponse") {
				t.Errorf("%s is answered with %s", kind, body)
			}
		}
		if status, _, err := s.cloud.SendEvent(t.Context(), plain("Alexa.Authorization.Grant"), nil); err != nil || status != 200 {
			t.Errorf("without a code: %d, %v", status, err)
		}
		if strings.Contains(s.log.String(), code) {
			t.Error("the code was logged")
		}
	})
	if n := len(got); n != 3 || strings.Join(got, "") != code {
		t.Errorf("%q", got)
	}
}

// TestOtherRequestAgain answers a delivery that is repeated as the first one, though the handler would say something else, and while the
// first is still being handled.
func TestOtherRequestAgain(t *testing.T) {
	n := 0
	o := &other{serve: func(context.Context, *alexa.Event) ([]byte, error) {
		time.Sleep(time.Second)
		n++
		return json.Marshal(n)
	}}
	play(t, withOther(o), func(t *testing.T, s *stage) {
		once, event := &alexatest.EventFault{RequestID: "once"}, &alexatest.EventFault{RequestID: "event"}
		go s.wantAnswer(plain("IntentRequest"), once, 200, "1")
		synctest.Wait()
		s.wantAnswer(plain("IntentRequest"), once, 200, "1")
		s.took(time.Second)
		time.Sleep(4 * time.Minute)
		s.wantAnswer(plain("IntentRequest"), once, 200, "1")
		s.wantAnswer(plain("AlexaSkillEvent.SkillEnabled"), event, 200, "2")
		time.Sleep(2 * time.Minute)
		s.wantAnswer(plain("IntentRequest"), once, 200, "3") // forgotten, and too old to be the same one
		time.Sleep(time.Hour)
		s.wantAnswer(plain("AlexaSkillEvent.SkillEnabled"), event, 200, "2") // which may be an hour old
		s.wantStats(alexa.SkillStats{Others: 3, Repeated: 3})
	})
}

// TestOtherRequestsAreForgotten keeps no more answers than it may.
func TestOtherRequestsAreForgotten(t *testing.T) {
	n := 0
	large := `"` + strings.Repeat("x", 200<<10) + `"`
	o := &other{serve: func(context.Context, *alexa.Event) ([]byte, error) {
		n++
		return []byte(large), nil
	}}
	play(t, withOther(o), func(t *testing.T, s *stage) {
		const kept = 4 << 20 / (200<<10 + 2)
		send := func(i int) {
			s.wantAnswer(plain("IntentRequest"), &alexatest.EventFault{RequestID: strings.Repeat("i", i+1)}, 200, large)
		}
		for i := range kept + 1 {
			send(i)
		}
		for i := range kept {
			send(i + 1)
		}
		if n != kept+1 {
			t.Errorf("handled %d requests, want %d", n, kept+1)
		}
		if send(0); n != kept+2 {
			t.Error("the first one was not forgotten")
		}
	})
}

// TestOtherHandlerFails costs the request 500, and no other anything. Amazon may try again.
func TestOtherHandlerFails(t *testing.T) {
	const secret = "a-secret-of-the-handler"
	for _, tt := range []struct {
		name   string
		fail   func(ctx context.Context) ([]byte, error)
		after  time.Duration
		panics uint64
	}{
		{"error", func(context.Context) ([]byte, error) { return []byte("{}"), errors.New("the handler is out of order") }, 0, 0},
		{"panic", func(context.Context) ([]byte, error) { panic("for the test") }, 0, 1},
		{"not JSON", func(context.Context) ([]byte, error) { return []byte(secret), nil }, 0, 0},
		{"too long", func(context.Context) ([]byte, error) {
			return []byte(`"` + strings.Repeat("x", alexa.MaxBody) + `"`), nil
		}, 0, 0},
		{"slow", func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, context.Cause(ctx) }, 6 * time.Second, 0},
		{"deaf", func(context.Context) ([]byte, error) { time.Sleep(20 * time.Second); return nil, nil }, 6 * time.Second, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fail := true
			o := &other{serve: func(ctx context.Context, _ *alexa.Event) ([]byte, error) {
				if fail {
					return tt.fail(ctx)
				}
				return []byte("{}"), nil
			}}
			play(t, withOther(o), func(t *testing.T, s *stage) {
				once := &alexatest.EventFault{RequestID: "once"}
				s.wantAnswer(plain("LaunchRequest"), once, http.StatusInternalServerError, "failed\n")
				s.took(tt.after)
				if text := s.log.String(); !strings.Contains(text, "skill request failed") || strings.Contains(text, secret) {
					t.Errorf("logged %s", text)
				}
				synctest.Wait() // the handler is told at the same moment
				fail = false
				want, others := "{}", uint64(2)
				if tt.name == "deaf" { // it has an answer in the end, and Amazon gets it
					want, others = receipt, 1
					time.Sleep(15 * time.Second)
				}
				s.wantAnswer(plain("LaunchRequest"), once, 200, want)
				s.wantStats(alexa.SkillStats{Others: others, Repeated: 2 - others, Panics: tt.panics})
			})
		})
	}
}

// TestDrainWaitsForOtherRequests and refuses those that come later.
func TestDrainWaitsForOtherRequests(t *testing.T) {
	o := &other{serve: func(context.Context, *alexa.Event) ([]byte, error) {
		time.Sleep(3 * time.Second)
		return []byte("1"), nil
	}}
	play(t, withOther(o), func(t *testing.T, s *stage) {
		go s.wantAnswer(plain("LaunchRequest"), nil, 200, "1")
		synctest.Wait()
		must(t, s.skill.Drain(t.Context()))
		s.took(3 * time.Second)
		s.wantAnswer(plain("LaunchRequest"), nil, http.StatusServiceUnavailable, "draining\n")
	})
}
