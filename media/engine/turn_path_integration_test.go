package engine_test

import (
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// A far side that moves is followed over the relay as over the shared port.
func TestTURNFollows(t *testing.T) {
	t.Parallel()
	often := func(s *webrtc.SettingEngine) {
		impatient(s)
		s.SetICETimeouts(5*time.Second, 25*time.Second, 200*time.Millisecond)
	}
	everyRole(t, func(t *testing.T, offers bool) {
		s := newTURNServer(t, nil, netip.AddrPort{})
		e, _ := relayedTo(t, engine.Options{TURN: []engine.TURNServer{turnAt(s.udp)}})
		engine.SetMoved(e, 500*time.Millisecond)
		term, b := open(t, e, relayOnly()), newBrowser(t, often)
		f := newForwarder(t, netip.MustParseAddrPort(engine.RelaysOf(e)[0]))
		ours := func(d media.Description) media.Description {
			return edit(t, d, " "+portText(f.engine)+" typ relay", " "+portText(portOf(f.toPeer))+" typ relay")
		}
		if offers {
			answer, err := term.Answer(f.offered(b.offer()), g711())
			if err != nil {
				t.Fatal(err)
			}
			b.remote(webrtc.SDPTypeAnswer, ours(answer))
		} else {
			offer, err := term.Offer(g711())
			if err != nil {
				t.Fatal(err)
			}
			if err := term.Accept(f.offered(b.answer(ours(offer)))); err != nil {
				t.Fatal(err)
			}
		}
		bothHear(t, term, b)
		f.move()
		eventually(t, "the terminal sends to the new port", func() bool { return engine.RemoteOf(term) == portOf(f.near()).String() })
		b.drain()
		bothHear(t, term, b)
	})
}

// A path that the direct way does not allow goes by the relay, and goes over to the direct way with a restart once there is one, and
// back.
func TestTURNFallsBack(t *testing.T) {
	t.Parallel()
	everyRole(t, func(t *testing.T, offers bool) {
		s := newTURNServer(t, nil, netip.AddrPort{})
		e, _ := relayedTo(t, engine.Options{TURN: []engine.TURNServer{turnAt(s.udp)}})
		direct, byRelay := e.Addr().String(), engine.RelaysOf(e)[0]
		wall := &wall{UDPConn: loopback(t)}
		wall.from.Store(&direct)
		mux := webrtc.NewICEUDPMux(nil, wall)
		defer mux.Close()
		term, b := open(t, e, media.AlexaCalling()), newBrowser(t, impatient, func(s *webrtc.SettingEngine) { s.SetICEUDPMux(mux) })
		call(t, term, b, offers)
		if by := engine.RelayOf(term); by != byRelay {
			t.Errorf("sound goes by %q", by)
		}
		for _, from := range []*string{&byRelay, &direct, &byRelay} {
			wall.from.Store(from)
			restart(t, term, b)
			eventually(t, "sound goes the other way", func() bool { return (engine.RelayOf(term) == "") == (from == &byRelay) })
			b.drain()
			bothHear(t, term, b)
		}
	})
}

// wall keeps a socket and an address apart.
type wall struct {
	*net.UDPConn
	from atomic.Pointer[string]
}

func (w *wall) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := w.UDPConn.ReadFrom(b)
		if err != nil || from.String() != *w.from.Load() {
			return n, from, err
		}
	}
}

func (w *wall) WriteTo(b []byte, to net.Addr) (int, error) {
	if to.String() == *w.from.Load() {
		return len(b), nil
	}
	return w.UDPConn.WriteTo(b, to)
}

// Two legs on one relay hear each other through a link, and a phone on the shared port hears one of them.
func TestTURNLinked(t *testing.T) {
	t.Parallel()
	s := newTURNServer(t, nil, netip.AddrPort{})
	e, _ := relayedTo(t, engine.Options{TURN: []engine.TURNServer{turnAt(s.udp)}})
	one, other, phone := open(t, e, relayOnly()), open(t, e, relayOnly()), open(t, e, media.Phone())
	a, b, p := newBrowser(t, impatient), newBrowser(t, impatient), newPhone(t)
	call(t, one, a, true)
	call(t, other, b, false)
	p.offer(phone, nil)
	relay, err := media.NewRelay(one, other, nil)
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[*browser]*browser{a: b, b: a} {
		stop := from.talk("across")
		to.hearsAtLast("across")
		stop()
	}
	_ = relay.Close()
	relayed(t, one, phone)
	stop := a.talk("to the phone")
	defer stop()
	_ = p.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	for heard := make([]byte, 2048); ; {
		n, _, err := p.conn.ReadFromUDPAddrPort(heard)
		if err != nil {
			t.Fatalf("the phone does not hear it: %v", err)
		}
		if strings.Contains(string(heard[:n]), "to the phone") {
			return
		}
	}
}

// hearsAtLast passes over what was on its way before.
func (b *browser) hearsAtLast(want string) {
	b.t.Helper()
	for limit := time.After(30 * time.Second); ; {
		select {
		case p := <-b.heard:
			if string(p.Payload) == want {
				return
			}
		case <-limit:
			b.t.Fatalf("browser did not hear %q in 30 s", want)
		}
	}
}

func TestTURNWriteDoesNotAllocate(t *testing.T) {
	if raced {
		t.Skip("a pool gives up what it holds under the race detector")
	}
	write := engine.RelayWrite(listen(t), make([]byte, 172))
	if n := testing.AllocsPerRun(1000, func() {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a packet", n)
	}
}
