package sip_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

// TestOverloadedAgent turns away who begins a call when there is too much to do, and nobody else.
func TestOverloadedAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Message: func(context.Context, *sip.Message) error { return nil }})
		standing := w.peer.call()
		up := standing.up(w, nil)
		ringing := w.peer.call()
		invite := ringing.send("INVITE", offer(1))
		if err := w.leg().Ring(background, nil); err != nil {
			t.Fatal(err)
		}
		w.peer.response(180, "INVITE")

		w.agent.Strain(400 * time.Millisecond)
		late := w.peer.call()
		asked := late.send("INVITE", offer(1))
		refused := w.peer.response(503, "INVITE")
		if h := refused.GetHeader("Retry-After"); h == nil || h.Value() != "10" {
			t.Errorf("Retry-After: %v", h)
		}
		w.peer.send(invite) // it is known
		w.peer.response(180, "INVITE")
		w.peer.call().send("MESSAGE", "help", "Content-Type: text/plain")
		w.peer.response(200, "MESSAGE")
		standing.send("INVITE", describe(2, "sendonly", 30000, "0 8 101"))
		w.peer.response(200, "INVITE")
		standing.ack("")
		standing.send("BYE", "")
		w.peer.response(200, "BYE")
		wantEnd(t, up, bridge.Normal, true)
		ringing.cancel()
		w.peer.response(200, "CANCEL")
		w.peer.response(487, "INVITE")
		ringing.ackRefusal()

		time.Sleep(5 * time.Second)
		w.peer.send(asked) // who was turned away stays so, though there is time now
		again := w.peer.response(503, "INVITE")
		if a, b := refused.To().Value(), again.To().Value(); a != b {
			t.Errorf("To of the repetition is %q, was %q", b, a)
		}
		late.ackRefusal()
		if s := w.agent.Stats(); s.TurnedAway != 1 || s.Refused != 1 || s.In != 2 || s.Standing != 0 {
			t.Errorf("%+v", s)
		}
		w.peer.call().send("INVITE", offer(1))
		w.peer.response(100, "INVITE")
		w.leg()
		w.peer.silence(time.Minute) // nothing is repeated to who was turned away
	})
}

// TestOverloadAndStrangers says nothing to who may begin nothing.
func TestOverloadAndStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Peers: []netip.Prefix{netip.MustParsePrefix("192.0.2.9/32")}})
		d := w.dial(background, bob, nil) // whom we call may answer
		w.peer.reply(w.peer.request("INVITE"), 486, "b1", "")
		w.peer.request("ACK")
		wantDialError(t, d.wait().err, bridge.Busy, 486)
		w.agent.Strain(time.Second)
		w.peer.call().send("INVITE", offer(1))
		w.peer.silence(time.Minute)
		if s := w.agent.Stats(); s.TurnedAway != 0 || s.Barred != 1 {
			t.Errorf("%+v", s)
		}
	})
}
