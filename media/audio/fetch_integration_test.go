package audio_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/alexacall/alexacall/internal/outbound"
	"github.com/alexacall/alexacall/media/audio"
)

// TestFetcherOfItsOwn goes to a server on this host with the client of the Fetcher's: only where that is allowed.
func TestFetcherOfItsOwn(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "identity" {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = w.Write(wavFile{samples: 160}.bytes())
	}))
	defer server.Close()
	for _, private := range []bool{false, true} {
		f, err := audio.NewFetcher(&audio.FetcherOptions{Private: private, AnyURL: true})
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Open(t.Context(), server.URL)
		switch {
		case private && (err != nil || len(drain(t, s)) != 160):
			t.Errorf("%v", err)
		case !private && !errors.Is(err, outbound.ErrNotPublic):
			t.Errorf("an address of this host: %v", err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
