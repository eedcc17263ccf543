package sip

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestDoorVectors checks the examples of the RFCs, with the password and with the hashes of it.
func TestDoorVectors(t *testing.T) {
	for _, c := range []struct{ name, method, password, md5, sha256, value string }{
		{
			"RFC 7616 section 3.9.1, MD5", "GET", "Circle of Life", "3d78807defe7de2157e2b0b6573a855f", "",
			`Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", ` +
				`nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="8ca523f5e9506fed4657c9700eebdbec", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
		},
		{
			"RFC 7616 section 3.9.1, SHA-256", "GET", "Circle of Life", "", "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232",
			`Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", ` +
				`nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"`,
		},
		{
			"RFC 2617 section 3.5", "GET", "Circle Of Life", "939e7578ed9e3c518a452acee763bce9", "",
			`Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", ` +
				`response="6629fae49393a05397450978507c4ef1"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := parseAuthorization(c.value)
			if err != nil {
				t.Fatal(err)
			}
			hashes, err := Hashes(strings.ToUpper(c.md5), c.sha256)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []Secret{Password(c.password), hashes} {
				d := newDoorkeeper(&settings{Options: Options{Realm: a.realm, Algorithms: []string{"SHA-256", "MD5"}, Users: func(user string) (Secret, bool) {
					return secret, user == "Mufasa"
				}}}, &counters{})
				if !d.proves(a, c.method) {
					t.Errorf("refused: %+v", a)
				}
				for name, change := range map[string]func(b *authorization){
					"response": func(b *authorization) { b.response = strings.Repeat("0", len(b.response)) },
					"short":    func(b *authorization) { b.response = b.response[:8] },
					"user":     func(b *authorization) { b.username = "mufasa" },
					"uri":      func(b *authorization) { b.uri += "x" },
					"nonce":    func(b *authorization) { b.nonce += "x" },
					"count":    func(b *authorization) { b.nc, b.count = 2, "00000002" },
					"cnonce":   func(b *authorization) { b.cnonce += "x" },
					"qop":      func(b *authorization) { b.qop = "auth-int" },
					"no qop":   func(b *authorization) { b.qop = "" },
					"hash":     func(b *authorization) { b.algorithm = "SHA-512" },
				} {
					b := *a
					if change(&b); d.proves(&b, c.method) {
						t.Errorf("taken with another %s", name)
					}
				}
				if d.proves(a, "INVITE") {
					t.Error("taken for another method")
				}
			}
		})
	}
}

// TestSecret prints and logs a secret in every way.
func TestSecret(t *testing.T) {
	const hash = "0123456789abcdef0123456789abcdef"
	hashes, err := Hashes(hash, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Secret{Password("sesame"), hashes} {
		var b bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p"} {
			_, _ = fmt.Fprintf(&b, verb+" "+verb+"\n", s, []any{&s, struct{ S Secret }{s}})
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
			slog.New(h).Info("x", "secret", s, "in", struct{ S Secret }{s}, "at", &s)
		}
		text, err := json.Marshal(struct{ In any }{s})
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
		for _, part := range []string{"sesame", hash, fmt.Sprintf("%x", "sesame"), fmt.Sprintf("%X", "sesame"), "[115 101"} {
			if strings.Contains(b.String(), part) {
				t.Errorf("%q is in\n%s", part, b.String())
			}
		}
	}
	for _, bad := range [][2]string{{"", ""}, {"12", ""}, {"", hash}, {hash + "00", ""}, {strings.Repeat("x", 32), ""}, {hash, "0"}} {
		if _, err := Hashes(bad[0], bad[1]); err == nil {
			t.Errorf("taken: %q", bad)
		}
	}
}

func TestNonces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNonces()
		nonce := n.next()
		for _, bad := range []string{"", "x", nonce + "A", nonce[1:], strings.ToUpper(nonce), "A" + nonce[1:], newNonces().next(), nonce + "=="} {
			if n.use(bad, 1) {
				t.Errorf("taken: %q", bad)
			}
		}
		for _, c := range []struct {
			number uint32
			ok     bool
		}{{1, true}, {1, false}, {3, true}, {2, true}, {2, false}, {0, false}, {67, true}, {3, false}, {4, true}, {4, false}, {1 << 30, true}, {1<<30 - 64, false}, {1<<30 - 63, true}} {
			if got := n.use(nonce, c.number); got != c.ok {
				t.Errorf("number %d: %v", c.number, got)
			}
		}
		once := n.next()
		if !n.use(once, 0) || n.use(once, 0) || n.use(once, 1) || n.use(once, 1<<31-1) {
			t.Error("an answer without a number does not use the nonce up")
		}
		late, used := n.next(), n.next()
		if !n.use(used, 1) {
			t.Error("refused")
		}
		time.Sleep(nonceFor - time.Nanosecond)
		if !n.use(late, 1) || n.use(used, 1) || !n.use(used, 2) {
			t.Error("at its last moment")
		}
		time.Sleep(time.Nanosecond)
		if n.use(late, 2) || n.use(used, 3) {
			t.Error("taken after its time")
		}
		time.Sleep(2 * nonceFor)
		n.use(n.next(), 1)
		time.Sleep(2 * nonceFor)
		n.use(n.next(), 1)
		if len(n.young)+len(n.old) > 2 {
			t.Errorf("%d are kept", len(n.young)+len(n.old))
		}
	})
}

// TestNoncesFull uses more nonces than are kept: none can be used twice for that.
func TestNoncesFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNonces()
		var all []string
		for range 3*maxNonces + 10 {
			all = append(all, n.next())
			time.Sleep(time.Microsecond)
		}
		for _, nonce := range all {
			if !n.use(nonce, 1) {
				t.Fatal("a new one is refused")
			}
		}
		if len(n.young) > maxNonces || len(n.old) > maxNonces {
			t.Errorf("%d and %d are kept", len(n.young), len(n.old))
		}
		for i, nonce := range all {
			if n.use(nonce, 1) {
				t.Fatalf("nonce %d was taken twice", i)
			}
		}
		if !n.use(all[len(all)-1], 2) {
			t.Error("what is kept is not taken")
		}
	})
}
