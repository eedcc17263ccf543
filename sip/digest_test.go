package sip_test

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

var trunkUser = []sip.Credentials{{Realm: "trunk", Username: "gw", Password: "sesame"}}

// fields reads the parameters of an Authorization header.
func fields(value string) map[string]string {
	m := map[string]string{}
	for part := range strings.SplitSeq(strings.TrimPrefix(value, "Digest "), ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		m[k] = strings.Trim(v, `"`)
	}
	return m
}

// proves reports whether an Authorization header is that of gw with its password (RFC 7616 section 3.4), computed here once more.
func proves(method, value string) error { return provesBody(method, value, "") }

func provesBody(method, value, body string) error {
	f := fields(value)
	var h hash.Hash
	switch f["algorithm"] {
	case "", "MD5":
		h = md5.New()
	case "SHA-256":
		h = sha256.New()
	case "SHA-512-256":
		h = sha512.New512_256()
	default:
		return fmt.Errorf("algorithm %q", f["algorithm"])
	}
	sum := func(parts ...string) string {
		h.Reset()
		h.Write([]byte(strings.Join(parts, ":")))
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	a1, a2 := sum("gw", f["realm"], "sesame"), sum(method, f["uri"])
	if f["qop"] == "auth-int" {
		a2 = sum(method, f["uri"], sum(body))
	}
	want := sum(a1, f["nonce"], a2)
	if f["qop"] != "" {
		want = sum(a1, f["nonce"], f["nc"], f["cnonce"], f["qop"], a2)
	}
	if f["response"] != want || f["username"] != "gw" {
		return fmt.Errorf("response %s, want %s in %s", f["response"], want, value)
	}
	return nil
}

func TestDigest(t *testing.T) {
	for _, c := range []struct {
		name, challenge string
		status          int
		answered        bool
		algorithm, qop  string
	}{
		{"MD5", `WWW-Authenticate: Digest realm="trunk", nonce="n1", algorithm=MD5, qop="auth"`, 401, true, "MD5", "auth"},
		{"of a proxy", `Proxy-Authenticate: Digest realm="trunk", nonce="n1", algorithm=SHA-256, qop="auth"`, 407, true, "SHA-256", "auth"},
		{"old style", `WWW-Authenticate: Digest realm="trunk", nonce="n1"`, 401, true, "", ""},
		{"qop list", `WWW-Authenticate: Digest realm="trunk", nonce="n1", qop="auth-int, auth"`, 401, true, "", "auth"},
		{"strongest", "WWW-Authenticate: Digest realm=\"trunk\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"\r\n" +
			`WWW-Authenticate: Digest realm="trunk", nonce="n2", algorithm=SHA-256, qop="auth"`, 401, true, "SHA-256", "auth"},
		{"strongest first", "WWW-Authenticate: Digest realm=\"trunk\", nonce=\"n2\", algorithm=SHA-256, qop=\"auth\"\r\n" +
			`WWW-Authenticate: Digest realm="trunk", nonce="n1", algorithm=MD5, qop="auth"`, 401, true, "SHA-256", "auth"},
		{"another realm", `WWW-Authenticate: Digest realm="evil", nonce="n1"`, 401, false, "", ""},
		{"realm in other letters", `WWW-Authenticate: Digest realm="Trunk", nonce="n1"`, 401, false, "", ""},
		{"unknown algorithm", `WWW-Authenticate: Digest realm="trunk", nonce="n1", algorithm=ROT13`, 401, false, "", ""},
		{"body protection alone", `WWW-Authenticate: Digest realm="trunk", nonce="n1", qop="auth-int"`, 401, true, "", "auth-int"},
		{"unknown protection", `WWW-Authenticate: Digest realm="trunk", nonce="n1", qop="auth-conf"`, 401, false, "", ""},
		{"strongest of all", "WWW-Authenticate: Digest realm=\"trunk\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"\r\n" +
			"WWW-Authenticate: Digest realm=\"trunk\", nonce=\"n2\", algorithm=SHA-512-256, qop=\"auth\"\r\n" +
			`WWW-Authenticate: Digest realm="trunk", nonce="n3", algorithm=MD5, qop="auth"`, 401, true, "SHA-512-256", "auth"},
		{"unknown and known", "WWW-Authenticate: Digest realm=\"trunk\", nonce=\"n2\", algorithm=SHA-256-sess, qop=\"auth\"\r\n" +
			`WWW-Authenticate: Digest realm="trunk", nonce="n1", algorithm=MD5, qop="auth"`, 401, true, "MD5", "auth"},
		{"loosely written", "WWW-Authenticate: DIGEST\tRealm = \"trunk\" ,\tNONCE=n_1.x,, Algorithm=MD5,QOP=\"AUTH\"", 401, true, "MD5", "auth"},
		{"no nonce", `WWW-Authenticate: Digest realm="trunk"`, 401, false, "", ""},
		{"twice a realm", `WWW-Authenticate: Digest realm="evil", nonce="n", realm="trunk"`, 401, false, "", ""},
		{"too long", `WWW-Authenticate: Digest realm="trunk", nonce="` + strings.Repeat("n", 2048) + `"`, 401, false, "", ""},
		{"basic", `WWW-Authenticate: Basic realm="trunk"`, 401, false, "", ""},
		{"no challenge", "Subject: x", 401, false, "", ""},
		{"challenge of the other kind", `Proxy-Authenticate: Digest realm="trunk", nonce="n1"`, 401, false, "", ""},
		{"challenge with another status", `WWW-Authenticate: Digest realm="trunk", nonce="n1"`, 403, false, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &sip.Options{Credentials: trunkUser})
				d := w.dial(background, bob, nil)
				first := w.peer.request("INVITE")
				if first.GetHeader("Authorization") != nil {
					t.Error("credentials before anybody asked")
				}
				w.peer.reply(first, c.status, "x", "", c.challenge)
				w.peer.request("ACK")
				if !c.answered {
					wantDialError(t, d.wait().err, bridge.Forbidden, c.status)
					w.peer.silence(time.Minute)
					return
				}
				second := w.peer.request("INVITE")
				name := "Authorization"
				if c.status == 407 {
					name = "Proxy-Authorization"
				}
				value := second.GetHeader(name)
				if value == nil {
					t.Fatalf("no %s:\n%s", name, second)
				}
				if err := provesBody("INVITE", value.Value(), string(second.Body())); err != nil {
					t.Error(err)
				}
				if f := fields(value.Value()); f["algorithm"] != c.algorithm || f["qop"] != c.qop || f["uri"] != bob {
					t.Errorf("%v, want algorithm %q, qop %q", f, c.algorithm, c.qop)
				}
				if second.CSeq().SeqNo != first.CSeq().SeqNo+1 || second.CallID().Value() != first.CallID().Value() ||
					second.From().Value() != first.From().Value() || second.Via().Value() == first.Via().Value() || string(second.Body()) != string(first.Body()) {
					t.Errorf("the second INVITE:\n%s", second)
				}
				w.peer.reply(second, 200, "b1", offer(1))
				ack := w.peer.request("ACK")
				if got := ack.GetHeader(name); got == nil || got.Value() != value.Value() {
					t.Errorf("the ACK has %v, want the credentials of its INVITE", got)
				}
				d.leg()
			})
		})
	}
}

