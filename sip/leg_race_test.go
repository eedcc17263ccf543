package sip_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// TestUpdateBeforeACK makes an offer at the moment of acceptance: it waits for the ACK, and goes at once then.
func TestUpdateBeforeACK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.accepted(w, nil)
		done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
		w.peer.silence(400 * time.Millisecond)
		s.ack("")
		begin := time.Now()
		invite := w.peer.request("INVITE")
		if took := time.Since(begin); took != 0 {
			t.Errorf("offered %v after the ACK", took)
		}
		w.peer.reply(invite, 200, "", describe(2, "recvonly", 31000, "0"))
		w.peer.request("ACK")
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestReinviteOvertakesACK has the caller's next offer arrive before the ACK of our 200, which the caller must have: it is not repeated.
func TestReinviteOvertakesACK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.accepted(w, nil)
		late := s.text("ACK", s.inviteSeq, "z9hG4bKlate", "")
		s.send("INVITE", offer(1))
		again := w.peer.response(200, "INVITE")
		if int(again.CSeq().SeqNo) != s.inviteSeq {
			t.Errorf("answered number %d, want %d", again.CSeq().SeqNo, s.inviteSeq)
		}
		w.peer.send(late)
		if again := w.peer.response(200, "INVITE"); int(again.CSeq().SeqNo) != s.inviteSeq {
			t.Errorf("repeated number %d, want %d: the late ACK is for the one before", again.CSeq().SeqNo, s.inviteSeq)
		}
		s.ack("")
		w.peer.silence(time.Minute)
		if end := l.Ended(); end != nil {
			t.Error(end)
		}
	})
}

// TestHangupAfterOvertaking hangs up while the offer waits that has overtaken the ACK: BYE does not wait for that any more.
func TestHangupAfterOvertaking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.accepted(w, nil)
		s.offering(l)
		w.peer.response(100, "INVITE")
		w.peer.silence(2 * time.Second) // nor is the 200 repeated
		hung := async(func() error { return l.Hangup(background, bridge.Normal) })
		w.peer.response(487, "INVITE")
		s.ackRefusal()
		w.peer.reply(w.peer.request("BYE"), 200, "", "")
		if err := <-hung; err != nil {
			t.Error(err)
		}
	})
}

// TestUpdateMeetsReinvite has the far side's UPDATE meet our INVITE: one with an offer is refused, one without is not.
func TestUpdateMeetsReinvite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		invite, done := w.updating(l)
		s.send("UPDATE", hold(2))
		w.peer.response(491, "UPDATE")
		s.send("UPDATE", "")
		w.peer.response(200, "UPDATE")
		w.peer.reply(invite, 200, "", describe(2, "recvonly", 31000, "0"))
		w.peer.request("ACK")
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestByesCross has both sides hang up at once, and both BYEs repeated: each is confirmed, and nobody is told anything twice.
func TestByesCross(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		hung := async(func() error { return l.Hangup(background, bridge.Normal) })
		synctest.Wait()
		twice := async(func() error { return l.Hangup(background, bridge.Busy) })
		bye := w.peer.request("BYE")
		text := s.send("BYE", "")
		w.peer.response(200, "BYE")
		w.peer.send(text)
		w.peer.response(200, "BYE")
		if err := errors.Join(<-hung, <-twice); err != nil {
			t.Error(err)
		}
		w.peer.request("BYE") // ours has no response yet
		w.peer.reply(bye, 481, "", "")
		wantEnd(t, l, bridge.Normal, false)
		w.peer.silence(time.Minute)
	})
}

// TestHangupInUpdate hangs up while an offer of ours is under way: BYE does not wait, and the answer that comes all the same is acknowledged.
func TestHangupInUpdate(t *testing.T) {
	for _, status := range []int{200, 487} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.peer.call()
			l := s.up(w, nil)
			invite, done := w.updating(l)
			w.peer.reply(invite, 100, "", "")
			hung := async(func() error { return l.Hangup(background, bridge.Normal) })
			w.peer.reply(w.peer.request("BYE"), 200, "", "")
			body := ""
			if status == 200 {
				body = describe(2, "recvonly", 31000, "0")
			}
			w.peer.reply(invite, status, "", body)
			w.peer.request("ACK")
			if err := <-hung; err != nil {
				t.Error(err)
			}
			if err := <-done; err == nil {
				t.Error("Update says that all is well")
			}
			w.peer.silence(time.Minute)
		})
	}
}

// TestHangupConfirmed lets Hangup return with the ACK of a refusal, and not when its transaction is over.
func TestHangupConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1))
		l := w.leg()
		hung := async(func() error { return l.Hangup(background, bridge.Busy) })
		w.peer.response(486, "INVITE")
		s.ackRefusal()
		begin := time.Now()
		if err := <-hung; err != nil || time.Since(begin) != 0 {
			t.Errorf("Hangup returned %v, %v after the ACK", err, time.Since(begin))
		}
	})
}

