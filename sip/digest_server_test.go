package sip_test

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/sip"
)

// proof is what a peer puts into an Authorization header field. The zero fields are left out.
type proof struct {
	user, password, realm, method, uri, algorithm, qop, nonce, nc string
}

// header returns the header field, computed here once more (RFC 7616 section 3.4).
func (p proof) header() string {
	h := md5.New()
	if p.algorithm == "SHA-256" {
		h = sha256.New()
	}
	sum := func(parts ...string) string {
		h.Reset()
		h.Write([]byte(strings.Join(parts, ":")))
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	parts := []string{sum(p.user, p.realm, p.password), p.nonce}
	text := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s"`, p.user, p.realm, p.nonce, p.uri)
	if p.qop != "" {
		parts = append(parts, p.nc, "c0ffee", p.qop)
		text += fmt.Sprintf(`, qop=%s, nc=%s, cnonce="c0ffee"`, p.qop, p.nc)
	}
	if p.algorithm != "" {
		text += ", algorithm=" + p.algorithm
	}
	return "Authorization: " + text + `, response="` + sum(append(parts, sum(p.method, p.uri))...) + `"`
}

const guardedURI = "sip:room@" + agentAddr

// good is a right proof for a MESSAGE.
func good(nonce string) proof {
	return proof{user: "gw", password: "sesame", realm: "lobby", method: "MESSAGE", uri: guardedURI, algorithm: "SHA-256", qop: "auth", nonce: nonce, nc: "00000001"}
}

// guarded returns a world whose agent asks who everybody is, and the messages that it has taken.
func guarded(t *testing.T) (w *world, taken func() []*sip.Message) {
	t.Helper()
	var got []*sip.Message
	hashes, err := sip.Hashes("", fmt.Sprintf("%x", sha256.Sum256([]byte("hashed:lobby:sesame"))))
	if err != nil {
		t.Fatal(err)
	}
	w = newWorld(t, &sip.Options{
		Realm: "lobby", Algorithms: []string{"SHA-256", "MD5"},
		Users: func(user string) (sip.Secret, bool) {
			switch user {
			case "gw":
				return sip.Password("sesame"), true
			case "hashed":
				return hashes, true
			case "blank":
				return sip.Password(""), true
			case "zero":
				return sip.Secret{}, true
			case "panic":
				panic("boom")
			}
			return sip.Password("sesame"), false
		},
		Message: func(_ context.Context, m *sip.Message) error {
			got = append(got, m)
			return nil
		},
	})
	return w, func() []*sip.Message { synctest.Wait(); return got }
}

// asked reads what a 401 asks for: the nonce, and whether only that was too old.
func asked(t testing.TB, res *sipmsg.Response) (nonce string, stale bool) {
	t.Helper()
	all := res.GetHeaders("WWW-Authenticate")
	if res.StatusCode != 401 || len(all) != 2 {
		t.Fatalf("no challenges in\n%s", res)
	}
	for i, algorithm := range []string{"SHA-256", "MD5"} {
		f := fields(all[i].Value())
		if f["realm"] != "lobby" || f["algorithm"] != algorithm || f["qop"] != "auth" || f["nonce"] == "" || nonce != "" && f["nonce"] != nonce {
			t.Fatalf("challenge %s", all[i])
		}
		nonce, stale = f["nonce"], f["stale"] == "true"
	}
	return nonce, stale
}

func TestDoor(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(p *proof)
		status int
		stale  bool
		wrong  uint64
	}{
		{"right", func(*proof) {}, 200, false, 0},
		{"MD5", func(p *proof) { p.algorithm = "MD5" }, 200, false, 0},
		{"no algorithm", func(p *proof) { p.algorithm = "" }, 200, false, 0},
		{"no qop", func(p *proof) { p.qop = "" }, 200, false, 0},
		{"hashes", func(p *proof) { p.user = "hashed" }, 200, false, 0},
		{"a higher number", func(p *proof) { p.nc = "0000000a" }, 200, false, 0},
		{"a number in capitals", func(p *proof) { p.nc = "0000000A" }, 200, false, 0},
		{"by another host", func(p *proof) { p.uri = "sip:room@example.net;transport=udp" }, 200, false, 0}, // a proxy has changed the rest
		{"password", func(p *proof) { p.password = "Sesame" }, 401, false, 1},
		{"no password", func(p *proof) { p.password = "" }, 401, false, 1},
		{"unknown user", func(p *proof) { p.user = "nobody" }, 401, false, 1},
		{"no user", func(p *proof) { p.user = "" }, 401, false, 1},
		{"a hash that is not known", func(p *proof) { p.user, p.algorithm = "hashed", "MD5" }, 401, false, 1},
		{"no secret", func(p *proof) { p.user, p.password = "zero", "" }, 401, false, 1},
		{"an empty password", func(p *proof) { p.user, p.password = "blank", "" }, 200, false, 0},
		{"panic", func(p *proof) { p.user = "panic" }, 401, false, 1},
		{"another realm", func(p *proof) { p.realm = "Lobby" }, 401, false, 0},
		{"another method", func(p *proof) { p.method = "INVITE" }, 401, false, 1},
		{"another URI", func(p *proof) { p.uri = "sip:boss@" + agentAddr }, 400, false, 1},
		{"a URI that is none", func(p *proof) { p.uri = "*" }, 400, false, 1},
		{"auth-int", func(p *proof) { p.qop = "auth-int" }, 401, false, 1},
		{"unknown algorithm", func(p *proof) { p.algorithm = "SHA-512" }, 401, false, 1},
		{"a session algorithm", func(p *proof) { p.algorithm = "MD5-sess" }, 401, false, 1},
		{"another nonce", func(p *proof) { p.nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093" }, 401, true, 0},
		{"another nonce and password", func(p *proof) { p.nonce, p.password = "dcd98b7102dd2f0e8b11d0f600bfb0c093", "x" }, 401, false, 1},
		{"no number", func(p *proof) { p.nc = "00000000" }, 401, false, 0},
		{"a long number", func(p *proof) { p.nc = "000000001" }, 401, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, taken := guarded(t)
				s := w.peer.call()
				text := s.send("MESSAGE", "x", "Content-Type: text/plain")
				first := w.peer.response(401, "MESSAGE")
				nonce, stale := asked(t, first)
				if stale {
					t.Error("the first nonce is called stale")
				}
				w.peer.send(text) // a repetition has the same tag
				if again := w.peer.response(401, "MESSAGE"); again.To().Value() != first.To().Value() || !again.To().Params.Has("tag") {
					t.Errorf("a repetition is answered with\n%s", again)
				}
				if got := w.agent.Stats(); got.ServerTransactions != 0 {
					t.Errorf("the agent keeps %d transactions of strangers", got.ServerTransactions)
				}
				p := good(nonce)
				c.change(&p)
				s.send("MESSAGE", "x", "Content-Type: text/plain", p.header())
				res := w.peer.response(c.status, "MESSAGE")
				if c.status == 401 {
					if next, stale := asked(t, res); stale != c.stale || next == nonce {
						t.Errorf("stale %v, want %v", stale, c.stale)
					}
				}
				got := taken()
				if (len(got) == 1) != (c.status == 200) || len(got) == 1 && got[0].User != p.user {
					t.Errorf("taken: %+v", got)
				}
				if got := w.agent.Stats().Unauthorized; got != c.wrong {
					t.Errorf("%d counted, want %d", got, c.wrong)
				}
			})
		})
	}
}

