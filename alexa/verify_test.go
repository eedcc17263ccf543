package alexa_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
)

func TestVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, nil)
		v, s := a.verifier()
		body := []byte(envelope(strings.ReplaceAll(messageCases[0].json, "2024-10-31T12:00:00Z", time.Now().UTC().Format(time.RFC3339))))
		e, err := v.Verify(t.Context(), header(t, a.key, body), body)
		if err != nil {
			t.Fatal(err)
		}
		if e.SkillID != skillID || e.Message == nil || e.Message.Type != alexa.InitiateOutboundCall {
			t.Errorf("got %v", e)
		}
		if got := s.fetched(); len(got) != 1 || got[0] != certURL {
			t.Errorf("fetched %q", got)
		}
	})
}

func TestVerifyRefuses(t *testing.T) {
	set := func(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }
	const sig, url = "Signature-256", "SignatureCertChainUrl"
	otherSkill := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(skillID), []byte("amzn1.ask.skill.other")) }
	otherSession := func(b []byte) []byte { return bytes.Replace(b, []byte(skillID), []byte("amzn1.ask.skill.other"), 1) }
	for _, tt := range []struct {
		name   string
		reason alexa.Reason
		header func(http.Header)
		body   func([]byte) []byte // before signing
		late   func([]byte) []byte // after signing
	}{
		{name: "nothing wrong"},
		{name: "no signature", reason: alexa.ReasonHeader, header: func(h http.Header) { h.Del(sig) }},
		{name: "only the SHA-1 signature", reason: alexa.ReasonHeader, header: func(h http.Header) { h["Signature"] = h[sig]; h.Del(sig) }},
		{name: "empty signature", reason: alexa.ReasonHeader, header: set(sig, "")},
		{name: "two signatures", reason: alexa.ReasonHeader, header: func(h http.Header) { h.Add(sig, h.Get(sig)) }},
		{name: "two spellings", reason: alexa.ReasonHeader, header: func(h http.Header) { h["signature-256"] = h[sig] }},
		{name: "other spelling", header: func(h http.Header) {
			h["signature-256"], h["SIGNATURECERTCHAINURL"] = h[sig], h["Signaturecertchainurl"]
			h.Del(sig)
			h.Del(url)
		}},
		{name: "not base64", reason: alexa.ReasonHeader, header: set(sig, "!!!!")},
		{name: "base64 for URLs", reason: alexa.ReasonHeader, header: set(sig, strings.Repeat("_-", 172))},
		{name: "base64 without its end", reason: alexa.ReasonHeader, header: func(h http.Header) { h.Set(sig, strings.TrimRight(h.Get(sig), "=")) }},
		{name: "base64 with a line end", reason: alexa.ReasonHeader, header: func(h http.Header) { h[sig] = []string{h.Get(sig)[:76] + "\r\n" + h.Get(sig)[76:]} }},
		{name: "base64 with stray bits", reason: alexa.ReasonHeader, header: func(h http.Header) { h.Set(sig, h.Get(sig)[:341]+"B==") }},
		{name: "huge signature", reason: alexa.ReasonHeader, header: set(sig, strings.Repeat("A", 4100))},
		{name: "short signature", reason: alexa.ReasonSignature, header: set(sig, "AAAA")},
		{name: "no URL", reason: alexa.ReasonHeader, header: func(h http.Header) { h.Del(url) }},
		{name: "two URLs", reason: alexa.ReasonHeader, header: func(h http.Header) { h.Add(url, certURL) }},
		{name: "foreign URL", reason: alexa.ReasonChainURL, header: set(url, "https://evil.example/echo.api/cert.pem")},

		{name: "body changed", reason: alexa.ReasonSignature, late: func(b []byte) []byte { return bytes.Replace(b, []byte(`"s"`), []byte(`"z"`), 1) }},
		{name: "space added", reason: alexa.ReasonSignature, late: func(b []byte) []byte { return append(b, ' ') }},
		{name: "body empty", reason: alexa.ReasonBody, body: func([]byte) []byte { return nil }},
		{name: "body null", reason: alexa.ReasonBody, body: func([]byte) []byte { return []byte("null") }},
		{name: "request null", reason: alexa.ReasonBody, body: func([]byte) []byte { return []byte(`{"request":null}`) }},
		{name: "no timestamp", reason: alexa.ReasonBody, body: func(b []byte) []byte { return bytes.Replace(b, []byte("timestamp"), []byte("Timestamp"), 1) }},
		{name: "another skill", reason: alexa.ReasonSkill, body: otherSkill},
		{name: "session of another skill", reason: alexa.ReasonSkill, body: otherSession},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority(t, nil)
				v, _ := a.verifier()
				body := request(0)
				if tt.body != nil {
					body = tt.body(body)
				}
				h := header(t, a.key, body)
				if tt.header != nil {
					tt.header(h)
				}
				if tt.late != nil {
					body = tt.late(body)
				}
				e, err := v.Verify(t.Context(), h, body)
				wantReason(t, tt.name, err, tt.reason)
				if (e != nil) != (err == nil) {
					t.Errorf("event %v with error %v", e, err)
				}
			})
		})
	}
}

func TestVerifyChecksWhatIsCheapFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, nil)
		v, s := a.verifier()
		for name, body := range map[string][]byte{
			"old":           request(time.Hour),
			"not JSON":      []byte("x"),
			"another skill": bytes.ReplaceAll(request(0), []byte(skillID), []byte("other")),
		} {
			if _, err := v.Verify(t.Context(), header(t, a.key, body), body); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
		if got := s.fetched(); len(got) != 0 {
			t.Errorf("fetched %q for requests that were wrong anyway", got)
		}
	})
}

func TestVerifyTimes(t *testing.T) {
	const event = "AlexaSkillEvent.SkillDisabled"
	for _, tt := range []struct {
		name      string
		tolerance time.Duration
		typ       string
		age       time.Duration
		ok        bool
	}{
		{"new", 0, "", 0, true},
		{"150 s", 0, "", 150 * time.Second, true},
		{"over 150 s", 0, "", 150*time.Second + time.Nanosecond, false},
		{"150 s ahead", 0, "", -150 * time.Second, true},
		{"over 150 s ahead", 0, "", -150*time.Second - time.Nanosecond, false},
		{"a century ago", 0, "", 100 * 365 * 24 * time.Hour, false},
		{"less asked for", 10 * time.Second, "", 11 * time.Second, false},
		{"less asked for, in it", 10 * time.Second, "", 10 * time.Second, true},
		{"more asked for", time.Hour, "", 151 * time.Second, false},
		{"skill event", 10 * time.Second, event, time.Hour, true},
		{"old skill event", 0, event, time.Hour + time.Second, false},
		{"skill event of the future", 0, event, -time.Hour - time.Second, false},
		{"like a skill event", 0, event + "x", 151 * time.Second, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAuthority(t, nil)
			v, _ := a.verifier()
			v.Tolerance = tt.tolerance
			if tt.typ == "" {
				tt.typ = prefix + "CallRinging"
			}
			body := typedRequest(tt.typ, tt.age)
			_, err := v.Verify(t.Context(), header(t, a.key, body), body)
			if tt.ok {
				wantReason(t, tt.name, err, 0)
				return
			}
			wantReason(t, tt.name, err, alexa.ReasonClock)
			want := "behind this host's clock"
			if tt.age < 0 {
				want = "ahead of this host's clock"
			}
			if err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "forge")) {
				t.Errorf("%s: %v", tt.name, err)
			}
		})
	}
}

func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for r := alexa.ReasonHeader; r <= alexa.ReasonSignature; r++ {
		if s := r.String(); seen[s] || strings.HasPrefix(s, "reason ") {
			t.Errorf("reason %d is called %q", r, s)
		}
		seen[r.String()] = true
	}
	if got := (alexa.ReasonSignature + 1).String(); got != fmt.Sprintf("reason %d", alexa.ReasonSignature+1) {
		t.Errorf("no reason is called %q", got)
	}
}

func TestVerifierNotSetUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, nil)
		for name, change := range map[string]func(*alexa.Verifier){
			"no skill id":        func(v *alexa.Verifier) { v.SkillID = "" },
			"negative tolerance": func(v *alexa.Verifier) { v.Tolerance = -1 },
		} {
			v, _ := a.verifier()
			change(v)
			err := verify(t, v)
			if _, ok := errors.AsType[*alexa.VerifyError](err); err == nil || ok {
				t.Errorf("%s: got %v, want an error that is not the request's", name, err)
			}
		}
	})
}

// TestChainURL is about URLs only: they are refused before anything is fetched, or else
// the one file is fetched by its one name.
func TestChainURL(t *testing.T) {
	good := map[string]string{ // as given, as fetched
		certURL: certURL,
		"HTTPS://S3.AmazonAWS.com/echo.api/echo-api-cert.pem":                certURL,
		"https://s3.amazonaws.com:443/echo.api/echo-api-cert.pem":            certURL,
		"https://s3.amazonaws.com:/echo.api/echo-api-cert.pem":               certURL,
		"https://s3.amazonaws.com/echo.api/../echo.api/echo-api-cert.pem":    certURL,
		"https://s3.amazonaws.com/../echo.api/./echo-api-cert.pem":           certURL,
		"https://s3.amazonaws.com/x/%2e%2E/echo.api/echo-api-cert.pem":       certURL,
		"https://s3.amazonaws.com/%65cho.api/echo-api-cert.pem":              certURL,
		"https://s3.amazonaws.com/echo.api/echo-api-cert.pem?versionId=1":    certURL,
		"https://s3.amazonaws.com/echo.api/echo-api-cert.pem#x":              certURL,
		"https://s3.amazonaws.com/echo.api/a%20b":                            "https://s3.amazonaws.com/echo.api/a%20b",
		"https://s3.amazonaws.com/echo.api/%252e%252e/x":                     "https://s3.amazonaws.com/echo.api/%252e%252e/x",
		"https://s3.amazonaws.com/echo.api/echo-api-cert.pem%3Fversion=1%23": "https://s3.amazonaws.com/echo.api/echo-api-cert.pem%3Fversion=1%23",
	}
	bad := []string{
		"x", "//s3.amazonaws.com/echo.api/c", "/echo.api/c", "https:///echo.api/c", "https:s3.amazonaws.com/echo.api/c",
		"http://s3.amazonaws.com/echo.api/c", "http://s3.amazonaws.com:443/echo.api/c", "ftp://s3.amazonaws.com/echo.api/c",
		"https://s3.amazonaws.com.evil.example/echo.api/c", "https://evil.example/s3.amazonaws.com/echo.api/c",
		"https://s3.amazonaws.com@evil.example/echo.api/c", "https://evil@s3.amazonaws.com/echo.api/c",
		"https://s3.amazonaws.com:x@evil.example/echo.api/c", "https://s3.amazonaws.com./echo.api/c",
		"https://s3-us-west-2.amazonaws.com/echo.api/c", "https://amazonaws.com/echo.api/c", "https://ſ3.amazonawſ.com/echo.api/c",
		"https://s3.amazonaws.com%2eevil.example/echo.api/c", "https://s3.amazonaws.com%00/echo.api/c",
		"https://127.0.0.1/echo.api/c", "https://[::1]/echo.api/c", "https://169.254.169.254/echo.api/c",
		"https://s3.amazonaws.com:80/echo.api/c", "https://s3.amazonaws.com:0443/echo.api/c", "https://s3.amazonaws.com:443443/echo.api/c",
		"https://s3.amazonaws.com:44a/echo.api/c", "https://s3.amazonaws.com:-443/echo.api/c",
		"https://s3.amazonaws.com", "https://s3.amazonaws.com/", "https://s3.amazonaws.com/c", "https://s3.amazonaws.com/echo.api",
		"https://s3.amazonaws.com/echo.api/", "https://s3.amazonaws.com/echo.api/.", "https://s3.amazonaws.com/echo.apix/c",
		"https://s3.amazonaws.com/EcHo.aPi/c", "https://s3.amazonaws.com/evil/echo.api/c", "https://s3.amazonaws.com?/echo.api/c",
		"https://s3.amazonaws.com/echo.api/../c", "https://s3.amazonaws.com/echo.api/%2e%2e/c", "https://s3.amazonaws.com/echo.api/..%2fc",
		"https://s3.amazonaws.com/echo.api%2f..%2fc", "https://s3.amazonaws.com/echo.api/x/../../c", "https://s3.amazonaws.com/echo.api/..",
		"https://s3.amazonaws.com//echo.api/c", "https://s3.amazonaws.com/echo.api//c", "https://s3.amazonaws.com/echo.api/..//evil/c",
		`https://s3.amazonaws.com/echo.api/..\c`, `https://s3.amazonaws.com\echo.api\c`, "https://s3.amazonaws.com/echo.api/%5c..%5cc",
		"https://s3.amazonaws.com/echo.api/c%0d%0aHost:evil", "https://s3.amazonaws.com/echo.api/c\x00", "https://s3.amazonaws.com/echo.api/c%00",
		"https://s3.amazonaws.com/echo.api/%zz", "https://s3.amazonaws.com/echo.api/ü", " https://s3.amazonaws.com/echo.api/c",
		"https://s3.amazonaws.com/echo.api/" + strings.Repeat("a", 1024),
	}
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, nil)
		body := request(0)
		try := func(url string) ([]string, error) {
			v, s := a.verifier()
			h := header(t, a.key, body)
			h["Signaturecertchainurl"] = []string{url}
			_, err := v.Verify(t.Context(), h, body)
			return s.fetched(), err
		}
		for url, want := range good {
			if got, err := try(url); err != nil || len(got) != 1 || got[0] != want {
				t.Errorf("%s: fetched %q, %v, want %s", url, got, err, want)
			}
		}
		for _, url := range bad {
			got, err := try(url)
			wantReason(t, url, err, alexa.ReasonChainURL)
			if len(got) != 0 {
				t.Errorf("%s: fetched %q", url, got)
			}
		}
	})
}

