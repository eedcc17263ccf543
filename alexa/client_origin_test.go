package alexa_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/lwa"
)

// TestHostOfACall sends messages to the host that an event named, and the token to no other than Amazon's and the configured one.
func TestHostOfACall(t *testing.T) {
	const na, eu, fe = "https://api.amazonalexa.com", "https://api.eu.amazonalexa.com", "https://api.fe.amazonalexa.com"
	for _, tt := range []struct{ configured, named, want string }{
		{"", "", na},
		{"", eu, eu},
		{"", fe, fe},
		{eu, na, na},
		{eu, "", eu},
		{eu, eu + "/", eu},
		{eu, "https://API.amazonAlexa.com:443", na},
		// Not Amazon's, or not quite.
		{eu, "https://api.amazonalexa.com.evil.example", eu},
		{eu, "https://evil.example", eu},
		{eu, "https://evil.example/api.amazonalexa.com", eu},
		{eu, "https://api.amazonalexa.com@evil.example", eu},
		{eu, "https://user@api.amazonalexa.com", eu},
		{eu, "https://evilapi.amazonalexa.com", eu},
		{eu, "https://api.amazonalexa.com.", eu},
		{eu, "https://api.amazonalexa.com:8443", eu},
		{eu, "http://api.amazonalexa.com", eu},
		{eu, "https://api.amazonalexa.com/elsewhere", eu},
		{eu, "https://api.amazonalexa.com?x=", eu},
		{eu, "//api.amazonalexa.com", eu},
		{eu, "api.amazonalexa.com", eu},
		{eu, "https://169.254.169.254", eu},
		{eu, "https://127.0.0.1", eu},
		{eu, "https://аpi.amazonalexa.com", eu}, // the first letter is Cyrillic
		{eu, "\x00", eu},
		{"", "https://evil.example", na},
		// A gateway takes everything.
		{"https://gateway.example", eu, "https://gateway.example"},
		{"https://gateway.example/alexa", "https://gateway.example", "https://gateway.example/alexa"},
		{"http://127.0.0.1:8080", "", "http://127.0.0.1:8080"},
		{"https://eu.gateway.example", "https://na.gateway.example", "https://eu.gateway.example"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var url string
			c, s, _ := newClient(t, func(r *http.Request) (reply, error) {
				url = r.URL.String()
				return status(200)(r)
			})
			c.Endpoint = tt.configured
			must(t, c.SendTo(t.Context(), alexa.Origin{Endpoint: tt.named}, requests()[alexa.CallRinging]))
			if want := tt.want + "/v1/communications/signaling"; url != want || len(s.tries) != 1 || s.tries[0].token != "Bearer token-1" {
				t.Errorf("configured %q, named %q: %d tries, the last to %s; want %s", tt.configured, tt.named, len(s.tries), url, want)
			}
		})
	}
}

func TestOriginOfAnEvent(t *testing.T) {
	e := &alexa.Event{APIEndpoint: alexa.EndpointEU, UserID: "amzn1.ask.account.A"}
	if got, want := e.Origin(), (alexa.Origin{Endpoint: alexa.EndpointEU, User: "amzn1.ask.account.A"}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestTokensOfAUser has two users with tokens of their own, one without, and calls of nobody in particular.
func TestTokensOfAUser(t *testing.T) {
	for _, tt := range []struct {
		user  string
		token string // of the last try
		tries int
		err   error
	}{
		{"one", "Bearer token-2", 2, nil}, // the first is refused
		{"two", "Bearer token-12", 2, nil},
		{"", "Bearer token-102", 2, nil},
		{"three", "", 0, lwa.ErrClosed},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, s, own := newClient(t, status(401), status(200))
			own.current = 100
			users := map[string]*tokens{"one": {}, "two": {current: 10}}
			c.TokensOf = func(_ context.Context, user string) (alexa.TokenSource, error) {
				switch u := users[user]; {
				case u != nil:
					return u, nil
				case user == "":
					return nil, nil
				}
				return nil, lwa.ErrClosed
			}
			err := c.SendTo(t.Context(), alexa.Origin{User: tt.user}, requests()[alexa.CallAccepted])
			if !errors.Is(err, tt.err) || len(s.tries) != tt.tries {
				t.Fatalf("%q: %d tries, %v", tt.user, len(s.tries), err)
			}
			if tt.err != nil {
				if e, ok := errors.AsType[*alexa.Error](err); !ok || e.Fault() != alexa.FaultNoToken || e.Retryable() {
					t.Errorf("%q: got %v", tt.user, err)
				}
				return
			}
			if got := s.tries[1].token; got != tt.token {
				t.Errorf("%q: token %q, want %q", tt.user, got, tt.token)
			}
		})
	}
}

func TestNoTokensAtAll(t *testing.T) {
	c, s, _ := newClient(t, status(200))
	c.Tokens = nil
	c.TokensOf = func(context.Context, string) (alexa.TokenSource, error) { return nil, nil }
	err := c.Send(t.Context(), requests()[alexa.CallRinging])
	if e, ok := errors.AsType[*alexa.Error](err); !ok || e.Fault() != alexa.FaultNoToken || e.Retryable() || len(s.tries) != 0 {
		t.Errorf("got %v", err)
	}
}
