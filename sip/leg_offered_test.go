package sip_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
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
		if time.Since(begin) != 0 || w.engine.Last(t).Port(t) != 33000 {
			t.Errorf("took %v, media to port %d", time.Since(begin), w.engine.Last(t).Port(t))
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
		s.offering(l)
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
		s.offering(l)
		s.send("BYE", "")
		w.peer.response(200, "BYE")
		w.peer.response(487, "INVITE")
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
		s.offering(l)
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
		l, _ := s.ringing(w, pcmu(media.SendRecv))
		s.send("UPDATE", hold(2)) // the early answer may not have arrived
		w.peer.response(500, "UPDATE")
		s.send("UPDATE", "")
		w.peer.response(200, "UPDATE")
		if err := l.Answer(background, nil); err != nil {
			t.Fatal(err)
		}
		w.peer.response(200, "INVITE")
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
