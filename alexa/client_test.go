package alexa_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/lwa"
)

func TestSend(t *testing.T) {
	for _, tt := range []struct{ endpoint, want string }{
		{"", "https://api.amazonalexa.com/v1/communications/signaling"},
		{alexa.EndpointEU, "https://api.eu.amazonalexa.com/v1/communications/signaling"},
		{"http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1/communications/signaling"},
		{"https://gateway.example/alexa", "https://gateway.example/alexa/v1/communications/signaling"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var url string
			c, s, _ := newClient(t, func(r *http.Request) (reply, error) {
				url = r.URL.String()
				return said(202, `{"sessionId":"573829.1273645"}`)(r)
			})
			c.Endpoint = tt.endpoint
			for _, m := range requests() {
				want, _ := m.MarshalJSON()
				if err := c.Send(t.Context(), m); err != nil {
					t.Fatal(err)
				}
				if got := s.tries[len(s.tries)-1]; got.body != string(want) || got.token != "Bearer token-1" {
					t.Errorf("sent %+v, want the bare message", got)
				}
			}
			if url != tt.want {
				t.Errorf("sent to %s, want %s", url, tt.want)
			}
		})
	}
}

// TestStatuses is the whole of the rules about sending again. Pauses left to chance are
// given as their longest.
func TestStatuses(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	list := func(a ...answer) []answer { return a }
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for _, tt := range []struct {
		name      string
		answers   []answer
		status    int             // of the error; 0: none, -1: no answer
		pauses    []time.Duration // before each further try
		chance    bool            // a pause may be up to half as short
		tokens    string          // those used, by number
		retryable bool
		uncertain bool
	}{
		{"200", list(status(200)), 0, nil, false, "1", false, false},
		{"201", list(status(201)), 0, nil, false, "1", false, false},
		{"202", list(status(202)), 0, nil, false, "1", false, false},
		{"204", list(said(204, "")), 0, nil, false, "1", false, false},
		{"body is not read", list(said(200, "<html>")), 0, nil, false, "1", false, false},
		{"body breaks off", list(func(r *http.Request) (reply, error) {
			resp, err := status(200)(r)
			resp.body = brokenBody{}
			return resp, err
		}), 0, nil, false, "1", false, false},

		{"400", list(status(400)), 400, nil, false, "1", false, false},
		{"403", list(status(403)), 403, nil, false, "1", false, false},
		{"404", list(status(404)), 404, nil, false, "1", false, false},
		{"413", list(status(413)), 413, nil, false, "1", false, false},
		{"302", list(status(302, "Location", "https://evil.example/")), 302, nil, false, "1", false, false},
		{"307", list(status(307, "Location", "https://evil.example/")), 307, nil, false, "1", false, false},

		{"401 once", list(status(401), status(200)), 0, []time.Duration{0}, false, "12", false, false},
		{"401 always", list(status(401)), 401, []time.Duration{0}, false, "12", false, false},
		{"401, then 403", list(status(401), status(403)), 403, []time.Duration{0}, false, "12", false, false},

		{"409 once", list(status(409), status(200)), 0, []time.Duration{250 * ms}, false, "11", false, false},
		{"409 three times", list(status(409), status(409), status(409), status(200)), 0, []time.Duration{250 * ms, 500 * ms, s}, false, "1111", false, false},
		{"409 always", list(status(409)), 409, []time.Duration{250 * ms, 500 * ms, s}, false, "1111", true, false},
		{"409, Retry-After not heeded", list(status(409, "Retry-After", "9"), status(200)), 0, []time.Duration{250 * ms}, false, "11", false, false},

		{"429 with seconds", list(status(429, "Retry-After", "3"), status(200)), 0, []time.Duration{3 * s}, false, "11", false, false},
		{"429 with a date", list(status(429, "Retry-After", "Sat, 01 Jan 2000 00:00:07 GMT"), status(200)), 0, []time.Duration{7 * s}, false, "11", false, false},
		{"429 with a date gone by", list(status(429, "Retry-After", "Fri, 31 Dec 1999 00:00:07 GMT"), status(200)), 0, []time.Duration{500 * ms}, true, "11", false, false},
		{"429 without", list(status(429), status(429), status(200)), 0, []time.Duration{500 * ms, s}, true, "111", false, false},
		{"429 always", list(status(429)), 429, []time.Duration{500 * ms, s}, true, "111", true, false},
		{"429 with too long a pause", list(status(429, "Retry-After", "11"), status(200)), 429, nil, false, "1", true, false},
		{"429 with nonsense", list(status(429, "Retry-After", "soon"), status(200)), 0, []time.Duration{500 * ms}, true, "11", false, false},

		{"500 once", list(status(500), status(200)), 0, []time.Duration{500 * ms}, true, "11", false, false},
		{"503 twice", list(status(503), status(503), status(200)), 0, []time.Duration{500 * ms, s}, true, "111", false, false},
		{"503 with a pause", list(status(503, "Retry-After", "2"), status(200)), 0, []time.Duration{2 * s}, false, "11", false, false},
		{"500 always", list(status(500)), 500, []time.Duration{500 * ms, s}, true, "111", true, true},
		{"500, then 400", list(status(500), status(400)), 400, []time.Duration{500 * ms}, true, "11", false, true},
		{"408", list(status(408), status(200)), 0, []time.Duration{500 * ms}, true, "11", false, false},

		{"reset once", list(failing(errors.New("connection reset")), status(200)), 0, []time.Duration{500 * ms}, true, "11", false, false},
		{"reset always", list(failing(errors.New("connection reset"))), -1, []time.Duration{500 * ms, s}, true, "111", true, true},
		{"refused always", list(failing(dial)), -1, []time.Duration{500 * ms, s}, true, "111", true, false},
		{"silence once", list(silent, status(200)), 0, []time.Duration{3*s + 500*ms}, true, "11", false, false},
		{"silence always", list(silent), -1, []time.Duration{3*s + 500*ms, 3*s + s}, true, "111", true, true},

		{
			"all kinds", list(status(401), status(409), status(500), status(409), status(429), status(409), status(200)), 0,
			[]time.Duration{0, 250 * ms, 500 * ms, 500 * ms, s, s},
			true, "1222222", false, false,
		},
		{
			"each kind has its end", list(status(500), status(409), status(500), status(409), status(500)), 500,
			[]time.Duration{500 * ms, 250 * ms, s, 500 * ms},
			true, "11111", true, true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, k := newClient(t, tt.answers...)
				m := requests()[alexa.CallAccepted]
				err := c.Send(t.Context(), m)
				e, ok := errors.AsType[*alexa.Error](err)
				switch {
				case tt.status == 0 && err != nil:
					t.Errorf("got %v", err)
				case tt.status == -1 && (!ok || e.Status != 0 || e.Err == nil):
					t.Errorf("got %#v, want a network error", err)
				case tt.status > 0 && (!ok || e.Status != tt.status || e.Message != "as scripted"):
					t.Errorf("got %v, want status %d", err, tt.status)
				}
				if ok && (e.Type != m.Type || e.Retryable() != tt.retryable || e.Uncertain != tt.uncertain) {
					t.Errorf("type %s, retryable %v, uncertain %v", e.Type, e.Retryable(), e.Uncertain)
				}
				if ok != (tt.status != 0) {
					t.Errorf("error is %T", err)
				}
				var used strings.Builder
				for i, y := range s.tries {
					used.WriteString(strings.TrimPrefix(y.token, "Bearer token-"))
					if y.body != s.tries[0].body {
						t.Errorf("try %d has another body", i+1)
					}
					if i == 0 || i > len(tt.pauses) {
						continue
					}
					most := tt.pauses[i-1]
					least := most
					if tt.chance {
						pause := most % (3 * time.Second) // beside the limit of a silent try
						least = most - pause/2
					}
					if got := y.at - s.tries[i-1].at; got < least || got > most {
						t.Errorf("pause %d is %v, want %v to %v", i, got, least, most)
					}
				}
				if used.String() != tt.tokens {
					t.Errorf("tries with tokens %s, want %s", &used, tt.tokens)
				}
				if want := strings.Count(tt.tokens, "2") > 0; (len(k.dropped) == 1 && k.dropped[0] == "token-1") != want || len(k.dropped) > 1 {
					t.Errorf("dropped %q", k.dropped)
				}
			})
		})
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("connection reset") }
func (brokenBody) Close() error             { return nil }

