package sip_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// TestOnly100 gives up a call of which nothing but 100 is heard when its time is over.
func TestOnly100(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ctx, cancel := context.WithTimeoutCause(background, time.Minute, &bridge.EndError{Cause: bridge.NoAnswer})
		defer cancel()
		d := w.dial(ctx, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 100, "", "")
		canceling := w.peer.wantAfter(time.Minute, "CANCEL")
		w.peer.reply(canceling, 200, "b1", "")
		w.peer.reply(invite, 487, "b1", "")
		w.peer.request("ACK")
		wantDialError(t, d.wait().err, bridge.NoAnswer, 0)
		w.peer.silence(time.Minute)
	})
}

// TestCancelNoFinal withdraws a call that rings and never has a final response: it is gone 32 s after CANCEL.
func TestCancelNoFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 180, "b1", "")
		l := d.leg()
		hung := async(func() error { return l.Hangup(background, bridge.Cancelled) })
		w.peer.reply(w.peer.request("CANCEL"), 200, "b1", "")
		begin := time.Now()
		if err := <-hung; err != nil || time.Since(begin) != 32*time.Second {
			t.Errorf("Hangup returned %v after %v", err, time.Since(begin))
		}
		if s := w.agent.Stats(); s.Standing != 0 || s.ClientTransactions != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestOddSuccess takes a 2xx that RFC 3261 does not name for a 200.
func TestOddSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		w.peer.reply(w.peer.request("INVITE"), 299, "b1", offer(1))
		w.peer.request("ACK")
		waitPhase(t, d.leg(), bridge.Up)
	})
}

// Test199 takes branches back (RFC 6228): it is no sign of life, and an offer of the branch need not be answered any more.
func Test199(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, &bridge.DialOptions{Plan: media.Plan{}})
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 199, "b0", "")
		synctest.Wait()
		select {
		case r := <-d.result:
			t.Fatalf("Dial returned %v at a 199", r)
		default:
		}
		w.peer.reply(invite, 183, "b1", offer(1), "Require: 100rel", "RSeq: 1")
		l := d.leg()
		w.peer.reply(invite, 199, "b1", "", "Require: 100rel", "RSeq: 2")
		prack := w.peer.wantPRACK("b1", "2"+seqOf(invite))
		if len(prack.Body()) != 0 {
			t.Errorf("answered:\n%s", prack.Body())
		}
		w.peer.reply(prack, 200, "", "")
		w.peer.silence(5 * time.Second)
		w.peer.reply(invite, 183, "b2", offer(1), "Require: 100rel", "RSeq: 9")
		if prack := w.peer.wantPRACK("b2", "9"+seqOf(invite)); len(prack.Body()) == 0 {
			t.Error("the offer of the other branch has no answer")
		}
		waitPhase(t, l, bridge.Early)
	})
}

// TestManyForksAccept has more branches accept than are told apart: those that are get ACK and BYE, the others nothing.
func TestManyForksAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 200, "b0", offer(1))
		w.peer.request("ACK")
		l := d.leg()
		byes := 0
		for n := range 40 {
			w.peer.reply(invite, 200, "b"+statusText(n+1), offer(1))
			if msg := w.peer.receive(100 * time.Millisecond); msg == nil {
				continue
			} else if !strings.HasPrefix(head(msg), "ACK ") {
				t.Fatalf("got %s", head(msg))
			}
			w.peer.reply(w.peer.request("BYE"), 200, "", "")
			byes++
		}
		if byes != 15 {
			t.Errorf("%d losers were hung up", byes)
		}
		if l.Info().Phase != bridge.Up {
			t.Error("the call has suffered")
		}
	})
}

// TestEarlyAnswerMoves has the 200 say otherwise than the 183, which was not reliable: another port, codec and host, as where a box in the
// network has played the ringing.
func TestEarlyAnswerMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 183, "b1", strings.ReplaceAll(describe(1, "sendonly", 31000, "0"), "192.0.2.2", "198.51.100.7"))
		l := d.leg()
		if got := l.Media().Plan().String(); got != "audio sendonly PCMU/8000" {
			t.Errorf("early: %s", got)
		}
		w.peer.reply(invite, 200, "b1", describe(1, "sendrecv", 32000, "8"))
		w.peer.request("ACK")
		waitPhase(t, l, bridge.Up)
		if got := l.Media().Plan().String(); got != "audio sendrecv PCMA/8000" || w.engine.Last(t).Port(t) != 32000 {
			t.Errorf("up: %s to port %d", got, w.engine.Last(t).Port(t))
		}
		w.peer.silence(time.Minute)
	})
}
