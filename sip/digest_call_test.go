package sip_test

import (
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

const proxyAsks = `Proxy-Authenticate: Digest realm="trunk", nonce="n1", qop="auth"`

// given returns the parameters of a request's one Proxy-Authorization, which must be right.
func given(t *testing.T, req *sipmsg.Request) map[string]string {
	t.Helper()
	all := req.GetHeaders("Proxy-Authorization")
	if len(all) != 1 {
		t.Fatalf("%d credentials in\n%s", len(all), req)
	}
	if err := proves(string(req.Method), all[0].Value()); err != nil && req.Method != sipmsg.ACK {
		t.Error(err)
	}
	return fields(all[0].Value())
}

// TestDigestReuse passes a proxy that asks once: later requests of the call carry the next count of the same nonce, and ACK what its
// INVITE had. Then the proxy wants a new nonce, without calling the old one stale.
func TestDigestReuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: trunkUser})
		d := w.dial(background, bob, nil)
		w.peer.reply(w.peer.request("INVITE"), 407, "x", "", proxyAsks)
		w.peer.request("ACK")
		invite := w.peer.request("INVITE")
		if f := given(t, invite); f["nc"] != "00000001" {
			t.Errorf("nc %s", f["nc"])
		}
		w.peer.reply(invite, 200, "b1", offer(1))
		w.peer.request("ACK")
		l := d.leg()

		again, updated := w.updating(l)
		if f := given(t, again); f["nc"] != "00000002" || f["nonce"] != "n1" {
			t.Errorf("the re-INVITE has %v", f)
		}
		w.peer.reply(again, 200, "", describe(2, "recvonly", 30000, "0"))
		if f := given(t, w.peer.request("ACK")); f["nc"] != "00000002" {
			t.Errorf("the ACK has %v, want what its INVITE had", f)
		}
		if err := <-updated; err != nil {
			t.Error(err)
		}

		hung := async(func() error { return l.Hangup(background, bridge.Normal) })
		first := w.peer.request("BYE")
		if f := given(t, first); f["nc"] != "00000003" {
			t.Errorf("the BYE has %v", f)
		}
		w.peer.reply(first, 407, "", "", `Proxy-Authenticate: Digest realm="trunk", nonce="n2", qop="auth"`)
		second := w.peer.request("BYE")
		if f := given(t, second); f["nc"] != "00000001" || f["nonce"] != "n2" {
			t.Errorf("the second BYE has %v", f)
		}
		w.peer.reply(second, 200, "", "")
		if err := <-hung; err != nil {
			t.Error(err)
		}
	})
}

// TestDigestAggregated is asked by a proxy and by the far side in one response, as a proxy that forks does.
func TestDigestAggregated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: append([]sip.Credentials{{Realm: "proxy", Username: "gw", Password: "sesame"}}, trunkUser...)})
		d := w.dial(background, bob, nil)
		w.peer.reply(w.peer.request("INVITE"), 401, "x", "", `Proxy-Authenticate: Digest realm="proxy", nonce="n1"`, `WWW-Authenticate: Digest realm="trunk", nonce="n2"`,
			`WWW-Authenticate: Digest realm="elsewhere", nonce="n3"`)
		w.peer.request("ACK")
		second := w.peer.request("INVITE")
		for name, realm := range map[string]string{"Proxy-Authorization": "proxy", "Authorization": "trunk"} {
			all := second.GetHeaders(name)
			if len(all) != 1 || fields(all[0].Value())["realm"] != realm || proves("INVITE", all[0].Value()) != nil {
				t.Errorf("%s: %v", name, all)
			}
		}
		w.peer.reply(second, 180, "b1", "")
		d.leg()
	})
}

// TestDigestMoved calls a far side that hands the call to another place, which asks for credentials. Those of a host stay where they belong;
// those of a realm are given to whoever asks for that realm, but nobody is given any unasked.
func TestDigestMoved(t *testing.T) {
	for _, c := range []struct {
		name  string
		creds sip.Credentials
		given bool
	}{
		{"host", sip.Credentials{Host: "192.0.2.2", Username: "gw", Password: "sesame"}, false},
		{"host and realm", sip.Credentials{Host: "192.0.2.2", Realm: "trunk", Username: "gw", Password: "sesame"}, false},
		{"realm", sip.Credentials{Realm: "trunk", Username: "gw", Password: "sesame"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &sip.Options{Credentials: []sip.Credentials{c.creds}})
				other := w.newPeer("192.0.2.66:5060")
				d := w.dial(background, bob, nil)
				w.peer.reply(w.peer.request("INVITE"), 407, "x", "", proxyAsks)
				w.peer.request("ACK")
				invite := w.peer.request("INVITE")
				given(t, invite)
				w.peer.reply(invite, 200, "b1", offer(1), "Contact: <sip:bob@192.0.2.66>")
				if other.request("ACK").Method != sipmsg.ACK {
					t.Error("no ACK")
				}
				l := d.leg()
				hung := async(func() error { return l.Hangup(background, bridge.Normal) })
				bye := other.request("BYE")
				if bye.GetHeader("Proxy-Authorization") != nil {
					t.Error("credentials for who has not asked")
				}
				other.reply(bye, 407, "", "", `Proxy-Authenticate: Digest realm="trunk", nonce="n3", qop="auth"`)
				if c.given {
					bye = other.request("BYE")
					given(t, bye)
					other.reply(bye, 200, "", "")
				}
				if err := <-hung; err != nil {
					t.Error(err)
				}
				other.silence(time.Minute)
			})
		})
	}
}

// TestDigestFork hangs up a branch that accepts too late, through a proxy that asks for credentials each time.
func TestDigestFork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: trunkUser})
		d := w.dial(background, bob, nil)
		w.peer.reply(w.peer.request("INVITE"), 407, "x", "", proxyAsks)
		w.peer.request("ACK")
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 200, "b1", offer(1))
		w.peer.request("ACK")
		d.leg()
		w.peer.reply(invite, 200, "b2", offer(1))
		if f := given(t, w.peer.request("ACK")); f["nc"] != "00000001" {
			t.Errorf("the ACK has %v, want what its INVITE had", f)
		}
		bye := w.peer.request("BYE")
		given(t, bye)
		w.peer.reply(bye, 407, "", "", `Proxy-Authenticate: Digest realm="trunk", nonce="n2", qop="auth"`)
		bye = w.peer.request("BYE")
		if f := given(t, bye); f["nonce"] != "n2" {
			t.Errorf("the second BYE has %v", f)
		}
		w.peer.reply(bye, 200, "", "")
	})
}
