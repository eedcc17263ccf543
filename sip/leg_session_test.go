package sip_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/sip"
)

func field(msg sipmsg.Message, name string) string {
	if h := msg.GetHeaders(name); len(h) > 0 {
		return h[0].Value()
	}
	return ""
}

// wantField checks a header field; "" is for none.
func wantField(t testing.TB, msg sipmsg.Message, name, want string) {
	t.Helper()
	if got := field(msg, name); got != want {
		t.Errorf("%s: %q, want %q, in %s", name, got, want, head(msg))
	}
}

// callWith brings up a call of the peer's whose INVITE has further header fields, and returns the 200.
func (s *script) callWith(w *world, extra ...string) (*sip.Leg, *sipmsg.Response) {
	s.p.t.Helper()
	l, ok := s.accepted(w, nil, extra...)
	s.ack("")
	synctest.Wait()
	return l, ok
}

// wantAfter returns the next request and checks when it comes.
func (p *peer) wantAfter(after time.Duration, method string) *sipmsg.Request {
	p.t.Helper()
	begin := time.Now()
	msg := p.receive(after + time.Minute)
	req, ok := msg.(*sipmsg.Request)
	if !ok || string(req.Method) != method {
		p.t.Fatalf("got %s, want %s", head(msg), method)
	}
	if got := time.Since(begin); got != after {
		p.t.Errorf("%s after %v, want %v", method, got, after)
	}
	return req
}

// TestSessionCalled holds what callers ask of the session timer against what we answer (RFC 4028 section 9, table 2), and who refreshes then.
func TestSessionCalled(t *testing.T) {
	for _, c := range []struct {
		name, asked, answered, require string
		sign                           string        // what we send next
		after                          time.Duration // and when, if the caller does nothing
	}{
		{"caller refreshes", "Supported: timer|Session-Expires: 120;refresher=uac", "120;refresher=uac", "timer", "BYE", 88 * time.Second},
		{"we refresh", "Supported: timer|Session-Expires: 120;refresher=UAS", "120;refresher=uas", "timer", "UPDATE", time.Minute},
		{"nobody said who", "Supported: 100rel, timer|x: 300", "300;refresher=uac", "timer", "BYE", 268 * time.Second},
		{"nothing asked", "k: timer", "600;refresher=uac", "timer", "BYE", 568 * time.Second},
		{"longer than ours", "Supported: timer|Session-Expires: 7200;refresher=uas", "600;refresher=uas", "timer", "UPDATE", 300 * time.Second},
		{"no shorter than Min-SE", "Supported: timer|Session-Expires: 7200;refresher=uas|Min-SE: 3600", "3600;refresher=uas", "timer", "UPDATE", 30 * time.Minute},
		{"Min-SE alone", "Supported: timer|Min-SE: 3600", "3600;refresher=uac", "timer", "BYE", time.Hour - 32*time.Second},
		{"asked by a proxy", "Session-Expires: 200", "200;refresher=uas", "", "UPDATE", 100 * time.Second},
		{"too short, by a proxy", "Session-Expires: 20", "", "", "", 0},
		{"unknown to the caller", "Supported: 100rel", "", "", "", 0},
		{"not a number", "Session-Expires: soon", "", "", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &sip.Options{SessionExpires: 10 * time.Minute})
				s := w.peer.call()
				l, ok := s.callWith(w, append(strings.Split(c.asked, "|"), takesUpdate)...)
				wantField(t, ok, "Session-Expires", c.answered)
				wantField(t, ok, "Require", c.require)
				switch c.sign {
				case "":
					w.peer.silence(2 * time.Hour)
				case "BYE":
					w.peer.reply(w.peer.wantAfter(c.after, "BYE"), 200, "", "")
					wantEnd(t, l, bridge.Unreachable, false)
				default:
					req := w.peer.wantAfter(c.after, c.sign)
					interval, _, _ := strings.Cut(c.answered, ";")
					wantField(t, req, "Session-Expires", interval+";refresher=uac")
					if len(req.Body()) != 0 {
						t.Errorf("refreshed with a body:\n%s", req)
					}
				}
			})
		})
	}
}

// TestSessionPlaced is told in the 2xx who refreshes, by what, and when.
func TestSessionPlaced(t *testing.T) {
	for _, c := range []struct {
		name, header, allow, sign string
		after                     time.Duration
	}{
		{"we do", "Session-Expires: 100;refresher=uac", takesUpdate, "UPDATE", 50 * time.Second},
		{"we do, by INVITE", "Session-Expires: 1800;refresher=uac", "Allow: INVITE, ACK, BYE", "INVITE", 15 * time.Minute},
		{"the far side does", "Session-Expires: 100;refresher=uas", takesUpdate, "BYE", 68 * time.Second},
		{"and does soon", "Session-Expires: 90;refresher=uas", takesUpdate, "BYE", time.Minute},
		{"an interval that may not be", "Session-Expires: 1;refresher=uac", takesUpdate, "UPDATE", 45 * time.Second},
		{"nobody", "", takesUpdate, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				d := w.dial(background, bob, nil)
				invite := w.peer.request("INVITE")
				wantField(t, invite, "Session-Expires", "1800")
				wantField(t, invite, "Min-SE", "")
				if !strings.Contains(field(invite, "Supported"), "timer") {
					t.Error("not supported")
				}
				extra := []string{c.allow}
				if c.header != "" {
					extra = append(extra, c.header, "Require: timer")
				}
				w.peer.reply(invite, 200, "b1", describe(1, "sendrecv", 31000, "0"), extra...)
				w.peer.request("ACK")
				l := d.leg()
				switch c.sign {
				case "":
					w.peer.silence(2 * time.Hour)
				case "BYE":
					w.peer.reply(w.peer.wantAfter(c.after, "BYE"), 200, "", "")
					wantEnd(t, l, bridge.Unreachable, false)
				case "INVITE":
					again := w.peer.wantAfter(c.after, "INVITE")
					if origin := originOf(t, invite); originOf(t, again) != origin {
						t.Errorf("the offer is another one:\n%s", again.Body())
					}
					w.peer.reply(again, 200, "", describe(1, "sendrecv", 31000, "0"), c.header)
					w.peer.request("ACK")
					w.peer.wantAfter(c.after, "INVITE")
				default:
					for range 3 {
						w.peer.reply(w.peer.wantAfter(c.after, "UPDATE"), 200, "", "", c.header)
					}
					w.peer.reply(w.peer.wantAfter(c.after, "UPDATE"), 200, "", "") // without the timer there is none any more
					w.peer.silence(2 * time.Hour)
				}
			})
		})
	}
}