// FuzzVerify looks for a request that is taken though Amazon did not sign it.
func FuzzVerify(f *testing.F) {
	a := newAuthority(f, nil)
	stamp := time.Now()
	body := request(0)
	h := header(f, a.key, body)
	sig, err := base64.StdEncoding.DecodeString(h.Get("Signature-256"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(h.Get("Signature-256"), certURL, body)
	f.Add("AAAA", "https://s3.amazonaws.com:443/x/../echo.api/%2e/cert", []byte(`{"request":{}}`))
	f.Add(base64.StdEncoding.EncodeToString(sig[:200]), "HTTPS://S3.AMAZONAWS.COM/echo.api/c?d#e", body[:len(body)-3])
	for _, tt := range messageCases {
		f.Add(h.Get("Signature-256"), certURL, []byte(envelope(strings.ReplaceAll(tt.json, "2024-10-31T12:00:00Z", stamp.UTC().Format(time.RFC3339)))))
	}
	f.Fuzz(func(t *testing.T, signature, url string, data []byte) {
		v, s := a.verifier()
		e, err := v.Verify(t.Context(), http.Header{"Signature-256": {signature}, "Signaturecertchainurl": {url}}, data)
		for _, u := range s.fetched() {
			if !strings.HasPrefix(u, "https://s3.amazonaws.com/echo.api/") {
				t.Fatalf("fetched %q for %q", u, url)
			}
		}
		if err == nil {
			if signature != h.Get("Signature-256") || !bytes.Equal(data, body) || e.SkillID != skillID {
				t.Fatalf("forged: %q %q %q", signature, url, data)
			}
			return
		}
		if _, ok := errors.AsType[*alexa.VerifyError](err); !ok {
			t.Fatalf("error %T: %v", err, err)
		}
		if e != nil || strings.ContainsAny(fmt.Sprint(err), "\r\n\x00") {
			t.Fatalf("event %v with error %q", e, err)
		}
	})
}
