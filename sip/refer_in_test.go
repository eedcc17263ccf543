package sip_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

const referDave = "Refer-To: <sip:dave@" + daveAddr + ">"

// refer sends REFER and checks how it is answered.
func (s *script) refer(status int, extra ...string) {
	s.p.t.Helper()
	s.send("REFER", "", extra...)
	s.p.response(status, "REFER")
}

func TestRefer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrio(t)
		tr.carol.refer(202, referDave, "Referred-By: \"Carol\" <sip:carol@example.com>;cid=\"x@y\"")
		first := tr.carol1.notify(100, false)
		if got := first.GetHeader("Event").Value(); got != "refer" {
			t.Errorf("Event %s", got)
		}
		invite := tr.dave.request("INVITE")
		if got := invite.From().Address.String(); got != "sip:ann@example.com" {
			t.Errorf("dave is called by %s, want ann", got)
		}
		if got := invite.GetHeader("Referred-By").Value(); got != "<sip:carol@example.com>" {
			t.Errorf("Referred-By %s", got)
		}
		tr.dave.reply(invite, 180, "d1", "")
		dave := tr.dave.accepts(invite, "d1", describe(1, "sendrecv", 32000, "0 8 101"))
		tr.carol1.notify(200, true)
		tr.carol1.byes()
		dave.send("BYE", "")
		tr.dave.response(200, "BYE")
		tr.w.peer.all("BYE")
	})
}

// TestReferByTheCaller lets the side ask that came in.
func TestReferByTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrio(t)
		tr.ann.refer(202, referDave)
		tr.w.peer.notify(100, false)
		invite := tr.dave.request("INVITE")
		if got := invite.From().Address.String(); got != "sip:carol@"+carolAddr {
			t.Errorf("dave is called by %s, want carol", got)
		}
		dave := tr.dave.accepts(invite, "d1", describe(1, "sendrecv", 32000, "0 8 101"))
		tr.w.peer.notify(200, true)
		tr.w.peer.byes()
		dave.send("BYE", "")
		tr.dave.response(200, "BYE")
		tr.carol1.all("BYE")
	})
}

// TestReferFails leaves the call as it was, and tells why. NOTIFYs of a later REFER say which they are of.
func TestReferFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrio(t)
		for n, status := range []int{486, 603, 404, 480} {
			tr.carol.refer(202, referDave)
			event := tr.carol1.notify(100, false).GetHeader("Event").Value()
			if want := "refer;id=" + statusText(tr.carol.seq); n > 0 && event != want {
				t.Errorf("Event %s, want %s", event, want)
			}
			tr.carol.refer(491, referDave) // one at a time
			tr.dave.reply(tr.dave.request("INVITE"), status, "d1", "")
			tr.dave.request("ACK")
			if got := tr.carol1.notify(status, true).GetHeader("Event").Value(); got != event {
				t.Errorf("Event %s, want %s", got, event)
			}
		}
		tr.ann.send("BYE", "")
		tr.w.peer.response(200, "BYE")
		tr.carol1.byes()
	})
}

// TestReferHangsUpAtOnce keeps the other side, as phones expect that hang up when their REFER is accepted.
func TestReferHangsUpAtOnce(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			tr := newTrio(t)
			tr.carol.refer(202, referDave)
			tr.carol1.notify(100, false)
			tr.carol.send("BYE", "")
			tr.carol1.response(200, "BYE")
			dave := tr.dave.accepts(tr.dave.request("INVITE"), "d1", describe(1, "sendrecv", 32000, "0 8 101"))
			tr.carol1.notify(200, true)
			dave.send("BYE", "")
			tr.dave.response(200, "BYE")
			tr.w.peer.all("BYE")
		})
	}
}

// TestReferWithoutNotify tells nothing where nothing is to be told (RFC 4488).
func TestReferWithoutNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrio(t)
		tr.carol.send("REFER", "", referDave, "Refer-Sub: false", "Require: norefersub")
		if got := tr.carol1.response(202, "REFER").GetHeader("Refer-Sub"); got == nil || got.Value() != "false" {
			t.Errorf("Refer-Sub %v", got)
		}
		tr.dave.accepts(tr.dave.request("INVITE"), "d1", describe(1, "sendrecv", 32000, "0 8 101"))
		tr.carol1.byes() // nothing before it
	})
}

// TestReferNobodyHeeds tells its sender, where the program does not transfer.
func TestReferNobodyHeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		s.refer(202, referDave)
		w.peer.notify(100, false)
		info := waitInfo(t, l, func(i bridge.Info) bool { return i.Transfer != nil })
		if got := info.Transfer.To; got != "sip:dave@"+daveAddr {
			t.Errorf("transfer to %q", got)
		}
		w.peer.silence(150 * time.Second)
		w.peer.notify(480, true)
		if l.Info().Transfer != nil {
			t.Error("the wish stays")
		}
		info.Transfer.Done(nil) // too late
		w.peer.silence(time.Minute)
	})
}

// TestReferNotifyRefused sends nothing more to who does not want to know.
func TestReferNotifyRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		s.refer(202, referDave)
		w.peer.reply(w.peer.request("NOTIFY"), 481, "", "")
		synctest.Wait()
		l.Info().Transfer.Done(nil)
		w.peer.silence(time.Minute)
	})
}