// TestDigestLoop is asked again and again: once more if the nonce was stale, else not.
func TestDigestLoop(t *testing.T) {
	for _, c := range []struct {
		name, second string
		tries        int
	}{
		{"wrong password", `WWW-Authenticate: Digest realm="trunk", nonce="n%d"`, 1},
		{"stale for ever", `WWW-Authenticate: Digest realm="trunk", nonce="n%d", stale=true`, 2},
		{"ever new realms", `WWW-Authenticate: Digest realm="r%d", nonce="n"`, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &sip.Options{Credentials: trunkUser}
				if strings.Contains(c.second, `"r%d"`) {
					o.Credentials = []sip.Credentials{{Host: "192.0.2.2", Username: "gw", Password: "sesame"}}
				}
				w := newWorld(t, o)
				d := w.dial(background, bob, nil)
				tries := -1
				for n := 0; ; n++ {
					msg := w.peer.receive(time.Second)
					if msg == nil {
						break
					}
					if req, _ := msg.(*sipmsg.Request); req.Method == sipmsg.INVITE {
						tries++
						w.peer.reply(req, 401, "x", "", fmt.Sprintf(c.second, n))
					}
				}
				wantDialError(t, d.wait().err, bridge.Forbidden, 401)
				if tries != c.tries {
					t.Errorf("%d tries with credentials, want %d", tries, c.tries)
				}
			})
		})
	}
}

// TestDigestStale is told that the nonce was too old, and is let in with the next.
func TestDigestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: trunkUser})
		d := w.dial(background, bob, nil)
		w.peer.reply(w.peer.request("INVITE"), 407, "x", "", `Proxy-Authenticate: Digest realm="trunk", nonce="n1"`)
		w.peer.request("ACK")
		w.peer.reply(w.peer.request("INVITE"), 407, "x", "", `Proxy-Authenticate: Digest realm="trunk", nonce="n2", stale=TRUE`)
		w.peer.request("ACK")
		third := w.peer.request("INVITE")
		if got := third.GetHeaders("Proxy-Authorization"); len(got) != 1 || fields(got[0].Value())["nonce"] != "n2" {
			t.Errorf("credentials %v", got)
		}
		w.peer.reply(third, 180, "b1", "")
		d.leg()
	})
}

