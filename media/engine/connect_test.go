package engine

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"

	"github.com/alexacall/alexacall/media"
)

func opened(t *testing.T, addr string, o *Options) *terminal {
	t.Helper()
	e, err := Listen(addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	term, err := e.Open(media.Phone(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return term.(*terminal)
}

func offerFrom(t *testing.T, addr string, port uint16, mux bool) media.Description {
	t.Helper()
	p := media.Phone()
	p.Mux = mux
	_, d, err := media.Negotiation{}.Offer(p, media.Local{ID: 1, Addr: addr, Port: port, RTCPPort: port + 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A description that names the engine itself would have packets circle between two legs for ever.
func TestAddressOfOurs(t *testing.T) {
	for _, c := range []struct {
		listen, public string
		named          string
	}{
		{"127.0.0.1:0", "", "127.0.0.1"},
		{"0.0.0.0:0", "192.0.2.2", "192.0.2.2"},
		{"0.0.0.0:0", "192.0.2.2", "127.0.0.1"},
		{"0.0.0.0:0", "192.0.2.2", "127.0.0.9"},
	} {
		public, _ := netip.ParseAddr(c.public)
		term := opened(t, c.listen, &Options{PublicIP: public})
		for _, port := range []uint16{term.engine.Addr().Port(), term.engine.Addr().Port() + 1} {
			if _, err := term.Answer(offerFrom(t, c.named, port, false), nil); !errors.Is(err, media.ErrRefused) {
				t.Errorf("on %s, %s:%d is answered with %v, want a refusal", c.listen, c.named, port, err)
			}
		}
		if _, err := term.Answer(offerFrom(t, "127.0.0.1", 9, false), nil); err != nil {
			t.Errorf("after that another address is refused: %v", err)
		}
	}
}

func TestAddressOfAnotherFamily(t *testing.T) {
	term := opened(t, "127.0.0.1:0", nil)
	if _, err := term.Answer(offerFrom(t, "2001:db8::1", 5000, false), nil); !errors.Is(err, media.ErrRefused) {
		t.Errorf("an address that the socket cannot reach is answered with %v, want a refusal", err)
	}
}

// Whether RTCP shares the port of RTP may change while the address stays.
func TestReofferChangesMux(t *testing.T) {
	term := opened(t, "127.0.0.1:0", nil)
	for _, mux := range []bool{true, false, true} {
		answer, err := term.Answer(offerFrom(t, "127.0.0.1", 5000, mux), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := answer.AppendText(nil)
		port := uint16(5001)
		if mux {
			port = 5000
		}
		if said := strings.Contains(string(text), "rtcp-mux"); said != mux || term.transport.mux.Load() != mux {
			t.Errorf("offered mux %v: the answer says %v, the transport does %v", mux, said, term.transport.mux.Load())
		}
		if to := term.transport.farRTCP.Load().Port(); to != port {
			t.Errorf("with mux %v reports go to port %d, want %d", mux, to, port)
		}
	}
}

// Sound that arrives between the two steps of an injection does not use up the mark of a new source.
func TestInjectBesideSound(t *testing.T) {
	a := opened(t, "127.0.0.1:0", nil)
	other, err := a.engine.Open(media.Phone(), nil)
	if err != nil {
		t.Fatal(err)
	}
	b := other.(*terminal)
	from, to := socketOf(t), socketOf(t)
	for term, conn := range map[*terminal]*net.UDPConn{a: from, b: to} {
		if _, err := term.Answer(offerFrom(t, "127.0.0.1", conn.LocalAddr().(*net.UDPAddr).AddrPort().Port(), false), nil); err != nil {
			t.Fatal(err)
		}
	}
	relay, err := media.NewRelay(a, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	out := make([]byte, 1500)
	next := uint16(40000)
	sound := func() {
		t.Helper()
		pkt := make([]byte, 172)
		pkt[0] = 2 << 6
		binary.BigEndian.PutUint16(pkt[2:], next)
		binary.BigEndian.PutUint32(pkt[4:], uint32(next)*160)
		binary.BigEndian.PutUint32(pkt[8:], 7)
		next++
		if _, err := from.WriteToUDPAddrPort(pkt, a.engine.Addr()); err != nil {
			t.Fatal(err)
		}
		_ = to.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, _, err := to.ReadFromUDPAddrPort(out); err != nil {
			t.Fatalf("packet %d is not passed on: %v", next-1, err)
		}
	}
	sound()
	event := media.TelephoneEvent(8000)
	digit := media.Packet{What: media.Digit, Codec: &event, Seq: 3, Marker: true, Start: true, Payload: []byte{1, 10, 0, 160}}
	a.sound.in.rejoin() // as Inject begins
	sound()
	a.sound.link.Load().forward(nil, &digit, nil) // and goes on
	if _, _, err := to.ReadFromUDPAddrPort(out); err != nil {
		t.Fatalf("the digit is not passed on: %v", err)
	}
	for range 5 {
		sound()
	}
}

// Who knows the password may forge the source of a request. What is there is not sent media for that (RFC 8445 section 7.3.1.5).
func TestICENominationNeedsAnAnswer(t *testing.T) {
	c := newChecked(t)
	silent := socketOf(t)
	for range 2 { // requests are taken one after the other: behind the second response the first nomination has been dealt with
		m, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername(c.term.secret.Ufrag+":"+theirUfrag), ice.AttrControlling(7),
			ice.PriorityAttr(1), ice.UseCandidate(), stun.NewShortTermIntegrity(c.term.secret.Pwd), stun.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		c.send(silent, m.Raw)
		_ = silent.SetReadDeadline(time.Now().Add(5 * time.Second))
		for b := make([]byte, 1500); ; {
			if _, _, err := silent.ReadFromUDPAddrPort(b); err != nil {
				t.Fatalf("the request has no response: %v", err)
			}
			if binary.BigEndian.Uint16(b) == 0x0101 {
				break
			}
		}
	}
	if to := c.term.transport.remote(); to.IsValid() {
		t.Error("media goes to an address that has answered no check")
	}
}

// TestDTLSReportsNeedMux sends RTCP under the keys of DTLS where it shares the port of RTP, and nowhere else: another port would want keys of
// its own (RFC 5764 section 4.1).
func TestDTLSReportsNeedMux(t *testing.T) {
	e := opened(t, "127.0.0.1:0", nil).engine
	for _, mux := range []bool{false, true} {
		policy := media.Phone()
		policy.Security, policy.Mux = media.DTLS, mux
		opened, err := e.Open(policy, nil)
		if err != nil {
			t.Fatal(err)
		}
		term, conn := opened.(*terminal), socketOf(t)
		port := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		local := media.Local{ID: 1, Addr: "127.0.0.1", Port: port, RTCPPort: port + 1, Fingerprint: term.engine.cert.fingerprint}
		_, offer, err := media.Negotiation{}.Offer(policy, local, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := term.Answer(offer, nil); err != nil {
			t.Fatal(err)
		}
		if to := term.transport.farRTCP.Load(); to.IsValid() != mux || mux && to.Port() != port {
			t.Errorf("with mux %v reports go to %v, sound to port %d", mux, to, port)
		}
	}
}