// TestDoorReplay sends what was sent before, in new requests: a number of a nonce is good once, in an order that may differ a little, and a
// nonce for five minutes.
func TestDoorReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, taken := guarded(t)
		say := func(status int, p proof, more ...string) *sipmsg.Response {
			t.Helper()
			w.peer.call().send("MESSAGE", "x", append(more, "Content-Type: text/plain", p.header())...)
			return w.peer.response(status, "MESSAGE")
		}
		w.peer.call().send("MESSAGE", "x", "Content-Type: text/plain")
		nonce, _ := asked(t, w.peer.response(401, "MESSAGE"))
		p := good(nonce)
		for _, c := range []struct {
			nc     string
			status int
		}{{"00000001", 200}, {"00000001", 401}, {"00000003", 200}, {"00000002", 200}, {"00000003", 401}, {"00000100", 200}, {"00000004", 401}} {
			p.nc = c.nc
			if res := say(c.status, p); c.status == 401 {
				if _, stale := asked(t, res); !stale {
					t.Errorf("number %s: the password is called wrong", c.nc)
				}
			}
		}
		p.qop = ""
		_, stale := asked(t, say(401, p))
		if !stale {
			t.Error("without a number: the password is called wrong")
		}
		p = good(nonce)
		p.nc = "00000200"
		time.Sleep(5 * time.Minute)
		fresh, stale := asked(t, say(401, p))
		if !stale {
			t.Error("an old nonce is not called stale")
		}
		before := len(taken())
		wrong := good(fresh)
		wrong.password = "x"
		other := good(fresh)
		other.realm = "elsewhere"
		say(200, good(fresh), other.header(), wrong.header()) // two of ours are looked at, and any of other realms
		say(401, good(fresh), wrong.header(), wrong.header())
		if got := len(taken()) - before; got != 1 {
			t.Errorf("%d taken", got)
		}
	})
}

