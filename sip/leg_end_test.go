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

func TestCancel(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		cause        bridge.Cause
	}{
		{"given up", "Subject: x", bridge.Cancelled},
		{"elsewhere", `Reason: SIP;cause=200;text="Call completed elsewhere"`, bridge.Elsewhere},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				s := w.peer.call()
				s.send("INVITE", offer(1))
				l := w.leg()
				if err := l.Ring(background, nil); err != nil {
					t.Fatal(err)
				}
				tag := w.peer.response(180, "INVITE").To().Params.GetOr("tag", "")
				text := s.cancel(c.reason)
				if got := w.peer.response(200, "CANCEL").To().Params.GetOr("tag", ""); got != tag {
					t.Errorf("tag of the 200 to CANCEL is %q, want that of the call %q", got, tag)
				}
				if got := w.peer.response(487, "INVITE").To().Params.GetOr("tag", ""); got != tag {
					t.Errorf("tag of the 487 is %q, want %q", got, tag)
				}
				wantEnd(t, l, c.cause, true)
				w.peer.send(text) // its 200 was lost
				w.peer.response(200, "CANCEL")
				w.peer.response(487, "INVITE") // not acknowledged yet
				s.ackRefusal()
				w.peer.silence(time.Minute)
				if err := errors.Join(l.Hangup(background, bridge.Normal), l.Hangup(background, bridge.Busy)); err != nil {
					t.Errorf("hanging up what is over: %v", err)
				}
				if err := l.Answer(background, nil); err == nil {
					t.Error("answered a call that is over")
				}
				w.peer.silence(time.Minute)
			})
		})
	}
}

// TestCancelCrosses200 has the caller give up at the moment of the answer: the call is up, and it hangs up with BYE.
func TestCancelCrosses200(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1))
		l := w.leg()
		if err := l.Answer(background, nil); err != nil {
			t.Fatal(err)
		}
		s.cancel()
		s.learn(w.peer.response(200, "INVITE"))
		w.peer.response(200, "CANCEL")
		if l.Info().Phase != bridge.Up {
			t.Errorf("phase %s, want up: it was accepted first", l.Info().Phase)
		}
		s.ack("")
		s.send("BYE", "")
		w.peer.response(200, "BYE")
		wantEnd(t, l, bridge.Normal, true)
		w.peer.silence(time.Minute)
	})
}

// TestHangupWithoutTag ends a call with a far side of RFC 2543, whose 200 has no tag.
func TestHangupWithoutTag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, "sip:bob@"+peerAddr, nil)
		w.peer.reply(w.peer.request("INVITE"), 200, "", describe(1, "sendrecv", 31000, "0"))
		w.peer.request("ACK")
		l := d.leg()
		go func() { _ = l.Hangup(background, bridge.Normal) }()
		bye := w.peer.request("BYE")
		if bye.To().Params.Has("tag") {
			t.Errorf("a tag in %s", bye.To())
		}
		w.peer.reply(bye, 200, "", "")
		wantEnd(t, l, bridge.Normal, false)
	})
}

func TestCancelOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.branch = "z9hG4bKnothing"
		s.cancel()
		w.peer.response(481, "CANCEL")
	})
}

// TestHangupBeforeACK may not send BYE before the ACK has come (RFC 3261 section 15).
func TestHangupBeforeACK(t *testing.T) {
	for _, lost := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.peer.call()
			l, _ := s.accepted(w, nil)
			hung := async(func() error { return l.Hangup(background, bridge.Normal) })
			wantEnd(t, l, bridge.Normal, false)
			synctest.Wait()
			if len(w.engine.Terminals()) != 0 {
				t.Error("media go on")
			}
			w.peer.response(200, "INVITE")
			if lost {
				for range 9 {
					w.peer.response(200, "INVITE")
				}
			} else {
				s.ack("")
			}
			bye := w.peer.request("BYE")
			if got := bye.GetHeader("Reason"); got == nil || !strings.Contains(got.Value(), "Q.850;cause=16") {
				t.Errorf("Reason of BYE: %v", got)
			}
			w.peer.reply(bye, 200, "", "")
			if err := <-hung; err != nil {
				t.Error(err)
			}
			w.peer.silence(time.Minute)
		})
	}
}