func TestSendWithinContext(t *testing.T) {
	gone := errors.New("the caller hung up")
	for _, tt := range []struct {
		name    string
		answer  answer
		limit   time.Duration
		cancel  bool // at the limit, with a cause
		took    time.Duration
		tries   int
		status  int
		wantErr error
	}{
		{"pause that does not fit", status(429, "Retry-After", "5"), 5 * time.Second, false, 0, 1, 429, nil},
		{"pause that fits", status(429, "Retry-After", "5"), 6 * time.Second, false, 5 * time.Second, 2, 429, nil},
		{"conflict that does not fit", status(409), 700 * time.Millisecond, false, 250 * time.Millisecond, 2, 409, nil},
		{"deadline while Alexa is silent", silent, time.Second, false, time.Second, 1, 0, context.DeadlineExceeded},
		{"deadline in the second try", silent, 5 * time.Second, false, 5 * time.Second, 2, 0, context.DeadlineExceeded},
		{"cancelled in a pause", status(429, "Retry-After", "5"), 2 * time.Second, true, 2 * time.Second, 1, 429, gone},
		{"cancelled in a try, as net/http tells it", func(r *http.Request) (reply, error) {
			<-r.Context().Done()
			return reply{}, r.Context().Err()
		}, 2 * time.Second, true, 2 * time.Second, 1, 0, gone},
		{"cancelled in a try", silent, 2 * time.Second, true, 2 * time.Second, 1, 0, gone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, _ := newClient(t, tt.answer)
				ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
				if tt.cancel {
					var with context.CancelCauseFunc
					ctx, with = context.WithCancelCause(t.Context())
					stop := time.AfterFunc(tt.limit, func() { with(gone) })
					defer stop.Stop()
				}
				defer cancel()
				err := c.Send(ctx, requests()[alexa.CallRinging])
				e, ok := errors.AsType[*alexa.Error](err)
				if !ok || e.Status != tt.status {
					t.Fatalf("got %v, want status %d", err, tt.status)
				}
				if tt.wantErr != nil && !errors.Is(err, tt.wantErr) {
					t.Errorf("got %v, want %v in it", err, tt.wantErr)
				}
				if d := time.Since(s.begin); d != tt.took || len(s.tries) != tt.tries {
					t.Errorf("%d tries in %v, want %d in %v", len(s.tries), d, tt.tries, tt.took)
				}
			})
		})
	}
}

