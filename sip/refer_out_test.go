package sip_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

// report sends NOTIFY of a REFER and waits for its acceptance.
func (s *script) report(status int, state, event, body string) {
	s.p.t.Helper()
	s.send("NOTIFY", body, "Event: "+event, "Subscription-State: "+state, "Content-Type: message/sipfrag;version=2.0")
	s.p.response(status, "NOTIFY")
}

// referred brings a call up and has the agent refer it to dave.
func referred(t testing.TB) (*world, *script, *sip.Leg, *sipmsg.Request, <-chan error) {
	t.Helper()
	w := newWorld(t, nil)
	s := w.peer.call()
	l := s.up(w, nil)
	result := async(func() error { return l.Refer(background, "sip:dave@example.com") })
	return w, s, l, w.peer.request("REFER"), result
}

func TestLegRefer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, l, refer, result := referred(t)
		if got := refer.GetHeader("Refer-To").Value(); got != "<sip:dave@example.com>" {
			t.Errorf("Refer-To %s", got)
		}
		if got := refer.GetHeader("Referred-By").Value(); got != "<sip:room@example.net>" {
			t.Errorf("Referred-By %s", got)
		}
		s.report(200, "active;expires=60", "refer", "SIP/2.0 100 Trying\r\n") // before the response
		w.peer.reply(refer, 202, "", "")
		s.report(200, "active;expires=60", "refer;id="+statusText(int(refer.CSeq().SeqNo)), "SIP/2.0 180 Ringing\r\n")
		synctest.Wait()
		select {
		case err := <-result:
			t.Fatalf("Refer returned %v too soon", err)
		default:
		}
		s.report(200, "terminated;reason=noresource", "refer", "SIP/2.0 200 OK\r\n")
		if err := <-result; err != nil {
			t.Errorf("Refer: %v", err)
		}
		s.report(481, "terminated", "refer", "SIP/2.0 200 OK\r\n") // of nothing
		if l.Info().Phase != bridge.Up {
			t.Error("the call is over: that is for its owner to say")
		}
	})
}

// TestReferBeforeACK refers callers at the moment of acceptance: nothing is sent before the far side has that, which its ACK says, or another
// INVITE; and then only what somebody waits for.
func TestReferBeforeACK(t *testing.T) {
	for name, told := range map[string]func(s *script){
		"ACK":            func(s *script) { s.ack("") },
		"another INVITE": func(s *script) { s.send("INVITE", hold(2)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				s := w.peer.call()
				l, _ := s.accepted(w, nil)
				ctx, cancel := context.WithTimeout(background, 100*time.Millisecond)
				defer cancel()
				late := async(func() error { return l.Refer(ctx, "sip:late@example.com") })
				result := async(func() error { return l.Refer(background, "sip:dave@example.com") })
				w.peer.silence(400 * time.Millisecond)
				if err := <-late; !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Refer: %v", err)
				}
				s.report(481, "terminated", "refer", "SIP/2.0 200 OK\r\n") // of what was never asked
				told(s)
				refer := w.peer.request("REFER")
				if got := refer.GetHeader("Refer-To").Value(); got != "<sip:dave@example.com>" {
					t.Errorf("Refer-To %s", got)
				}
				w.peer.reply(refer, 202, "", "", "Refer-Sub: false")
				if err := <-result; err != nil {
					t.Errorf("Refer: %v", err)
				}
			})
		})
	}
}

// TestReferNoACK refers a caller who never acknowledges: that ends with the call.
func TestReferNoACK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.accepted(w, nil)
		result := async(func() error { return l.Refer(background, "sip:dave@example.com") })
		for msg := w.peer.receive(time.Minute); ; msg = w.peer.receive(time.Minute) {
			if bye, ok := msg.(*sipmsg.Request); ok {
				if bye.Method != sipmsg.BYE {
					t.Fatalf("got %s", head(msg))
				}
				w.peer.reply(bye, 200, "", "")
				break
			}
		}
		if err := <-result; bridge.CauseOf(err) != bridge.Unreachable {
			t.Errorf("Refer: %v", err)
		}
	})
}

