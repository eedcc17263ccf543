package alexa_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

func TestVerifyCertificates(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name   string
		spoil  spoiler
		file   func(*authority) []byte
		change func(*authority, *alexa.Verifier)
		reason alexa.Reason
		says   string
	}{
		{name: "as it should be"},
		{name: "several names", spoil: func(l, _ *x509.Certificate) { l.DNSNames = []string{"a.example", "ECHO-API.amazon.com"} }},
		{name: "no usage", spoil: func(l, _ *x509.Certificate) { l.ExtKeyUsage = nil }},
		{name: "root in the file", file: func(a *authority) []byte { return append(a.pem, bundle(a.root)...) }},
		{name: "text in the file", file: func(a *authority) []byte { return append([]byte("subject=x\n"), a.pem...) }},

		{name: "leaf expired", spoil: func(l, _ *x509.Certificate) { l.NotAfter = time.Now().Add(-time.Second) }, reason: alexa.ReasonClock, says: "this host's clock says 2000-01-01"},
		{name: "leaf not yet valid", spoil: func(l, _ *x509.Certificate) { l.NotBefore = time.Now().Add(time.Second) }, reason: alexa.ReasonClock, says: "clock is wrong"},
		{name: "intermediate expired", spoil: func(_, i *x509.Certificate) { i.NotAfter = time.Now().Add(-time.Second) }, reason: alexa.ReasonClock, says: `"Test CA"`},
		{name: "another name", spoil: func(l, _ *x509.Certificate) { l.DNSNames = []string{"echo-api.amazon.com.evil.example"} }, reason: alexa.ReasonChain, says: "echo-api.amazon.com"},
		{name: "a wildcard", spoil: func(l, _ *x509.Certificate) { l.DNSNames = []string{"*.amazon.com"} }, reason: alexa.ReasonChain},
		{name: "name in the subject only", spoil: func(l, _ *x509.Certificate) { l.DNSNames = nil }, reason: alexa.ReasonChain},
		{name: "name as mail address", spoil: func(l, _ *x509.Certificate) {
			l.DNSNames, l.EmailAddresses = nil, []string{"echo-api.amazon.com"}
		}, reason: alexa.ReasonChain},
		{name: "foreign root", change: func(_ *authority, v *alexa.Verifier) { v.Roots = x509.NewCertPool() }, reason: alexa.ReasonChain, says: "trusted"},
		{name: "roots of the system", change: func(_ *authority, v *alexa.Verifier) { v.Roots = nil }, reason: alexa.ReasonChain, says: "trusted"},
		{name: "no intermediate", file: func(a *authority) []byte { return firstCert(a.pem) }, reason: alexa.ReasonChain},
		{name: "intermediate first", file: func(a *authority) []byte { return append(bundle(a.inter), firstCert(a.pem)...) }, reason: alexa.ReasonChain},
		{name: "intermediate is no authority", spoil: func(_, i *x509.Certificate) { i.IsCA = false }, reason: alexa.ReasonChain},
		{name: "own root brought along", file: func(*authority) []byte { b := newAuthority(t, nil); return append(b.pem, bundle(b.root)...) }, reason: alexa.ReasonChain, says: "trusted"},
		{name: "key not RSA", file: func(a *authority) []byte {
			leaf := &x509.Certificate{SerialNumber: a.inter.SerialNumber, NotBefore: a.inter.NotBefore, NotAfter: a.inter.NotAfter, DNSNames: []string{"echo-api.amazon.com"}}
			return bundle(sign(t, leaf, a.inter, newECKey(t).Public(), a.interKey), a.inter)
		}, reason: alexa.ReasonChain, says: "RSA"},
		{name: "another key", file: func(a *authority) []byte {
			leaf := &x509.Certificate{SerialNumber: a.inter.SerialNumber, NotBefore: a.inter.NotBefore, NotAfter: a.inter.NotAfter, DNSNames: []string{"echo-api.amazon.com"}}
			return bundle(sign(t, leaf, a.inter, testKeys()[1].Public(), a.interKey), a.inter)
		}, reason: alexa.ReasonSignature},

		{name: "file empty", file: func(*authority) []byte { return nil }, reason: alexa.ReasonChain},
		{name: "file not PEM", file: func(*authority) []byte { return []byte("<html>") }, reason: alexa.ReasonChain},
		{name: "file with a key", file: func(a *authority) []byte {
			return append(a.pem, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}})...)
		}, reason: alexa.ReasonChain},
		{name: "certificate malformed", file: func(*authority) []byte {
			return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
		}, reason: alexa.ReasonChain, says: "malformed"},
		{name: "8 certificates", file: func(a *authority) []byte { return append(a.pem, bytes.Repeat(bundle(a.root), 6)...) }},
		{name: "9 certificates", file: func(a *authority) []byte { return append(a.pem, bytes.Repeat(bundle(a.root), 7)...) }, reason: alexa.ReasonChain},
		{name: "64 kB", file: func(a *authority) []byte { return append(a.pem, bytes.Repeat([]byte("\n"), 64<<10-len(a.pem))...) }},
		{name: "over 64 kB", file: func(a *authority) []byte { return append(a.pem, bytes.Repeat([]byte("\n"), 64<<10-len(a.pem)+1)...) }, reason: alexa.ReasonChainFetch, says: "bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority(t, tt.spoil)
				if tt.file != nil {
					a.pem = tt.file(a)
				}
				v, _ := a.verifier()
				if tt.change != nil {
					tt.change(a, v)
				}
				err := verify(t, v)
				wantReason(t, tt.name, err, tt.reason)
				if err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v does not say %q", err, tt.says)
				}
				if tt.reason == 0 {
					// Kept until the leaf's end, and no longer.
					time.Sleep(90*day - time.Second)
					wantReason(t, "in the last second", verify(t, v), 0)
					time.Sleep(2 * time.Second)
					wantReason(t, "after the end", verify(t, v), alexa.ReasonClock)
				}
			})
		})
	}
}

