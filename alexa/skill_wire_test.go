package alexa_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/internal/testutil"
)

// wire carries the skill's messages to the cloud, and spoils some.
type wire struct {
	next http.RoundTripper

	mu     sync.Mutex
	faults map[string][]wireFault // by type
	sent   []string               // types of all tries
	last   map[string]alexa.Message
}

// wireFault is what becomes of one try of a message.
type wireFault struct {
	status int           // what Alexa answers, without taking it; 0: it takes it
	lost   bool          // nothing arrives: the connection breaks
	late   time.Duration // before it arrives
	slow   time.Duration // before the answer comes back
	deaf   bool          // Alexa answers 200, and has not taken it
	unsaid bool          // it arrives, and its answer is lost
}

var errBroken = errors.New("connection reset by peer")

// spoil sets what becomes of the next tries of messages of a type.
func (w *wire) spoil(typ alexa.MessageType, faults ...wireFault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.faults == nil {
		w.faults = map[string][]wireFault{}
	}
	w.faults[typ.String()] = faults
}

func repeated(f wireFault, n int) []wireFault { return slices.Repeat([]wireFault{f}, n) }

// tries returns how often messages of a type were tried.
func (w *wire) tries(typ alexa.MessageType) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, have := range w.sent {
		if have == typ.String() {
			n++
		}
	}
	return n
}

// all returns the types of all tries.
func (w *wire) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

// message returns the last message of a type.
func (w *wire) message(typ alexa.MessageType) alexa.Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last[typ.String()]
}

func (w *wire) take(body []byte) (f wireFault) {
	m, err := alexa.ParseMessage(body)
	if err != nil {
		return wireFault{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	name := m.Type.String()
	w.sent = append(w.sent, name)
	if w.last == nil {
		w.last = map[string]alexa.Message{}
	}
	w.last[name] = *m
	if fs := w.faults[name]; len(fs) > 0 {
		f, w.faults[name] = fs[0], fs[1:]
	}
	return f
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	f := w.take(body)
	if err := pass(r.Context(), f.late); err != nil {
		return nil, err
	}
	switch {
	case f.lost:
		return nil, errBroken
	case f.deaf:
		f.status = http.StatusOK
	}
	if f.status != 0 {
		rec := httptest.NewRecorder()
		rec.WriteHeader(f.status)
		return rec.Result(), nil
	}
	resp, err := w.next.RoundTrip(r)
	if late := pass(r.Context(), f.slow); late != nil {
		return nil, late
	}
	if f.unsaid {
		return nil, errBroken
	}
	return resp, err
}

// pass lets time pass, while ctx lasts.
func pass(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// logged keeps what was logged.
type logged struct{ testutil.Output }

// wantNoSecrets looks for tokens, addresses and keys in what was logged.
func (l *logged) wantNoSecrets(s *stage) {
	s.t.Helper()
	secrets := []string{
		s.cloud.ClientSecret(), s.cloud.RefreshToken(), "Atza|", "Atzr|", "Bearer", "eyJ", s.echo.ProfileID(), "a=", "ice-pwd",
		"our-password", "ourfrag", "0F:1E:2D", "+1206555",
	}
	for _, c := range s.echo.Calls() {
		for line := range strings.Lines(c.LocalSDP() + c.RemoteSDP()) {
			for _, key := range []string{"a=ice-pwd:", "a=fingerprint:sha-256 "} {
				if value, ok := strings.CutPrefix(strings.TrimSpace(line), key); ok {
					secrets = append(secrets, value)
				}
			}
		}
	}
	text := l.String()
	for _, secret := range secrets {
		if i := strings.Index(text, secret); i >= 0 {
			s.t.Errorf("%q was logged: %s", secret, text[max(0, i-200):i+len(secret)])
		}
	}
}
