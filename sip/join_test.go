package sip_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

func TestCallsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, "sip:room@"+agentAddr, nil)
		in := w.leg()
		if err := in.Ring(background, nil); err != nil {
			t.Fatal(err)
		}
		out := d.leg()
		if err := in.Answer(background, nil); err != nil {
			t.Fatal(err)
		}
		waitPhase(t, out, bridge.Up)
		if in.CallID() != out.CallID() || in.Info().ID == out.Info().ID {
			t.Error("the two legs of one SIP call have one Call-ID and ids of their own")
		}
		if err := out.Hangup(background, bridge.Normal); err != nil {
			t.Error(err)
		}
		wantEnd(t, in, bridge.Normal, true)
	})
}

// TestJoin carries a call from one SIP side to another, with hold, by the rules of bridge.Join alone.
func TestJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Bridge: onwards("sip:carol@192.0.2.3:5060")})
		carol := w.newPeer("192.0.2.3:5060")
		s := w.peer.call()
		s.send("INVITE", offer(1))
		invite := carol.request("INVITE")
		if got := invite.From().Address.String(); got != "sip:ann@example.com" {
			t.Errorf("From %s, want the caller", got)
		}
		carol.reply(invite, 180, "c1", "")
		w.peer.response(180, "INVITE")
		carol.reply(invite, 200, "c1", describe(1, "sendrecv", 31000, "8"))
		carol.request("ACK")
		res := w.peer.response(200, "INVITE")
		if !strings.Contains(string(res.Body()), "PCMA") || strings.Contains(string(res.Body()), "PCMU") {
			t.Errorf("the answer is not what the other side took:\n%s", res.Body())
		}
		s.learn(res)
		s.ack("")
		s.send("INVITE", describe(2, "sendonly", 30000, "8"))
		w.peer.response(200, "INVITE")
		s.ack("")
		held := carol.request("INVITE")
		if !strings.Contains(string(held.Body()), "a=sendonly") {
			t.Errorf("hold did not reach the other side:\n%s", held.Body())
		}
		carol.reply(held, 200, "", describe(2, "recvonly", 31000, "8"))
		carol.request("ACK")
		s.send("BYE", "")
		w.peer.response(200, "BYE")
		carol.reply(carol.request("BYE"), 200, "", "")
	})
}

// TestJoinCancelled passes the caller's CANCEL on to the called side, with its reason.
func TestJoinCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Bridge: onwards("sip:carol@192.0.2.3:5060")})
		carol := w.newPeer("192.0.2.3:5060")
		s := w.peer.call()
		s.send("INVITE", offer(1))
		invite := carol.request("INVITE")
		carol.reply(invite, 180, "c1", "")
		w.peer.response(180, "INVITE")
		s.cancel(`Reason: SIP;cause=200;text="Call completed elsewhere"`)
		w.peer.response(200, "CANCEL")
		w.peer.response(487, "INVITE")
		s.ackRefusal()
		canceling := carol.request("CANCEL")
		if !strings.Contains(canceling.GetHeader("Reason").Value(), "Call completed elsewhere") {
			t.Errorf("Reason %s", canceling.GetHeader("Reason").Value())
		}
		carol.reply(canceling, 200, "c1", "")
		carol.reply(invite, 487, "c1", "")
		carol.request("ACK")
	})
}
