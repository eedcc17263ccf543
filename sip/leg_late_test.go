package sip_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// TestLateAccepts ends a call that we placed, and then has its 2xx repeated, and other branches accept: the one gets its ACK again, the
// others are acknowledged and hung up once each, and no more than sixteen of them.
func TestLateAccepts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 200, "b1", offer(1))
		ack := w.peer.request("ACK")
		l := d.leg()
		hung := async(func() error { return l.Hangup(background, bridge.Normal) })
		w.peer.reply(w.peer.request("BYE"), 200, "", "")
		if err := <-hung; err != nil {
			t.Fatal(err)
		}
		w.peer.reply(invite, 200, "b1", offer(1))
		if again := w.peer.request("ACK"); again.String() != ack.String() {
			t.Errorf("the repeated ACK differs:\n%s\n%s", again, ack)
		}
		for n := 2; n <= 16; n++ {
			tag := "b" + string(rune('a'+n))
			w.peer.reply(invite, 200, tag, offer(1))
			if got := w.peer.request("ACK"); got.To().Params.GetOr("tag", "") != tag || got.CSeq().SeqNo != invite.CSeq().SeqNo {
				t.Errorf("ACK of another branch:\n%s", got)
			}
			bye := w.peer.request("BYE")
			if bye.To().Params.GetOr("tag", "") != tag || bye.CallID().Value() != invite.CallID().Value() ||
				bye.From().Value() != invite.From().Value() || bye.CSeq().SeqNo != invite.CSeq().SeqNo+1 {
				t.Errorf("BYE of another branch:\n%s", bye)
			}
			w.peer.reply(bye, 200, "", "")
		}
		w.peer.reply(invite, 200, "b17", offer(1))
		w.peer.silence(time.Minute)
		w.peer.reply(invite, 200, "b1", offer(1)) // far too late
		w.peer.silence(time.Minute)
		if got := w.agent.Stats(); got.ClientTransactions != 0 || got.Standing != 0 {
			t.Errorf("stats %+v", got)
		}
	})
}

// TestLateRequests repeats the requests of a call that is over: INVITE and ACK are swallowed, BYE is answered as before, CANCEL comes too
// late, and the INVITE by another way is refused.
func TestLateRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		invite := s.send("INVITE", offer(1))
		l := w.leg()
		answered := async(func() error { return l.Answer(background, nil) })
		res := w.peer.response(200, "INVITE")
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
		s.learn(res)
		ack := s.text("ACK", s.inviteSeq, "z9hG4bKack", "")
		w.peer.send(ack)
		bye := s.send("BYE", "")
		first := w.peer.response(200, "BYE").String()
		w.peer.send(invite)
		w.peer.send(ack)
		w.peer.silence(time.Second)
		w.peer.send(bye)
		if again := w.peer.response(200, "BYE").String(); again != first {
			t.Errorf("the repeated response differs:\n%s\n%s", again, first)
		}
		tag := s.agentTag
		s.agentTag = ""
		w.peer.send(s.text("CANCEL", s.inviteSeq, s.inviteVia, ""))
		if got := w.peer.response(200, "CANCEL").To().Params.GetOr("tag", ""); got != tag {
			t.Errorf("tag of the response to CANCEL is %q, want %q", got, tag)
		}
		w.peer.send(s.text("INVITE", s.inviteSeq, "z9hG4bKother", offer(1)))
		w.peer.response(482, "INVITE")
		w.peer.send(s.text("ACK", s.inviteSeq, "z9hG4bKother", ""))
		w.peer.silence(time.Minute)
		if got := w.agent.Stats(); got.ServerTransactions != 0 || got.In != 1 {
			t.Errorf("stats %+v", got)
		}
	})
}