// TestNoTimerLeft ends calls in which much is under way: nothing of them waits for a time.
func TestNoTimerLeft(t *testing.T) {
	for name, prepare := range map[string]func(*world, *script) *sip.Leg{
		"session": func(w *world, s *script) *sip.Leg {
			l, _ := s.callWith(w, "Supported: timer")
			return l
		},
		"reliable response": func(w *world, s *script) *sip.Leg {
			l, _ := s.ringing(w, pcmu(media.SendRecv), "Supported: 100rel")
			return l
		},
		"offer that waits": func(w *world, s *script) *sip.Leg {
			l := s.up(w, nil)
			s.offering(l)
			return l
		},
		"glare": func(w *world, _ *script) *sip.Leg {
			d := w.dial(background, bob, nil) // who has called rests two seconds at least, who was called perhaps not at all
			w.peer.accepts(w.peer.request("INVITE"), "b1", offer(1))
			l := d.leg()
			waitPhase(w.t, l, bridge.Up)
			invite, _ := w.updating(l)
			w.peer.reply(invite, 491, "", "")
			w.peer.request("ACK")
			return l
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				l := prepare(w, w.peer.call())
				synctest.Wait() // the ACK of a refusal may go before the leg hears of that
				if l.TimersLeft() == 0 {
					t.Error("no timer runs: the test is worth nothing")
				}
				l = prepare(w, w.peer.call())
				go func() { _ = l.Hangup(background, bridge.Normal) }()
				synctest.Wait()
				if n := l.TimersLeft(); n != 0 {
					t.Errorf("%d timers run on", n)
				}
			})
		})
	}
}

// TestCancelCrossesAtAnyMoment has callers give up within 50 ms of the answer, before or after: each side is told once, by 487, or by ACK and
// BYE (RFC 5407 section 3.1.2).
func TestCancelCrossesAtAnyMoment(t *testing.T) {
	seed := rand.Uint64()
	chance := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		network := testutil.NewPacketNet()
		listen := func(n, addr string) (net.PacketConn, error) {
			c, err := network.ListenPacket(n, addr)
			if err != nil {
				return nil, err
			}
			return testutil.Impair(c, testutil.Impairment{Seed: seed, Delay: 10 * time.Millisecond, Jitter: 10 * time.Millisecond}), nil
		}
		engines := [2]*calltest.Engine{{}, {}}
		in := newIncoming()
		a, err := sip.Listen(agentAddr, engines[0], &sip.Options{Network: "udp", ListenPacket: listen})
		if err != nil {
			t.Fatal(err)
		}
		b, err := sip.Listen(peerAddr, engines[1], &sip.Options{Network: "udp", ListenPacket: listen, Bridge: in})
		if err != nil {
			t.Fatal(err)
		}
		ends := map[bool]int{} // by whether the call was answered
		for range 1000 {
			offset := time.Duration(chance.IntN(101)-50) * time.Millisecond
			ctx, cancel := context.WithCancel(background)
			placed := async(func() error {
				l, err := a.Dial(ctx, bob, nil)
				if err == nil { // accepted before the caller has given up
					err = l.Hangup(background, bridge.Cancelled)
				}
				return err
			})
			l := <-in.legs
			answered := time.Now().Add(100 * time.Millisecond)
			go func() {
				time.Sleep(time.Until(answered.Add(offset)))
				cancel()
			}()
			time.Sleep(time.Until(answered))
			_ = l.Answer(background, nil)
			if err := <-placed; err != nil && bridge.CauseOf(err) != bridge.Cancelled {
				t.Fatalf("offset %v: %v", offset, err)
			}
			<-l.Context().Done()
			cancel()
			up, end := !l.Info().Answered.IsZero(), l.Ended()
			ends[up]++
			if want := map[bool]bridge.Cause{false: bridge.Cancelled, true: bridge.Normal}[up]; !end.Remote || end.Cause != want {
				t.Fatalf("offset %v: answered %v, ended with %v", offset, up, end)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for i, agent := range []*sip.Agent{a, b} {
			if s := agent.Stats(); s.Standing != 0 || s.ServerTransactions != 0 || s.ClientTransactions != 0 || len(engines[i].Terminals()) != 0 {
				t.Errorf("agent %d: %+v", i, s)
			}
			_ = agent.Close()
		}
		if ends[true] < 100 || ends[false] < 100 {
			t.Errorf("%d calls were answered, %d not: the moments did not cross", ends[true], ends[false])
		}
	})
}

// TestGlareAfterAnswer has both sides make an offer as soon as the call is up: both come through.
func TestGlareAfterAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		in := newIncoming()
		other, err := sip.Listen(peerAddr+"1", &calltest.Engine{}, &sip.Options{Network: "udp", ListenPacket: w.net.ListenPacket, Bridge: in})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = other.Close() }()
		d := w.dial(background, bob+"1", nil)
		called := <-in.legs
		if err := called.Answer(background, nil); err != nil {
			t.Fatal(err)
		}
		theirs := async(func() error { return called.Update(background, pcmu(media.SendOnly)) })
		l := d.leg()
		ours := async(func() error { return l.Update(background, pcmu(media.RecvOnly)) })
		if err := errors.Join(<-ours, <-theirs); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		a, b := l.Media().Plan().String(), called.Media().Plan().String() // each is what the other side does
		if !strings.HasPrefix(a, "audio sendonly") || !strings.HasPrefix(b, "audio recvonly") {
			t.Errorf("agreed %q and %q", a, b)
		}
	})
}
