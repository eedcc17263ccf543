package alexatest_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// TestLive looks at what OnMessage and Logger are told: the same as the transcript, and no secrets.
func TestLive(t *testing.T) {
	var (
		mu   sync.Mutex
		live []alexatest.Entry
		log  bytes.Buffer
	)
	cloud := newCloud(t, &alexatest.CloudOptions{
		OnMessage: func(e alexatest.Entry) { mu.Lock(); defer mu.Unlock(); live = append(live, e) },
		Logger:    slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	echo := newEcho(t, cloud, "+15555550100", &alexatest.EchoOptions{NoMedia: true})
	s := newSkill(t, cloud, nil)
	call, err := echo.Call(testContext(t), "+15555550199")
	must(t, err)
	s.say(t.Context(), "CallRinging", call.SessionID())
	s.post(t.Context(), message("CallEnded", call.SessionID()))
	s.say(t.Context(), "CallEnded", call.SessionID(), endedMember)
	if code, _ := call.Ended(); code != "SUCCESS" {
		t.Errorf("ended with %q", code)
	}
	cloud.Close()
	s.close()
	transcript := cloud.Transcript()
	if len(live) != len(transcript) || len(live) < 4 {
		t.Fatalf("%d entries live, %d in the transcript", len(live), len(transcript))
	}
	for _, e := range transcript {
		if e.SessionID != call.SessionID() || e.At <= 0 || e.At > time.Minute || !strings.Contains(e.String(), string(e.Direction)) {
			t.Errorf("entry %+v", e)
		}
	}
	for _, secret := range []string{"555555", "ice-pwd", "Atza|", "Atzr|", cloud.ClientSecret()} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	for _, word := range []string{"CallRinging", "violation", "callResult missing"} {
		if !strings.Contains(log.String(), word) {
			t.Errorf("the log does not hold %q", word)
		}
	}
}
