package sip_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// TestInvitationExpires gives the called side so long to answer (RFC 3261 section 13.3.1).
func TestInvitationExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1), "Expires: 20")
		l := w.leg()
		if err := l.Ring(background, nil); err != nil {
			t.Fatal(err)
		}
		w.peer.response(180, "INVITE")
		w.peer.silence(20*time.Second - time.Millisecond)
		w.peer.response(487, "INVITE")
		s.ackRefusal()
		wantEnd(t, l, bridge.Cancelled, true)
		w.peer.silence(time.Minute)
	})
}

// TestInvitationExpiresNot has a call answered in time, or one whose Expires says nothing.
func TestInvitationExpiresNot(t *testing.T) {
	for _, field := range []string{"Expires: 20", "Expires: 0", "Expires: soon"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.peer.call()
			s.send("INVITE", offer(1), field)
			l := w.leg()
			time.Sleep(19 * time.Second)
			if err := l.Answer(background, nil); err != nil {
				t.Fatalf("%s: %v", field, err)
			}
			s.learn(w.peer.response(200, "INVITE"))
			s.ack("")
			w.peer.silence(time.Minute)
			if l.Info().Phase != bridge.Up {
				t.Errorf("%s: %v", field, l.Ended())
			}
		})
	}
}
