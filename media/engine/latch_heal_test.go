package engine_test

import (
	"net"
	"testing"
	"time"

	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// rebinding is a call whose source is believed elsewhere as soon as it is silent, if the test lets it be.
func rebinding(t testing.TB, silence time.Duration) (*engine.Engine, media.Terminal, *phone) {
	t.Helper()
	e := listen(t)
	engine.SetHeal(e, silence)
	term, p := open(t, e, media.Phone()), newPhone(t)
	p.offer(term, nil)
	p.send([]byte("hello"))
	counts(t, term, "packets", taken, 1)
	return e, term, p
}

// bind sends packets of a source from another port until the call is found there, and none is on its way any more.
func bind(t testing.TB, e *engine.Engine, term media.Terminal, p *phone, conn *net.UDPConn, ssrc uint32) {
	t.Helper()
	settled := func() uint64 { return e.Stats().Strays + incoming(term).Packets }
	before, n := settled(), uint64(0)
	eventually(t, "the call is found at another port", func() bool {
		engine.FindLost(e)
		p.from(conn, ssrc, "here I am")
		n++
		return engine.RemoteOf(term) == portOf(conn).String()
	})
	eventually(t, "all that was sent has come", func() bool { return settled() == before+n })
}

// stays sends packets from another port, more than it takes to be believed, and checks that they are not.
func stays(t testing.TB, e *engine.Engine, term media.Terminal, send func()) {
	t.Helper()
	before, at, heard := e.Stats().Strays, engine.RemoteOf(term), incoming(term).Packets
	for range 10 {
		engine.FindLost(e)
		send()
	}
	strays(t, e, before+10)
	if got := engine.RemoteOf(term); got != at {
		t.Errorf("the call has gone from %v to %v", at, got)
	}
	if got := incoming(term).Packets; got != heard {
		t.Errorf("%d packets were believed", got-heard)
	}
}

// TestLatchHeals gives the far side another port in mid-call, as a NAT does that has forgotten it: sound goes on both ways, and RTCP.
func TestLatchHeals(t *testing.T) {
	e := listen(t)
	engine.SetHeal(e, time.Millisecond)
	term := open(t, e, media.Phone())
	p := newReporter(t, term, true)
	p.send([]byte("hello"))
	counts(t, term, "packets", taken, 1)
	nat := loopback(t)
	bind(t, e, term, p.phone, nat, p.ssrc)
	n := incoming(term).Packets
	p.from(nat, p.ssrc, "heard again")
	counts(t, term, "packets", taken, n+1)
	goesTo(t, term, nat)
	p.rtcp = nat
	engine.Report(term)
	if p.reported() == nil {
		t.Error("RTCP does not follow")
	}
	before := e.Stats().Strays
	p.send([]byte("from where I was")) // which is given up
	strays(t, e, before+1)
}

// TestLatchHealsInTime lets the engine find it out by itself.
func TestLatchHealsInTime(t *testing.T) {
	t.Parallel()
	_, term, p := rebinding(t, 500*time.Millisecond)
	nat := loopback(t)
	eventually(t, "the call is found at another port", func() bool {
		p.from(nat, p.ssrc, "here I am")
		return engine.RemoteOf(term) == portOf(nat).String()
	})
	goesTo(t, term, nat)
}

// TestLatchHealsNobodyElse lets only the lost source itself be found, and only while it is lost.
func TestLatchHealsNobodyElse(t *testing.T) {
	t.Run("while it sends", func(t *testing.T) {
		e, term, p := rebinding(t, time.Hour)
		evil := loopback(t)
		stays(t, e, term, func() { p.from(evil, p.ssrc, "me") })
		goesTo(t, term, p.conn)
	})
	t.Run("another source", func(t *testing.T) {
		e, term, p := rebinding(t, time.Nanosecond)
		evil := loopback(t)
		stays(t, e, term, func() { p.from(evil, p.ssrc+1, "me") })
		goesTo(t, term, p.conn)
	})
	t.Run("another type", func(t *testing.T) {
		e, term, p := rebinding(t, time.Nanosecond)
		evil := loopback(t)
		stays(t, e, term, func() {
			if _, err := evil.WriteToUDPAddrPort(header(0x80, 97, 1, 2, 3), p.to); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("another address", func(t *testing.T) {
		evil, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
		if err != nil {
			t.Skipf("no second loopback address: %v", err)
		}
		defer evil.Close()
		e, term, p := rebinding(t, time.Nanosecond)
		stays(t, e, term, func() { p.from(evil, p.ssrc, "me") })
		goesTo(t, term, p.conn)
	})
	t.Run("held", func(t *testing.T) {
		e, term, p := rebinding(t, time.Nanosecond)
		reoffer(t, term, p, "inactive")
		evil := loopback(t)
		stays(t, e, term, func() { p.from(evil, p.ssrc, "me") })
	})
	t.Run("two calls of one source", func(t *testing.T) {
		e, term, p := rebinding(t, time.Nanosecond)
		other, q, evil := open(t, e, media.Phone()), newPhone(t), loopback(t)
		q.offer(other, nil)
		q.send([]byte("hello"))
		counts(t, other, "packets", taken, 1)
		stays(t, e, term, func() { p.from(evil, p.ssrc, "whose am I?") })
		goesTo(t, other, q.conn)
	})
	t.Run("again at once", func(t *testing.T) {
		e, term, p := rebinding(t, time.Nanosecond)
		nat, next := loopback(t), loopback(t)
		bind(t, e, term, p, nat, p.ssrc)
		stays(t, e, term, func() { p.from(next, p.ssrc, "here again") })
		goesTo(t, term, nat)
	})
	t.Run("ended", func(t *testing.T) {
		e, term, p := rebinding(t, time.Nanosecond)
		evil := loopback(t)
		engine.FindLost(e)
		_ = term.Close()
		for range 10 {
			p.from(evil, p.ssrc, "me")
		}
		strays(t, e, 10)
		if n := engine.Bound(term); n != 0 {
			t.Errorf("a call that has ended owns %d addresses", n)
		}
	})
}

// TestLatchHealsBesideSilent has two calls from one address, one of which has not been heard yet: when the other's NAT gives it another port,
// its sound is not taken for that one's, nor is that one's sound sent to it.
func TestLatchHealsBesideSilent(t *testing.T) {
	t.Run("the source of the other", func(t *testing.T) {
		e, term, p := rebinding(t, 300*time.Millisecond)
		silent, q, nat := open(t, e, media.Phone()), newPhone(t), loopback(t)
		q.offer(silent, nil)
		eventually(t, "the call is found at another port", func() bool {
			p.from(nat, p.ssrc, "here I am")
			if at := engine.RemoteOf(silent); at != portOf(q.conn).String() {
				t.Fatalf("the silent call is sent to %v", at)
			}
			return engine.RemoteOf(term) == portOf(nat).String()
		})
		if n := incoming(silent).Packets; n != 0 {
			t.Errorf("the silent call has heard %d packets", n)
		}
		goesTo(t, term, nat)
		goesTo(t, silent, q.conn)
	})
	t.Run("another phone with the same number", func(t *testing.T) {
		e, term, p := rebinding(t, 100*time.Millisecond)
		silent, q, nat := open(t, e, media.Phone()), newPhone(t), loopback(t)
		q.offer(silent, nil)
		eventually(t, "the silent call is found", func() bool {
			p.send([]byte("I am here"))
			q.from(nat, p.ssrc, "and I am here")
			return engine.RemoteOf(silent) == portOf(nat).String()
		})
		goesTo(t, term, p.conn)
		goesTo(t, silent, nat)
	})
}

// TestLatchBesideICE has a call that has not been heard yet beside one with ICE from the same address, whose NAT gives it another port: what
// comes from there is not taken for that of the former, and if it is, the next check puts it right.
func TestLatchBesideICE(t *testing.T) {
	t.Parallel()
	for name, unknown := range map[string]bool{"a source that is known": false, "one that is not": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := listen(t)
			engine.SetMoved(e, 100*time.Millisecond)
			term, b, f := connected(t, e, false, func(s *webrtc.SettingEngine) { s.SetICETimeouts(5*time.Second, 25*time.Second, 100*time.Millisecond) })
			silent, q := open(t, e, media.Phone()), newPhone(t)
			q.offer(silent, nil)
			home := portOf(q.conn).String()
			f.with(func(b []byte, _ bool) int { return min(1, int(b[0])/4) }) // no check comes through
			f.move()
			stop := b.talk("from the browser")
			if before := e.Stats().Strays; unknown {
				for seq := range uint16(3) {
					f.inject(clearRTP(99, seq))
				}
				eventually(t, "it is taken for the silent call's", func() bool { return engine.RemoteOf(silent) == portOf(f.near()).String() })
			} else {
				eventually(t, "some packets are turned away", func() bool { return e.Stats().Strays >= before+20 })
				if at := engine.RemoteOf(silent); at != home {
					t.Errorf("the silent call is sent to %v", at)
				}
			}
			f.with(func([]byte, bool) int { return 1 })
			eventually(t, "the call follows", func() bool { return engine.RemoteOf(term) == portOf(f.near()).String() })
			stop()
			b.drain()
			bothHear(t, term, b)
			if at := engine.RemoteOf(silent); at != home {
				t.Errorf("the silent call is sent to %v", at)
			}
			goesTo(t, silent, q.conn)
			n := incoming(silent).Packets
			q.send([]byte("here I am"))
			eventually(t, "the silent call is heard", func() bool { return incoming(silent).Packets > n })
		})
	}
}

// TestLatchReopens lets a far side that describes itself again be found at another port with another source, if it is silent where it was.
func TestLatchReopens(t *testing.T) {
	e, term, p := rebinding(t, time.Nanosecond)
	nat := loopback(t)
	stays(t, e, term, func() { p.from(nat, 99, "somebody") })
	reoffer(t, term, p, "")
	bind(t, e, term, p, nat, 99)
	p.from(nat, 99, "heard")
	eventually(t, "the source is heard", func() bool { return incoming(term).Packets > 1 })
	goesTo(t, term, nat)
	p.send([]byte("I am still here")) // that holds, as at the beginning of a call
	eventually(t, "the place before is believed", func() bool { return engine.RemoteOf(term) == portOf(p.conn).String() })

	reoffer(t, term, p, "")
	n := incoming(term).Packets
	p.send([]byte("I go on"))
	counts(t, term, "packets", taken, n+1)
	stays(t, e, term, func() { p.from(nat, 98, "somebody") }) // it has gone on, so nobody is looked for
	reoffer(t, term, p, "inactive")
	stays(t, e, term, func() { p.from(nat, 97, "somebody") }) // nothing is to come
}

// TestLatchHealsProtected moves a leg with keys for packets that these prove, and no others.
func TestLatchHealsProtected(t *testing.T) {
	e := listen(t)
	engine.SetHeal(e, time.Millisecond)
	p := newLockedPhone(t, media.AES128GCM, srtp.ProtectionProfileAeadAes128Gcm)
	term := open(t, e, sdes())
	p.call(term)
	first := p.sealed(p.out, "hello")
	p.sendRaw(first)
	counts(t, term, "packets", taken, 1)
	home, nat := p.conn, loopback(t)
	forged := p.context(media.NewKey(media.AES128GCM))
	p.conn = nat
	stays(t, e, term, func() { p.from(nat, p.ssrc, "in the clear") })
	stays(t, e, term, func() { p.sendRaw(p.sealed(forged, "under another key")) })
	stays(t, e, term, func() { p.sendRaw(first) })
	goesTo(t, term, home)
	eventually(t, "the call is found at another port", func() bool {
		engine.FindLost(e)
		p.sendRaw(p.sealed(p.out, "here I am"))
		return engine.RemoteOf(term) == portOf(nat).String()
	})
	n := incoming(term).Packets
	p.sendRaw(p.sealed(p.out, "heard"))
	eventually(t, "it is heard", func() bool { return incoming(term).Packets > n })
	goesTo(t, term, nat)
}
