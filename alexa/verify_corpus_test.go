package alexa_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

// corpusCase is one case distilled from the test suites of Amazon's three SDKs.
type corpusCase struct {
	Case, File, URL, Reason string
	At                      time.Time
	Valid                   json.RawMessage // true, false, or "configuration error"
}

func (c corpusCase) name() string { return c.Case + c.URL + c.File + " " + c.Reason }

// TestVerificationCorpus runs the 38 cases that Amazon's SDKs for Node.js, Python and
// Java are tested with.
func TestVerificationCorpus(t *testing.T) {
	dir := os.Getenv("ALEXACALL_CORPORA")
	if dir == "" {
		t.Skip("ALEXACALL_CORPORA is not set: no third-party cases")
	}
	data, err := os.ReadFile(filepath.Join(dir, "alexa", "request-verification-cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var corpus struct {
		CertURL   []corpusCase `json:"cert_url"`
		Chain     []corpusCase `json:"chain"`
		Headers   []corpusCase `json:"headers"`
		Signature []corpusCase `json:"signature"`
		Timestamp []corpusCase `json:"timestamp"`
	}
	if err := json.Unmarshal(data, &corpus); err != nil {
		t.Fatal(err)
	}
	testKeys()
	n := 0
	run := func(c corpusCase, f func(*testing.T) error) {
		n++
		t.Run(c.name(), func(t *testing.T) {
			if f == nil {
				t.Fatal("no test for this case")
			}
			synctest.Test(t, func(t *testing.T) { wantCorpus(t, c, f(t)) })
		})
	}
	for _, c := range corpus.CertURL {
		run(c, func(t *testing.T) error {
			v, _ := newAuthority(t, nil).verifier()
			return verifyAt(t.Context(), t, v, c.URL)
		})
	}
	for _, c := range corpus.Chain {
		if c.File != "" {
			run(c, func(t *testing.T) error { return amazonsChain(t, filepath.Join(dir, "alexa", c.File), c.At) })
			continue
		}
		run(c, chainCases[c.Case])
	}
	for _, list := range [][]corpusCase{corpus.Headers, corpus.Signature, corpus.Timestamp} {
		for _, c := range list {
			run(c, otherCases[c.Case])
		}
	}
	if n != 38 {
		t.Errorf("%d cases, want 38", n)
	}
}

func wantCorpus(t *testing.T, c corpusCase, err error) {
	t.Helper()
	e, refused := errors.AsType[*alexa.VerifyError](err)
	switch string(c.Valid) {
	case "true":
		if err != nil {
			t.Errorf("refused: %v", err)
		}
	case "false":
		if !refused {
			t.Errorf("got %v, want a refusal", err)
		} else if c.URL != "" && e.Reason != alexa.ReasonChainURL {
			t.Errorf("refused for another reason: %v", err)
		}
	case `"configuration error"`:
		if err == nil || refused {
			t.Errorf("got %v, want an error of the set-up", err)
		}
	default:
		t.Errorf("unknown verdict %s", c.Valid)
	}
}

// amazonsChain offers a chain that Amazon has really used, at a time of its life. There
// is no signature for it, so that the chain was taken shows in what is refused next.
func amazonsChain(t *testing.T, path string, at time.Time) error {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(at))
	// The last in the file is the authority that the others lead to.
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data[bytes.LastIndex(data, []byte("-----BEGIN")):]) {
		t.Fatal("no certificate in the file")
	}
	v := &alexa.Verifier{SkillID: skillID, Roots: roots, HTTPClient: &http.Client{Transport: &s3{answer: file(200, data)}}}
	err = verify(t, v)
	if errors.Is(err, &alexa.VerifyError{Reason: alexa.ReasonSignature}) {
		return nil
	}
	wantReason(t, "the chain", err, alexa.ReasonClock)
	return err
}

var chainCases = map[string]func(*testing.T) error{
	"leaf without SAN echo-api.amazon.com": spoilt(func(l, _ *x509.Certificate) { l.DNSNames = nil }),
	"leaf not yet valid":                   spoilt(func(l, _ *x509.Certificate) { l.NotBefore = time.Now().Add(time.Hour) }),
	"leaf expired":                         spoilt(func(l, _ *x509.Certificate) { l.NotAfter = time.Now().Add(-time.Minute) }),
	"certificate download status 400":      answered(file(400, nil)),
	"certificate download gives no response": answered(func(*http.Request) (reply, error) {
		return reply{}, errors.New("no response")
	}),
	"second request with the same URL uses the cache": func(t *testing.T) error {
		v, s := newAuthority(t, nil).verifier()
		if err := verify(t, v); err != nil {
			return err
		}
		s.answer = file(500, nil)
		return verify(t, v)
	},
}

