package sip_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

// replaces is a Replaces header for a call as the agent sees it.
func (s *script) replaces() string {
	return "Replaces: " + s.callID + ";to-tag=" + s.agentTag + ";from-tag=" + s.tag
}

// TestReplaces puts dave in the place of carol, as the last step of an attended transfer between phones.
func TestReplaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrio(t)
		dave := tr.dave.call()
		dave.send("INVITE", describe(1, "sendrecv", 32000, "0 8 101"), tr.carol.replaces(), "Require: replaces")
		dave.learn(tr.dave.response(200, "INVITE"))
		dave.ack("")
		tr.carol1.byes()
		dave.send("BYE", "")
		tr.dave.response(200, "BYE")
		tr.w.peer.all("BYE")
	})
}

// TestReplacesTheCaller puts dave in the place of ann, whose call came in.
func TestReplacesTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrio(t)
		dave := tr.dave.call()
		dave.send("INVITE", describe(1, "sendrecv", 32000, "0 8 101"), tr.ann.replaces())
		dave.learn(tr.dave.response(200, "INVITE"))
		dave.ack("")
		tr.w.peer.byes()
		dave.send("BYE", "")
		tr.dave.response(200, "BYE")
		tr.carol1.all("BYE")
	})
}

// TestReplacesPickUp lets dave take a call that rings at carol's: carol is told that it was taken elsewhere.
func TestReplacesPickUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Bridge: transferring("sip:carol@" + carolAddr)})
		carol, peer := w.newPeer(carolAddr), w.newPeer(daveAddr)
		ann := w.peer.call()
		ann.send("INVITE", offer(1))
		invite := carol.request("INVITE")
		carol.reply(invite, 180, "b1", "")
		w.peer.response(180, "INVITE")
		dave := peer.call()
		dave.send("INVITE", describe(1, "sendrecv", 32000, "0 8 101"), carol.inCall(invite).replaces()+";early-only")
		dave.learn(peer.response(200, "INVITE"))
		dave.ack("")
		cancel := carol.request("CANCEL")
		if got := cancel.GetHeader("Reason").Value(); !strings.Contains(got, "cause=200") {
			t.Errorf("Reason %s", got)
		}
		carol.reply(cancel, 200, "b1", "")
		carol.reply(invite, 487, "b1", "")
		carol.request("ACK")
		ann.learn(w.peer.response(200, "INVITE"))
		ann.ack("")
		ann.send("BYE", "")
		w.peer.response(200, "BYE")
		peer.all("BYE")
	})
}

// TestReplacesRefused takes no call that names none, or one that must not be taken (RFC 3891 section 3).
func TestReplacesRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		standing, early := w.peer.call(), w.peer.call()
		standing.up(w, nil)
		early.ringing(w, nil)
		good, unknown := standing.replaces(), *standing
		unknown.tag = "other"
		for _, c := range []struct {
			why    string
			status int
			fields []string
		}{
			{"two of them", 400, []string{good, good}},
			{"no tags", 400, []string{"Replaces: " + standing.callID}},
			{"one tag", 400, []string{"Replaces: " + standing.callID + ";to-tag=" + standing.agentTag}},
			{"a tag twice", 400, []string{good + ";to-tag=x"}},
			{"too long", 400, []string{good + ";x=" + strings.Repeat("x", 600)}},
			{"no such call", 481, []string{"Replaces: x;to-tag=y;from-tag=z"}},
			{"the tag of somebody else", 481, []string{unknown.replaces()}},
			{"a call that is up, early only", 486, []string{good + ";early-only"}},
			{"a call that we have not answered", 481, []string{early.replaces()}},
		} {
			s := w.peer.call()
			s.send("INVITE", offer(1), c.fields...)
			w.peer.response(c.status, "INVITE")
			s.ackRefusal()
			if got := w.agent.Stats().Standing; got != 2 {
				t.Errorf("%s: %d calls stand", c.why, got)
			}
		}
		s := w.peer.call()
		s.send("INVITE", offer(1), good) // nobody carries it out
		w.peer.response(100, "INVITE")
		w.peer.silence(9 * time.Second)
		w.peer.response(480, "INVITE")
		s.ackRefusal()
		gone := w.peer.call()
		gone.send("INVITE", offer(1), good)
		w.peer.response(100, "INVITE")
		gone.cancel() // or who has come gives up
		w.peer.response(200, "CANCEL")
		w.peer.response(487, "INVITE")
		gone.ackRefusal()
		w.peer.silence(20 * time.Second)
	})
}

// TestReplacesOurOwn transfers between two calls that both are ours: ann has one with carol and one with dave, and puts the two through.
func TestReplacesOurOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrio(t)
		call := func() *sip.Leg { // ann's second call, which the program places for her
			d := tr.w.dial(background, bob, nil)
			invite := tr.w.peer.request("INVITE")
			tr.w.peer.accepts(invite, "b1", offer(1))
			return d.leg()
		}
		first := call()
		d := tr.w.dial(background, "sip:dave@"+daveAddr, nil)
		dave := tr.dave.accepts(tr.dave.request("INVITE"), "d1", describe(1, "sendrecv", 32000, "0 8 101"))
		second := d.leg()
		done := async(func() error { return bridge.Join(background, first, second, &bridge.JoinOptions{Dialer: tr.w.agent}) })
		synctest.Wait()
		named := "sip:dave@" + daveAddr + "?Replaces=" + first.CallID() + "%3Bto-tag%3D" + strings.TrimPrefix(first.Info().ID, "sip-") + "%3Bfrom-tag%3Db1"
		tr.ann.refer(202, "Refer-To: <"+named+">")
		tr.w.peer.notify(100, false)
		tr.w.peer.all("NOTIFY", "BYE", "BYE") // both of ann's calls end
		dave.send("BYE", "")
		tr.dave.response(200, "BYE")
		tr.carol1.all("BYE")
		if err := <-done; err != nil {
			t.Errorf("Join: %v", err)
		}
	})
}

// TestReplacesOurOwnAtOnce ends a leg while it is still being told whose place is taken: the transfer has come about all the same, and must not
// be told to have failed.
func TestReplacesOurOwnAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		w.peer.accepts(w.peer.request("INVITE"), "b1", offer(1))
		leg := d.leg()
		err := leg.Run(background, func() error {
			leg.End(&bridge.EndError{Cause: bridge.Normal})
			synctest.Wait()
			return nil
		})
		if err != nil {
			t.Errorf("what was done is told to have failed: %v", err)
		}
	})
}
