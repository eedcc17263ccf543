package sip_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

const bob = "sip:bob@" + peerAddr

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, &bridge.DialOptions{
			From: bridge.Party{URI: "sip:room101@hotel.example", Name: `Room "101"`}, Attr: map[string]string{"k": "v"},
		})
		invite := w.peer.request("INVITE")
		if got := invite.Recipient.String(); got != bob {
			t.Errorf("Request-URI %s", got)
		}
		if got := invite.From().Value(); !strings.HasPrefix(got, `"Room \"101\"" <sip:room101@hotel.example>;tag=`) {
			t.Errorf("From %s", got)
		}
		if got := invite.To().Value(); got != "<"+bob+">" {
			t.Errorf("To %s", got)
		}
		if got := invite.Contact().Value(); got != "<sip:room101@"+agentAddr+">" {
			t.Errorf("Contact %s", got)
		}
		for _, h := range []string{"Supported", "Require", "Session-Expires"} {
			if invite.GetHeader(h) != nil {
				t.Errorf("%s is advertised", h)
			}
		}
		w.peer.reply(invite, 100, "", "")
		synctest.Wait()
		select {
		case r := <-d.result:
			t.Fatalf("Dial returned %v at a 100", r)
		default:
		}
		time.Sleep(20 * time.Second) // no repetition: a provisional response has come
		w.peer.reply(invite, 180, "b1", "")
		l := d.leg()
		if info := l.Info(); info.Phase != bridge.Alerting || info.To.URI != bob || info.From.Name != `Room "101"` || info.Attr["k"] != "v" {
			t.Errorf("ringing: %+v", info)
		}
		if err := errors.Join(l.Ring(background, nil), l.Answer(background, nil)); err != nil {
			t.Errorf("Ring and Answer of a leg that was dialled: %v", err)
		}
		if err := l.Update(background, nil); err == nil {
			t.Error("Update before the call is up says that all is well")
		}
		w.peer.reply(invite, 200, "b1", describe(1, "sendrecv", 31000, "8"))
		ack := w.peer.request("ACK")
		if ack.CSeq().SeqNo != invite.CSeq().SeqNo || ack.To().Params.GetOr("tag", "") != "b1" || ack.Recipient.String() != bob {
			t.Errorf("ACK:\n%s", w.peer.raw)
		}
		if invite.Via().Params.GetOr("branch", "") == ack.Via().Params.GetOr("branch", "") {
			t.Error("the ACK of a 2xx is a transaction of its own")
		}
		info := waitPhase(t, l, bridge.Up)
		if got := info.Far.String(); got != "audio sendrecv PCMA/8000" || info.Answered.IsZero() || info.Pending {
			t.Errorf("up: %+v", info)
		}
		w.peer.reply(invite, 200, "b1", describe(1, "sendrecv", 31000, "8")) // the ACK was lost
		if again := w.peer.request("ACK"); again.String() != ack.String() {
			t.Errorf("the repeated ACK differs:\n%s\n%s", again, ack)
		}
		hung := async(func() error { return l.Hangup(background, bridge.Normal) })
		bye := w.peer.request("BYE")
		if bye.CSeq().SeqNo != invite.CSeq().SeqNo+1 {
			t.Errorf("CSeq of BYE %d after %d", bye.CSeq().SeqNo, invite.CSeq().SeqNo)
		}
		w.peer.reply(bye, 200, "", "")
		if err := <-hung; err != nil {
			t.Error(err)
		}
		w.peer.silence(time.Minute)
		if got := w.agent.Stats(); got.Standing != 0 || got.ClientTransactions != 0 || got.Out != 1 {
			t.Errorf("stats %+v", got)
		}
	})
}

// TestDialRefused checks every final response: the cause, and that the refusal is acknowledged once for each time it comes.
func TestDialRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for status := 300; status <= 699; status++ {
			d := w.dial(background, bob, nil)
			invite := w.peer.request("INVITE")
			w.peer.reply(invite, status, "b", "")
			w.peer.request("ACK")
			r := d.wait()
			end, ok := errors.AsType[*bridge.EndError](r.err)
			if !ok || !end.Remote || !errors.Is(r.err, &sip.Error{Status: status}) || r.leg != nil {
				t.Fatalf("%d: %v", status, r.err)
			}
		}
		synctest.Wait()
		if w.engine.open() != 0 || w.agent.Stats().Standing != 0 {
			t.Error("something is left of refused calls")
		}
	})
}

