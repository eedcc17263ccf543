package alexatest_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// TestHomeLive looks at what OnMessage and Logger are told: the same as the transcript, and no secrets.
func TestHomeLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			mu   sync.Mutex
			live []alexatest.HomeEntry
			log  bytes.Buffer
		)
		h, err := alexatest.NewHome(&alexatest.HomeOptions{
			NoSockets: true,
			OnMessage: func(e alexatest.HomeEntry) { mu.Lock(); defer mu.Unlock(); live = append(live, e) },
			Logger:    slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		must(t, err)
		d := newDoor(t, h, nil)
		must(t, h.Grant(t.Context()))
		d.redeem()
		if status, _, _ := d.post(d.pressed()); status != http.StatusBadRequest {
			t.Errorf("a press of a door that was not described is answered with %d", status)
		}
		show, err := h.NewShow(&alexatest.ShowOptions{NoMedia: true})
		must(t, err)
		k, err := show.Talk(t.Context(), frontDoor)
		must(t, err)
		h.Close()
		if why, err := k.WaitEnd(t.Context()); why != "the home was closed" || err != nil {
			t.Errorf("ended: %q, %v", why, err)
		}
		transcript := h.Transcript()
		if len(live) != len(transcript) || len(live) != 7 || h.TokenRequests("authorization_code") != 1 || h.TokenRequests("") != 1 {
			t.Fatalf("%d entries live, %d in the transcript, %d token requests", len(live), len(transcript), h.TokenRequests(""))
		}
		for _, e := range transcript {
			if !strings.Contains(e.String(), string(e.Kind)+" ") || !strings.Contains(e.String(), e.Name) {
				t.Errorf("entry %q", e)
			}
			if e.Name == "AnswerGeneratedForSession" && e.SessionID != k.ID() {
				t.Errorf("the answer is of session %q", e.SessionID)
			}
		}
		for _, secret := range []string{"ice-pwd", "fingerprint", d.token, d.code, h.Token(), h.ClientSecret()} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
		for _, word := range []string{"AnswerGeneratedForSession", "violation", "was not described"} {
			if !strings.Contains(log.String(), word) {
				t.Errorf("the log does not hold %q", word)
			}
		}
		noted := &told{}
		h.Report(noted)
		if noted.errors != 1 {
			t.Errorf("%d violations reported", noted.errors)
		}
		for _, url := range []string{h.URL(), "https://example.com/"} {
			if res, err := (&http.Client{Transport: h.RoundTripper()}).Get(url); err == nil {
				res.Body.Close()
				t.Errorf("%s answers in a closed home", url)
			}
		}
	})
}
