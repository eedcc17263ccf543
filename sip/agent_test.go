package sip_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
)

// TestDrain waits for calls both ways, and ends them when its time is over.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		in := w.peer.call().up(w, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 200, "b1", offer(1))
		w.peer.request("ACK")
		out := d.leg()
		ctx, cancel := context.WithTimeout(background, 10*time.Second)
		defer cancel()
		begin := time.Now()
		drained := async(func() error { return w.agent.Drain(ctx) })
		for range 2 {
			w.peer.reply(w.peer.request("BYE"), 200, "", "")
		}
		if err := <-drained; !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 10*time.Second {
			t.Errorf("Drain: %v after %v", err, time.Since(begin))
		}
		wantEnd(t, in, bridge.Overload, false)
		wantEnd(t, out, bridge.Overload, false)
	})
}

// TestClose ends what stands, in each state, and lets nobody wait for a far side that is dead.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		up := w.peer.call().up(w, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1))
		w.peer.response(100, "INVITE")
		waiting := w.leg()
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 180, "b1", "")
		ringing := d.leg()
		unanswered := w.dial(background, bob, nil)
		w.peer.request("INVITE")
		hung := async(func() error { return up.Hangup(background, bridge.Normal) })
		w.peer.request("BYE") // nobody answers it
		begin := time.Now()
		if err := w.agent.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("Close took %v, want the 2 s that far sides are given", took)
		}
		if err := <-hung; err != nil {
			t.Error(err)
		}
		wantEnd(t, up, bridge.Normal, false)
		wantEnd(t, waiting, bridge.Overload, false)
		wantEnd(t, ringing, bridge.Overload, false)
		if r := unanswered.wait(); r.err == nil {
			t.Error("Dial returned a leg of a closed agent")
		}
		if _, err := w.agent.Dial(background, bob, nil); err == nil || !errors.Is(err, sip.ErrClosed) {
			t.Errorf("Dial: %v", err)
		}
		if err := errors.Join(up.Hangup(background, bridge.Busy), w.agent.Close()); err != nil {
			t.Error(err)
		}
		for _, f := range []func() error{
			func() error { return waiting.Ring(background, nil) },
			func() error { return waiting.Answer(background, nil) },
			func() error { return up.Update(background, nil) },
		} {
			if f() == nil {
				t.Error("a leg of a closed agent does something")
			}
		}
		if len(w.engine.Terminals()) != 0 {
			t.Error("media are left")
		}
	})
}

// TestOrder sends what follows the 200 in the same moment: it must be handled after it.
func TestOrder(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			d := w.dial(background, bob, nil)
			invite := w.peer.request("INVITE")
			s := w.peer.inCall(invite)
			w.peer.reply(invite, 180, "b1", "")
			w.peer.reply(invite, 183, "b1", offer(1))
			w.peer.reply(invite, 200, "b1", "") // the answer was in the 183
			s.send("BYE", "")
			w.peer.request("ACK")
			w.peer.response(200, "BYE")
			r := d.wait()
			if r.err != nil {
				wantDialError(t, r.err, bridge.Normal, 0)
				return
			}
			wantEnd(t, r.leg, bridge.Normal, true)
		})
	}
}

// TestOrderOfACK sends a re-offer right behind the ACK that brings the first answer.
func TestOrderOfACK(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.peer.call()
			s.send("INVITE", "")
			l := w.leg()
			answered := async(func() error { return l.Answer(background, nil) })
			s.learn(w.peer.response(200, "INVITE"))
			s.ack(offer(1))
			s.send("INVITE", describe(2, "sendrecv", 33000, "0 8 101"))
			w.peer.response(200, "INVITE")
			s.ack("")
			if err := <-answered; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNothingLeft places, takes, refuses and cancels calls, some of them with losses: 40 s later there are as many goroutines as before.
func TestNothingLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.peer.call().up(w, nil)
		synctest.Wait()
		before := len(goroutines())
		for n := range 60 {
			s := w.peer.call()
			switch n % 6 {
			case 0: // up, hung up by them
				s.up(w, nil)
				s.send("BYE", "")
				w.peer.response(200, "BYE")
			case 1: // up, hung up by us, BYE lost
				l := s.up(w, nil)
				ctx, cancel := context.WithCancel(background)
				cancel()
				_ = l.Hangup(ctx, bridge.Normal)
				w.peer.request("BYE")
			case 2: // refused, ACK lost
				s.send("INVITE", offer(1))
				l := w.leg()
				ctx, cancel := context.WithCancel(background)
				cancel()
				_ = l.Hangup(ctx, bridge.Busy)
				w.peer.response(486, "INVITE")
			case 3: // refused
				s.send("INVITE", offer(1))
				l := w.leg()
				go func() { _ = l.Hangup(background, bridge.Busy) }()
				w.peer.response(486, "INVITE")
				s.ackRefusal()
			case 4: // dialled and refused
				d := w.dial(background, bob, nil)
				w.peer.reply(w.peer.request("INVITE"), 404, "b", "")
				w.peer.request("ACK")
				wantDialError(t, d.wait().err, bridge.NotFound, 404)
			case 5: // dialled, up, hung up by them
				d := w.dial(background, bob, nil)
				invite := w.peer.request("INVITE")
				w.peer.reply(invite, 200, "b1", offer(1))
				w.peer.request("ACK")
				d.leg()
				w.peer.inCall(invite).send("BYE", "")
				w.peer.response(200, "BYE")
			}
			drainPeer(w.peer)
		}
		for second := range 40 {
			time.Sleep(time.Second)
			drainPeer(w.peer)
			synctest.Wait()
			// Those who own a call wait for the far side to confirm its end, though not longer than 5 s.
			if now := goroutines(); second == 5 && len(now) > before {
				t.Errorf("%d goroutines, %d before, while finished calls have their timers\n%s", len(now), before, strings.Join(now, "\n\n"))
			}
		}
		if now := goroutines(); len(now) > before {
			t.Errorf("%d goroutines, %d before\n%s", len(now), before, strings.Join(now, "\n\n"))
		}
		if got := w.agent.Stats(); got.Standing != 1 || got.ServerTransactions != 0 || got.ClientTransactions != 0 {
			t.Errorf("stats %+v", got)
		}
		if len(w.engine.Terminals()) != 1 {
			t.Errorf("%d terminals open, want 1", len(w.engine.Terminals()))
		}
	})
}

// drainPeer reads away what is repeated.
func drainPeer(p *peer) {
	for p.receive(time.Nanosecond) != nil {
	}
}