// TestLostACKOfRefusal repeats a refusal: each repetition is acknowledged at once.
func TestLostACKOfRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 486, "b", "", "Reason: Q.850;cause=17")
		first := w.peer.request("ACK")
		wantDialError(t, d.wait().err, bridge.Busy, 486)
		for range 5 {
			w.peer.reply(invite, 486, "b", "")
			begin := time.Now()
			again := w.peer.request("ACK")
			if time.Since(begin) != 0 || again.Via().Value() != first.Via().Value() || again.To().Value() != first.To().Value() ||
				again.CSeq().Value() != first.CSeq().Value() || again.Recipient.String() != first.Recipient.String() {
				t.Errorf("the repeated ACK came after %v, or differs:\n%s\n%s", time.Since(begin), again, first)
			}
		}
		time.Sleep(40 * time.Second)
		w.peer.reply(invite, 486, "b", "")
		w.peer.silence(time.Minute)
	})
}

func TestDialNobodyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		begin := time.Now()
		d := w.dial(background, "sip:nobody@192.0.2.77", nil)
		wantDialError(t, d.wait().err, bridge.Unreachable, 408)
		if took := time.Since(begin); took != 32*time.Second {
			t.Errorf("took %v, want 64 times T1", took)
		}
	})
}

func TestDialBadly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for _, c := range []struct {
			to    string
			from  bridge.Party
			plan  media.Plan
			cause bridge.Cause
		}{
			{"", bridge.Party{}, nil, bridge.NotFound},
			{"bob", bridge.Party{}, nil, bridge.NotFound},
			{"tel:+15550100", bridge.Party{}, nil, bridge.NotFound},
			{"sip:bob@192.0.2.2\r\nX: y", bridge.Party{}, nil, bridge.NotFound},
			{"sip:b\r\nX: y@192.0.2.2", bridge.Party{}, nil, bridge.NotFound},
			{"sip:bob@192.0.2.2;x=\r\nX:y", bridge.Party{}, nil, bridge.NotFound},
			{"sip:bob@192.0.2.2?Subject=x", bridge.Party{}, nil, bridge.NotFound},
			{"sip:bob@192.0.2.2>;x", bridge.Party{}, nil, bridge.NotFound},
			{"sip:bob@192.0.2.2:99999", bridge.Party{}, nil, bridge.NotFound},
			{"sips:bob@192.0.2.2", bridge.Party{}, nil, bridge.Unreachable},
			{"sip:bob@192.0.2.2;transport=tls", bridge.Party{}, nil, bridge.Unreachable},
			{"sip:bob@192.0.2.2;transport=tcp", bridge.Party{}, nil, bridge.Unreachable}, // the agent has UDP alone
			{bob, bridge.Party{Name: "Eve\r\nX: y"}, nil, bridge.Internal},
			{bob, bridge.Party{URI: "sip:e\nve@example.com"}, nil, bridge.NotFound},
			{bob, bridge.Party{URI: "amzn1\r\nX: y"}, nil, bridge.NotFound},
			{bob, bridge.Party{}, media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{{Name: "G729", ClockRate: 8000, Channels: 1}}}}, bridge.Media},
		} {
			_, err := w.agent.Dial(background, c.to, &bridge.DialOptions{From: c.from, Plan: c.plan})
			end, ok := errors.AsType[*bridge.EndError](err)
			if !ok || end.Cause != c.cause {
				t.Errorf("Dial(%q) from %+v: %v, want %s", c.to, c.from, err, c.cause)
			}
		}
		w.peer.silence(time.Minute)
		if w.engine.open() != 0 || w.agent.Stats().Standing != 0 {
			t.Errorf("something is left: %+v", w.agent.Stats())
		}
	})
}

// TestCallers checks who a call is from, by the protocol that the caller's URI is of.
func TestCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{From: bridge.Party{URI: "sip:desk@hotel.example", Name: "Hotel"}})
		for _, c := range []struct {
			from bridge.Party
			want string
		}{
			{bridge.Party{}, `"Hotel" <sip:desk@hotel.example>`},
			{bridge.Party{URI: "amzn1.alexa.user.x", Name: "Room 7"}, `"Room 7" <sip:desk@hotel.example>`},
			{bridge.Party{URI: "pipe:far"}, `<sip:desk@hotel.example>`},
			{bridge.Party{URI: "tel:+15550100;ext=3"}, "<sip:+15550100@192.0.2.1;user=phone>"},
			{bridge.Party{URI: "sip:ann@example.com:5090;x=y", Name: `Ann\"`}, `"Ann\\\"" <sip:ann@example.com:5090>`},
			{bridge.Party{Name: "Zoë"}, `"Zoë" <sip:desk@hotel.example>`},
		} {
			d := w.dial(background, bob, &bridge.DialOptions{From: c.from})
			invite := w.peer.request("INVITE")
			if got, _, _ := strings.Cut(invite.From().Value(), ";tag="); got != c.want {
				t.Errorf("%+v: From %s, want %s", c.from, got, c.want)
			}
			w.peer.reply(invite, 404, "b", "")
			w.peer.request("ACK")
			wantDialError(t, d.wait().err, bridge.NotFound, 404)
		}
	})
}

