package sip_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
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
		if got := res.GetHeader("Allow"); got == nil || got.Value() != "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE" {
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
			{"REFER", "", 405},
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
		for _, method := range []string{"REFER", "NOTIFY", "PRACK", "FLY"} {
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
	t.Run("no media", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			w.engine.full = true
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

// TestDrain waits for calls both ways, and ends them when its time is over.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		in := w.peer.call().up(w, nil)
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 200, "b1", offer(1))
		w.peer.request("ACK")
		out := d.leg()
		ctx, cancel := context.WithTimeout(background, 10*time.Second)
		defer cancel()
		begin := time.Now()
		drained := async(func() error { return w.agent.Drain(ctx) })
		for range 2 {
			w.peer.reply(w.peer.request("BYE"), 200, "", "")
		}
		if err := <-drained; !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 10*time.Second {
			t.Errorf("Drain: %v after %v", err, time.Since(begin))
		}
		wantEnd(t, in, bridge.Overload, false)
		wantEnd(t, out, bridge.Overload, false)
	})
}

// TestClose ends what stands, in each state, and lets nobody wait for a far side that is dead.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		up := w.peer.call().up(w, nil)
		s := w.peer.call()
		s.send("INVITE", offer(1))
		w.peer.response(100, "INVITE")
		waiting := w.leg()
		d := w.dial(background, bob, nil)
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 180, "b1", "")
		ringing := d.leg()
		unanswered := w.dial(background, bob, nil)
		w.peer.request("INVITE")
		hung := async(func() error { return up.Hangup(background, bridge.Normal) })
		w.peer.request("BYE") // nobody answers it
		begin := time.Now()
		if err := w.agent.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("Close took %v, want the 2 s that far sides are given", took)
		}
		if err := <-hung; err != nil {
			t.Error(err)
		}
		wantEnd(t, up, bridge.Normal, false)
		wantEnd(t, waiting, bridge.Overload, false)
		wantEnd(t, ringing, bridge.Overload, false)
		if r := unanswered.wait(); r.err == nil {
			t.Error("Dial returned a leg of a closed agent")
		}
		if _, err := w.agent.Dial(background, bob, nil); err == nil || !errors.Is(err, sip.ErrClosed) {
			t.Errorf("Dial: %v", err)
		}
		if err := errors.Join(up.Hangup(background, bridge.Busy), w.agent.Close()); err != nil {
			t.Error(err)
		}
		for _, f := range []func() error{
			func() error { return waiting.Ring(background, nil) },
			func() error { return waiting.Answer(background, nil) },
			func() error { return up.Update(background, nil) },
		} {
			if f() == nil {
				t.Error("a leg of a closed agent does something")
			}
		}
		if w.engine.open() != 0 {
			t.Error("media are left")
		}
	})
}

// TestOrder sends what follows the 200 in the same moment: it must be handled after it.
func TestOrder(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			d := w.dial(background, bob, nil)
			invite := w.peer.request("INVITE")
			s := w.peer.inCall(invite)
			w.peer.reply(invite, 180, "b1", "")
			w.peer.reply(invite, 183, "b1", offer(1))
			w.peer.reply(invite, 200, "b1", "") // the answer was in the 183
			s.send("BYE", "")
			w.peer.request("ACK")
			w.peer.response(200, "BYE")
			r := d.wait()
			if r.err != nil {
				wantDialError(t, r.err, bridge.Normal, 0)
				return
			}
			wantEnd(t, r.leg, bridge.Normal, true)
		})
	}
}

