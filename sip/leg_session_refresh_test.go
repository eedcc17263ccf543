package sip_test

import (
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// TestSessionKept has the far side refresh in each way; roles stay as they are, and the call stands until it stops.
func TestSessionKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.callWith(w, "Supported: timer", "Session-Expires: 120;refresher=uac")
		time.Sleep(80 * time.Second)
		s.send("UPDATE", "", "Supported: timer", "Session-Expires: 120")
		ok := w.peer.response(200, "UPDATE")
		wantField(t, ok, "Session-Expires", "120;refresher=uac")
		time.Sleep(80 * time.Second)
		s.send("INVITE", offer(1), "Supported: timer", "Session-Expires: 100;refresher=uac")
		wantField(t, w.peer.response(200, "INVITE"), "Session-Expires", "100;refresher=uac")
		s.ack("")
		s.send("INFO", "")
		w.peer.response(200, "INFO") // no refresh
		w.peer.reply(w.peer.wantAfter(68*time.Second, "BYE"), 200, "", "")
		wantEnd(t, l, bridge.Unreachable, false)
	})
}

// TestSessionTakenOver has a change of ours do the refresh that is due, and the far side take the part of the refresher.
func TestSessionTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.callWith(w, "Supported: timer", "Session-Expires: 120;refresher=uas", takesUpdate)
		time.Sleep(50 * time.Second)
		done := async(func() error { return l.Update(background, pcmu(2)) })
		invite := w.peer.request("INVITE")
		wantField(t, invite, "Session-Expires", "120;refresher=uac")
		w.peer.reply(invite, 200, "", describe(2, "sendrecv", 31000, "0"), "Session-Expires: 120;refresher=uac")
		w.peer.request("ACK")
		if err := <-done; err != nil {
			t.Error(err)
		}
		w.peer.reply(w.peer.wantAfter(time.Minute, "UPDATE"), 200, "", "", "Session-Expires: 120;refresher=uas")
		w.peer.wantAfter(88*time.Second, "BYE")
	})
}

// TestSessionRefreshedMeanwhile has the refresh wait for a change of ours that is under way, which then was one.
func TestSessionRefreshedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.callWith(w, "Supported: timer", "Session-Expires: 120;refresher=uas", takesUpdate)
		time.Sleep(59 * time.Second)
		done := async(func() error { return l.Update(background, pcmu(2)) })
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 100, "", "")
		time.Sleep(3 * time.Second)
		w.peer.reply(invite, 200, "", describe(2, "sendrecv", 31000, "0"), "Session-Expires: 120;refresher=uac")
		w.peer.request("ACK")
		if err := <-done; err != nil {
			t.Error(err)
		}
		w.peer.wantAfter(time.Minute, "UPDATE")
	})
}

// TestSessionTimerLate has a timer be handled that fired as the refresh came: the call stands.
func TestSessionTimerLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.callWith(w, "Supported: timer", "Session-Expires: 120;refresher=uac")
		l.SessionDue()
		w.peer.silence(80 * time.Second)
		if end := l.Ended(); end != nil {
			t.Error(end)
		}
	})
}

// TestSessionRefreshFails has a refresh of ours come to nothing, in each way.
func TestSessionRefreshFails(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		cause  bridge.Cause
	}{{"unknown there", 481, bridge.Internal}, {"timed out there", 408, bridge.NoAnswer}, {"no response", 0, bridge.Unreachable}, {"refused for ever", 500, bridge.Unreachable}} {
		for _, method := range []string{"UPDATE", "INVITE"} {
			t.Run(c.name+" "+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, nil)
					s := w.peer.call()
					l, _ := s.callWith(w, "Supported: timer", "Session-Expires: 900;refresher=uas", "Allow: INVITE, "+method)
					begin := time.Now()
					w.peer.wantAfter(450*time.Second, method)
					tries := 1
					for ; ; tries++ {
						if c.status != 0 {
							w.peer.reply(w.peer.lastRequest(t), c.status, "", "")
						}
						if w.peer.nextOrBye(t) {
							break
						}
					}
					wantEnd(t, l, c.cause, false)
					if took := time.Since(begin); c.status == 500 && (took != 868*time.Second || tries < 5) || took > 868*time.Second {
						t.Errorf("BYE after %v and %d tries", took, tries)
					}
				})
			})
		}
	}
}

// lastRequest returns the message that was received last.
func (p *peer) lastRequest(t testing.TB) *sipmsg.Request {
	t.Helper()
	msg, err := sipmsg.ParseMessage(p.raw)
	req, ok := msg.(*sipmsg.Request)
	if err != nil || !ok {
		t.Fatalf("no request: %v", err)
	}
	return req
}

// nextOrBye waits for the next request that is no ACK, and reports whether it is BYE.
func (p *peer) nextOrBye(t testing.TB) bool {
	t.Helper()
	for {
		req, ok := p.receive(15 * time.Minute).(*sipmsg.Request)
		switch {
		case !ok:
			t.Fatal("nothing comes")
		case req.Method == sipmsg.BYE:
			p.reply(req, 200, "", "")
			return true
		case req.Method != sipmsg.ACK:
			return false
		}
	}
}

// TestSessionRefreshAgain has a refresh meet an offer of the far side's, or a far side that does not take UPDATE after all.
func TestSessionRefreshAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l, _ := s.callWith(w, "Supported: timer", "Session-Expires: 900;refresher=uas", takesUpdate)
		w.peer.reply(w.peer.wantAfter(450*time.Second, "UPDATE"), 491, "", "")
		begin := time.Now()
		again := w.peer.request("UPDATE")
		if wait := time.Since(begin); wait > 2*time.Second {
			t.Errorf("again after %v", wait)
		}
		w.peer.reply(again, 501, "", "")
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 488, "", "")
		w.peer.request("ACK")
		next, _ := w.peer.receive(5 * time.Minute).(*sipmsg.Request) // at half of what is left
		if next == nil || !next.IsInvite() {
			t.Fatalf("got %s", head(next))
		}
		w.peer.reply(next, 200, "", describe(1, "sendrecv", 31000, "0"), "Session-Expires: 900;refresher=uac")
		w.peer.request("ACK")
		w.peer.wantAfter(450*time.Second, "INVITE")
		if end := l.Ended(); end != nil {
			t.Errorf("the call ended: %v", end)
		}
	})
}
