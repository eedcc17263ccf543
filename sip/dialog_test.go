package sip_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

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
