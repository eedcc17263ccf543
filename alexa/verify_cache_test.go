package alexa_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

// verifyAt verifies a good request whose certificate lies at url.
func verifyAt(ctx context.Context, t *testing.T, v *alexa.Verifier, url string) error {
	t.Helper()
	body := request(0)
	h := header(t, testKeys()[0], body)
	h.Set("SignatureCertChainUrl", url)
	_, err := v.Verify(ctx, h, body)
	return err
}

func chainAt(n int) string { return fmt.Sprintf("https://s3.amazonaws.com/echo.api/%d.pem", n) }

func TestChainIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, s := newAuthority(t, nil).verifier()
		for range 3 {
			wantReason(t, "kept", verify(t, v), 0)
			time.Sleep(29 * 24 * time.Hour)
		}
		wantReason(t, "another spelling of the URL", verifyAt(t.Context(), t, v, "https://s3.amazonaws.com:443/echo.api/./echo-api-cert.pem"), 0)
		if n := len(s.fetched()); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
		s.answer = silent
		wantReason(t, "with the host of the chains down", verify(t, v), 0)
	})
}

func TestChainsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, s := newAuthority(t, nil).verifier()
		for n := range 16 {
			wantReason(t, "first", verifyAt(t.Context(), t, v, chainAt(n)), 0)
		}
		for n := range 16 {
			wantReason(t, "kept", verifyAt(t.Context(), t, v, chainAt(n)), 0)
		}
		if n := len(s.fetched()); n != 16 {
			t.Fatalf("%d fetches for 16 chains", n)
		}
		wantReason(t, "used again", verifyAt(t.Context(), t, v, chainAt(0)), 0)
		wantReason(t, "one more", verifyAt(t.Context(), t, v, chainAt(16)), 0)
		wantReason(t, "kept, for it was used", verifyAt(t.Context(), t, v, chainAt(0)), 0)
		if n := len(s.fetched()); n != 17 {
			t.Errorf("%d fetches, want 17", n)
		}
		wantReason(t, "dropped, least recently used", verifyAt(t.Context(), t, v, chainAt(1)), 0)
		if n := len(s.fetched()); n != 18 {
			t.Errorf("%d fetches, want 18", n)
		}
	})
}

func TestUntrustedChainsAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, s := newAuthority(t, nil).verifier()
		wantReason(t, "Amazon's", verify(t, v), 0)
		good := s.answer
		s.answer = file(200, newAuthority(t, nil).pem)
		for n := range 40 {
			wantReason(t, "foreign", verifyAt(t.Context(), t, v, chainAt(n)), alexa.ReasonChain)
		}
		s.answer = good
		n := len(s.fetched())
		wantReason(t, "Amazon's again", verify(t, v), 0)
		if len(s.fetched()) != n {
			t.Error("foreign chains have pushed out Amazon's")
		}
		wantReason(t, "a URL that was foreign", verifyAt(t.Context(), t, v, chainAt(0)), 0)
	})
}

func TestOneFetchForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, s := newAuthority(t, nil).verifier()
		good := s.answer
		s.answer = func(r *http.Request) (reply, error) {
			time.Sleep(time.Second)
			return good(r)
		}
		body := request(0)
		h := header(t, testKeys()[0], body)
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if _, err := v.Verify(t.Context(), h, body); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := len(s.fetched()); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

// TestFetcherLeaves ends the context of the request that fetches: it returns at once,
// and one of those who wait fetches in its place.
func TestFetcherLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, s := newAuthority(t, nil).verifier()
		good := s.answer
		s.answer = func(r *http.Request) (reply, error) {
			select {
			case <-time.After(time.Second):
				return good(r)
			case <-r.Context().Done():
				return reply{}, r.Context().Err()
			}
		}
		gone := errors.New("the connection is gone")
		ctx, leave := context.WithCancelCause(t.Context())
		var wg sync.WaitGroup
		begin := time.Now()
		wg.Go(func() {
			err := verifyAt(ctx, t, v, certURL)
			wantReason(t, "the one who left", err, alexa.ReasonChainFetch)
			if !errors.Is(err, gone) || time.Since(begin) != 500*time.Millisecond {
				t.Errorf("left with %v after %v", err, time.Since(begin))
			}
		})
		synctest.Wait()
		impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		wg.Go(func() {
			wantReason(t, "one who waits too short", verifyAt(impatient, t, v, certURL), alexa.ReasonChainFetch)
			if d := time.Since(begin); d != 100*time.Millisecond {
				t.Errorf("gave up after %v", d)
			}
		})
		for range 5 {
			wg.Go(func() { wantReason(t, "one who waits", verifyAt(t.Context(), t, v, certURL), 0) })
		}
		time.Sleep(500 * time.Millisecond)
		leave(gone)
		wg.Wait()
		if n := len(s.fetched()); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
		if d := time.Since(begin); d != 1500*time.Millisecond {
			t.Errorf("took %v", d)
		}
	})
}

func TestFetchesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, s := newAuthority(t, nil).verifier()
		var now, most atomic.Int32
		s.answer = func(r *http.Request) (reply, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			return silent(r)
		}
		begin := time.Now()
		var wg sync.WaitGroup
		for n := range 100 {
			wg.Go(func() {
				wantReason(t, "silence", verifyAt(t.Context(), t, v, chainAt(n)), alexa.ReasonChainFetch)
			})
		}
		wg.Wait()
		if most.Load() != 8 {
			t.Errorf("%d fetches at a time, want 8", most.Load())
		}
		if d := time.Since(begin); d != 2*time.Second {
			t.Errorf("took %v, want 2 s with the waiting for a place", d)
		}
	})
}

// TestFetchOverTLS fetches through the Verifier's own transport, from a host that is
// s3.amazonaws.com by its certificate and elsewhere by its address.
func TestFetchOverTLS(t *testing.T) {
	a := newAuthority(t, nil)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "s3.amazonaws.com" || r.URL.Path != "/echo.api/echo-api-cert.pem" || r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("asked %s for %s, %v", r.Host, r.URL, r.Header)
		}
		_, _ = w.Write(a.pem)
	}))
	key := newECKey(t)
	host := sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: a.inter.NotBefore, NotAfter: a.inter.NotAfter, DNSNames: []string{"s3.amazonaws.com"},
	}, a.inter, key.Public(), a.interKey)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{host.Raw, a.inter.Raw}, PrivateKey: key}}}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	defer server.Close()

	var dialled []string
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled = append(dialled, network+" "+address)
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	v := &alexa.Verifier{SkillID: skillID, Roots: a.roots, DialContext: dial}
	wantReason(t, "first", verify(t, v), 0)
	wantReason(t, "second", verify(t, v), 0)
	if want := []string{"tcp s3.amazonaws.com:443"}; !slices.Equal(dialled, want) {
		t.Errorf("dialled %q, want %q", dialled, want)
	}

	// A host that cannot show that it is s3.amazonaws.com gives no certificates.
	other := newAuthority(t, nil)
	v = &alexa.Verifier{SkillID: skillID, Roots: other.roots, DialContext: dial}
	err := verify(t, v)
	wantReason(t, "foreign host", err, alexa.ReasonChainFetch)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("got %v, want a fault of the host's certificate", err)
	}
}
