package sip_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// TestOfferByUpdate makes offers within a call that is up by UPDATE, unless the far side says that it has none, or refuses the first.
func TestOfferByUpdate(t *testing.T) {
	for _, c := range []struct {
		name, allow string
		status      int // of the UPDATE; 0: there is none
	}{
		{"it says so", takesUpdate, 200},
		{"it says nothing", "X: y", 200},
		{"it has none", "Allow: INVITE, ACK, BYE", 0},
		{"it refuses that", takesUpdate, 405},
		{"it does not know that", "X: y", 501},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &sip.Options{OfferByUpdate: true})
				d := w.dial(background, bob, nil)
				invite := w.peer.request("INVITE")
				w.peer.reply(invite, 200, "b1", offer(1), c.allow)
				w.peer.request("ACK")
				l := d.leg()
				for n, dir := range []media.Direction{media.SendOnly, media.SendRecv} {
					done := async(func() error { return l.Update(background, pcmu(dir)) })
					answer := describe(2+n, map[media.Direction]string{media.SendOnly: "recvonly", media.SendRecv: "sendrecv"}[dir], 35000, "0")
					if c.status == 200 || c.status != 0 && n == 0 {
						update := w.peer.request("UPDATE")
						if !strings.Contains(string(update.Body()), "a="+dir.String()) {
							t.Errorf("UPDATE:\n%s", w.peer.raw)
						}
						body := answer
						if c.status != 200 {
							body = ""
						}
						w.peer.reply(update, c.status, "", body)
					}
					if c.status != 200 {
						w.peer.reply(w.peer.request("INVITE"), 200, "", answer)
						w.peer.request("ACK")
					}
					if err := <-done; err != nil {
						t.Errorf("offer %d: %v", n, err)
					}
				}
				if got := l.Media().Plan().String(); got != "audio sendrecv PCMU/8000" || w.engine.Last(t).Port(t) != 35000 {
					t.Errorf("agreed %s", got)
				}
			})
		})
	}
}

// TestOfferByUpdateFails has an answer left out, and a far side that does not know the call any more.
func TestOfferByUpdateFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{OfferByUpdate: true})
		s := w.peer.call()
		l := s.up(w, nil)
		done := async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
		w.peer.reply(w.peer.request("UPDATE"), 200, "", "")
		if err := <-done; err == nil || l.Ended() != nil {
			t.Errorf("Update: %v, call %v", err, l.Ended())
		}
		done = async(func() error { return l.Update(background, pcmu(media.SendOnly)) })
		update := w.peer.request("UPDATE")
		s.send("INVITE", hold(2)) // meets ours on the way
		w.peer.response(491, "INVITE")
		s.ackRefusal()
		w.peer.reply(update, 481, "", "")
		if err := <-done; err == nil {
			t.Error("Update has not failed")
		}
		w.peer.reply(w.peer.request("BYE"), 200, "", "")
		wantEnd(t, l, bridge.Internal, false)
	})
}