func TestReferRefused(t *testing.T) {
	long := strings.Repeat("x", 2000)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		for _, c := range []struct {
			why    string
			status int
			fields []string
		}{
			{"no target", 400, nil},
			{"two targets", 400, []string{referDave, referDave}},
			{"two targets in one", 400, []string{"Refer-To: <sip:a@b>, <sip:c@d>"}},
			{"two targets, one of them short", 400, []string{referDave, "r: <sip:a@b>"}},
			{"no URI", 400, []string{"Refer-To: dave"}},
			{"no host", 400, []string{"Refer-To: <sip:dave@>"}},
			{"long", 400, []string{"Refer-To: <sip:" + long + "@b>"}},
			{"very long", 400, []string{"Refer-To: <sip:" + long + long + "@b>"}},
			{"a web page", 416, []string{"Refer-To: <http://example.com/>"}},
			{"another method", 403, []string{"Refer-To: <sip:dave@example.com;method=BYE>"}},
			{"no number", 400, []string{"Refer-To: <tel:;phone-context=x>"}},
			{"a strange number", 400, []string{"Refer-To: <tel:+46<70>"}},
			{"a Replaces without tags", 400, []string{"Refer-To: <sip:dave@example.com?Replaces=abc>"}},
			{"line breaks in Replaces", 400, []string{"Refer-To: <sip:dave@example.com?Replaces=a%0D%0AVia%3Ax%3Bto-tag%3D1%3Bfrom-tag%3D2>"}},
			{"an extension that we do not have", 420, []string{referDave, "Require: multiple-refer"}},
		} {
			s.send("REFER", "", c.fields...)
			if res := w.peer.response(c.status, "REFER"); res == nil {
				t.Errorf("%s", c.why)
			}
		}
		if l.Info().Transfer != nil {
			t.Error("one of them has become a wish")
		}
		w.peer.silence(time.Second)
		other := w.peer.call()
		other.refer(403, referDave)
		early := w.peer.call()
		early.ringing(w, nil)
		early.refer(500, referDave) // not before the call is up
	})
}

func TestReferTargets(t *testing.T) {
	for field, want := range map[string]string{
		"Refer-To: sip:dave@example.com":                                                        "sip:dave@example.com",
		"r: \"Dave\" <sip:dave@example.com:5070;transport=tcp>":                                 "sip:dave@example.com:5070;transport=tcp",
		"Refer-To: <sip:dave@example.com;method=INVITE>;early-media=x":                          "sip:dave@example.com",
		"Refer-To: <sip:dave@example.com?Subject=x&Route=%3Csip%3Ax%3E>":                        "sip:dave@example.com",
		"Refer-To: <sips:+4670123@[2001:db8::1]>":                                               "sips:+4670123@[2001:db8::1]",
		"Refer-To: <tel:+46-70-1234567;phone-context=example.com>":                              "tel:+46-70-1234567;phone-context=example.com",
		"Refer-To: <sip:d@example.com?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2%3Bearly-only>": "sip:d@example.com a@b;to-tag=1;from-tag=2;early-only",
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.peer.call()
			l := s.up(w, nil)
			s.refer(202, field, "Refer-Sub: false")
			info := waitInfo(t, l, func(i bridge.Info) bool { return i.Transfer != nil })
			got := info.Transfer.To
			if r := info.Transfer.Attr["sip.replaces"]; r != "" {
				got += " " + r
			}
			if got != want {
				t.Errorf("%s becomes %q, want %q", field, got, want)
			}
		})
	}
}

// TestReferByeAfterNotify hangs up only when the far side has the last word on its transfer, or has had two seconds.
func TestReferByeAfterNotify(t *testing.T) {
	for _, answers := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			tr := newTrio(t)
			tr.carol.refer(202, referDave)
			tr.carol1.notify(100, false)
			tr.dave.accepts(tr.dave.request("INVITE"), "d1", describe(1, "sendrecv", 32000, "0 8 101"))
			last := tr.carol1.request("NOTIFY")
			begun := time.Now()
			if answers {
				tr.carol1.silence(400 * time.Millisecond)
				tr.carol1.reply(last, 200, "", "")
				tr.carol1.byes()
				return
			}
			for req := last; req.Method != sipmsg.BYE; { // NOTIFY is repeated meanwhile
				next, ok := tr.carol1.receive(patience).(*sipmsg.Request)
				if !ok {
					t.Fatal("no BYE")
				}
				req = next
			}
			if got := time.Since(begun); got != 2*time.Second {
				t.Errorf("BYE after %v", got)
			}
		})
	}
}

// TestReferAlwaysNotify tells a far side what comes of its REFER although it would do without, and takes none that requires that.
func TestReferAlwaysNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{AlwaysNotify: true})
		s := w.peer.call()
		s.send("OPTIONS", "")
		if got := w.peer.response(200, "OPTIONS").GetHeader("Supported").Value(); got != "replaces, 100rel, timer" {
			t.Errorf("Supported: %s", got)
		}
		s.send("INVITE", offer(1), "Require: norefersub")
		w.peer.response(420, "INVITE")
		s.ackRefusal()
		s = w.peer.call()
		l := s.up(w, nil)
		s.refer(420, referDave, "Refer-Sub: false", "Require: norefersub")
		s.send("REFER", "", referDave, "Refer-Sub: false")
		if got := w.peer.response(202, "REFER").GetHeader("Refer-Sub"); got != nil {
			t.Errorf("Refer-Sub: %s", got.Value())
		}
		w.peer.notify(100, false)
		info := waitInfo(t, l, func(i bridge.Info) bool { return i.Transfer != nil })
		info.Transfer.Done(nil)
		w.peer.notify(200, true)
	})
}
