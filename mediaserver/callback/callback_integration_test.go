package callback_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/outbound"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
)

// TestPrivateAddressesAreRefused unless they are asked for.
func TestPrivateAddressesAreRefused(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		_ = goesOn(w, r)
	}))
	defer server.Close()
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	for _, host := range []string{"127.0.0.1", "LocalHost", "[::ffff:127.0.0.1]", "10.1.2.3", "[fe80::1]", "169.254.169.254"} {
		for _, urls := range [][2]string{{"http://" + host + port, ""}, {"https://app.example", "http://" + host + port}} {
			_, err := callback.New(urls[0], &callback.Options{FallbackURL: urls[1]})
			if !errors.Is(err, outbound.ErrNotPublic) || !strings.Contains(err.Error(), "Options.Private") {
				t.Errorf("%v: %v", urls, err)
			}
		}
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		a, err := callback.New("http://app.example", nil)
		if err != nil {
			t.Fatal(err)
		}
		a.MoveTo(host + port)
		began := time.Now()
		_, err = a.NewCall(t.Context(), newCall)
		if !errors.Is(err, outbound.ErrNotPublic) || asked > 0 || a.Stats().Sent != 1 || time.Since(began) > 400*time.Millisecond {
			t.Errorf("%s: %v, asked %d times, %+v", host, err, asked, a.Stats())
		}
		a.Close()
	}
	a, err := callback.New(server.URL+"/ivr/", &callback.Options{Private: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if got, err := a.NewCall(t.Context(), newCall); err != nil || got.Kind != mediaserver.IVR || asked != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestOverSockets: what a server of net/http and a client of it make of the faults that only they have.
func TestOverSockets(t *testing.T) {
	h := http.NewServeMux()
	h.Handle("/ok/", callback.Handler(&program{}, nil))
	h.HandleFunc("/aborts/", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	h.HandleFunc("/large/", func(w http.ResponseWriter, _ *http.Request) {
		for range 10 << 20 / 1024 {
			if _, err := w.Write([]byte(strings.Repeat("s3cret  ", 128))); err != nil {
				return
			}
		}
	})
	h.HandleFunc("/half/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_ = goesOn(w, r)
	})
	h.HandleFunc("/header/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("s3cret", 20_000))
		_ = goesOn(w, r)
	})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	gone := httptest.NewServer(h)
	gone.Close()
	for _, tt := range []struct {
		url   string
		tries uint64
	}{
		{server.URL + "/ok", 1},
		{server.URL + "/aborts", 2},
		{server.URL + "/large", 1},
		{server.URL + "/half", 2},
		{server.URL + "/header", 2},
		{server.URL + "/nowhere", 1},
		{gone.URL, 2},
	} {
		t.Run(tt.url, func(t *testing.T) {
			t.Parallel() // for the pauses
			a, err := callback.New(tt.url, &callback.Options{Private: true})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			_, err = a.NewCall(t.Context(), newCall)
			if (err == nil) != strings.HasSuffix(tt.url, "/ok") || a.Stats().Sent != tt.tries || err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%v, %+v", err, a.Stats())
			}
		})
	}
}
