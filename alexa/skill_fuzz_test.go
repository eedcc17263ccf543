package alexa_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
)

// eventOf returns the body of an event for the skill skillID.
func eventOf(t testing.TB, request map[string]any) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"version": "1.0", "request": request,
		"context": map[string]any{"System": map[string]any{"application": map[string]any{"applicationId": skillID}}},
	})
	must(t, err)
	return body
}

// FuzzSkillRequest hands a live skill the events in its input, one a line. Nothing may make it panic, and nothing may be left of any
// call once it is drained.
func FuzzSkillRequest(f *testing.F) {
	call := func(typ alexa.MessageType, more ...any) []byte {
		request := map[string]any{"type": string(typ), "sessionId": "s"}
		for i := 0; i < len(more); i += 2 {
			request[more[i].(string)] = more[i+1]
		}
		return eventOf(f, request)
	}
	offer := map[string]any{"type": "OFFER", "value": dtlsSDP}
	story := [][]byte{
		eventOf(f, invitation("s", dtlsSDP)), call(alexa.CallRingingAck), call(alexa.CallAcceptedAck),
		call(alexa.CallUpdate, "renegotiationType", "CALL_HOLD", "sdpDetails", map[string]any{"type": "OFFER", "value": strings.Replace(dtlsSDP, "sendrecv", "inactive", 1)}),
		call(alexa.CallUpdateResponse, "sdpDetails", map[string]any{"type": "ANSWER", "value": dtlsSDP}),
		call(alexa.CallEnded, "callResult", map[string]any{"code": "SUCCESS"}),
	}
	f.Add(bytes.Join(story, []byte("\n")))
	f.Add(bytes.Join(append(story[3:], story[:3]...), []byte("\n")))
	for _, sdp := range hostileSDPs() {
		f.Add(append(eventOf(f, invitation("s", sdp)), '\n'))
		f.Add(bytes.Join([][]byte{story[0], call(alexa.CallUpdate, "sdpDetails", map[string]any{"type": "OFFER", "value": sdp})}, []byte("\n")))
	}
	for _, tt := range messageCases {
		f.Add([]byte(strings.ReplaceAll(envelope(tt.json), "\n", " ")))
	}
	f.Add(call(alexa.CallAccepted, "sdpDetails", offer))
	f.Add([]byte(`{"request":{"type":"Alexa.Comms.CallSignaling.CallEnded","sessionId":null}}`))
	taken := answer(func(*http.Request) (reply, error) { return reply{code: 200, body: http.NoBody}, nil })
	f.Fuzz(func(t *testing.T, data []byte) {
		engine := &calltest.Engine{}
		skill := &alexa.Skill{
			ID: skillID, Engine: engine, Client: &alexa.Client{Tokens: new(tokens), HTTPClient: &http.Client{Transport: taken}},
			Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
				if err := in.Answer(ctx, nil); err != nil {
					return err
				}
				for info := in.Info(); ; {
					if info.Pending {
						_ = in.Answer(ctx, nil)
					}
					var err error
					if info, err = in.Next(ctx, info.Rev); err != nil {
						return err
					}
				}
			}),
		}
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			body, err := skill.HandleEvent(t.Context(), line)
			if (err == nil) != (string(body) == `{"version":"1.0","response":{}}`) {
				t.Fatalf("%s: %v", body, err)
			}
			_, bad := errors.AsType[*alexa.ParseError](err)
			_, other := errors.AsType[*alexa.VerifyError](err)
			if err != nil && !bad && !other {
				t.Fatalf("error %T: %v", err, err)
			}
		}
		done, cancel := context.WithCancel(t.Context())
		cancel()
		begun := time.Now()
		_ = skill.Drain(done) // its time is up, so it ends the calls
		if took := time.Since(begun); took > 10*time.Second {
			t.Fatalf("ending the calls took %v", took)
		}
		if st := skill.Stats(); st.Sessions != 0 || st.Panics != 0 || len(engine.Terminals()) != 0 {
			t.Fatalf("%+v, %d terminals", st, len(engine.Terminals()))
		}
	})
}