// TestEarlyBye ends a call between its 200 and the ACK, from the caller's side.
func TestEarlyBye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.accepted(w, nil)
		s.send("BYE", "")
		w.peer.response(200, "BYE")
		wantEnd(t, l, bridge.Normal, true)
		w.peer.silence(time.Minute)
	})
}

// TestByeBeforeAnswer ends an early dialog with BYE in place of CANCEL, as RFC 3261 section 15 lets the caller do.
func TestByeBeforeAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.ringing(w, nil)
		s.send("BYE", "")
		w.peer.response(200, "BYE")
		w.peer.response(487, "INVITE")
		s.ackRefusal()
		wantEnd(t, l, bridge.Cancelled, true)
		w.peer.silence(time.Minute)
	})
}

func TestHangupByCause(t *testing.T) {
	for _, c := range []struct {
		cause  bridge.Cause
		status int
		q850   string
	}{
		{bridge.Normal, 480, "cause=16"},
		{bridge.Busy, 486, "cause=17"},
		{bridge.NoAnswer, 480, "cause=19"},
		{bridge.Declined, 603, "cause=21"},
		{bridge.Cancelled, 487, "cause=31"},
		{bridge.Elsewhere, 486, `SIP;cause=200;text="Call completed elsewhere"`},
		{bridge.NotFound, 404, "cause=1;"},
		{bridge.Unreachable, 480, "cause=20"},
		{bridge.Forbidden, 403, "cause=57"},
		{bridge.Overload, 503, "cause=42"},
		{bridge.Media, 488, "cause=88"},
		{bridge.Internal, 500, "cause=41"},
	} {
		t.Run(c.cause.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &sip.Options{Decline603: true})
				s := w.peer.call()
				s.send("INVITE", offer(1))
				l := w.leg()
				hung := async(func() error { return l.Hangup(background, c.cause) })
				res := w.peer.response(c.status, "INVITE")
				if h := res.GetHeader("Reason"); h == nil || !strings.Contains(h.Value(), c.q850) {
					t.Errorf("Reason %v, want %s", h, c.q850)
				}
				if (res.GetHeader("Retry-After") != nil) != (c.status == 503) {
					t.Errorf("Retry-After: %v", res.GetHeader("Retry-After"))
				}
				w.peer.response(c.status, "INVITE") // repeated until the ACK
				select {
				case err := <-hung:
					t.Errorf("Hangup returned %v before the far side confirmed", err)
				default:
				}
				s.ackRefusal()
				if err := <-hung; err != nil {
					t.Error(err)
				}
				w.peer.silence(time.Minute)
				if n := w.agent.Stats().ServerTransactions; n != 0 {
					t.Errorf("%d transactions left", n)
				}
			})
		})
	}
}

func TestHangupContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		begin := time.Now()
		hung := async(func() error { return l.Hangup(ctx, bridge.Normal) })
		w.peer.request("BYE")
		if err := <-hung; !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("Hangup returned %v after %v", err, time.Since(begin))
		}
		w.peer.request("BYE") // repeated, though nobody waits
		wantEnd(t, l, bridge.Normal, false)
	})
}

// TestLostBye lets a BYE be lost for ever: the leg is over at once, and nothing is left after the transaction.
func TestLostBye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		begin := time.Now()
		if err := l.Hangup(background, bridge.Normal); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begin); d != 32*time.Second {
			t.Errorf("BYE given up after %v, want 32 s", d)
		}
		if got := w.agent.Stats(); got.Standing != 0 || got.ClientTransactions != 0 {
			t.Errorf("stats %+v", got)
		}
	})
}

func TestMediaFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		broken := errors.New("no connectivity")
		w.engine.Last(t).Options.Failed(broken)
		end := endOf(t, l, bridge.Media, false)
		if !errors.Is(end, broken) {
			t.Errorf("%v does not say why", end)
		}
		w.peer.reply(w.peer.request("BYE"), 200, "", "")
	})
}
