package sip_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

// peers is the trust domain of the peer's network.
func peers() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("192.0.2.2/32")} }

func TestIdentityOfACallThatCameIn(t *testing.T) {
	said := sip.Identity{
		Asserted: []bridge.Party{{URI: "sip:+4670123@example.com", Name: `Ann "A"`}, {URI: "tel:+4670123"}, {URI: "sip:lee,ann@example.com"}},
		Privacy:  "id;user",
		Diversion: []sip.Diversion{
			{From: bridge.Party{URI: "sip:desk@example.com"}, Reason: "no-answer", Counter: 2, Privacy: "full"}, {From: bridge.Party{URI: "tel:+4671"}},
		},
		UserToUser: []string{"00c8;encoding=hex;purpose=isdn-uui", `"hello, world";x="y;z"`},
	}
	for _, trusted := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			o, want := &sip.Options{}, said
			if trusted {
				o.Trusted = peers()
			} else {
				want.Asserted, want.Diversion = nil, nil
			}
			w := newWorld(t, o)
			w.peer.call().send("INVITE", offer(1),
				`P-Asserted-Identity: "Ann \"A\"" <sip:+4670123@example.com>, <tel:+4670123>`, "P-Asserted-Identity: <http://example.com>, nonsense, <sip:lee,ann@example.com>",
				"Privacy: id; user", `Diversion: <sip:desk@example.com>;reason=no-answer;counter=2;privacy="full"`, "Diversion: <tel:+4671>;reason=\"two words\";counter=1000",
				"User-to-User: 00c8;encoding=hex;purpose=isdn-uui, <no>", `User-to-User: "hello, world";x="y;z"`)
			if got := w.leg().Identity(); !reflect.DeepEqual(got, want) {
				t.Errorf("trusted %v: got %+v, want %+v", trusted, got, want)
			}
		})
	}
}

// TestHeadersOfACallThatCameIn reads what may be passed on, in whatever case it is written.
func TestHeadersOfACallThatCameIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		more := []string{
			"X-Room: 7", "x-room: 8", "P-Charge-Info: <sip:+4670@example.com>", "Remote-Party-ID: <sip:a@example.com>;party=calling", "X-Empty:",
			"P-Asserted-Identity: <sip:a@example.com>", "P-Preferred-Identity: <sip:a@example.com>", "Subject: X-", "X-: 7", "X-Long: " + strings.Repeat("7", 2049),
		}
		for i := range 100 {
			more = append(more, fmt.Sprintf("X-%d: %d", i, i))
		}
		w.peer.call().send("INVITE", offer(1), more...)
		got := w.leg().Headers()
		for name, want := range map[string]string{
			"x-room": "7", "p-charge-info": "<sip:+4670@example.com>", "remote-party-id": "<sip:a@example.com>;party=calling", "x-empty": "", "x-59": "59",
		} {
			if value, ok := got[name]; !ok || value != want {
				t.Errorf("%s is %q, want %q", name, value, want)
			}
		}
		if len(got) != 64 {
			t.Errorf("%d header fields, want 64: %v", len(got), got)
		}
		w.peer.call().send("INVITE", offer(1))
		if got := w.leg().Headers(); got != nil {
			t.Errorf("of a call without any: %v", got)
		}
	})
}

func TestIdentityIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Trusted: peers()})
		many := strings.TrimSuffix(strings.Repeat("<sip:a@example.com>,", 50), ",")
		w.peer.call().send("INVITE", offer(1), "P-Asserted-Identity: "+many, "Diversion: "+many, "User-to-User: "+strings.TrimSuffix(strings.Repeat("00,", 50), ","),
			"Privacy: "+strings.Repeat("id;", 50), "P-Preferred-Identity: <sip:"+strings.Repeat("x", 3000)+"@example.com>")
		got := w.leg().Identity()
		if len(got.Asserted) != 8 || len(got.Diversion) != 8 || len(got.UserToUser) != 8 || got.Privacy != "" || got.Preferred.URI != "" {
			t.Errorf("got %+v", got)
		}
	})
}