// TestDialCancelled ends the context at each stage of an attempt.
func TestDialCancelled(t *testing.T) {
	for _, c := range []struct {
		name  string
		stage int // 0: before any response, 1: after 100
		late  int // final response after CANCEL: 487, or 200 that crosses it; 0: none
	}{
		{"before a response, then 180, 487", 0, 487},
		{"before a response, then 200", 0, 200},
		{"after 100, 487", 1, 487},
		{"after 100, 200 crosses", 1, 200},
		{"after 100, nothing", 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				ctx, cancel := context.WithCancelCause(background)
				d := w.dial(ctx, bob, nil)
				invite := w.peer.request("INVITE")
				if c.stage == 1 {
					w.peer.reply(invite, 100, "", "")
					synctest.Wait()
				}
				cancel(&bridge.EndError{Cause: bridge.NoAnswer})
				wantDialError(t, d.wait().err, bridge.NoAnswer, 0)
				synctest.Wait()
				if w.engine.open() != 0 {
					t.Error("media go on")
				}
				if c.stage == 0 && c.late != 200 {
					w.peer.reply(invite, 180, "b1", "")
				}
				if c.stage == 1 || c.late != 200 {
					canceling := w.peer.request("CANCEL")
					if canceling.Via().Value() != invite.Via().Value() || canceling.CSeq().SeqNo != invite.CSeq().SeqNo ||
						canceling.Recipient.String() != invite.Recipient.String() || !strings.Contains(canceling.GetHeader("Reason").Value(), "cause=19") {
						t.Errorf("CANCEL does not match its INVITE:\n%s", canceling)
					}
					w.peer.reply(canceling, 200, "b1", "")
				}
				switch c.late {
				case 487:
					w.peer.reply(invite, 487, "b1", "")
					w.peer.request("ACK")
				case 200:
					w.peer.reply(invite, 200, "b1", offer(1))
					w.peer.request("ACK")
					w.peer.reply(w.peer.request("BYE"), 200, "", "")
				}
				w.peer.silence(2 * time.Minute)
				if got := w.agent.Stats(); got.Standing != 0 || got.ClientTransactions != 0 {
					t.Errorf("stats %+v", got)
				}
			})
		})
	}
}

func TestHangupRinging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 180, "b1", "")
		l := d.leg()
		hung := async(func() error { return l.Hangup(background, bridge.Elsewhere) })
		canceling := w.peer.request("CANCEL")
		if !strings.HasPrefix(canceling.GetHeader("Reason").Value(), `SIP;cause=200;text="Call completed elsewhere"`) {
			t.Errorf("Reason %s", canceling.GetHeader("Reason").Value())
		}
		w.peer.reply(canceling, 200, "b1", "")
		w.peer.reply(invite, 487, "b1", "")
		w.peer.request("ACK")
		if err := <-hung; err != nil {
			t.Error(err)
		}
		wantEnd(t, l, bridge.Elsewhere, false)
	})
}

func TestEarlyAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 183, "b1", describe(1, "sendrecv", 31000, "0"))
		l := d.leg()
		if info := l.Info(); info.Phase != bridge.Early || info.Far.String() != "audio sendrecv PCMU/8000" {
			t.Errorf("early: %+v", info)
		}
		w.peer.reply(invite, 183, "b1", "v=0\r\nm=nonsense\r\n") // not taken: the first stands
		w.peer.reply(invite, 200, "b1", "")                      // its answer was in the 183
		w.peer.request("ACK")
		waitPhase(t, l, bridge.Up)
		if got := w.engine.last().accepts; got != 1 {
			t.Errorf("%d answers taken, want 1", got)
		}
	})
}

