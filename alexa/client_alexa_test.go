package alexa_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/lwa"
)

var _ alexa.TokenSource = (*lwa.Source)(nil)

// tokens is a TokenSource that counts: token-1, token-2 after an Invalidate, and so on.
type tokens struct {
	mu      sync.Mutex
	current int
	dropped []string
	err     error // in place of a token
}

func (s *tokens) Token(context.Context) (*oauth2.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	return &oauth2.Token{AccessToken: fmt.Sprintf("token-%d", s.current+1), TokenType: "bearer"}, nil
}

func (s *tokens) Invalidate(accessToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped = append(s.dropped, accessToken)
	s.current++
}

// A reply is what a simulated server says.
type reply struct {
	code   int
	header http.Header
	body   io.ReadCloser
}

// An answer makes a reply to a request. It is an http.RoundTripper.
type answer func(*http.Request) (reply, error)

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	said, err := a(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: said.code, Header: said.header, Body: said.body, Request: r}, nil
}

// A try is one request that came to the signaling endpoint.
type try struct {
	at    time.Duration // since the start
	token string
	body  string
}

// signaling stands for Alexa's signaling endpoint, as an http.RoundTripper that answers
// one after the other, the last answer for ever.
type signaling struct {
	t       *testing.T
	begin   time.Time
	answers []answer

	mu    sync.Mutex
	tries []try
}

func (s *signaling) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("%s with content type %q", r.Method, r.Header.Get("Content-Type"))
	}
	if _, ok := r.Context().Deadline(); !ok {
		s.t.Error("a request without a deadline")
	}
	s.mu.Lock()
	s.tries = append(s.tries, try{time.Since(s.begin), r.Header.Get("Authorization"), string(body)})
	next := s.answers[min(len(s.tries), len(s.answers))-1]
	s.mu.Unlock()
	return next.RoundTrip(r)
}

func status(code int, header ...string) answer {
	return said(code, `{"message":"as scripted"}`, header...)
}

func said(code int, body string, header ...string) answer {
	return func(*http.Request) (reply, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return reply{code, h, io.NopCloser(strings.NewReader(body))}, nil
	}
}

func failing(err error) answer {
	return func(*http.Request) (reply, error) { return reply{}, err }
}

// silent answers when the request's context ends.
func silent(r *http.Request) (reply, error) {
	<-r.Context().Done()
	return reply{}, context.Cause(r.Context())
}

// newClient returns a client that speaks to an endpoint which answers so.
func newClient(t *testing.T, answers ...answer) (*alexa.Client, *signaling, *tokens) {
	s := &signaling{t: t, begin: time.Now(), answers: answers}
	k := new(tokens)
	return &alexa.Client{Tokens: k, HTTPClient: &http.Client{Transport: s}}, s, k
}