// TestDigestTwoRealms passes a proxy that asks, and a far side that asks too.
func TestDigestTwoRealms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: append([]sip.Credentials{{Realm: "proxy", Username: "gw", Password: "sesame"}}, trunkUser...)})
		d := w.dial(background, bob, nil)
		w.peer.reply(w.peer.request("INVITE"), 407, "x", "", `Proxy-Authenticate: Digest realm="proxy", nonce="n1"`)
		w.peer.request("ACK")
		w.peer.reply(w.peer.request("INVITE"), 401, "x", "", `WWW-Authenticate: Digest realm="trunk", nonce="n2"`)
		w.peer.request("ACK")
		third := w.peer.request("INVITE")
		if third.GetHeader("Proxy-Authorization") == nil || third.GetHeader("Authorization") == nil {
			t.Errorf("the credentials of one realm are gone:\n%s", third)
		}
		w.peer.reply(third, 180, "b1", "")
		d.leg()
	})
}

func TestDigestByHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: []sip.Credentials{{Host: "192.0.2.3", Username: "gw", Password: "sesame"}}})
		d := w.dial(background, bob, nil)
		w.peer.reply(w.peer.request("INVITE"), 401, "x", "", `WWW-Authenticate: Digest realm="trunk", nonce="n1"`)
		w.peer.request("ACK")
		wantDialError(t, d.wait().err, bridge.Forbidden, 401)
		trunk := w.newPeer("192.0.2.3:5060")
		d = w.dial(background, "sip:bob@192.0.2.3", nil)
		trunk.reply(trunk.request("INVITE"), 401, "x", "", `WWW-Authenticate: Digest realm="trunk", nonce="n1"`)
		trunk.request("ACK")
		second := trunk.request("INVITE")
		if err := proves("INVITE", second.GetHeader("Authorization").Value()); err != nil {
			t.Error(err)
		}
		trunk.reply(second, 180, "b1", "")
		d.leg()
	})
}

// TestDigestInCall answers challenges within calls that we placed, and never within those that came in.
func TestDigestInCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: append([]sip.Credentials{{Host: "192.0.2.2", Username: "gw", Password: "sesame"}}, trunkUser...)})
		challenge := `WWW-Authenticate: Digest realm="trunk", nonce="n1", qop="auth"`
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 200, "b1", offer(1))
		w.peer.request("ACK")
		out := d.leg()
		updated := async(func() error { return out.Update(background, pcmu(media.SendOnly)) })
		w.peer.reply(w.peer.request("INVITE"), 401, "", "", challenge)
		w.peer.request("ACK")
		again := w.peer.request("INVITE")
		if err := proves("INVITE", again.GetHeader("Authorization").Value()); err != nil {
			t.Error(err)
		}
		w.peer.reply(again, 200, "", describe(2, "recvonly", 30000, "0"))
		w.peer.request("ACK")
		if err := <-updated; err != nil {
			t.Error(err)
		}
		hung := async(func() error { return out.Hangup(background, bridge.Normal) })
		w.peer.reply(w.peer.request("BYE"), 401, "", "", challenge)
		bye := w.peer.request("BYE")
		if err := proves("BYE", bye.GetHeader("Authorization").Value()); err != nil {
			t.Error(err)
		}
		w.peer.reply(bye, 200, "", "")
		if err := <-hung; err != nil {
			t.Error(err)
		}

		in := w.peer.call().up(w, nil)
		hung = async(func() error { return in.Hangup(background, bridge.Normal) })
		w.peer.reply(w.peer.request("BYE"), 401, "", "", challenge)
		if err := <-hung; err != nil {
			t.Error(err)
		}
		w.peer.silence(time.Minute)
	})
}

// TestDigestWithdrawn does not give credentials for a call that nobody wants any more.
func TestDigestWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: trunkUser})
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 180, "x", "")
		l := d.leg()
		go func() { _ = l.Hangup(background, bridge.Normal) }()
		w.peer.reply(w.peer.request("CANCEL"), 200, "x", "")
		w.peer.reply(invite, 401, "x", "", `WWW-Authenticate: Digest realm="trunk", nonce="n1"`)
		w.peer.request("ACK")
		w.peer.silence(time.Minute)
	})
}
