package engine_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// behindNAT lets a leg answer an offer that names an address which means nothing here, of a phone whose signalling comes from another.
func behindNAT(t *testing.T, e *engine.Engine, signals string, port uint16) (media.Terminal, *phone) {
	t.Helper()
	term, p := open(t, e, media.Phone()), newPhone(t)
	if signals != "" {
		term.Signals(netip.MustParseAddr(signals))
	}
	_, offer, err := media.Negotiation{}.Offer(pcmu(), media.Local{ID: 1, Addr: "127.0.0.9", Port: port, RTCPPort: port + 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := term.Answer(offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.to = addrOf(t, answer)
	return term, p
}

// TestLatchSignals finds a phone at the address that its signalling comes from, and at no other.
func TestLatchSignals(t *testing.T) {
	t.Run("found", func(t *testing.T) {
		e := listen(t)
		term, p := behindNAT(t, e, "127.0.0.1", 9000)
		for range 3 {
			p.send([]byte("hello"))
		}
		eventually(t, "it is found", func() bool { return engine.RemoteOf(term) == portOf(p.conn).String() })
		p.send([]byte("heard"))
		counts(t, term, "packets", taken, 1)
		goesTo(t, term, p.conn)
	})
	t.Run("found again", func(t *testing.T) {
		e := listen(t)
		engine.SetHeal(e, 1)
		term, p := behindNAT(t, e, "::ffff:127.0.0.1", 9000)
		bind(t, e, term, p, p.conn, 7)
		n := incoming(term).Packets
		p.send([]byte("heard"))
		counts(t, term, "packets", taken, n+1)
		nat := loopback(t)
		bind(t, e, term, p, nat, 7)
		goesTo(t, term, nat)
	})
	t.Run("nothing is known of its signalling", func(t *testing.T) {
		e := listen(t)
		term, p := behindNAT(t, e, "", 9000)
		for range 10 {
			p.send([]byte("hello"))
		}
		strays(t, e, 10)
		if n := incoming(term).Packets; n != 0 {
			t.Errorf("%d packets were believed", n)
		}
	})
	t.Run("somebody elsewhere", func(t *testing.T) {
		evil, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
		if err != nil {
			t.Skipf("no second loopback address: %v", err)
		}
		defer evil.Close()
		e := listen(t)
		term, p := behindNAT(t, e, "127.0.0.1", 9000)
		for range 10 {
			p.from(evil, 7, "me")
		}
		strays(t, e, 10)
		if n := incoming(term).Packets; n != 0 {
			t.Errorf("%d packets were believed", n)
		}
	})
	t.Run("two behind one NAT", func(t *testing.T) { // which keeps the port of the one
		e := listen(t)
		nat := newPhone(t)
		kept, _ := behindNAT(t, e, "127.0.0.1", nat.port())
		other, p := behindNAT(t, e, "127.0.0.1", 9000)
		nat.to = p.to
		for range 10 {
			p.send([]byte("whose am I?"))
		}
		strays(t, e, 10)
		rather(t, other, soon, media.SilentElsewhere, media.SilentNothing)
		for range 3 {
			nat.send([]byte("hello"))
		}
		eventually(t, "the one is found", func() bool { return engine.RemoteOf(kept) == portOf(nat.conn).String() })
		for range 3 {
			p.send([]byte("hello"))
		}
		eventually(t, "then the other can be no other", func() bool { return engine.RemoteOf(other) == portOf(p.conn).String() })
	})
}
