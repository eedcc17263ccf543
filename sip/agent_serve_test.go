package sip_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

func TestOptionsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.peer.call()
		s.send("OPTIONS", "")
		res := w.peer.response(200, "OPTIONS")
		if got := res.GetHeader("Allow"); got == nil || got.Value() != "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY" {
			t.Errorf("Allow: %v", got)
		}
		if got := res.GetHeader("Accept"); got == nil || got.Value() != "application/sdp" {
			t.Errorf("Accept: %v", got)
		}
		in := w.peer.call()
		in.up(w, nil)
		in.send("OPTIONS", "")
		w.peer.response(200, "OPTIONS")
		draining, cancel := context.WithCancel(background)
		drained := async(func() error { return w.agent.Drain(draining) })
		synctest.Wait()
		s.send("OPTIONS", "")
		if res := w.peer.response(503, "OPTIONS"); res.GetHeader("Retry-After") == nil {
			t.Error("no Retry-After while draining")
		}
		cancel()
		w.peer.reply(w.peer.request("BYE"), 200, "", "")
		if err := <-drained; !errors.Is(err, context.Canceled) {
			t.Errorf("Drain: %v", err)
		}
	})
}

func TestStrayRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for _, c := range []struct {
			method string
			tag    string
			status int
		}{
			{"BYE", "unknown", 481},
			{"INVITE", "unknown", 481},
			{"INFO", "unknown", 481},
			{"UPDATE", "unknown", 481},
			{"BYE", "", 481},
			{"INFO", "", 481},
			{"PRACK", "", 481},
			{"REGISTER", "", 405},
			{"SUBSCRIBE", "", 405},
			{"MESSAGE", "", 405},
			{"REFER", "", 403},
			{"NOTIFY", "", 481},
			{"REFER", "unknown", 481},
			{"FLY", "", 405},
		} {
			s := w.peer.call()
			s.agentTag = c.tag
			s.send(c.method, "")
			res := w.peer.response(c.status, c.method)
			if (res.GetHeader("Allow") != nil) != (c.status == 405) {
				t.Errorf("%s: Allow %v", c.method, res.GetHeader("Allow"))
			}
			if c.method == "INVITE" {
				s.ackRefusal()
			}
		}
		s := w.peer.call()
		s.agentTag = "unknown"
		s.ack("")
		w.peer.silence(time.Minute)
		in := w.peer.call()
		in.up(w, nil)
		for _, method := range []string{"SUBSCRIBE", "PUBLISH", "FLY"} {
			in.send(method, "")
			w.peer.response(405, method)
		}
		other := *in
		other.tag = "somebody-else"
		other.send("BYE", "")
		w.peer.response(481, "BYE")
		late := *in
		late.seq = in.seq - 3
		late.send("INFO", "")
		w.peer.response(500, "INFO")
	})
}

func TestRefusesForLackOfRoom(t *testing.T) {
	t.Run("no bridge", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, &sip.Options{Bridge: bridge.Func(nil)})
			_ = w.agent.Close()
			w.peer.conn.Close()
			a, err := sip.Listen(agentAddr, w.engine, &sip.Options{Network: "udp", ListenPacket: w.net.ListenPacket})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			p := w.newPeer("192.0.2.3:5060")
			s := p.call()
			s.send("INVITE", offer(1))
			p.response(480, "INVITE")
			s.ackRefusal()
		})
	})
	t.Run("too many calls", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, &sip.Options{MaxCalls: 1})
			l := w.peer.call().up(w, nil)
			s := w.peer.call()
			s.send("INVITE", offer(1))
			if w.peer.response(503, "INVITE").GetHeader("Retry-After") == nil {
				t.Error("no Retry-After")
			}
			s.ackRefusal()
			_, err := w.agent.Dial(background, bob, nil)
			wantDialError(t, err, bridge.Overload, 0)
			go func() { _ = l.Hangup(background, bridge.Normal) }()
			w.peer.reply(w.peer.request("BYE"), 200, "", "")
			synctest.Wait()
			w.peer.call().up(w, nil)
		})
	})
	for _, early := range []media.Plan{nil, pcmu(media.SendRecv)} {
		t.Run("no ports", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.engine.NoPorts.Store(true)
				s := w.peer.call()
				s.send("INVITE", offer(1))
				l := w.leg()
				var err error
				if early != nil {
					if err = l.Ring(background, early); bridge.CauseOf(err) == bridge.Overload {
						_ = l.Hangup(background, bridge.CauseOf(err)) // as a Bridge's end does
					}
				} else {
					err = l.Answer(background, nil)
				}
				if bridge.CauseOf(err) != bridge.Overload || !errors.Is(err, media.ErrFull) {
					t.Errorf("got %v", err)
				}
				if w.peer.response(503, "INVITE").GetHeader("Retry-After") == nil {
					t.Error("no Retry-After")
				}
				s.ackRefusal()
				wantEnd(t, l, bridge.Overload, false)
			})
		})
	}
	t.Run("no media", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			w.engine.Full.Store(true)
			s := w.peer.call()
			s.send("INVITE", offer(1))
			w.peer.response(503, "INVITE")
			s.ackRefusal()
			_, err := w.agent.Dial(background, bob, nil)
			wantDialError(t, err, bridge.Overload, 0)
			if w.agent.Stats().Standing != 0 {
				t.Error("a leg without media stands")
			}
		})
	})
	t.Run("draining", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			if err := w.agent.Drain(background); err != nil {
				t.Fatal(err)
			}
			s := w.peer.call()
			s.send("INVITE", offer(1))
			if w.peer.response(503, "INVITE").GetHeader("Retry-After") == nil {
				t.Error("no Retry-After")
			}
			s.ackRefusal()
			_, err := w.agent.Dial(background, bob, nil)
			wantDialError(t, err, bridge.Overload, 0)
			if err := w.agent.Drain(background); err != nil {
				t.Errorf("the second Drain: %v", err)
			}
		})
	})
}