// TestOrderOfACK sends a re-offer right behind the ACK that brings the first answer.
func TestOrderOfACK(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.peer.call()
			s.send("INVITE", "")
			l := w.leg()
			answered := async(func() error { return l.Answer(background, nil) })
			s.learn(w.peer.response(200, "INVITE"))
			s.ack(offer(1))
			s.send("INVITE", describe(2, "sendrecv", 33000, "0 8 101"))
			w.peer.response(200, "INVITE")
			s.ack("")
			if err := <-answered; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNothingLeft places, takes, refuses and cancels calls, some of them with losses: 40 s later there are as many goroutines as before.
func TestNothingLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.peer.call().up(w, nil)
		synctest.Wait()
		before := len(goroutines())
		for n := range 60 {
			s := w.peer.call()
			switch n % 6 {
			case 0: // up, hung up by them
				s.up(w, nil)
				s.send("BYE", "")
				w.peer.response(200, "BYE")
			case 1: // up, hung up by us, BYE lost
				l := s.up(w, nil)
				ctx, cancel := context.WithCancel(background)
				cancel()
				_ = l.Hangup(ctx, bridge.Normal)
				w.peer.request("BYE")
			case 2: // refused, ACK lost
				s.send("INVITE", offer(1))
				l := w.leg()
				ctx, cancel := context.WithCancel(background)
				cancel()
				_ = l.Hangup(ctx, bridge.Busy)
				w.peer.response(486, "INVITE")
			case 3: // refused
				s.send("INVITE", offer(1))
				l := w.leg()
				go func() { _ = l.Hangup(background, bridge.Busy) }()
				w.peer.response(486, "INVITE")
				s.ackRefusal()
			case 4: // dialled and refused
				d := w.dial(background, bob, nil)
				w.peer.reply(w.peer.request("INVITE"), 404, "b", "")
				w.peer.request("ACK")
				wantDialError(t, d.wait().err, bridge.NotFound, 404)
			case 5: // dialled, up, hung up by them
				d := w.dial(background, bob, nil)
				invite := w.peer.request("INVITE")
				w.peer.reply(invite, 200, "b1", offer(1))
				w.peer.request("ACK")
				d.leg()
				w.peer.inCall(invite).send("BYE", "")
				w.peer.response(200, "BYE")
			}
			drainPeer(w.peer)
		}
		for second := range 40 {
			time.Sleep(time.Second)
			drainPeer(w.peer)
			synctest.Wait()
			// Those who own a call wait for the far side to confirm its end, though not longer than 5 s.
			if now := goroutines(); second == 5 && len(now) > before {
				t.Errorf("%d goroutines, %d before, while finished calls have their timers\n%s", len(now), before, strings.Join(now, "\n\n"))
			}
		}
		if now := goroutines(); len(now) > before {
			t.Errorf("%d goroutines, %d before\n%s", len(now), before, strings.Join(now, "\n\n"))
		}
		if got := w.agent.Stats(); got.Standing != 1 || got.ServerTransactions != 0 || got.ClientTransactions != 0 {
			t.Errorf("stats %+v", got)
		}
		if w.engine.open() != 1 {
			t.Errorf("%d terminals open, want 1", w.engine.open())
		}
	})
}

// drainPeer reads away what is repeated.
func drainPeer(p *peer) {
	for p.receive(time.Nanosecond) != nil {
	}
}

func TestCallsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		d := w.dial(background, "sip:room@"+agentAddr, nil)
		in := w.leg()
		if err := in.Ring(background, nil); err != nil {
			t.Fatal(err)
		}
		out := d.leg()
		if err := in.Answer(background, nil); err != nil {
			t.Fatal(err)
		}
		waitPhase(t, out, bridge.Up)
		if in.CallID() != out.CallID() || in.Info().ID == out.Info().ID {
			t.Error("the two legs of one SIP call have one Call-ID and ids of their own")
		}
		if err := out.Hangup(background, bridge.Normal); err != nil {
			t.Error(err)
		}
		wantEnd(t, in, bridge.Normal, true)
	})
}

// TestJoin carries a call from one SIP side to another, with hold, by the rules of bridge.Join alone.
func TestJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Bridge: onwards("sip:carol@192.0.2.3:5060")})
		carol := w.newPeer("192.0.2.3:5060")
		s := w.peer.call()
		s.send("INVITE", offer(1))
		invite := carol.request("INVITE")
		if got := invite.From().Address.String(); got != "sip:ann@example.com" {
			t.Errorf("From %s, want the caller", got)
		}
		carol.reply(invite, 180, "c1", "")
		w.peer.response(180, "INVITE")
		carol.reply(invite, 200, "c1", describe(1, "sendrecv", 31000, "8"))
		carol.request("ACK")
		res := w.peer.response(200, "INVITE")
		if !strings.Contains(string(res.Body()), "PCMA") || strings.Contains(string(res.Body()), "PCMU") {
			t.Errorf("the answer is not what the other side took:\n%s", res.Body())
		}
		s.learn(res)
		s.ack("")
		s.send("INVITE", describe(2, "sendonly", 30000, "8"))
		w.peer.response(200, "INVITE")
		s.ack("")
		held := carol.request("INVITE")
		if !strings.Contains(string(held.Body()), "a=sendonly") {
			t.Errorf("hold did not reach the other side:\n%s", held.Body())
		}
		carol.reply(held, 200, "", describe(2, "recvonly", 31000, "8"))
		carol.request("ACK")
		s.send("BYE", "")
		w.peer.response(200, "BYE")
		carol.reply(carol.request("BYE"), 200, "", "")
	})
}

// TestJoinCancelled passes the caller's CANCEL on to the called side, with its reason.
func TestJoinCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &sip.Options{Bridge: onwards("sip:carol@192.0.2.3:5060")})
		carol := w.newPeer("192.0.2.3:5060")
		s := w.peer.call()
		s.send("INVITE", offer(1))
		invite := carol.request("INVITE")
		carol.reply(invite, 180, "c1", "")
		w.peer.response(180, "INVITE")
		s.cancel(`Reason: SIP;cause=200;text="Call completed elsewhere"`)
		w.peer.response(200, "CANCEL")
		w.peer.response(487, "INVITE")
		s.ackRefusal()
		canceling := carol.request("CANCEL")
		if !strings.Contains(canceling.GetHeader("Reason").Value(), "Call completed elsewhere") {
			t.Errorf("Reason %s", canceling.GetHeader("Reason").Value())
		}
		carol.reply(canceling, 200, "c1", "")
		carol.reply(invite, 487, "c1", "")
		carol.request("ACK")
	})
}

