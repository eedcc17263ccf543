package outbound_test

import (
	"fmt"
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
	for _, location := range []string{"https://evil.example/", "\x19no URL"} {
		seen := 0
		client := &http.Client{Transport: roundTrip(func(*http.Request) *http.Response {
			seen++
			w := httptest.NewRecorder()
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusTemporaryRedirect)
			return w.Result()
		})}
		before := client.Transport
		resp, err := outbound.NoRedirects(client).Get("https://api.example/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusTemporaryRedirect || seen != 1 {
			t.Errorf("status %d after %d requests, want the redirect itself", resp.StatusCode, seen)
		}
		if fmt.Sprintf("%p", client.Transport) != fmt.Sprintf("%p", before) {
			t.Error("the caller's client was changed")
		}
	}
	if outbound.NoRedirects(nil).Transport == nil {
		t.Error("the client of nil follows redirects")
	}
}