func TestLegReferFails(t *testing.T) {
	for name, c := range map[string]struct {
		act    func(w *world, s *script, refer *sipmsg.Request)
		status int
	}{
		"busy": {func(w *world, s *script, refer *sipmsg.Request) {
			w.peer.reply(refer, 202, "", "")
			s.report(200, "terminated;reason=noresource", "refer", "SIP/2.0 486 Busy Here\r\nWarning: x\r\n")
		}, 486},
		"refused": {func(w *world, _ *script, refer *sipmsg.Request) { w.peer.reply(refer, 603, "", "") }, 603},
		"no last word": {func(w *world, s *script, refer *sipmsg.Request) {
			w.peer.reply(refer, 202, "", "")
			s.report(200, "active", "refer", "SIP/2.0 100 Trying\r\n")
		}, 408},
		"ended without a word": {func(w *world, s *script, refer *sipmsg.Request) {
			w.peer.reply(refer, 202, "", "")
			s.report(200, "terminated;reason=timeout", "refer", "")
		}, 408},
		"ended with an early word": {func(w *world, s *script, refer *sipmsg.Request) {
			w.peer.reply(refer, 202, "", "")
			s.report(200, "terminated;reason=timeout", "refer", "SIP/2.0 180 Ringing\r\n")
		}, 408},
		"no response": {func(*world, *script, *sipmsg.Request) {}, 408},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s, _, refer, result := referred(t)
				c.act(w, s, refer)
				if err := <-result; !errors.Is(err, &sip.Error{Status: c.status}) {
					t.Errorf("Refer: %v, want %d", err, c.status)
				}
				drainPeer(w.peer)
			})
		})
	}
}

func TestLegReferWithoutNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _, refer, result := referred(t)
		w.peer.reply(refer, 200, "", "", "Refer-Sub: false")
		if err := <-result; err != nil {
			t.Errorf("Refer: %v", err)
		}
	})
}

// TestLegReferEnds ends the call while its transfer is under way: what was said before counts.
func TestLegReferEnds(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			w, s, _, refer, result := referred(t)
			w.peer.reply(refer, 202, "", "")
			s.send("NOTIFY", "SIP/2.0 200 OK\r\n", "Event: refer", "Subscription-State: terminated", "Content-Type: message/sipfrag")
			s.send("BYE", "")
			w.peer.response(200, "NOTIFY")
			w.peer.response(200, "BYE")
			if err := <-result; err != nil {
				t.Errorf("Refer: %v", err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		w, s, _, refer, result := referred(t)
		w.peer.reply(refer, 202, "", "")
		s.send("BYE", "")
		w.peer.response(200, "BYE")
		if err := <-result; bridge.CauseOf(err) != bridge.Normal || err == nil {
			t.Errorf("Refer: %v, want the end of the call", err)
		}
	})
}

// TestLegReferOutlives has the far side tell of a transfer after the call is over, whoever has ended it: it may, until it has said the last.
func TestLegReferOutlives(t *testing.T) {
	for _, ours := range []bool{false, true} {
		for range 20 {
			synctest.Test(t, func(t *testing.T) {
				w, s, l, refer, result := referred(t)
				w.peer.reply(refer, 202, "", "")
				if ours {
					hung := async(func() error { return l.Hangup(background, bridge.Normal) })
					bye := w.peer.request("BYE")
					s.report(200, "active;expires=60", "refer", "SIP/2.0 100 Trying\r\n")
					w.peer.reply(bye, 200, "", "")
					if err := <-hung; err != nil {
						t.Error(err)
					}
				} else {
					s.send("BYE", "")
					w.peer.response(200, "BYE")
				}
				s.report(200, "active;expires=60", "refer", "SIP/2.0 180 Ringing\r\n")
				if err := <-result; bridge.CauseOf(err) != bridge.Normal || err == nil {
					t.Errorf("Refer: %v, want the end of the call", err)
				}
				s.send("BYE", "")
				w.peer.response(481, "BYE")
				s.report(481, "terminated", "presence", "")
				s.report(200, "terminated;reason=noresource", "refer", "SIP/2.0 200 OK\r\n")
				s.report(481, "terminated;reason=noresource", "refer", "SIP/2.0 200 OK\r\n")
			})
		}
	}
	synctest.Test(t, func(t *testing.T) {
		w, s, _, refer, _ := referred(t)
		w.peer.reply(refer, 202, "", "")
		s.send("BYE", "")
		w.peer.response(200, "BYE")
		time.Sleep(3*time.Minute + time.Second)
		s.report(481, "terminated", "refer", "SIP/2.0 200 OK\r\n") // too late
	})
}

func TestLegReferGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		result := async(func() error { return l.Refer(ctx, "sip:dave@example.com") })
		w.peer.reply(w.peer.request("REFER"), 202, "", "")
		if err := <-result; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Refer: %v", err)
		}
		synctest.Wait()
		s.report(200, "active;expires=60", "refer", "SIP/2.0 180 Ringing\r\n") // nobody listens any more, and what was asked for goes on
		s.report(200, "terminated", "refer", "SIP/2.0 200 OK\r\n")
		s.report(481, "terminated", "refer", "SIP/2.0 200 OK\r\n")
	})
}

func TestLegReferRefusesTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		for _, to := range []string{"", "dave", "sip:", "sip:dave@example.com\r\nRoute: <sip:evil>", "sip:dave@example.com>", "http://example.com", "tel:", "tel:1>\r\n"} {
			if err := l.Refer(background, to); err == nil {
				t.Errorf("%q was taken", to)
			}
		}
		w.peer.silence(time.Second)
		ringing := w.peer.call()
		ringing.send("INVITE", offer(1))
		if err := w.leg().Refer(background, "sip:dave@example.com"); err == nil {
			t.Error("a call was referred before it was up")
		}
	})
}

func TestNotifyRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, _, refer, result := referred(t)
		w.peer.reply(refer, 202, "", "")
		s.report(489, "active", "presence", "SIP/2.0 200 OK\r\n")
		s.report(481, "active", "refer;id=7", "SIP/2.0 200 OK\r\n")
		for _, body := range []string{"HTTP/1.1 200 OK\r\n", "SIP/2.0 2000 OK", "SIP/2.0 99 x", "SIP/2.0 abc", strings.Repeat("x", 5000)} {
			s.report(400, "terminated", "refer", body)
		}
		s.report(200, "terminated", "refer", "SIP/2.0 200 OK")
		if err := <-result; err != nil {
			t.Errorf("Refer: %v", err)
		}
	})
}

// TestLegReferTo has the agent put two of its calls through, and lets their far sides talk to each other without it.
func TestLegReferTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		first := s.up(w, nil)
		carol := w.newPeer(carolAddr)
		d := w.dial(background, "sip:carol@"+carolAddr, nil)
		invite := carol.request("INVITE")
		carol.accepts(invite, "c1", describe(1, "sendrecv", 31000, "0 8 101"))
		second := d.leg()
		from, _ := invite.From().Params.Get("tag")
		result := async(func() error { return first.ReferTo(background, second) })
		refer := w.peer.request("REFER")
		want := "<sip:carol@" + carolAddr + "?Replaces=" + second.CallID() + "%3Bto-tag%3Dc1%3Bfrom-tag%3D" + from + ">"
		if got := refer.GetHeader("Refer-To").Value(); got != strings.ReplaceAll(want, "@192.0.2.1", "%40192.0.2.1") {
			t.Errorf("Refer-To %s, want %s", got, want)
		}
		w.peer.reply(refer, 202, "", "")
		s.report(200, "terminated", "refer", "SIP/2.0 200 OK\r\n")
		if err := <-result; err != nil {
			t.Errorf("ReferTo: %v", err)
		}
		result = async(func() error { return second.ReferTo(background, first) })
		refer = carol.request("REFER")
		if got := refer.GetHeader("Refer-To").Value(); !strings.HasPrefix(got, "<sip:ann@"+peerAddr+"?Replaces=") {
			t.Errorf("Refer-To %s, want the Contact of a call that came in", got)
		}
		carol.reply(refer, 603, "", "")
		if err := <-result; !errors.Is(err, &sip.Error{Status: 603}) {
			t.Errorf("ReferTo: %v", err)
		}
	})
}
