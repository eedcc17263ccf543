package sip_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// TestUpdatePutOff has the far side refuse an offer of ours because it has one of its own that is not answered: with 500, and when to come
// again (RFC 3261 section 14.2, RFC 3311 section 5.2).
func TestUpdatePutOff(t *testing.T) {
	for _, method := range []string{"INVITE", "UPDATE"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				d := w.dial(background, bob, nil)
				invite := w.peer.request("INVITE")
				if method == "UPDATE" {
					w.peer.early(invite, "b2", describe(1, "sendrecv", 31000, "0"), takesUpdate)
				} else {
					w.peer.reply(invite, 200, "b1", offer(1))
					w.peer.request("ACK")
				}
				l := d.leg()
				done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
				refused := w.peer.request(method)
				begin := time.Now()
				w.peer.reply(refused, 500, "", "", "Retry-After: 7 (busy)")
				if method == "INVITE" {
					w.peer.request("ACK")
				}
				again := w.peer.request(method)
				if wait := time.Since(begin); wait != 7*time.Second {
					t.Errorf("again after %v, want what the far side said", wait)
				}
				w.peer.reply(again, 200, "", describe(2, "recvonly", 31000, "0"))
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestUpdatePutOffForLong has the far side ask for more time than the answer to an offer can take: that is a refusal.
func TestUpdatePutOffForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		l := s.up(w, nil)
		done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
		w.peer.reply(w.peer.request("INVITE"), 500, "", "", "Retry-After: 60")
		w.peer.request("ACK")
		if end, ok := errors.AsType[*sip.Error](<-done); !ok || end.Status != 500 || end.RetryAfter != time.Minute {
			t.Errorf("Update: %v", end)
		}
		w.peer.silence(2 * time.Minute)
	})
}
