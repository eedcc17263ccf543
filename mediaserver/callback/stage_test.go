package callback_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/jwtauth"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
)

const (
	baseURL     = "https://user:s3cret@app.example:8443/ivr/s3cret"
	fallbackURL = "https://spare.example/"
	domain      = "customer.example"
)

// network is a transport in memory: what answers for each host, and what was asked.
type network struct {
	hosts map[string]func(w http.ResponseWriter, r *http.Request) error

	mu   sync.Mutex
	seen []seen
}

// seen is a request that has come.
type seen struct {
	host, path, id, token, body string
	at                          time.Time
}

// RoundTrip implements http.RoundTripper.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body.Close()
	n.mu.Lock()
	n.seen = append(n.seen, seen{
		host: r.URL.Hostname(), path: r.URL.Path, id: r.Header.Get("Idempotency-Key"), token: r.Header.Get("Authorization"), body: string(body), at: time.Now(),
	})
	n.mu.Unlock()
	in := r.Clone(r.Context())
	in.Body, in.RequestURI = io.NopCloser(bytes.NewReader(body)), r.URL.RequestURI()
	w := httptest.NewRecorder()
	if err := n.hosts[r.URL.Hostname()](w, in); err != nil {
		return nil, err
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

func (n *network) requests() []seen {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seen
}

// at returns a network with the application and its spare; nil: there is none.
func at(app, spare func(http.ResponseWriter, *http.Request) error) *network {
	return &network{hosts: map[string]func(http.ResponseWriter, *http.Request) error{"app.example": app, "spare.example": spare}}
}

// says answers so.
func says(status int, body string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(status)
		if body == "" {
			return nil
		}
		_, err := io.WriteString(w, body)
		return err
	}
}

// after answers later.
func after(d time.Duration, f func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		select {
		case <-time.After(d):
			return f(w, r)
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
}

// breaks has no answer.
func breaks(err error) func(http.ResponseWriter, *http.Request) error {
	return func(http.ResponseWriter, *http.Request) error { return err }
}

// application returns an Application on a network.
func application(t testing.TB, n *network, o callback.Options) *callback.Application {
	t.Helper()
	o.HTTPClient = &http.Client{Transport: n}
	a, err := callback.New(baseURL, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

var keys = sync.OnceValue(func() []*rsa.PrivateKey {
	k := make([]*rsa.PrivateKey, 2)
	for i := range k {
		var err error
		if k[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err)
		}
	}
	return k
})

var (
	session    = mediaserver.SessionInfo{Domain: domain, SessionID: "s1"}
	newCall    = &mediaserver.NewCall{SessionInfo: session, From: bridge.Party{URI: "sip:+4670555@pbx.example"}, To: bridge.Party{URI: "sip:100@customer.example"}}
	ivr        = &mediaserver.IVRRequest{SessionInfo: session, ConnectionID: "c1", Called: "100"}
	event      = &mediaserver.CallEvent{SessionInfo: session, Event: mediaserver.CallingPartyDrop}
	ringing    = &mediaserver.Notice{SessionInfo: session, Kind: mediaserver.Ringing}
	ended      = &mediaserver.Notice{SessionInfo: session, Kind: mediaserver.SessionCompleted}
	errRefused = errors.New("connection refused")
	goesOn     = says(200, `{"action":"ivr"}`)
	nothing    = says(200, `{}`)
	speaks     = says(200, `{"phrases":[{"format":"file","fileName":"a"}]}`)
	redirect   = func(status int, to string) func(http.ResponseWriter, *http.Request) error {
		return func(w http.ResponseWriter, r *http.Request) error {
			if strings.HasSuffix(r.URL.Path, "/moved") {
				return goesOn(w, r)
			}
			http.Redirect(w, r, to, status)
			return nil
		}
	}
)

// decideFor is a context as a media server gives it.
func decideFor(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// logged is a logger and what it has written.
func logged() (*slog.Logger, *bytes.Buffer) {
	b := new(bytes.Buffer)
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug})), b
}

// sign returns a token for a body.
func sign(t testing.TB, domain string, body []byte) string {
	t.Helper()
	token, err := (&jwtauth.Signer{Key: keys()[0]}).Sign(&jwtauth.Claims{Domain: domain, Body: jwtauth.Hash(body)})
	if err != nil {
		t.Fatal(err)
	}
	return token
}
