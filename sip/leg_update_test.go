package sip_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// hold is a re-offer that changes the direction.
func hold(version int) string { return describe(version, "sendonly", 30000, "0 8 101") }

func TestReinvite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		s.send("INVITE", hold(2))
		w.peer.response(100, "INVITE")
		info := waitInfo(t, l, func(i bridge.Info) bool { return i.Pending })
		if info.Far[0].Dir != media.SendOnly || info.Phase != bridge.Up {
			t.Errorf("re-offer: %+v", info)
		}
		want := media.Plan{{Kind: media.Audio, Dir: media.RecvOnly, Codecs: []media.Codec{media.PCMU(), media.PCMA()}}}
		if err := l.Answer(background, want); err != nil {
			t.Fatal(err)
		}
		if body := string(w.peer.response(200, "INVITE").Body()); !strings.Contains(body, "a=recvonly") {
			t.Errorf("answer:\n%s", body)
		}
		s.ack("")
		info = l.Info()
		if info.Pending || info.Far[0].Dir != media.SendOnly {
			t.Errorf("after the answer: %+v", info)
		}
		w.peer.silence(time.Minute)
	})
}

// TestReinviteUnanswered has nobody care for a re-offer: it is answered with what stands.
func TestReinviteUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, pcmu(media.SendRecv))
		begin := time.Now()
		s.send("INVITE", hold(2))
		res := w.peer.response(200, "INVITE")
		if d := time.Since(begin); d != 4*time.Second {
			t.Errorf("answered after %v, want 4 s", d)
		}
		if body := string(res.Body()); !strings.Contains(body, "a=recvonly") || strings.Contains(body, "PCMA") {
			t.Errorf("answer is not what we last wanted:\n%s", body)
		}
		s.ack("")
		synctest.Wait()
		if l.Info().Pending {
			t.Error("still pending")
		}
	})
}

// TestRefresh answers at once what says nothing new: a session refresh, or another address.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		rev, begin := l.Info().Rev, time.Now()
		s.send("INVITE", describe(2, "sendrecv", 33000, "0 8 101"))
		w.peer.response(200, "INVITE")
		s.ack("")
		synctest.Wait()
		if time.Since(begin) != 0 || w.engine.last().port(t) != 33000 {
			t.Errorf("took %v, media to port %d", time.Since(begin), w.engine.last().port(t))
		}
		if info := l.Info(); info.Pending || info.Rev < rev {
			t.Errorf("%+v", info)
		}
	})
}

func TestReinviteRefused(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"malformed", "v=0\r\nm=audio\r\n", 400},
		{"nothing in common", describe(2, "sendrecv", 30000, "18"), 488},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				s := w.peer.call()
				l := s.up(w, nil)
				agreed := l.Media().Plan().String()
				far := l.Info().Far.String()
				s.send("INVITE", c.body)
				w.peer.response(c.status, "INVITE")
				s.ackRefusal()
				synctest.Wait()
				info := l.Info()
				if info.Phase != bridge.Up || info.Pending || info.Far.String() != far || l.Media().Plan().String() != agreed {
					t.Errorf("what stood does not stand: %+v, agreed %s", info, l.Media().Plan())
				}
				// The call goes on: the next offer works.
				s.send("INVITE", offer(3))
				w.peer.response(200, "INVITE")
				s.ack("")
			})
		})
	}
}

func TestReinviteOfferless(t *testing.T) {
	for _, answer := range []string{describe(2, "sendrecv", 34000, "8"), ""} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.peer.call()
			l := s.up(w, nil)
			s.send("INVITE", "")
			res := w.peer.response(200, "INVITE")
			if !strings.Contains(string(res.Body()), "m=audio 40000") {
				t.Errorf("no offer of ours:\n%s", res.Body())
			}
			other := s.text("INVITE", s.seq+1, "z9hG4bKother", hold(3))
			w.peer.send(other) // our offer waits
			w.peer.response(491, "INVITE")
			w.peer.send(s.text("ACK", s.seq+1, "z9hG4bKother", ""))
			s.seq++
			s.ack(answer)
			synctest.Wait()
			want := "audio sendrecv PCMU/8000 PCMA/8000 telephone-event/8000"
			if answer != "" {
				want = "audio sendrecv PCMA/8000"
			}
			if got := l.Media().Plan().String(); got != want || l.Info().Phase != bridge.Up {
				t.Errorf("agreed %s, want %s", got, want)
			}
			s.send("INVITE", offer(4)) // nothing of ours waits any more
			w.peer.response(200, "INVITE")
			s.ack("")
		})
	}
}

