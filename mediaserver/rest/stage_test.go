package rest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
	"github.com/alexacall/alexacall/mediaserver/rest"
)

func TestMain(m *testing.M) { testutil.Leaks(m) }

const (
	ours   = "customer.example"
	theirs = "other.example"
)

// keys are of ours and of theirs.
var keys = sync.OnceValue(func() map[string]*rsa.PrivateKey {
	k := map[string]*rsa.PrivateKey{}
	for _, domain := range []string{ours, theirs} {
		var err error
		if k[domain], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err)
		}
	}
	return k
})

// sign makes a token by hand.
func sign(t testing.TB, key *rsa.PrivateKey, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// tokenOf is a good token of a domain.
func tokenOf(t testing.TB, domain string) string {
	t.Helper()
	now := time.Now().Unix()
	return sign(t, keys()[domain], jwt.MapClaims{"iss": domain, "iat": now, "exp": now + 60})
}

// calls notes what it is asked for.
type calls struct {
	mu    sync.Mutex
	asked []string
	err   error
	wait  func(context.Context) error
}

func (c *calls) note(ctx context.Context, format string, a ...any) error {
	c.mu.Lock()
	c.asked = append(c.asked, fmt.Sprintf(format, a...))
	err, wait := c.err, c.wait
	c.mu.Unlock()
	if wait != nil {
		return wait(ctx)
	}
	return err
}

func (c *calls) Place(ctx context.Context, o *mediaserver.CallOptions) (*mediaserver.Placed, error) {
	if err := c.note(ctx, "place %s from %q for %v, %q", o.Addr, o.From, o.MaxRing, o.Reference); err != nil {
		return nil, err
	}
	return &mediaserver.Placed{SessionID: "s1", ParticipantID: "p1", ReplyID: "r1"}, nil
}

func (c *calls) Split(ctx context.Context, connectionID, replyID string) error {
	return c.note(ctx, "split %s %s", connectionID, replyID)
}

func (c *calls) Connect(ctx context.Context, participantID, peerID, replyID string) error {
	return c.note(ctx, "connect %s %s %s", participantID, peerID, replyID)
}

func (c *calls) CreateConference(ctx context.Context, sessionID, replyID string) (string, error) {
	return "c9", c.note(ctx, "confer %q %q", sessionID, replyID)
}

func (c *calls) HangupParticipant(ctx context.Context, participantID, replyID string) error {
	return c.note(ctx, "hang up %s %s", participantID, replyID)
}

func (c *calls) StartRecording(ctx context.Context, connectionID, replyID, filename string) error {
	return c.note(ctx, "record %s %s %q", connectionID, replyID, filename)
}

func (c *calls) StopRecording(ctx context.Context, connectionID, replyID string) error {
	return c.note(ctx, "stop recording %s %s", connectionID, replyID)
}

// stage is a handler and what is behind it.
type stage struct {
	*rest.Handler
	t     testing.TB
	calls *calls
	log   *bytes.Buffer
}

func newStage(t testing.TB) *stage {
	t.Helper()
	folder, err := mediaserver.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := folder.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &stage{t: t, calls: &calls{}, log: &bytes.Buffer{}}
	s.Handler = &rest.Handler{
		Calls: func(domain string) (rest.Calls, bool) { return s.calls, domain == ours || domain == theirs },
		Keys: func(_ context.Context, domain string) ([]*rsa.PublicKey, error) {
			if k := keys()[domain]; k != nil {
				return []*rsa.PublicKey{&k.PublicKey}, nil
			}
			return nil, nil
		},
		Prompts: folder, Fallbacks: &callback.Memory{},
		Logger: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	return s
}

// An answer is what has come back.
type answer struct {
	status int
	head   http.Header
	body   string
}

// do sends a request with a good token of ours.
func (s *stage) do(method, path, body string) answer {
	s.t.Helper()
	return s.doWith(method, path, body, "Authorization", "Bearer "+tokenOf(s.t, ours))
}

// doWith sends a request with header fields.
func (s *stage) doWith(method, path, body string, fields ...string) answer {
	s.t.Helper()
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, "https://api.example"+path, from)
	if err != nil {
		s.t.Fatal(err)
	}
	if from == nil {
		r.Body = http.NoBody // as the server has it
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return s.ask(r)
}

func (s *stage) ask(r *http.Request) answer {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// expect checks status and body of an answer.
func expect(t testing.TB, name string, got answer, status int, body string) {
	t.Helper()
	if got.status != status || got.body != body {
		t.Errorf("%s: got %d %s, want %d %s", name, got.status, got.body, status, body)
	}
}

// failed is the answer of a request that failed.
func failed(reason string) string { return `{"success":false,"reason":"` + reason + `"}` }

const done = `{"success":true}`

func publicPEM(t testing.TB, k *rsa.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
