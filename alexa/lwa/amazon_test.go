package lwa_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/internal/testutil"
)

const (
	clientSecret = "s3cr3t-of/the+client"
	firstRefresh = "Atzr|first-refresh-token"
)

// amazon is a token endpoint in memory, used as an http.RoundTripper. Its zero value
// answers every refresh with access token Atza|1, Atza|2 ... valid for an hour.
type amazon struct {
	mu    sync.Mutex
	forms []url.Values
	urls  []string

	// answer replaces the default one. n counts requests from 1.
	answer func(n int, r *http.Request) (answer, error)
}

func (a *amazon) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.forms = append(a.forms, form)
	a.urls = append(a.urls, r.URL.String())
	n, answer := len(a.forms), a.answer
	a.mu.Unlock()
	if answer == nil {
		answer = good
	}
	said, err := answer(n, r)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: said.status,
		Header:     said.header,
		Body:       io.NopCloser(strings.NewReader(said.body)),
		Request:    r,
	}, nil
}

func (a *amazon) answerWith(f func(n int, r *http.Request) (answer, error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = f
}

// requests returns how many requests have come.
func (a *amazon) requests() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.forms)
}

// refreshTokens returns the refresh tokens that were sent, in order.
func (a *amazon) refreshTokens() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	for _, f := range a.forms {
		out = append(out, f.Get("refresh_token"))
	}
	return out
}

// An answer is what the token endpoint says.
type answer struct {
	status int
	header http.Header
	body   string
}

func reply(status int, body string) answer {
	return answer{status, http.Header{"Content-Type": {"application/json"}}, body}
}

func token(n, seconds int) answer {
	return reply(200, fmt.Sprintf(`{"access_token":"Atza|%d","token_type":"bearer","expires_in":%d,"refresh_token":"%s"}`,
		n, seconds, firstRefresh))
}

func refuse(status int, code string) func(int, *http.Request) (answer, error) {
	return func(int, *http.Request) (answer, error) {
		return reply(status, fmt.Sprintf(`{"error":%q,"error_description":"The request has an invalid parameter : refresh_token","request_id":"x"}`, code)), nil
	}
}

func outage(int, *http.Request) (answer, error) { return reply(503, "<html>sorry</html>"), nil }

// newSource returns a source that asks a, closed at the end of the test.
func newSource(t *testing.T, a http.RoundTripper, change ...func(*lwa.Options)) *lwa.Source {
	t.Helper()
	o := &lwa.Options{HTTPClient: &http.Client{Transport: a}}
	for _, f := range change {
		f(o)
	}
	s, err := lwa.NewSource(lwa.Credentials{ClientID: "client", ClientSecret: clientSecret, RefreshToken: firstRefresh}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// want fails unless the source's next token is access.
func want(t *testing.T, s *lwa.Source, access, because string) {
	t.Helper()
	got, err := s.Token(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", because, err)
	}
	if got.AccessToken != access {
		t.Fatalf("%s: got token %q, want %q", because, got.AccessToken, access)
	}
}

// wantRequests fails unless exactly n requests have come.
func wantRequests(t *testing.T, a *amazon, n int, because string) {
	t.Helper()
	if got := a.requests(); got != n {
		t.Fatalf("%s: %d requests, want %d", because, got, n)
	}
}

// capture is a logger whose output a test can read.
type capture struct{ testutil.Output }

func (c *capture) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(c, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// hang blocks until the request's context ends.
func hang(_ int, r *http.Request) (answer, error) {
	<-r.Context().Done()
	return answer{}, context.Cause(r.Context())
}

// slow answers after d with what f says.
func slow(d time.Duration, f func(int, *http.Request) (answer, error)) func(int, *http.Request) (answer, error) {
	return func(n int, r *http.Request) (answer, error) {
		select {
		case <-time.After(d):
			return f(n, r)
		case <-r.Context().Done():
			return answer{}, context.Cause(r.Context())
		}
	}
}

func good(n int, _ *http.Request) (answer, error) { return token(n, 3600), nil }

// shelf is a Store in memory. Its zero value works.
type shelf struct {
	save func(context.Context, lwa.Grant) error // before a grant is kept; nil: nothing
	load func(context.Context) error            // before one is given

	mu     sync.Mutex
	grants map[string]lwa.Grant
	saves  int
}

func (s *shelf) Load(ctx context.Context, account string) (lwa.Grant, error) {
	if s.load != nil {
		if err := s.load(ctx); err != nil {
			return lwa.Grant{}, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.grants[account]
	if !ok {
		return g, lwa.ErrNoGrant
	}
	return g, nil
}

func (s *shelf) Save(ctx context.Context, account string, g lwa.Grant) error {
	if s.save != nil {
		if err := s.save(ctx, g); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grants == nil {
		s.grants = map[string]lwa.Grant{}
	}
	s.grants[account] = g
	s.saves++
	return nil
}

func (s *shelf) Delete(_ context.Context, account string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.grants, account)
	return nil
}

func (s *shelf) of(account string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grants[account].RefreshToken
}
