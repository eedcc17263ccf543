package outbound_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/outbound"
)

func TestBaseURL(t *testing.T) {
	for _, s := range []string{"https://api.amazonalexa.com", "http://127.0.0.1:8080/x", "https://gateway.example/alexa"} {
		if u, err := outbound.BaseURL(s); err != nil || u.String() != s {
			t.Errorf("%s: %v, %v", s, u, err)
		}
	}
	for _, s := range []string{"", "api.amazonalexa.com", "ftp://secret.example", "https://%zz", "https://", "/secret", "https:secret"} {
		if _, err := outbound.BaseURL(s); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", s, err)
		}
	}
}

// roundTrip is a transport.
type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

func TestNoRedirects(t *testing.T) {
	seen := 0
	client := &http.Client{Transport: roundTrip(func(r *http.Request) *http.Response {
		seen++
		w := httptest.NewRecorder()
		http.Redirect(w, r, "https://evil.example/", http.StatusTemporaryRedirect)
		return w.Result()
	})}
	resp, err := outbound.NoRedirects(client).Get("https://api.example/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusTemporaryRedirect || seen != 1 {
		t.Errorf("status %d after %d requests, want the redirect itself", resp.StatusCode, seen)
	}
	if client.CheckRedirect != nil || outbound.NoRedirects(nil).CheckRedirect == nil {
		t.Error("the caller's client was changed, or that of nil was not")
	}
}