type permanent struct{ error }

func (permanent) Retryable() bool { return false }

func TestSendWithoutToken(t *testing.T) {
	for _, tt := range []struct {
		name      string
		err       error
		took      time.Duration // at most
		retryable bool
	}{
		{"for now", &lwa.Error{Status: 503}, 1500 * time.Millisecond, true},
		{"refused", &lwa.Error{Status: 400, Code: "invalid_grant"}, 0, false},
		{"closed", lwa.ErrClosed, 0, false},
		{"of another kind", permanent{errors.New("no")}, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, k := newClient(t, status(200))
				k.err = tt.err
				err := c.Send(t.Context(), requests()[alexa.CallRinging])
				e, ok := errors.AsType[*alexa.Error](err)
				if !ok || !errors.Is(err, tt.err) || e.Retryable() != tt.retryable || e.Uncertain || e.Status != 0 {
					t.Errorf("got %#v", err)
				}
				if d := time.Since(s.begin); d > tt.took || (tt.took > 0) != (d > 0) || len(s.tries) != 0 {
					t.Errorf("%d requests in %v", len(s.tries), d)
				}
			})
		})
	}
}

// TestThousandRefusedTokens lets many calls meet the same stale token.
func TestThousandRefusedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refreshes := 0
		amazon := answer(func(*http.Request) (reply, error) {
			refreshes++
			time.Sleep(100 * time.Millisecond)
			return said(200, fmt.Sprintf(`{"access_token":"Atza|%d","expires_in":3600}`, refreshes), "Content-Type", "application/json")(nil)
		})
		source, err := lwa.NewSource(lwa.Credentials{ClientID: "a", ClientSecret: "b-secret", RefreshToken: "c-secret"},
			&lwa.Options{HTTPClient: &http.Client{Transport: amazon}})
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		api := answer(func(r *http.Request) (reply, error) {
			time.Sleep(50 * time.Millisecond)
			if r.Header.Get("Authorization") != "Bearer Atza|2" {
				return status(401)(r)
			}
			return status(200)(r)
		})
		c := &alexa.Client{Tokens: source, HTTPClient: &http.Client{Transport: api}}
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				if err := c.Send(t.Context(), requests()[alexa.CallRinging]); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if refreshes != 2 {
			t.Errorf("%d refreshes, want the first and one more", refreshes)
		}
	})
}
