package sip

import (
	"fmt"
	"strings"
	"testing"

	"github.com/icholy/digest"
)

// mufasa are the examples of RFC 7616: section 3.9.1 with both hashes, and that of RFC 2617 section 3.5.
var mufasaTable = []struct{ realm, nonce, algorithm, cnonce, password, uri, response string }{
	{"http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "MD5", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "Circle of Life", "/dir/index.html", "8ca523f5e9506fed4657c9700eebdbec"},
	{
		"http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "SHA-256", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "Circle of Life", "/dir/index.html",
		"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	},
	{"testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "MD5", "0a4f113b", "Circle Of Life", "/dir/index.html", "6629fae49393a05397450978507c4ef1"},
}

func TestDigestVectors(t *testing.T) {
	for _, c := range mufasaTable {
		challenge, err := parseChallenge(fmt.Sprintf(`Digest realm=%q, qop="auth, auth-int", algorithm=%s, nonce=%q, opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`, c.realm, c.algorithm, c.nonce))
		if err != nil {
			t.Fatal(err)
		}
		value, err := digest.Digest(challenge, digest.Options{Method: "GET", URI: c.uri, Username: "Mufasa", Password: c.password, Cnonce: c.cnonce})
		if err != nil || value.Response != c.response {
			t.Errorf("%s: response %v, want %s; %v", c.algorithm, value, c.response, err)
		}
		a, err := parseAuthorization(value.String())
		if err != nil || a.response != c.response || a.algorithm != c.algorithm || a.nc != 1 || a.username != "Mufasa" || a.qop != "auth" {
			t.Errorf("%s is read as %+v: %v", value, a, err)
		}
	}
}

var authorizationTable = []struct {
	name, value string
	ok          bool
}{
	{"RFC 7616", `Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, ` +
		`cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="8ca523f5e9506fed4657c9700eebdbec", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`, true},
	{"RFC 3261", `Digest username="bob", realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="sip:bob@biloxi.com", qop=auth, nc=00000001, cnonce="0a4f113b", ` +
		`response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"`, true},
	{"RFC 2069", `Digest username="a", realm="r", nonce="n", uri="sip:x@y", response="z"`, true},
	{"a comma in quotes", `Digest username="a, b=\"c\"", realm="r", nonce="n", uri="sip:x@y", response="z"`, true},
	{"basic", `Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==`, false},
	{"empty", ``, false},
	{"scheme alone", `Digest`, false},
	{"no response", `Digest username="a", realm="r", nonce="n", uri="sip:x@y"`, false},
	{"no count", `Digest username="a", realm="r", nonce="n", uri="sip:x@y", response="z", qop=auth, cnonce="c"`, false},
	{"count of nothing", `Digest username="a", realm="r", nonce="n", uri="sip:x@y", response="z", qop=auth, cnonce="c", nc=00000000`, false},
	{"negative count", `Digest username="a", realm="r", nonce="n", uri="sip:x@y", response="z", qop=auth, cnonce="c", nc=ffffffff`, false},
	{"open quote", `Digest username="a, realm="r", nonce="n", uri="sip:x@y", response="z`, false},
	{"behind the quote", `Digest username="a"b, realm="r", nonce="n", uri="sip:x@y", response="z"`, false},
	{"not UTF-8", "Digest username=\"a\xff\", realm=\"r\", nonce=\"n\", uri=\"sip:x@y\", response=\"z\"", false},
	{"line break", "Digest username=\"a\nb\", realm=\"r\", nonce=\"n\", uri=\"sip:x@y\", response=\"z\"", false},
}

func TestParseAuthorization(t *testing.T) {
	for _, c := range authorizationTable {
		if a, err := parseAuthorization(c.value); (err == nil) != c.ok {
			t.Errorf("%s: %+v, %v", c.name, a, err)
		}
	}
	if a, err := parseAuthorization(authorizationTable[3].value); err != nil || a.username != `a, b="c"` || a.algorithm != "MD5" {
		t.Errorf("%+v, %v", a, err)
	}
}

// FuzzAuthorization reads anything as credentials and as a challenge. What is taken is within its limits, and what we answer to it is
// credentials again.
func FuzzAuthorization(f *testing.F) {
	for _, c := range authorizationTable {
		f.Add(c.value)
	}
	f.Add(`Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=SHA-256, stale=TRUE, opaque="\"\\"`)
	f.Fuzz(func(t *testing.T, value string) {
		if a, err := parseAuthorization(value); err == nil {
			if a.nonce == "" || a.response == "" || a.qop != "" && a.nc == 0 || len(a.username)+len(a.cnonce) > maxDigest || hasControl(a.username) {
				t.Fatalf("taken: %+v", a)
			}
		}
		c, err := parseChallenge(value)
		if err != nil || !answerable(c) {
			return
		}
		answer, err := digest.Digest(c, digest.Options{Method: "INVITE", URI: "sip:a@b", Username: "u", Password: "p", Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		text := answer.String()
		if strings.ContainsAny(text, "\r\n") {
			t.Fatalf("a line break in %q", text)
		}
		if a, err := parseAuthorization(text); err == nil && !c.Userhash && (a.realm != c.Realm || a.nonce != c.Nonce) {
			t.Fatalf("%q is read as %+v", text, a)
		}
	})
}
