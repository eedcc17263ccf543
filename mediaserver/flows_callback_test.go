package mediaserver_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
	"github.com/alexacall/alexacall/mediaserver/wire"
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

// away is a transport to an application that is down, and counts how often it was tried.
type away struct{ tries atomic.Int32 }

// RoundTrip implements http.RoundTripper.
func (a *away) RoundTrip(*http.Request) (*http.Response, error) {
	a.tries.Add(1)
	return nil, errors.New("connection refused")
}

// TestApplicationIsDown: who calls hears what is stored, and is hung up; where nothing is stored the call is refused. There is no silence.
func TestApplicationIsDown(t *testing.T) {
	onStage(t, func(s *stage) {
		store := &callback.Memory{}
		host := &away{}
		near, err := callback.New("https://app.example", &callback.Options{Fallbacks: store, HTTPClient: &http.Client{Transport: host}})
		if err != nil {
			t.Fatal(err)
		}
		defer near.Close()
		s.server.Application = near
		a := s.phone("a", 300)

		a.call()
		s.after(time.Second)
		info, err := a.line().Next(t.Context(), a.line().Info().Rev)
		if end, ok := errors.AsType[*bridge.EndError](err); !ok || info.Phase != bridge.Over || end.Cause != bridge.Unreachable && end.Cause != bridge.NoAnswer {
			t.Errorf("nothing is stored: phase %v, %v", info.Phase, err)
		}

		greeting := mediaserver.Phrase{Format: mediaserver.PhraseFile, File: "greeting.wav"}
		err = store.Put(t.Context(), "hotel.example", "100", &wire.Fallback{
			Mode: wire.OnError, Command: &mediaserver.Command{Phrases: []mediaserver.Phrase{greeting}, Hangup: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		tries := host.tries.Load()
		a.call()
		s.after(1200 * time.Millisecond) // what is told of the answer is tried for a second
		s.hear("a:G")
		s.after(5 * time.Second)
		if got := a.line().Info().Phase; got != bridge.Over {
			t.Errorf("after what is stored: %v", got)
		}
		s.after(30 * time.Second)
		if n := host.tries.Load() - tries; n > 8 {
			t.Errorf("%d requests to an application that is down", n)
		}
	})
}
