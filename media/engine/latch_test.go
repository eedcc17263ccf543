package engine_test

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// from sends a packet of 20 ms from another socket than the one that the phone has described.
func (p *phone) from(conn *net.UDPConn, ssrc uint32, payload string) {
	p.t.Helper()
	b := make([]byte, 12, 12+len(payload))
	b[0] = 0x80
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], p.time)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	p.seq++
	p.time += 160
	if _, err := conn.WriteToUDPAddrPort(append(b, payload...), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// strays waits until the engine has turned away so many datagrams.
func strays(t testing.TB, e *engine.Engine, n uint64) {
	t.Helper()
	eventually(t, "the packets are turned away", func() bool { return e.Stats().Strays >= n })
	if got := e.Stats().Strays; got != n {
		t.Errorf("%d strays, want %d", got, n)
	}
}

// goesTo checks where the sound that a terminal sends arrives.
func goesTo(t testing.TB, term media.Terminal, conn *net.UDPConn) {
	t.Helper()
	write(t, term, 1)
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, _, err := conn.ReadFromUDPAddrPort(make([]byte, 2048)); err != nil {
		t.Errorf("sound does not go to %v: %v", portOf(conn), err)
	}
}

// unheard checks that nothing has been taken, and that sound still goes to the described address.
func unheard(t testing.TB, term media.Terminal, p *phone) {
	t.Helper()
	if n := incoming(term).Packets; n != 0 {
		t.Errorf("%d packets were believed", n)
	}
	goesTo(t, term, p.conn)
}

func TestLatchBehindNAT(t *testing.T) {
	e := listen(t)
	term := open(t, e, media.Phone())
	p := newReporter(t, term, true)
	nat := loopback(t)
	for range 3 {
		p.from(nat, 7, "hello")
	}
	strays(t, e, 3)
	p.from(nat, 7, "hello")
	eventually(t, "the fourth packet is heard", func() bool { return incoming(term).Packets == 1 })
	goesTo(t, term, nat)
	p.rtcp = nat
	engine.Report(term)
	if p.reported() == nil {
		t.Error("RTCP does not follow")
	}

	late := loopback(t) // another one cannot take it over
	for range 10 {
		p.from(late, 7, "me too")
	}
	strays(t, e, 13)
	goesTo(t, term, nat)
}

func TestLatchNotBelieved(t *testing.T) {
	t.Run("another address", func(t *testing.T) {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
		if err != nil {
			t.Skipf("no second loopback address: %v", err)
		}
		defer conn.Close()
		e := listen(t)
		term, p := open(t, e, media.Phone()), newPhone(t)
		p.offer(term, nil)
		for range 50 {
			p.from(conn, 7, "hello")
		}
		strays(t, e, 50)
		unheard(t, term, p)
	})
	t.Run("sources that take turns", func(t *testing.T) {
		e := listen(t)
		term, p, nat := open(t, e, media.Phone()), newPhone(t), loopback(t)
		p.offer(term, nil)
		for i := range 50 {
			p.from(nat, uint32(i/2%2), "hello")
		}
		strays(t, e, 50)
		unheard(t, term, p)
	})
	t.Run("no RTP", func(t *testing.T) {
		e := listen(t)
		term, p, nat := open(t, e, media.Phone()), newPhone(t), loopback(t)
		p.offer(term, nil)
		for _, b := range []string{"\x80\x00\x00", "\x80\xc8\x00\x01\x00\x00\x00\x07\x00\x00\x00\x07"} {
			for range 5 {
				if _, err := nat.WriteToUDPAddrPort([]byte(b), p.to); err != nil {
					t.Fatal(err)
				}
			}
		}
		strays(t, e, 10)
		unheard(t, term, p)
	})
	t.Run("the described address has spoken", func(t *testing.T) {
		e := listen(t)
		term, p, nat := open(t, e, media.Phone()), newPhone(t), loopback(t)
		p.offer(term, nil)
		p.send([]byte("hello"))
		eventually(t, "it is heard", func() bool { return incoming(term).Packets == 1 })
		for range 50 {
			p.from(nat, 7, "hello")
		}
		strays(t, e, 50)
		goesTo(t, term, p.conn)
	})
	t.Run("without a call", func(t *testing.T) {
		e := listen(t)
		term, p, nat := open(t, e, media.Phone()), newPhone(t), loopback(t)
		p.offer(term, nil)
		if err := term.Close(); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			p.from(nat, 7, "hello")
		}
		strays(t, e, 10)
	})
}