// TestIdentityOfACallWePlace sends what the program says, but nothing that names the caller to whom the caller hides from.
func TestIdentityOfACallWePlace(t *testing.T) {
	for _, c := range []struct {
		why           string
		privacy       string
		trusted, told bool
		from          string
	}{
		{"open", "", false, true, "sip:100@example.com"},
		{"open in spite of a header", "none", false, true, "sip:100@example.com"},
		{"hidden", "id", false, false, "sip:anonymous@anonymous.invalid"},
		{"hidden, through a network that may know", "id;critical", true, true, "sip:anonymous@anonymous.invalid"},
		{"hidden, in another word", "User", false, false, "sip:anonymous@anonymous.invalid"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := &sip.Options{}
			if c.trusted {
				o.Trusted = peers()
			}
			w := newWorld(t, o)
			d := w.agent.As(&sip.CallOptions{Identity: sip.Identity{
				Asserted: []bridge.Party{{URI: "sip:+4670123@example.com", Name: `Ann "A"`}}, Preferred: bridge.Party{URI: "tel:+4670123"}, Privacy: c.privacy,
				Diversion:  []sip.Diversion{{From: bridge.Party{URI: "sip:desk@example.com"}, Reason: "no-answer", Counter: 2, Privacy: "full"}},
				UserToUser: []string{"00c8;encoding=hex"},
			}, Headers: map[string]string{"X-Room": "7", "p-charge-info": "<sip:+4670123@example.com>", "Remote-Party-ID": "<sip:+4670123@example.com>", "x-empty": ""}})
			done := make(chan outcome, 1)
			go func() {
				l, err := d.Dial(background, bob, &bridge.DialOptions{From: bridge.Party{URI: "sip:100@example.com", Name: "Ann"}})
				done <- outcome{l, err}
			}()
			invite := w.peer.request("INVITE")
			for name, want := range map[string]string{
				"P-Asserted-Identity": `"Ann \"A\"" <sip:+4670123@example.com>`, "P-Preferred-Identity": "<tel:+4670123>",
				"Diversion":     "<sip:desk@example.com>;reason=no-answer;privacy=full;counter=2",
				"P-Charge-Info": "<sip:+4670123@example.com>", "Remote-Party-ID": "<sip:+4670123@example.com>",
			} {
				if !c.told {
					want = ""
				}
				wantField(t, invite, name, want)
			}
			wantField(t, invite, "User-to-User", "00c8;encoding=hex")
			wantField(t, invite, "X-Room", "7")
			wantField(t, invite, "Privacy", c.privacy)
			if got := invite.From().Address.String(); got != c.from {
				t.Errorf("%s: From %s, want %s", c.why, got, c.from)
			}
			if text := string(w.peer.raw); !c.told && (strings.Contains(text, "4670123") || strings.Contains(text, "sip:100@") || strings.Contains(text, "Ann")) {
				t.Errorf("%s: the caller is named:\n%s", c.why, text)
			}
			w.peer.reply(invite, 200, "b1", offer(1), "P-Asserted-Identity: <sip:bob@example.com>")
			w.peer.request("ACK")
			r := <-done
			l, ok := r.leg.(*sip.Leg)
			if !ok {
				t.Fatalf("Dial: %v", r.err)
			}
			if got := l.Identity().Asserted; c.trusted != (len(got) == 1) {
				t.Errorf("%s: the called party is %v", c.why, got)
			}
		})
	}
}

func TestIdentityRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		evil := "x\r\nRoute: <sip:evil@example.com>"
		ann := bridge.Party{URI: "sip:ann@example.com"}
		for why, i := range map[string]sip.Identity{
			"a name":         {Asserted: []bridge.Party{{URI: "sip:ann@example.com", Name: evil}}},
			"a URI":          {Asserted: []bridge.Party{{URI: "sip:" + evil}}},
			"no URI":         {Asserted: []bridge.Party{{Name: "Ann"}}},
			"another":        {Preferred: bridge.Party{URI: "echo:lobby"}},
			"too many":       {Asserted: []bridge.Party{ann, ann, ann, ann, ann, ann, ann, ann, ann}},
			"privacy":        {Privacy: evil},
			"a reason":       {Diversion: []sip.Diversion{{From: ann, Reason: evil}}},
			"a counter":      {Diversion: []sip.Diversion{{From: ann, Counter: -1}}},
			"nobody":         {Diversion: []sip.Diversion{{}}},
			"user to user":   {UserToUser: []string{evil}},
			"an open string": {UserToUser: []string{`"abc`}},
			"nothing":        {UserToUser: []string{""}},
		} {
			if _, err := w.agent.As(&sip.CallOptions{Identity: i}).Dial(background, bob, nil); bridge.CauseOf(err) != bridge.Internal || strings.Contains(err.Error(), "evil") {
				t.Errorf("%s: %v", why, err)
			}
		}
		for why, h := range map[string]map[string]string{
			"a value": {"X-Room": evil}, "a name": {"X-Room\r\nX": "7"}, "two names": {"X-Room: 7, X": "7"}, "no name": {"": "7"}, "a prefix": {"X-": "7"},
			"of the way": {"Route": "<sip:evil@example.com>"}, "of ours": {"P-Asserted-Identity": "<sip:evil@example.com>"}, "twice": {"X-Room": "7", "x-room": "8"},
			"long": {"X-Room": strings.Repeat("7", 2049)}, "too many": manyHeaders(65),
		} {
			if _, err := w.agent.As(&sip.CallOptions{Headers: h}).Dial(background, bob, nil); bridge.CauseOf(err) != bridge.Internal || strings.Contains(err.Error(), "evil") {
				t.Errorf("header, %s: %v", why, err)
			}
		}
		if _, err := w.agent.As(&sip.CallOptions{Credentials: []sip.Credentials{{Username: "x"}}}).Dial(background, bob, nil); err == nil {
			t.Error("credentials for nobody in particular were taken")
		}
		w.peer.silence(40 * time.Second)
		if got := w.agent.Stats(); got.Out != 0 || got.Standing != 0 {
			t.Errorf("stats %+v", got)
		}
	})
}

func manyHeaders(n int) map[string]string {
	h := map[string]string{}
	for i := range n {
		h[fmt.Sprintf("X-%d", i)] = ""
	}
	return h
}

// TestCredentialsOfACall answers a challenge with what the call has.
func TestCredentialsOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Credentials: []sip.Credentials{{Realm: "pbx", Username: "everybody", Password: "x"}}})
		d := w.agent.As(&sip.CallOptions{Credentials: []sip.Credentials{{Realm: "pbx", Username: "room12", Password: "y"}}})
		go func() { _, _ = d.Dial(background, bob, nil) }()
		w.peer.reply(w.peer.request("INVITE"), 401, "b1", "", `WWW-Authenticate: Digest realm="pbx", nonce="n", qop="auth", algorithm=MD5`)
		w.peer.request("ACK")
		invite := w.peer.request("INVITE")
		if got := field(invite, "Authorization"); !strings.Contains(got, `username="room12"`) {
			t.Errorf("Authorization %s", got)
		}
		w.peer.reply(invite, 486, "b1", "")
		w.peer.request("ACK")
	})
}

// TestReasons reads and writes Q.850 values at the end of calls (RFC 3326).
func TestReasons(t *testing.T) {
	for field, cause := range map[string]bridge.Cause{
		"Q.850;cause=16": bridge.Normal, "Q.850;cause=31": bridge.Normal, "Q.850;cause=17": bridge.Normal, "Q.850;cause=41;text=\"Temporary failure\"": bridge.Internal,
		"SIP;cause=200, q.850 ;cause=42": bridge.Overload, "Q.850;cause=38": bridge.Unreachable, "Q.850;cause=x": bridge.Normal,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.peer.call()
			l := s.up(w, nil)
			s.send("BYE", "", "Reason: "+field)
			w.peer.response(200, "BYE")
			wantEnd(t, l, cause, true)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1))
		l := w.leg()
		s.cancel("Reason: Q.850;cause=26")
		w.peer.response(200, "CANCEL")
		w.peer.response(487, "INVITE")
		s.ackRefusal()
		wantEnd(t, l, bridge.Elsewhere, true)
		up := w.peer.call()
		l = up.up(w, nil)
		go func() { _ = l.Hangup(background, bridge.Overload) }()
		bye := w.peer.request("BYE")
		if got := field(bye, "Reason"); !strings.Contains(got, "Q.850;cause=42") {
			t.Errorf("Reason %s", got)
		}
		w.peer.reply(bye, 200, "", "")
	})
}
