package alexa_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

// fullEvent is an event with all that Alexa is known to put into one, and the description of a device with many candidates.
func fullEvent(b *testing.B) []byte {
	b.Helper()
	token := strings.Repeat("eyJ0eXAiOiJKV1Qi", 50)
	sdp := dtlsSDP + strings.Repeat("a=candidate:1 1 UDP 2013266431 192.0.2.10 60128 typ host\r\n", 30)
	body, err := json.Marshal(map[string]any{
		"version": "1.0",
		"context": map[string]any{"System": map[string]any{
			"application": map[string]any{"applicationId": skillID},
			"user": map[string]any{
				"userId":      "amzn1.ask.account." + strings.Repeat("A", 200),
				"permissions": map[string]any{"consentToken": token, "scopes": map[string]any{"amazon_communication::calling": map[string]any{"status": "GRANTED"}}},
			},
			"device": map[string]any{
				"deviceId": "amzn1.ask.device." + strings.Repeat("A", 200), "persistentEndpointId": "amzn1.alexa.endpoint.did.x",
				"supportedInterfaces": map[string]any{},
			},
			"unit":        map[string]any{"unitId": "amzn1.ask.unit.x", "persistentUnitId": "amzn1.alexa.unit.did.x"},
			"apiEndpoint": alexa.EndpointEU, "apiAccessToken": token,
		}},
		"request": map[string]any{ // without an id, so never repeated
			"type": string(alexa.CallAccepted), "timestamp": time.Now().UTC().Format(time.RFC3339), "sessionId": "s",
			"sdpDetails": map[string]any{"type": "ANSWER", "value": sdp},
		},
	})
	must(b, err)
	return body
}

// BenchmarkVerifiedEvent takes events through ServeHTTP, each with its signature checked; the certificate is in memory. Besides events a
// second it reports those a second of a core's time, which is what counts on a machine that has other things to do.
func BenchmarkVerifiedEvent(b *testing.B) {
	small := envelope(`{"type":"` + prefix + `CallRinging","timestamp":"` + time.Now().UTC().Format(time.RFC3339) + `","sessionId":"s"}`)
	for name, body := range map[string][]byte{"small": []byte(small), "full": fullEvent(b)} {
		b.Run(name, func(b *testing.B) { verifiedEvents(b, body) })
	}
}

func verifiedEvents(b *testing.B, body []byte) {
	a := newAuthority(b, nil)
	_, chain := a.verifier()
	skill := &alexa.Skill{ID: skillID, Roots: a.roots}
	skill.FetchChains(&http.Client{Transport: chain})
	h := header(b, a.key, body)
	take := func() {
		r := httptest.NewRequest(http.MethodPost, "/alexa", bytes.NewReader(body))
		r.Header = h
		rec := httptest.NewRecorder()
		skill.ServeHTTP(rec, r)
		if rec.Code != http.StatusOK {
			b.Fatalf("%d %s", rec.Code, rec.Body)
		}
	}
	take()
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	before := cpuTime()
	for b.Loop() {
		take()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	if used := cpuTime() - before; used > 0 {
		b.ReportMetric(float64(b.N)/used.Seconds(), "events/core-s")
	}
	if st := skill.Stats(); st.Unknown != st.Events || st.Repeated != 0 || len(chain.fetched()) != 1 {
		b.Errorf("stats %+v, %d fetches", st, len(chain.fetched()))
	}
	must(b, skill.Drain(context.Background()))
}
