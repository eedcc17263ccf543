package mediaserver_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
)

// TestOverHTTP has the flows of iotcomms.md 5 with an application that is told by callbacks: what it is told and answers is the same.
func TestOverHTTP(t *testing.T) {
	t.Run("AutoAttendant", TestAutoAttendant)
	t.Run("Recording", TestRecording)
	t.Run("Monitoring", TestMonitoring)
	t.Run("AttendedTransfer", TestAttendedTransfer)
	t.Run("Conference", TestConference)
	t.Run("Outbound", TestOutbound)
}

// application is what the server asks: in process, or in TestOverHTTP at the other end of callbacks.
func (s *stage) application() mediaserver.Application {
	if !strings.HasPrefix(s.t.Name(), "TestOverHTTP/") {
		return s.app
	}
	keys := func(context.Context, string) ([]*rsa.PublicKey, error) {
		return []*rsa.PublicKey{&callbackKey().PublicKey}, nil
	}
	near, err := callback.New("https://app.example/ivr", &callback.Options{
		Key: callbackKey(), HTTPClient: &http.Client{Transport: handled{callback.Handler(s.app, &callback.HandlerOptions{Keys: keys})}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		near.Close()
		if got := near.Stats(); got.Sent == 0 || got.Failed+got.Retried+got.Unknown > 0 {
			s.t.Errorf("callbacks: %+v", got)
		}
	})
	return near
}

// callbackKey signs the callbacks.
var callbackKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// handled is a transport that ends in a handler.
type handled struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (h handled) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}