// TestCancelReinvite takes an offer back: what stood stands.
func TestCancelReinvite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		s.send("INVITE", hold(2))
		waitInfo(t, l, func(i bridge.Info) bool { return i.Pending })
		s.cancel()
		w.peer.response(200, "CANCEL")
		w.peer.response(487, "INVITE")
		s.ackRefusal()
		synctest.Wait()
		if info := l.Info(); info.Pending || info.Phase != bridge.Up || info.Far[0].Dir != media.SendRecv {
			t.Errorf("%+v", info)
		}
		w.peer.silence(time.Minute)
	})
}

// TestByeInReinvite ends the call while an offer waits.
func TestByeInReinvite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		s.send("INVITE", hold(2))
		waitInfo(t, l, func(i bridge.Info) bool { return i.Pending })
		branch := s.branch
		s.send("BYE", "")
		w.peer.response(200, "BYE")
		w.peer.response(487, "INVITE")
		s.branch = branch
		s.ackRefusal()
		wantEnd(t, l, bridge.Normal, true)
		w.peer.silence(time.Minute)
	})
}

func TestSecondOfferWhileOneWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		s.send("INVITE", hold(2))
		waitInfo(t, l, func(i bridge.Info) bool { return i.Pending })
		s.send("UPDATE", hold(3))
		if res := w.peer.response(500, "UPDATE"); res.GetHeader("Retry-After") == nil {
			t.Error("no Retry-After")
		}
	})
}

func TestIncomingUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1))
		l := w.leg()
		if err := l.Ring(background, pcmu(media.SendRecv)); err != nil {
			t.Fatal(err)
		}
		s.learn(w.peer.response(183, "INVITE"))
		invite := s.seq
		s.send("UPDATE", hold(2)) // the early answer may not have arrived
		w.peer.response(500, "UPDATE")
		s.send("UPDATE", "")
		w.peer.response(200, "UPDATE")
		if err := l.Answer(background, nil); err != nil {
			t.Fatal(err)
		}
		w.peer.response(200, "INVITE")
		s.inviteSeq = invite
		s.ack("")
		s.send("UPDATE", hold(3))
		waitInfo(t, l, func(i bridge.Info) bool { return i.Pending })
		if err := l.Answer(background, pcmu(media.SendRecv)); err != nil {
			t.Fatal(err)
		}
		res := w.peer.response(200, "UPDATE")
		if !strings.Contains(string(res.Body()), "a=recvonly") || res.Contact() == nil {
			t.Errorf("200 to UPDATE:\n%s", w.peer.raw)
		}
		w.peer.silence(time.Minute)
	})
}

func TestUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		if err := l.Update(background, nil); err != nil {
			t.Fatalf("nothing to change: %v", err)
		}
		w.peer.silence(time.Second)
		done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
		invite := w.peer.request("INVITE")
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
				done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
				invite := w.peer.request("INVITE")
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
				again := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
				w.peer.reply(w.peer.request("INVITE"), 200, "", describe(5, "recvonly", 35000, "0"))
				w.peer.request("ACK")
				if err := <-again; err != nil {
					t.Errorf("the next offer: %v", err)
				}
			})
		})
	}
}

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
				done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
				invite := w.peer.request("INVITE")
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
		done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
		w.peer.reply(w.peer.request("INVITE"), 491, "", "")
		w.peer.request("ACK")
		s.send("INVITE", hold(2))
		waitInfo(t, l, func(i bridge.Info) bool { return i.Pending })
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
		done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
		invite := w.peer.request("INVITE")
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
		done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
		invite := w.peer.request("INVITE")
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
