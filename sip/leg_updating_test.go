package sip_test

import (
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

const takesUpdate = "Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"

// early has a branch of the peer's answer the INVITE reliably, and its PRACK confirmed.
func (p *peer) early(invite *sipmsg.Request, tag, answer string, extra ...string) {
	p.t.Helper()
	p.reply(invite, 183, tag, answer, append(extra, "Require: 100rel", "RSeq: 1")...)
	p.reply(p.wantPRACK(tag, "1"+seqOf(invite)), 200, "", "")
	synctest.Wait()
}

// TestUpdateEarly changes what is agreed before the called side accepts, which then says nothing more of media.
func TestUpdateEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 183, "b1", describe(1, "sendrecv", 31000, "0"), "Require: 100rel", "RSeq: 1", takesUpdate)
		prack := w.peer.wantPRACK("b1", "1"+seqOf(invite))
		l := d.leg()
		done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
		w.peer.silence(100 * time.Millisecond) // UPDATE might overtake PRACK
		w.peer.reply(prack, 200, "", "")
		update := w.peer.request("UPDATE")
		if body := string(update.Body()); !strings.Contains(body, "a=sendonly") || update.CSeq().SeqNo != prack.CSeq().SeqNo+1 || update.Contact() == nil {
			t.Errorf("UPDATE:\n%s", w.peer.raw)
		}
		w.peer.reply(update, 200, "", describe(2, "recvonly", 31500, "0"))
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got := l.Media().Plan().String(); got != "audio recvonly PCMU/8000" || l.Info().Phase != bridge.Early {
			t.Errorf("agreed %s, %s", got, l.Info().Phase)
		}
		w.peer.reply(invite, 200, "b1", describe(1, "sendrecv", 31000, "0")) // some repeat their first answer
		w.peer.request("ACK")
		waitPhase(t, l, bridge.Up)
		w.peer.silence(time.Minute)
		if got := w.engine.Last(t).Port(t); got != 31500 {
			t.Errorf("media to port %d", got)
		}
	})
}

// TestUpdateEarlyNot fails at once where no offer may be made before acceptance (RFC 3311 section 5.1).
func TestUpdateEarlyNot(t *testing.T) {
	for name, extra := range map[string][]string{"not reliable": {takesUpdate}, "no UPDATE": {"Require: 100rel", "RSeq: 1", "Allow: INVITE, PRACK"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				d := w.dial(background, bob, nil)
				invite := w.peer.request("INVITE")
				w.peer.reply(invite, 183, "b1", offer(1), extra...)
				if len(extra) > 1 {
					w.peer.reply(w.peer.request("PRACK"), 200, "", "")
				}
				if err := d.leg().Update(background, pcmu(media.SendOnly)); err == nil {
					t.Error("Update says that all is well")
				}
				w.peer.silence(time.Second)
			})
		})
	}
}

// TestUpdateEarlyFails has the far side refuse, or not answer: what stood stands, and so does the call, whose INVITE tells its end.
func TestUpdateEarlyFails(t *testing.T) {
	for _, c := range []struct {
		status int
		answer string
	}{{488, ""}, {481, ""}, {504, ""}, {200, ""}, {200, describe(2, "recvonly", 31500, "18")}, {0, ""}} {
		t.Run(statusText(c.status)+c.answer, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				d := w.dial(background, bob, nil)
				invite := w.peer.request("INVITE")
				w.peer.early(invite, "b1", describe(1, "sendrecv", 31000, "0"), takesUpdate)
				l := d.leg()
				done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
				if c.status != 0 {
					w.peer.reply(w.peer.request("UPDATE"), c.status, "", c.answer)
				} else {
					for range 11 {
						w.peer.request("UPDATE")
					}
				}
				if err := <-done; err == nil || c.status >= 300 && !errors.Is(err, &sip.Error{Status: c.status}) {
					t.Errorf("Update: %v", err)
				}
				w.peer.reply(invite, 200, "b1", "")
				w.peer.request("ACK")
				waitPhase(t, l, bridge.Up)
				if got := l.Media().Plan().String(); got != "audio sendrecv PCMU/8000" || w.engine.Last(t).Port(t) != 31000 {
					t.Errorf("agreed %s", got)
				}
				w.peer.silence(time.Minute)
			})
		})
	}
}

// TestUpdateEarlyCalled has the called side, us, change what it has said early: the 200 waits for the answer.
func TestUpdateEarlyCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, res := s.ringing(w, pcmu(media.SendRecv), "Supported: 100rel", takesUpdate)
		if err := l.Update(background, pcmu(media.SendOnly)); err == nil {
			t.Error("an offer before it is sure that our answer has come")
		}
		s.prack(res, "")
		w.peer.response(200, "PRACK")
		changed := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
		update := w.peer.request("UPDATE")
		answered := async(func() error { return l.Answer(background, pcmu(media.SendOnly)) })
		w.peer.silence(100 * time.Millisecond)
		s.send("UPDATE", describe(2, "sendrecv", 30900, "0"))
		w.peer.response(491, "UPDATE")
		w.peer.reply(update, 200, "", describe(3, "recvonly", 30800, "0"))
		if ok := w.peer.response(200, "INVITE"); len(ok.Body()) != 0 {
			t.Errorf("an answer to nothing:\n%s", ok)
		}
		s.ack("")
		if err := errors.Join(<-changed, <-answered); err != nil {
			t.Error(err)
		}
		w.peer.silence(time.Minute)
		if got := l.Media().Plan().String(); got != "audio recvonly PCMU/8000" || w.engine.Last(t).Port(t) != 30800 {
			t.Errorf("agreed %s", got)
		}
	})
}