// TestForks has two branches give early answers, and then both accept.
func TestForks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		second := w.newPeer("192.0.2.3:5060")
		w.peer.reply(invite, 183, "b1", describe(1, "sendrecv", 31000, "0"))
		l := d.leg()
		w.peer.reply(invite, 183, "b2", describe(1, "sendrecv", 32000, "8"), "Contact: <sip:carol@192.0.2.3:5060>")
		waitInfo(t, l, func(i bridge.Info) bool { return i.Far.String() == "audio sendrecv PCMA/8000" })
		if got := w.engine.last().port(t); got != 32000 {
			t.Errorf("media to port %d, want that of the later branch", got)
		}
		w.peer.reply(invite, 199, "b2", "")
		w.peer.reply(invite, 200, "b1", describe(1, "sendrecv", 31000, "0"))
		if ack := w.peer.request("ACK"); ack.To().Params.GetOr("tag", "") != "b1" {
			t.Errorf("ACK of %s", ack.To().Value())
		}
		waitPhase(t, l, bridge.Up)
		if got := w.engine.last().port(t); got != 31000 {
			t.Errorf("media to port %d, want that of the branch that accepted", got)
		}
		// The loser accepts too late.
		w.peer.reply(invite, 200, "b2", describe(1, "sendrecv", 32000, "8"), "Contact: <sip:carol@192.0.2.3:5060>")
		if ack := second.request("ACK"); ack.To().Params.GetOr("tag", "") != "b2" {
			t.Errorf("ACK of %s", ack.To().Value())
		}
		bye := second.request("BYE")
		if bye.To().Params.GetOr("tag", "") != "b2" || bye.Recipient.String() != "sip:carol@192.0.2.3:5060" {
			t.Errorf("BYE of the loser:\n%s", bye)
		}
		second.reply(bye, 200, "", "")
		w.peer.reply(invite, 200, "b2", "", "Contact: <sip:carol@192.0.2.3:5060>")
		second.request("ACK") // again, without another BYE
		second.silence(time.Minute)
		if l.Info().Phase != bridge.Up || w.engine.last().port(t) != 31000 {
			t.Error("the call has suffered")
		}
	})
}

func TestDialOfferless(t *testing.T) {
	for _, c := range []struct {
		name, offer string
		answer      bool
		cause       bridge.Cause
	}{
		{"answered", offer(1), true, bridge.Normal},
		{"nobody answers", offer(1), false, bridge.Normal},
		{"no offer", "", false, bridge.Media},
		{"nothing in common", describe(1, "sendrecv", 31000, "18"), false, bridge.Media},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				d := w.dial(background, bob, &bridge.DialOptions{Plan: media.Plan{}})
				invite := w.peer.request("INVITE")
				if len(invite.Body()) != 0 {
					t.Fatalf("an offer in what should have none:\n%s", w.peer.raw)
				}
				w.peer.reply(invite, 180, "b1", "")
				l := d.leg()
				w.peer.reply(invite, 200, "b1", c.offer)
				if c.offer == offer(1) {
					waitInfo(t, l, func(i bridge.Info) bool { return i.Pending })
					w.peer.reply(invite, 200, "b1", c.offer) // repeated: the ACK waits for our answer
					synctest.Wait()
				}
				if c.answer {
					if err := l.Answer(background, pcmu(media.SendRecv)); err != nil {
						t.Error(err)
					}
				}
				ack := w.peer.request("ACK")
				if c.cause != bridge.Normal {
					wantEnd(t, l, c.cause, false)
					w.peer.reply(w.peer.request("BYE"), 200, "", "")
					return
				}
				if has := strings.Contains(string(ack.Body()), "PCMA"); len(ack.Body()) == 0 || has == c.answer {
					t.Errorf("the answer in the ACK:\n%s", ack.Body())
				}
				info := waitInfo(t, l, func(i bridge.Info) bool { return !i.Pending })
				if info.Phase != bridge.Up || l.Media().Plan() == nil {
					t.Errorf("%+v", info)
				}
				w.peer.silence(time.Minute)
			})
		})
	}
}

// TestHangupOfferless ends a call whose offer nobody has answered yet: ACK comes before BYE.
func TestHangupOfferless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, &bridge.DialOptions{Plan: media.Plan{}})
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 200, "b1", offer(1))
		l := d.leg()
		hung := async(func() error { return l.Hangup(background, bridge.Normal) })
		w.peer.request("ACK")
		w.peer.reply(w.peer.request("BYE"), 200, "", "")
		if err := <-hung; err != nil {
			t.Error(err)
		}
		w.peer.silence(time.Minute)
	})
}

// TestBadAnswer gives the 2xx to our offer no answer, or one that is none.
func TestBadAnswer(t *testing.T) {
	for _, answer := range []string{"", "v=0\r\nm=audio\r\n", describe(1, "sendrecv", 31000, "18")} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			d := w.dial(background, bob, nil)
			invite := w.peer.request("INVITE")
			w.peer.reply(invite, 200, "b1", answer)
			w.peer.request("ACK")
			bye := w.peer.request("BYE")
			wantDialError(t, d.wait().err, bridge.Media, 0)
			w.peer.reply(bye, 200, "", "")
			w.peer.silence(time.Minute)
		})
	}
}