// TestDoorCall has a call come with credentials: its later requests need none, and neither do ACK and CANCEL.
func TestDoorCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := guarded(t)
		s := w.peer.call()
		s.send("INVITE", offer(1))
		nonce, _ := asked(t, w.peer.response(401, "INVITE"))
		s.ackRefusal()
		s.cancel()
		w.peer.response(481, "CANCEL")
		p := good(nonce)
		p.method = "INVITE"
		s.send("INVITE", offer(1), p.header())
		l := w.leg()
		if l.User() != "gw" || l.Info().From.URI != "sip:ann@example.com" {
			t.Errorf("user %q", l.User())
		}
		if err := l.Answer(background, nil); err != nil {
			t.Fatal(err)
		}
		s.learn(w.peer.response(200, "INVITE"))
		s.ack("")
		s.send("MESSAGE", "x", "Content-Type: text/plain")
		w.peer.response(200, "MESSAGE")
		s.send("BYE", "")
		w.peer.response(200, "BYE")

		s = w.peer.call() // and one that is withdrawn
		p.nc = "00000002"
		s.send("INVITE", offer(1), p.header())
		w.peer.response(100, "INVITE")
		s.cancel()
		w.peer.response(200, "CANCEL")
		w.peer.response(487, "INVITE")
		s.ackRefusal()
		wantEnd(t, w.leg(), bridge.Cancelled, true)

		for _, method := range []string{"OPTIONS", "REGISTER", "BYE", "PUBLISH"} {
			w.peer.call().send(method, "")
			asked(t, w.peer.response(401, method))
		}
		stranger := w.peer.call()
		stranger.agentTag = "nobody"
		stranger.send("BYE", "")
		w.peer.response(481, "BYE")
	})
}

// TestDoorOptions checks the options, and what they are by default.
func TestDoorOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nobody := func(string) (sip.Secret, bool) { return sip.Secret{}, false }
		for _, c := range []struct {
			names string // what the error names
			bad   sip.Options
		}{
			{"Realm", sip.Options{Realm: "a\r\nX: y"}},
			{"Realm", sip.Options{Realm: strings.Repeat("x", 300)}},
			{"Realm", sip.Options{Realm: "the\tlobby"}},
			{"Realm", sip.Options{Realm: "the\u3000lobby"}},
			{"Algorithms", sip.Options{Algorithms: []string{"SHA-512"}}},
			{"Algorithms", sip.Options{Algorithms: []string{"MD5", "md5"}}},
		} {
			c.bad.Users = nobody
			if _, err := sip.Listen(agentAddr, &calltest.Engine{}, &c.bad); err == nil || !strings.Contains(err.Error(), c.names) {
				t.Errorf("%+v: %v", c.bad, err)
			}
		}
		w := newWorld(t, &sip.Options{Users: nobody, Realm: `the "lobby"`, Algorithms: []string{"md5"}})
		w.peer.call().send("OPTIONS", "")
		res := w.peer.response(401, "OPTIONS")
		if all := res.GetHeaders("WWW-Authenticate"); len(all) != 1 || !strings.HasPrefix(all[0].Value(), `Digest realm="the \"lobby\"", nonce="`) || !strings.HasSuffix(all[0].Value(), `", algorithm=MD5, qop="auth"`) {
			t.Errorf("%s", res)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Users: func(string) (sip.Secret, bool) { return sip.Secret{}, false }})
		w.peer.call().send("OPTIONS", "")
		if f := fields(w.peer.response(401, "OPTIONS").GetHeader("WWW-Authenticate").Value()); f["realm"] != "192.0.2.1" {
			t.Errorf("realm %q", f["realm"])
		}
	})
}
