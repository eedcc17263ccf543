package alexa_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

const certURL = "https://s3.amazonaws.com/echo.api/echo-api-cert.pem"

// testKeys are the RSA keys of the tests: they take too long to make for each of them.
var testKeys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var keys [2]*rsa.PrivateKey
	for i := range keys {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = k
	}
	return keys
})

// An authority stands for Amazon's: a root, an intermediate, and a leaf that signs.
type authority struct {
	roots *x509.CertPool
	root  *x509.Certificate
	inter *x509.Certificate
	key   *rsa.PrivateKey // of the leaf
	pem   []byte          // leaf and intermediate, the leaf first

	rootKey, interKey *ecdsa.PrivateKey
}

// A spoiler changes certificates before they are signed.
type spoiler func(leaf, inter *x509.Certificate)

// newAuthority returns an authority whose certificates are valid from an hour before
// now until 90 days (leaf) or 10 years after.
func newAuthority(t testing.TB, spoil spoiler) *authority {
	t.Helper()
	now := time.Now()
	a := &authority{roots: x509.NewCertPool(), key: testKeys()[0]}
	template := func(name string, life time.Duration) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(now.UnixNano()),
			Subject:      pkix.Name{CommonName: name},
			NotBefore:    now.Add(-time.Hour),
			NotAfter:     now.Add(life),
		}
	}
	const years = 365 * 24 * time.Hour
	a.root, a.inter = template("Test Root", 10*years), template("Test CA", 10*years)
	for _, c := range []*x509.Certificate{a.root, a.inter} {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	}
	leaf := template("echo-api.amazon.com", 90*24*time.Hour)
	leaf.DNSNames = []string{"echo-api.amazon.com"}
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if spoil != nil {
		spoil(leaf, a.inter)
	}
	a.rootKey, a.interKey = newECKey(t), newECKey(t)
	a.root = sign(t, a.root, a.root, a.rootKey.Public(), a.rootKey)
	a.roots.AddCert(a.root)
	a.inter = sign(t, a.inter, a.root, a.interKey.Public(), a.rootKey)
	signedLeaf := sign(t, leaf, a.inter, a.key.Public(), a.interKey)
	a.pem = bundle(signedLeaf, a.inter)
	return a
}

func newECKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t testing.TB, template, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func bundle(certs ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range certs {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return b.Bytes()
}

// header returns the headers that make body a request signed with key.
func header(t testing.TB, key *rsa.PrivateKey, body []byte) http.Header {
	t.Helper()
	digest := sha256.Sum256(body)
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	h.Set("Signature-256", base64.StdEncoding.EncodeToString(sig))
	h.Set("SignatureCertChainUrl", certURL)
	return h
}

// request returns the body of a call event that is as old as age.
func request(age time.Duration) []byte {
	return typedRequest(prefix+"CallRinging", age)
}

func typedRequest(typ string, age time.Duration) []byte {
	return []byte(envelope(fmt.Sprintf(`{"type":%q,"requestId":"r","timestamp":%q,"sessionId":"s"}`,
		typ, time.Now().Add(-age).UTC().Format(time.RFC3339Nano))))
}

// s3 stands for s3.amazonaws.com, as an http.RoundTripper.
type s3 struct {
	answer answer // to every request

	mu   sync.Mutex
	urls []string
}

func (s *s3) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.urls = append(s.urls, r.URL.String())
	s.mu.Unlock()
	return s.answer.RoundTrip(r)
}

// fetched returns the URLs that were asked for so far.
func (s *s3) fetched() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.urls...)
}

func file(code int, data []byte) answer { return said(code, string(data)) }

// verifier returns a Verifier that trusts a's root and fetches what a signs with.
func (a *authority) verifier() (*alexa.Verifier, *s3) {
	s := &s3{answer: file(200, a.pem)}
	return &alexa.Verifier{SkillID: skillID, Roots: a.roots, HTTPClient: &http.Client{Transport: s}}, s
}

// wantReason fails unless err has the reason; 0 stands for no error.
func wantReason(t *testing.T, name string, err error, reason alexa.Reason) {
	t.Helper()
	if reason == 0 {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return
	}
	if e, ok := errors.AsType[*alexa.VerifyError](err); !ok || e.Reason != reason {
		t.Errorf("%s: got %v, want reason %s", name, err, reason)
	}
}

// verify verifies a request that is right in every other way.
func verify(t *testing.T, v *alexa.Verifier) error {
	t.Helper()
	body := request(0)
	_, err := v.Verify(t.Context(), header(t, testKeys()[0], body), body)
	return err
}