func firstCert(data []byte) []byte {
	block, _ := pem.Decode(data)
	return pem.EncodeToMemory(block)
}

// TestChainDatesOfAllCertificates checks that a chain is not kept longer than its
// shortest-lived certificate.
func TestChainDatesOfAllCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, func(_, i *x509.Certificate) { i.NotAfter = time.Now().Add(time.Hour) })
		v, s := a.verifier()
		wantReason(t, "while all are in date", verify(t, v), 0)
		time.Sleep(time.Hour + time.Second)
		wantReason(t, "intermediate out of date", verify(t, v), alexa.ReasonClock)
		if n := len(s.fetched()); n != 2 {
			t.Errorf("%d fetches, want a second one for the chain out of date", n)
		}
	})
}

func TestChainFetchFailures(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer answer
		says   string
		after  time.Duration
	}{
		{"400", file(400, []byte("x")), "status 400", 0},
		{"404", file(404, nil), "status 404", 0},
		{"206", file(206, nil), "status 206", 0},
		{"no answer", func(*http.Request) (reply, error) { return reply{}, errors.New("connection reset") }, "connection reset", 0},
		{"silence", silent, "no answer within 2 s", 2 * time.Second},
		{"silence in the body", func(r *http.Request) (reply, error) {
			resp, err := file(200, nil)(r)
			resp.body = slowBody{r}
			return resp, err
		}, "no answer within 2 s", 2 * time.Second},
		{"redirect", func(*http.Request) (reply, error) {
			resp, err := file(302, nil)(nil)
			resp.header.Set("Location", "https://evil.example/cert.pem")
			return resp, err
		}, "status 302", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority(t, nil)
				v, s := a.verifier()
				good := s.answer
				s.answer = tt.answer
				begin := time.Now()
				err := verify(t, v)
				wantReason(t, tt.name, err, alexa.ReasonChainFetch)
				if !strings.Contains(err.Error(), tt.says) || strings.Count(err.Error(), certURL) != 1 {
					t.Errorf("%v does not say %q and the URL", err, tt.says)
				}
				if d := time.Since(begin); d != tt.after {
					t.Errorf("took %v, want %v", d, tt.after)
				}
				if n := len(s.fetched()); n != 1 {
					t.Errorf("%d requests, want 1", n)
				}
				s.answer = good
				wantReason(t, "afterwards", verify(t, v), 0)
			})
		})
	}
}

// slowBody never has a byte; it ends with the request's context, as a transport's does.
type slowBody struct{ r *http.Request }

func (b slowBody) Read([]byte) (int, error) {
	<-b.r.Context().Done()
	return 0, b.r.Context().Err()
}

func (slowBody) Close() error { return nil }