// TestUpdateEarlyGlare has two offers meet before acceptance: ours, of who made the Call-ID, waits for 2.1 to 4 s.
func TestUpdateEarlyGlare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.early(invite, "b1", describe(1, "sendrecv", 31000, "0"), takesUpdate)
		l := d.leg()
		done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
		update := w.peer.request("UPDATE")
		s := w.peer.inCall(invite)
		s.send("UPDATE", describe(2, "sendrecv", 31001, "0"))
		w.peer.response(491, "UPDATE")
		w.peer.reply(update, 491, "", "")
		begin := time.Now()
		again := w.peer.request("UPDATE")
		if wait := time.Since(begin); wait < 2100*time.Millisecond || wait > 4*time.Second {
			t.Errorf("again after %v", wait)
		}
		w.peer.reply(again, 200, "", describe(2, "recvonly", 31002, "0"))
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestUpdateEarlyForks offers a change in one branch, and another accepts: at that moment, or once the change is agreed. Media are those of
// the branch that accepts, and the change is offered there.
func TestUpdateEarlyForks(t *testing.T) {
	for _, answered := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			d := w.dial(background, bob, nil)
			invite := w.peer.request("INVITE")
			second := w.newPeer("192.0.2.3:5060")
			carol := "Contact: <sip:carol@192.0.2.3:5060>"
			w.peer.early(invite, "b1", describe(1, "sendrecv", 31000, "0"), takesUpdate)
			l := d.leg()
			done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
			update := w.peer.request("UPDATE")
			w.peer.reply(invite, 183, "b2", describe(1, "sendrecv", 32000, "8"), carol, "Require: 100rel", "RSeq: 1", takesUpdate)
			second.reply(second.wantPRACK("b2", "1"+seqOf(invite)), 200, "", "")
			if answered {
				w.peer.reply(update, 200, "", describe(2, "recvonly", 31002, "0"))
				if err := <-done; err != nil {
					t.Error(err)
				}
				if got := w.engine.Last(t).Port(t); got != 31002 {
					t.Errorf("media to port %d while nobody has accepted", got)
				}
			}
			w.peer.reply(invite, 200, "b2", "", carol)
			second.request("ACK")
			waitPhase(t, l, bridge.Up)
			if got, agreed := w.engine.Last(t).Port(t), l.Media().Plan().String(); got != 32000 || !strings.Contains(agreed, "PCMA") {
				t.Errorf("media to port %d, %s", got, agreed)
			}
			again := second.request("INVITE")
			if !strings.Contains(string(again.Body()), "a=sendonly") {
				t.Errorf("offered:\n%s", again.Body())
			}
			second.reply(again, 200, "", describe(2, "recvonly", 32002, "0"))
			second.request("ACK")
			if !answered {
				w.peer.reply(update, 200, "", describe(2, "recvonly", 31002, "0"))
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			second.silence(time.Minute)
			if got := w.engine.Last(t).Port(t); got != 32002 {
				t.Errorf("media to port %d", got)
			}
		})
	}
}

// TestUpdateAnswersFirst has Update meet an offer that waits: that is answered with what is wanted, which leaves nothing to offer.
func TestUpdateAnswersFirst(t *testing.T) {
	for _, method := range []string{"INVITE", "UPDATE"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.peer.call()
			l := s.up(w, nil)
			s.send(method, hold(2))
			rev := l.Info().Rev
			for info := l.Info(); !info.Pending; {
				var err error
				if info, err = l.Next(background, rev); err != nil {
					t.Fatal(err)
				}
				rev = info.Rev
			}
			done := async(func() error { return l.Update(background, pcmu(media.Inactive)) })
			ok := w.peer.response(200, method)
			if !strings.Contains(string(ok.Body()), "a=inactive") {
				t.Errorf("answer:\n%s", ok.Body())
			}
			if method == "INVITE" {
				s.ack("")
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if info := l.Info(); info.Pending {
				t.Error("the offer still waits")
			}
			w.peer.silence(time.Minute)
		})
	}
}

// TestUpdateAnswersAccepted is TestUpdateAnswersFirst with the offer in a 2xx.
func TestUpdateAnswersAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, bob, &bridge.DialOptions{Plan: media.Plan{}})
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 200, "b1", offer(1))
		l := d.leg()
		done := async(func() error { return l.Update(background, pcmu(media.SendRecv)) })
		if ack := w.peer.request("ACK"); !strings.Contains(string(ack.Body()), "RTP/AVP 0\r") {
			t.Errorf("answer:\n%s", ack.Body())
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		w.peer.silence(time.Minute)
	})
}
