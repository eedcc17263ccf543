package alexa_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

func TestSendRefusesInvalid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := newClient(t, status(200))
		m := requests()[alexa.CallAccepted]
		m.SDP = nil
		err := c.Send(t.Context(), m)
		if _, ok := errors.AsType[*alexa.Error](err); ok || err == nil || len(s.tries) != 0 {
			t.Errorf("got %v after %d tries", err, len(s.tries))
		}
		c.Tokens = nil
		if err := c.Send(t.Context(), requests()[alexa.CallRinging]); err == nil || len(s.tries) != 0 {
			t.Error("sent without tokens")
		}
	})
}

func TestBadEndpointIsFinal(t *testing.T) {
	for _, endpoint := range []string{"api.amazonalexa.com", "ftp://api.amazonalexa.com", "https://%zz", "https://", "/x"} {
		synctest.Test(t, func(t *testing.T) {
			c, s, _ := newClient(t, status(200))
			c.Endpoint = endpoint
			err := c.Send(t.Context(), requests()[alexa.CallRinging])
			e, ok := errors.AsType[*alexa.Error](err)
			if !ok || e.Retryable() || e.Uncertain || len(s.tries) != 0 || time.Since(s.begin) != 0 {
				t.Errorf("%s: got %v after %v", endpoint, err, time.Since(s.begin))
			}
		})
	}
}

func TestErrorIs(t *testing.T) {
	err := fmt.Errorf("leg: %w", &alexa.Error{Type: alexa.CallRinging, Status: 404, Err: http.ErrHandlerTimeout})
	for _, tt := range []struct {
		target error
		want   bool
	}{
		{&alexa.Error{Status: 404}, true},
		{&alexa.Error{Type: alexa.CallRinging}, true},
		{&alexa.Error{Type: alexa.CallRinging, Status: 404}, true},
		{&alexa.Error{Status: 400}, false},
		{&alexa.Error{Type: alexa.CallEnded, Status: 404}, false},
		{http.ErrHandlerTimeout, true},
		{http.ErrBodyNotAllowed, false},
	} {
		if got := errors.Is(err, tt.target); got != tt.want {
			t.Errorf("errors.Is with %v is %v", tt.target, got)
		}
	}
}

func TestErrorBodies(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"message", `{"message":"no such call","code":7}`, "no such call"},
		{"no message", `{}`, ""},
		{"message not a string", `{"message":{}}`, ""},
		{"not JSON", `<html>`, ""},
		{"empty", ``, ""},
		{"too large", `{"message":"` + strings.Repeat("a", 64<<10) + `"}`, ""},
		{"long", `{"message":"` + strings.Repeat("ü", 200) + `"}`, strings.Repeat("ü", 128) + "..."},
		{"control characters", `{"message":"a\r\nb\u0000\u001b[31m\u2028c"}`, "a  b  [31m c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _, _ := newClient(t, said(400, tt.body))
				err := c.Send(t.Context(), requests()[alexa.CallRinging])
				if e, ok := errors.AsType[*alexa.Error](err); !ok || e.Message != tt.want {
					t.Errorf("got %v, want message %q", err, tt.want)
				}
			})
		})
	}
}

// TestSendHidesWhatIsPrivate has Alexa quote everything that it was sent.
func TestSendHidesWhatIsPrivate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := requests()[alexa.InitiateInboundCall]
		m.Participants[1].ID.Value = "72"
		m.Participants = append(m.Participants, alexa.Participant{ID: alexa.ParticipantID{Type: alexa.RawAddress, Value: "7201"}})
		quote := func(parts ...string) func(*http.Request) (reply, error) {
			return said(503, fmt.Sprintf(`{"message":%q}`, strings.Join(parts, "|")))
		}
		c, _, _ := newClient(t,
			quote("bad line a=ice-pwd:x9cml/YzichV2+XlhiMu8g here"),
			quote("bad password x9cml/YzichV2+XlhiMu8g of F7gI", "o=- 1 1 IN IP4 0.0.0.0"),
			quote("no device 7201 for Reception", "calling "+sides[0].ID.Value))
		var log bytes.Buffer
		c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		err := c.Send(t.Context(), m)
		all := fmt.Sprintf("%v %+v %#v %s", err, err, err, log.String())
		all = regexp.MustCompile(`0x[0-9a-f]+`).ReplaceAllString(all, "pointer") // which can hold any digits
		if strings.Count(log.String(), `"msg":"call message sent"`) != 3 || strings.Count(log.String(), "sending again") != 2 {
			t.Fatalf("the log is too thin to prove anything: %s", log.String())
		}
		for _, shown := range []string{"InitiateInboundCall", `"session":"session"`, "bad line", "bad password", "no device", "503"} {
			if !strings.Contains(all, shown) {
				t.Errorf("%q is not shown in %s", shown, all)
			}
		}
		for _, secret := range []string{"x9cml", "F7gI", "IN IP4", "7201", "[redacted]01", "Reception", "profile.did", "token-1", "v=0"} {
			if strings.Contains(all, secret) {
				t.Errorf("%q is shown in %s", secret, all)
			}
		}
	})
}
