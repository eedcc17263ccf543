package sip_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

func TestUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		if err := l.Update(background, nil); err != nil {
			t.Fatalf("nothing to change: %v", err)
		}
		w.peer.silence(time.Second)
		invite, done := w.updating(l)
		if !strings.Contains(string(invite.Body()), "a=sendonly") || invite.From().Params.GetOr("tag", "") != s.agentTag {
			t.Errorf("re-INVITE:\n%s", w.peer.raw)
		}
		second := async(func() error { return l.Update(background, pcmu(media.Inactive)) })
		w.peer.reply(invite, 100, "", "")
		w.peer.silence(time.Second) // one offer at a time
		w.peer.reply(invite, 200, "", describe(2, "recvonly", 35000, "0"))
		w.peer.request("ACK")
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := l.Media().Plan().String(); got != "audio recvonly PCMU/8000" {
			t.Errorf("agreed %s", got)
		}
		next := w.peer.request("INVITE")
		if !strings.Contains(string(next.Body()), "a=inactive") || next.CSeq().SeqNo <= invite.CSeq().SeqNo {
			t.Errorf("re-INVITE:\n%s", w.peer.raw)
		}
		w.peer.reply(invite, 200, "", describe(2, "recvonly", 35000, "0")) // the first ACK was lost
		if ack := w.peer.request("ACK"); ack.CSeq().SeqNo != invite.CSeq().SeqNo {
			t.Errorf("ACK of %d, want %d", ack.CSeq().SeqNo, invite.CSeq().SeqNo)
		}
		w.peer.reply(next, 200, "", describe(3, "inactive", 35000, "0"))
		w.peer.request("ACK")
		if err := <-second; err != nil {
			t.Error(err)
		}
	})
}

// TestUpdateFails has our offer refused in each way: what stood stands, or the call ends.
func TestUpdateFails(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		status       int
		ends         bool
		cause        bridge.Cause
	}{
		{"not acceptable", "", 488, false, 0},
		{"server error", "", 500, false, 0},
		{"unauthorised", "", 401, false, 0},
		{"malformed answer", "v=0\r\nm=audio\r\n", 200, false, 0},
		{"no answer", "", 200, false, 0},
		{"unknown there", "", 481, true, bridge.Internal},
		{"timed out there", "", 408, true, bridge.NoAnswer},
		{"no response", "", 0, true, bridge.Unreachable},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				s := w.peer.call()
				l := s.up(w, nil)
				agreed := l.Media().Plan().String()
				invite, done := w.updating(l)
				if c.status != 0 {
					w.peer.reply(invite, c.status, "", c.answer)
					w.peer.request("ACK")
				} else {
					for range 6 {
						w.peer.request("INVITE")
					}
				}
				if c.ends {
					wantEnd(t, l, c.cause, false)
					w.peer.reply(w.peer.request("BYE"), 200, "", "")
				}
				err := <-done
				if err == nil || c.status >= 300 && !c.ends && !errors.Is(err, &sip.Error{Status: c.status}) {
					t.Errorf("Update: %v", err)
				}
				if c.ends {
					return
				}
				if got := l.Media().Plan().String(); got != agreed || l.Info().Phase != bridge.Up {
					t.Errorf("agreed %s, want %s", got, agreed)
				}
				invite, again := w.updating(l)
				w.peer.reply(invite, 200, "", describe(5, "recvonly", 35000, "0"))
				w.peer.request("ACK")
				if err := <-again; err != nil {
					t.Errorf("the next offer: %v", err)
				}
			})
		})
	}
}

// TestUpdateContext ends the context of an update: what it has begun goes on, what has not begun never does.
func TestUpdateContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		first := async(func() error { return l.Update(ctx, pcmu(media.SendOnly)) })
		invite := w.peer.request("INVITE")
		second := async(func() error { return l.Update(ctx, pcmu(media.Inactive)) })
		w.peer.reply(invite, 100, "", "")
		for _, c := range []<-chan error{first, second} {
			if err := <-c; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Update: %v", err)
			}
		}
		w.peer.reply(invite, 200, "", describe(2, "recvonly", 35000, "0"))
		w.peer.request("ACK")
		synctest.Wait()
		if got := l.Media().Plan().String(); got != "audio recvonly PCMU/8000" {
			t.Errorf("agreed %s", got)
		}
		w.peer.silence(time.Minute)
	})
}

// TestUpdateOverdue takes an offer back that is never answered.
func TestUpdateOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		invite, done := w.updating(l)
		w.peer.reply(invite, 100, "", "")
		begin := time.Now()
		w.peer.reply(w.peer.request("CANCEL"), 200, "", "")
		if d := time.Since(begin); d != 32*time.Second {
			t.Errorf("CANCEL after %v", d)
		}
		w.peer.reply(invite, 487, "", "")
		w.peer.request("ACK")
		if err := <-done; !errors.Is(err, &sip.Error{Status: 487}) {
			t.Errorf("Update: %v", err)
		}
		if l.Info().Phase != bridge.Up {
			t.Error("the call ended")
		}
	})
}

// TestByeInUpdate hangs up while an offer of ours is under way; that is acknowledged though the call is over.
func TestByeInUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		invite, done := w.updating(l)
		s.send("BYE", "")
		w.peer.response(200, "BYE")
		if err := <-done; err == nil {
			t.Error("Update says that all is well")
		}
		wantEnd(t, l, bridge.Normal, true)
		w.peer.reply(invite, 200, "", describe(2, "recvonly", 35000, "0"))
		w.peer.request("ACK")
		w.peer.silence(time.Minute)
	})
}

// TestUpdateAfterTheEnd has the far side refuse an offer as that of a call that it does not know, while another waits: the call ends, and
// the other is not made.
func TestUpdateAfterTheEnd(t *testing.T) {
	for _, status := range [...]int{408, 481} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.peer.call()
			l := s.up(w, nil)
			invite, first := w.updating(l)
			second := async(func() error { return l.Update(background, pcmu(media.Inactive)) })
			synctest.Wait()
			w.peer.reply(invite, status, "", "")
			w.peer.request("ACK")
			w.peer.reply(w.peer.request("BYE"), 200, "", "")
			if err := <-first; !errors.Is(err, &sip.Error{Status: status}) {
				t.Errorf("the first: %v", err)
			}
			if err := <-second; err == nil {
				t.Error("the second went well")
			}
			w.peer.silence(time.Minute)
		})
	}
}
