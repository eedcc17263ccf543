package sip_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

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
		if got := w.engine.Last(t).Accepted(); got != 1 {
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
		if got := w.engine.Last(t).Port(t); got != 32000 {
			t.Errorf("media to port %d, want that of the later branch", got)
		}
		w.peer.reply(invite, 199, "b2", "")
		w.peer.reply(invite, 200, "b1", describe(1, "sendrecv", 31000, "0"))
		if ack := w.peer.request("ACK"); ack.To().Params.GetOr("tag", "") != "b1" {
			t.Errorf("ACK of %s", ack.To().Value())
		}
		waitPhase(t, l, bridge.Up)
		if got := w.engine.Last(t).Port(t); got != 31000 {
			t.Errorf("media to port %d, want that of the branch that accepted", got)
		}
		taken := w.engine.Last(t).Accepted()
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
		if l.Info().Phase != bridge.Up || w.engine.Last(t).Port(t) != 31000 || w.engine.Last(t).Accepted() != taken {
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
