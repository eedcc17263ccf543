package sip_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// TestTagComesLate has a far side of RFC 2543, whose 200 has no tag, and whose requests have one: it is its tag from then on.
func TestTagComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 200, "", offer(1))
		w.peer.request("ACK")
		l := d.leg()
		s := w.peer.inCall(invite)
		s.send("INVITE", hold(2))
		waitInfo(t, l, func(i bridge.Info) bool { return i.Pending })
		if err := l.Answer(background, pcmu(media.SendRecv)); err != nil {
			t.Fatal(err)
		}
		w.peer.response(200, "INVITE")
		s.ack("")
		done := async(func() error { return l.Update(background, pcmu(media.Inactive)) })
		again := w.peer.request("INVITE")
		if got := again.To().Params.GetOr("tag", ""); got != s.tag {
			t.Errorf("our request has the tag %q, want %q", got, s.tag)
		}
		w.peer.reply(again, 200, "", describe(3, "inactive", 35000, "0"))
		w.peer.request("ACK")
		if err := <-done; err != nil {
			t.Error(err)
		}
		other := *s
		other.tag = "other"
		other.send("BYE", "")
		w.peer.response(481, "BYE")
		s.seq = other.seq
		s.send("BYE", "")
		w.peer.response(200, "BYE")
		wantEnd(t, l, bridge.Normal, true)
	})
}

// TestByeOfTheCalledSide ends a branch with BYE, which the called side may not send before it has accepted: the call waits for the response
// to its INVITE, or for another branch.
func TestByeOfTheCalledSide(t *testing.T) {
	for _, status := range []int{486, 200} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			d := w.dial(background, bob, nil)
			invite := w.peer.request("INVITE")
			w.peer.reply(invite, 180, "b1", "")
			l := d.leg()
			w.peer.inCall(invite).send("BYE", "")
			w.peer.response(200, "BYE")
			w.peer.silence(time.Second)
			if l.Ended() != nil {
				t.Fatalf("ended: %v", l.Ended())
			}
			if status == 486 {
				w.peer.reply(invite, 486, "b1", "")
				w.peer.request("ACK")
				wantEnd(t, l, bridge.Busy, true)
				return
			}
			w.peer.reply(invite, 200, "b2", offer(1))
			w.peer.request("ACK")
			waitPhase(t, l, bridge.Up)
		})
	}
}

// TestByeOvertakesAcceptance has the called side accept, and hang up so soon that its BYE comes first.
func TestByeOvertakesAcceptance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 180, "b1", "")
		l := d.leg()
		w.peer.inCall(invite).send("BYE", "")
		w.peer.response(200, "BYE")
		w.peer.reply(invite, 200, "b1", offer(1))
		w.peer.request("ACK")
		wantEnd(t, l, bridge.Normal, true)
		w.peer.silence(time.Minute)
		if got := w.agent.Stats(); got.Standing != 0 || len(w.engine.Terminals()) != 0 {
			t.Errorf("left over: %+v", got)
		}
	})
}