func originOf(t testing.TB, msg sipmsg.Message) string {
	t.Helper()
	_, rest, _ := strings.Cut(string(msg.Body()), "\r\no=")
	origin, _, ok := strings.Cut(rest, "\r\n")
	if !ok {
		t.Fatalf("no description:\n%s", msg)
	}
	return origin
}

// TestSessionTooSmall has the far side, or a proxy on the way, ask for a longer interval.
func TestSessionTooSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{SessionExpires: 90 * time.Second})
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		for _, least := range []string{"100", "400"} {
			w.peer.reply(invite, 422, "b"+least, "", "Min-SE: "+least)
			w.peer.request("ACK")
			again := w.peer.request("INVITE")
			wantField(t, again, "Session-Expires", least)
			wantField(t, again, "Min-SE", least)
			if again.CSeq().SeqNo != invite.CSeq().SeqNo+1 || again.CallID().Value() != invite.CallID().Value() || len(again.Body()) == 0 {
				t.Errorf("tried again with\n%s", again)
			}
			invite = again
		}
		w.peer.reply(invite, 200, "b1", describe(1, "sendrecv", 31000, "0"), "Session-Expires: 400;refresher=uac", takesUpdate)
		w.peer.request("ACK")
		waitPhase(t, d.leg(), bridge.Up)
		update := w.peer.wantAfter(200*time.Second, "UPDATE")
		wantField(t, update, "Min-SE", "400")
		w.peer.reply(update, 422, "", "", "Min-SE: 500")
		again := w.peer.request("UPDATE")
		wantField(t, again, "Session-Expires", "500;refresher=uac")
	})
}

// TestSessionNeverLongEnough gives up where a 422 says nothing, or no interval is ever long enough.
func TestSessionNeverLongEnough(t *testing.T) {
	for name, least := range map[string]int{"always more": 2000, "not said": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				d := w.dial(background, bob, nil)
				n := 0
				for ; ; n++ {
					req, ok := w.peer.receive(time.Second).(*sipmsg.Request)
					if !ok {
						break
					}
					if least == 0 {
						w.peer.reply(req, 422, "b1", "")
					} else {
						w.peer.reply(req, 422, "b1", "", "Min-SE: "+statusText(least+n))
					}
					w.peer.request("ACK")
				}
				if least == 0 && n != 1 || least != 0 && n != 5 {
					t.Errorf("sent %d times", n)
				}
				wantDialError(t, d.wait().err, bridge.Internal, 422)
			})
		})
	}
}

// TestSessionRefused refuses intervals that are too short, in each request that may ask for one.
func TestSessionRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1), "Supported: timer", "Session-Expires: 89")
		wantField(t, w.peer.response(422, "INVITE"), "Min-SE", "90")
		s.ackRefusal()
		s = w.peer.call()
		_, _ = s.callWith(w, "Supported: timer", "Session-Expires: 90;refresher=uac")
		for _, method := range []string{"INVITE", "UPDATE"} {
			s.send(method, offer(1), "Supported: timer", "Session-Expires: 60;refresher=uac")
			wantField(t, w.peer.response(422, method), "Min-SE", "90")
			if method == "INVITE" {
				s.ackRefusal()
			}
		}
		w.peer.wantAfter(time.Minute, "BYE") // and none of them was a refresh
	})
}

// TestSessionOff has no timers: none is offered, taken, or required with success.
func TestSessionOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{SessionExpires: -1})
		s := w.peer.call()
		_, ok := s.callWith(w, "Supported: timer", "Session-Expires: 90;refresher=uas")
		wantField(t, ok, "Session-Expires", "")
		wantField(t, ok, "Supported", "replaces, norefersub, 100rel")
		for _, method := range []string{"INVITE", "UPDATE"} {
			s.send(method, offer(2), "Require: timer")
			wantField(t, w.peer.response(420, method), "Unsupported", "timer")
			if method == "INVITE" {
				s.ackRefusal()
			}
		}
		w.peer.silence(time.Hour)
		other := w.peer.call()
		other.send("INVITE", offer(1), "Require: timer")
		wantField(t, w.peer.response(420, "INVITE"), "Unsupported", "timer")
		other.ackRefusal()
		w.dial(background, bob, nil)
		wantField(t, w.peer.request("INVITE"), "Session-Expires", "")
	})
	if _, err := sip.Listen(agentAddr, &calltest.Engine{}, &sip.Options{SessionExpires: time.Minute}); err == nil {
		t.Error("an interval that no far side takes")
	}
}
