package sip_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// TestGlare has both sides offer at once. Theirs is refused with 491, and ours is, so that ours is made again: later if we own the
// Call-ID (RFC 3261 section 14.1).
func TestGlare(t *testing.T) {
	for _, ours := range []bool{false, true} {
		for range 20 { // the time is random
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				var s *script
				var l *sip.Leg
				if ours {
					d := w.dial(background, bob, nil)
					invite := w.peer.request("INVITE")
					w.peer.reply(invite, 200, "b1", offer(1))
					w.peer.request("ACK")
					l = d.leg()
					s = w.peer.inCall(invite)
				} else {
					s = w.peer.call()
					l = s.up(w, nil)
				}
				invite, done := w.updating(l)
				s.send("INVITE", hold(2))
				w.peer.response(491, "INVITE")
				s.ackRefusal()
				begin := time.Now()
				w.peer.reply(invite, 491, "", "")
				w.peer.request("ACK")
				again := w.peer.request("INVITE")
				wait := time.Since(begin)
				low, high := time.Duration(0), 2*time.Second
				if ours {
					low, high = 2100*time.Millisecond, 4*time.Second
				}
				if wait < low || wait > high || wait%(10*time.Millisecond) != 0 {
					t.Errorf("again after %v, want %v to %v in steps of 10 ms", wait, low, high)
				}
				w.peer.reply(again, 200, "", describe(3, "recvonly", 35000, "0"))
				w.peer.request("ACK")
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestGlareTheirsFirst lets the far side's offer through while ours waits for its next try.
func TestGlareTheirsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		first := w.peer.request("INVITE")
		w.peer.reply(first, 200, "b1", offer(1))
		w.peer.request("ACK")
		l := d.leg()
		s := w.peer.inCall(first)
		invite, done := w.updating(l)
		w.peer.reply(invite, 491, "", "")
		w.peer.request("ACK")
		s.offering(l)
		time.Sleep(3900 * time.Millisecond) // our time comes, but theirs waits
		if err := l.Answer(background, pcmu(media.SendRecv)); err != nil {
			t.Fatal(err)
		}
		w.peer.response(200, "INVITE")
		w.peer.silence(400 * time.Millisecond) // ours waits for the ACK too
		s.ack("")
		w.peer.reply(w.peer.request("INVITE"), 200, "", describe(3, "recvonly", 35000, "0"))
		w.peer.request("ACK")
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestGlareForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
		for n := 0; ; n++ {
			msg := w.peer.receive(10 * time.Second)
			if msg == nil {
				if n < 5 {
					t.Errorf("given up after %d tries", n)
				}
				break
			}
			if req, _ := msg.(*sipmsg.Request); req.Method == sipmsg.INVITE {
				w.peer.reply(req, 491, "", "")
			}
		}
		if err := <-done; !errors.Is(err, &sip.Error{Status: 491}) {
			t.Errorf("Update: %v", err)
		}
		if l.Info().Phase != bridge.Up {
			t.Error("the call ended")
		}
	})
}
