package interop

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/rest"
)

// restFiles is the REST interface of a media server, and the key of its application.
type restFiles struct {
	*httptest.Server
	domain string
	key    *rsa.PrivateKey
}

// serveFiles opens the REST interface of a media server.
func serveFiles(t *testing.T, server *mediaserver.Server) *restFiles {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	web := httptest.NewServer(&rest.Handler{
		Calls:   func(domain string) (rest.Calls, bool) { return server, domain == server.Domain },
		Keys:    func(context.Context, string) ([]*rsa.PublicKey, error) { return []*rsa.PublicKey{&key.PublicKey}, nil },
		Prompts: server.Prompts, Logger: server.Logger,
	})
	t.Cleanup(web.Close)
	return &restFiles{web, server.Domain, key}
}

// get returns a file, which is a recording, by GET with a token of the application. Without it nobody gets the file.
func (f *restFiles) get(t *testing.T, name string) []byte {
	t.Helper()
	now := time.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": f.domain, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}).SignedString(f.key)
	must(t, err)
	if status, _, _ := f.ask(t, name, ""); status != http.StatusUnauthorized {
		t.Errorf("GET of %s without a token: status %d, want 401", name, status)
	}
	status, kind, body := f.ask(t, name, "Bearer "+token)
	if status != http.StatusOK || kind != "audio/wav" {
		t.Fatalf("GET of %s: status %d, %s, want 200 and audio/wav", name, status, kind)
	}
	return body
}

// ask sends a GET and returns its answer.
func (f *restFiles) ask(t *testing.T, name, authorization string) (status int, kind string, body []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(within(t), http.MethodGet, f.URL+"/mediaservice/"+f.domain+"/promptfile/"+name, nil)
	must(t, err)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	resp, err := f.Client().Do(r)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, resp.Header.Get("Content-Type"), body
}
