package provision_test

import (
	"context"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/oauth2"

	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/alexa/provision"
)

var _ provision.TokenSource = (*lwa.Source)(nil)

// tokens is a TokenSource that gives what renew returns, once again after each Invalidate.
type tokens struct {
	renew func() (string, error)

	mu      sync.Mutex
	current string
	renewed int
}

func fixed(token string) *tokens {
	return &tokens{renew: func() (string, error) { return token, nil }}
}

func (s *tokens) Token(context.Context) (*oauth2.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == "" {
		var err error
		if s.current, err = s.renew(); err != nil {
			return nil, err
		}
		s.renewed++
	}
	return &oauth2.Token{AccessToken: s.current, TokenType: "bearer"}, nil
}

func (s *tokens) Invalidate(accessToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == accessToken {
		s.current = ""
	}
}

// trip is an http.RoundTripper.
type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// said is an answer.
func said(r *http.Request, status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// firstOf returns the first of a list.
func firstOf[T any](all iter.Seq2[T, error]) (T, error) {
	for v, err := range all {
		return v, err
	}
	var none T
	return none, nil
}