var otherCases = map[string]func(*testing.T) error{
	"SignatureCertChainUrl missing": sent(0, func(h http.Header) { h.Del("SignatureCertChainUrl") }),
	"Signature-256 missing":         sent(0, func(h http.Header) { h.Del("Signature-256") }),
	"header names in other letter case": sent(0, func(h http.Header) {
		for k, v := range map[string]string{"signature-256": "Signature-256", "SIGNATURECERTCHAINURL": "SignatureCertChainUrl"} {
			h[k] = h[http.CanonicalHeaderKey(v)]
			h.Del(v)
		}
	}),

	"RSA PKCS1v15 SHA-256 over the raw body with the leaf key": sent(0, nil),
	"signed with another key": func(t *testing.T) error {
		v, _ := newAuthority(t, nil).verifier()
		body := request(0)
		_, err := v.Verify(t.Context(), header(t, testKeys()[1], body), body)
		return err
	},
	"signature not base64": sent(0, func(h http.Header) { h.Set("Signature-256", "not base64") }),

	"now":                            sent(0, nil),
	"150 s old":                      sent(150*time.Second, nil),
	"older than 150 s":               sent(151*time.Second, nil),
	"in the future within tolerance": sent(-100*time.Second, nil),
	"too far in the future":          sent(-151*time.Second, nil),
	"null timestamp / null request / null envelope": func(t *testing.T) error {
		var err error
		for _, body := range []string{envelope(`{"type":"LaunchRequest","timestamp":null}`), envelope(`null`), `null`} {
			v, _ := newAuthority(t, nil).verifier()
			if _, err = v.Verify(t.Context(), header(t, testKeys()[0], []byte(body)), []byte(body)); err == nil {
				return nil
			}
		}
		return err
	},
	"negative tolerance configured": tolerant(-time.Second, 0),
	"tolerance above the maximum is clamped to the maximum": func(t *testing.T) error {
		wantReason(t, "beyond the maximum", tolerant(2*time.Hour, 151*time.Second)(t), alexa.ReasonClock)
		return tolerant(2*time.Hour, 150*time.Second)(t)
	},
	"AlexaSkillEvent.* 1 h old":        skillEvents(time.Hour),
	"AlexaSkillEvent.* older than 1 h": skillEvents(time.Hour + time.Second),
}

func spoilt(s spoiler) func(*testing.T) error {
	return func(t *testing.T) error {
		v, _ := newAuthority(t, s).verifier()
		return verify(t, v)
	}
}

func answered(f answer) func(*testing.T) error {
	return func(t *testing.T) error {
		v, s := newAuthority(t, nil).verifier()
		s.answer = f
		return verify(t, v)
	}
}

func sent(age time.Duration, change func(http.Header)) func(*testing.T) error {
	return func(t *testing.T) error {
		v, _ := newAuthority(t, nil).verifier()
		body := request(age)
		h := header(t, testKeys()[0], body)
		if change != nil {
			change(h)
		}
		_, err := v.Verify(t.Context(), h, body)
		return err
	}
}

func tolerant(d, age time.Duration) func(*testing.T) error {
	return func(t *testing.T) error {
		v, _ := newAuthority(t, nil).verifier()
		v.Tolerance = d
		body := request(age)
		_, err := v.Verify(t.Context(), header(t, testKeys()[0], body), body)
		return err
	}
}

// skillEvents sends each event about a skill; all must have the same verdict.
func skillEvents(age time.Duration) func(*testing.T) error {
	return func(t *testing.T) error {
		var err error
		for i, typ := range []string{"SkillEnabled", "SkillDisabled", "SkillPermissionChanged", "SkillPermissionAccepted", "SkillAccountLinked"} {
			v, _ := newAuthority(t, nil).verifier()
			body := typedRequest("AlexaSkillEvent."+typ, age)
			before := err
			_, err = v.Verify(t.Context(), header(t, testKeys()[0], body), body)
			if i > 0 && (err == nil) != (before == nil) {
				t.Errorf("%s: %v, others %v", typ, err, before)
			}
		}
		return err
	}
}
