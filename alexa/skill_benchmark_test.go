package alexa_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

// BenchmarkVerifiedEvent takes events through ServeHTTP, each with its signature checked; the certificate is in memory.
func BenchmarkVerifiedEvent(b *testing.B) {
	a := newAuthority(b, nil)
	_, chain := a.verifier()
	skill := &alexa.Skill{ID: skillID, Roots: a.roots}
	skill.FetchChains(&http.Client{Transport: chain})
	body := []byte(envelope(`{"type":"` + prefix + `CallRinging","timestamp":"` + time.Now().UTC().Format(time.RFC3339) + `","sessionId":"s"}`)) // without an id, so never repeated
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
	for b.Loop() {
		take()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	if st := skill.Stats(); st.Unknown != st.Events || st.Repeated != 0 || len(chain.fetched()) != 1 {
		b.Errorf("stats %+v, %d fetches", st, len(chain.fetched()))
	}
	must(b, skill.Drain(context.Background()))
}