// TestRecordRoute keeps to the proxies that want to stay in the path, loose and strict ones (RFC 3261 section 12).
func TestRecordRoute(t *testing.T) {
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprintf("strict %v", strict), func(t *testing.T) {
			lr := ";lr"
			if strict {
				lr = ""
			}
			near, far := "<sip:192.0.2.2:5070"+lr+">", "<sip:192.0.2.9;lr>"
			check := func(t *testing.T, req *sipmsg.Request, contact string) {
				t.Helper()
				var routes []string
				for _, h := range req.GetHeaders("Route") {
					routes = append(routes, h.Value())
				}
				wantURI, wantRoutes := contact, near+" "+far
				if strict {
					wantURI, wantRoutes = "sip:192.0.2.2:5070", far+" <"+contact+">"
				}
				if req.Recipient.String() != wantURI || strings.Join(routes, " ") != wantRoutes {
					t.Errorf("%s %s by %v, want %s by %s", req.Method, req.Recipient.String(), routes, wantURI, wantRoutes)
				}
			}
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				d := w.dial(background, bob, nil)
				invite := w.peer.request("INVITE")
				// The responses go through far first, so it stands first in them.
				w.peer.reply(invite, 200, "b1", offer(1), "Record-Route: "+far+", "+near, "Contact: <sip:bob@198.51.100.7>")
				check(t, w.peer.request("ACK"), "sip:bob@198.51.100.7")
				l := d.leg()
				go func() { _ = l.Hangup(background, bridge.Normal) }()
				bye := w.peer.request("BYE")
				check(t, bye, "sip:bob@198.51.100.7")
				w.peer.reply(bye, 200, "", "")

				s := w.peer.call()
				s.routes = []string{"Record-Route: " + near, "Record-Route: " + far}
				in := s.up(w, nil)
				s.routes = nil
				go func() { _ = in.Hangup(background, bridge.Normal) }()
				bye = w.peer.request("BYE")
				check(t, bye, "sip:ann@"+peerAddr)
				w.peer.reply(bye, 200, "", "")
			})
		})
	}
}

func TestRecordRouteInResponses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.routes = []string{"Record-Route: <sip:192.0.2.2:5070;lr;ftag=x>, <sip:192.0.2.9;lr>"}
		s.send("INVITE", offer(1))
		l := w.leg()
		if err := l.Ring(background, nil); err != nil {
			t.Fatal(err)
		}
		for _, status := range []int{180, 200} {
			if status == 200 {
				if err := l.Answer(background, nil); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, h := range w.peer.response(status, "INVITE").GetHeaders("Record-Route") {
				got = append(got, h.Value())
			}
			if want := "<sip:192.0.2.2:5070;lr;ftag=x> <sip:192.0.2.9;lr>"; strings.Join(got, " ") != want {
				t.Errorf("Record-Route in %d: %v, want %s", status, got, want)
			}
		}
	})
}

// TestSameFlow sends requests to a far side behind a NAT where its own came from, if it says that it receives there.
func TestSameFlow(t *testing.T) {
	for _, rport := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			contact := w.newPeer("192.0.2.50:5060")
			s := w.peer.call()
			s.rport = rport
			private := func(text string) string {
				return strings.Replace(text, "Contact: <sip:ann@"+peerAddr, "Contact: <sip:ann@"+contact.addr, 1)
			}
			s.seq, s.branch = 101, "z9hG4bKnat"
			s.inviteSeq = s.seq
			w.peer.send(private(s.text("INVITE", s.seq, s.branch, offer(1))))
			l := w.leg()
			if err := l.Answer(background, nil); err != nil {
				t.Fatal(err)
			}
			res := w.peer.response(200, "INVITE")
			if via := res.Via(); rport && (via.Params.GetOr("rport", "") != "5070" || via.Params.GetOr("received", "") != "192.0.2.2") {
				t.Errorf("Via %s", via.Value())
			}
			s.learn(res)
			s.ack("")
			go func() { _ = l.Hangup(background, bridge.Normal) }()
			to := contact
			if rport {
				to = w.peer
			}
			bye := to.request("BYE")
			if bye.Recipient.String() != "sip:ann@192.0.2.50:5060" {
				t.Errorf("BYE %s", bye.Recipient.String())
			}
			to.reply(bye, 200, "", "")
		})
	}
}