func TestListenErrors(t *testing.T) {
	e := &fakeEngine{}
	for _, c := range []struct {
		name string
		addr string
		e    media.Engine
		o    *sip.Options
	}{
		{"no port", "127.0.0.1", e, nil},
		{"no engine", "127.0.0.1:0", nil, nil},
		{"unknown network", "127.0.0.1:0", e, &sip.Options{Network: "tls"}},
		{"credentials for anybody", "127.0.0.1:0", e, &sip.Options{Credentials: []sip.Credentials{{Username: "u", Password: "p"}}}},
		{"bad public address", "127.0.0.1:0", e, &sip.Options{PublicAddr: "host\r\nX: y"}},
		{"bad public port", "127.0.0.1:0", e, &sip.Options{PublicAddr: "host:0"}},
		{"bad identity", "127.0.0.1:0", e, &sip.Options{From: bridge.Party{URI: "sip:x\r\n@y"}}},
		{"bad name", "127.0.0.1:0", e, &sip.Options{From: bridge.Party{Name: "x\n"}}},
		{"socket", "127.0.0.1:0", e, &sip.Options{ListenPacket: func(string, string) (net.PacketConn, error) { return nil, errors.New("none") }}},
	} {
		if a, err := sip.Listen(c.addr, c.e, c.o); err == nil {
			t.Errorf("%s: no error", c.name)
			_ = a.Close()
		} else if !strings.HasPrefix(err.Error(), "sip: ") {
			t.Errorf("%s: %q does not begin with the package's name", c.name, err)
		}
	}
}

func TestPublicAddr(t *testing.T) {
	for _, c := range []struct{ public, want string }{
		{"", agentAddr},
		{"203.0.113.5", "203.0.113.5:5060"},
		{"sip.example.com:5080", "sip.example.com:5080"},
		{"[2001:db8::1]", "[2001:db8::1]:5060"},
		{"[2001:db8::1]:5090", "[2001:db8::1]:5090"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, &sip.Options{PublicAddr: c.public})
			d := w.dial(background, bob, nil)
			invite := w.peer.request("INVITE")
			if got := invite.Contact().Value(); got != "<sip:alexacall@"+c.want+">" {
				t.Errorf("%q: Contact %s", c.public, got)
			}
			if got := invite.Via().Value(); !strings.HasPrefix(got, "SIP/2.0/UDP "+c.want+";") {
				t.Errorf("%q: Via %s", c.public, got)
			}
			w.peer.reply(invite, 404, "b", "")
			w.peer.request("ACK")
			wantDialError(t, d.wait().err, bridge.NotFound, 404)
		})
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	c := sip.Credentials{Realm: "r", Username: "u", Password: "sesame"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, c); strings.Contains(got, "sesame") {
			t.Errorf("%s: %s", verb, got)
		}
	}
	if got := c.LogValue().String(); strings.Contains(got, "sesame") {
		t.Error(got)
	}
}

// TestLogsTellNoSecrets reads all that is logged of calls that go well and badly: no number, no description, no credentials.
func TestLogsTellNoSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		w := newWorld(t, &sip.Options{
			Credentials: trunkUser, Logger: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug - 8})),
		})
		s := w.peer.call()
		l := s.up(w, nil)
		s.send("INVITE", "v=0\r\nm=audio\r\n")
		w.peer.response(400, "INVITE")
		s.ackRefusal()
		go func() { _ = l.Hangup(background, bridge.Normal) }()
		w.peer.reply(w.peer.request("BYE"), 200, "", "")
		d := w.dial(background, "sip:+15550100@"+peerAddr, &bridge.DialOptions{From: bridge.Party{URI: "sip:+15550199@example.com", Name: "Ann Lee"}})
		w.peer.reply(w.peer.request("INVITE"), 401, "x", "", `WWW-Authenticate: Digest realm="trunk", nonce="n1"`)
		w.peer.request("ACK")
		invite := w.peer.request("INVITE")
		w.peer.reply(invite, 183, "b1", "v=0\r\nm=audio\r\n")
		w.peer.reply(invite, 486, "b1", "", `Reason: Q.850;cause=17;text="+15550100 is busy"`)
		w.peer.request("ACK")
		wantEnd(t, d.leg(), bridge.Busy, true)
		w.peer.send("garbage +15550100 sesame")
		synctest.Wait()
		got := text.String()
		for _, secret := range []string{"sesame", "gw", "5550", "Ann", "ann", "example", "nonce", "m=audio", "v=0", "192.0.2", "INVITE sip", "Via"} {
			if strings.Contains(got, secret) {
				t.Errorf("%q is logged:\n%s", secret, got)
			}
		}
		if !strings.Contains(got, "call placed") || !strings.Contains(got, "leg ended") {
			t.Errorf("nothing useful is logged:\n%s", got)
		}
	})
}