// While two calls from one address wait for their media, nobody can tell whose a third port is.
func TestLatchTwoCalls(t *testing.T) {
	e := listen(t)
	t1, t2 := open(t, e, media.Phone()), open(t, e, media.Phone())
	p1, p2, nat := newPhone(t), newPhone(t), loopback(t)
	p1.offer(t1, nil)
	p2.offer(t2, nil)
	for range 20 {
		p1.from(nat, 8, "hello")
	}
	strays(t, e, 20)
	unheard(t, t1, p1)
	unheard(t, t2, p2)

	p2.send([]byte("this is where I said"))
	eventually(t, "the second call is heard", func() bool { return incoming(t2).Packets == 1 })
	for range 3 {
		p1.from(nat, 8, "hello")
	}
	eventually(t, "the first call is found", func() bool { return engine.RemoteOf(t1) == portOf(nat).String() })
	goesTo(t, t1, nat)
	goesTo(t, t2, p2.conn)
}

// Of two ports that prove themselves at one moment, one is believed.
func TestLatchRace(t *testing.T) {
	for range 20 {
		e := listen(t)
		term, p := open(t, e, media.Phone()), newPhone(t)
		p.offer(term, nil)
		a, b := loopback(t), loopback(t)
		for range 3 {
			p.from(a, 7, "hello")
			p.from(b, 8, "hello")
		}
		eventually(t, "one of them is found", func() bool {
			return engine.RemoteOf(term) == portOf(a).String() || engine.RemoteOf(term) == portOf(b).String()
		})
		winner, loser := a, b
		if engine.RemoteOf(term) == portOf(b).String() {
			winner, loser = b, a
		}
		before := e.Stats().Strays
		for range 5 {
			p.from(loser, 9, "hello")
		}
		strays(t, e, max(before, 6)+5)
		if n := incoming(term).Packets; n != 0 {
			t.Fatalf("%d packets of the other one were believed", n)
		}
		goesTo(t, term, winner)
	}
}

// What comes from where the description said holds, even if something else has been found before.
func TestLatchComesHome(t *testing.T) {
	e := listen(t)
	term := open(t, e, media.Phone())
	p, other := newReporter(t, term, true), loopback(t)
	for range 3 {
		p.from(other, 9, "somebody else of that address")
	}
	eventually(t, "it is found", func() bool { return engine.RemoteOf(term) == portOf(other).String() })
	p.send([]byte("hello"))
	eventually(t, "the described port is believed", func() bool { return engine.RemoteOf(term) == portOf(p.conn).String() })
	if n := incoming(term).Packets; n != 1 {
		t.Errorf("%d packets were heard, want 1", n)
	}
	engine.Report(term)
	if p.reported() == nil {
		t.Error("RTCP does not come back")
	}
	for range 10 {
		p.from(other, 9, "me again")
	}
	strays(t, e, 13)
	goesTo(t, term, p.conn)
}

// A gateway sends a little longer than its call lasts. Its next call does not hear that.
func TestLatchAfterEnd(t *testing.T) {
	e := listen(t)
	p := newPhone(t)
	ended := open(t, e, media.Phone())
	p.offer(ended, nil)
	p.send([]byte("hello"))
	eventually(t, "it is heard", func() bool { return incoming(ended).Packets == 1 })
	next, q := open(t, e, media.Phone()), newPhone(t)
	_ = ended.Close()
	q.offer(next, nil)
	for range 50 {
		p.send([]byte("of the call before"))
	}
	strays(t, e, 50)
	unheard(t, next, q)
	for range 3 {
		q.from(p.conn, 99, "of this call")
	}
	eventually(t, "another source of the same port is found", func() bool { return engine.RemoteOf(next) == portOf(p.conn).String() })
}

// A description that names another port begins anew: what was learnt of the one before does not hold for it.
func TestLatchAfterMove(t *testing.T) {
	e := listen(t)
	term := open(t, e, media.Phone())
	p := newPhone(t)
	p.offer(term, nil)
	p.send([]byte("hello"))
	eventually(t, "it is heard", func() bool { return incoming(term).Packets == 1 })

	moved := &phone{t: t, conn: loopback(t), seq: 5000, ssrc: 8}
	reoffer(t, term, moved, "")
	nat := loopback(t)
	for range 4 {
		p.send([]byte("the last of the old")) // is still heard
		moved.from(nat, 8, "hello")
	}
	eventually(t, "the new one is found", func() bool { return engine.RemoteOf(term) == portOf(nat).String() })
	goesTo(t, term, nat)
	eventually(t, "what still comes from the old address is heard", func() bool { return incoming(term).Packets >= 5 })

	again := &phone{t: t, conn: loopback(t)}
	reoffer(t, term, again, "") // twice, with no media between: it is still one call
	again = &phone{t: t, conn: loopback(t), seq: 9000}
	reoffer(t, term, again, "")
	for range 3 {
		again.from(nat, 9, "hello")
	}
	goesTo(t, term, again.conn)
	fresh := loopback(t)
	for range 3 {
		again.from(fresh, 9, "hello")
	}
	eventually(t, "the third one is found", func() bool { return engine.RemoteOf(term) == portOf(fresh).String() })
}
