package engine_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

func listen(t testing.TB) *engine.Engine {
	t.Helper()
	e, err := engine.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func open(t testing.TB, e *engine.Engine, p *media.Policy) media.Terminal {
	t.Helper()
	term, err := e.Open(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	return term
}

// phone is a far side that speaks plain RTP from a socket of its own.
type phone struct {
	t    testing.TB
	conn *net.UDPConn
	to   netip.AddrPort
	seq  uint16
	time uint32
	ssrc uint32
}

func newPhone(t testing.TB) *phone {
	t.Helper()
	for {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		p := &phone{t: t, conn: conn, seq: 100, time: 1000, ssrc: 7}
		next, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(p.port()) + 1})
		if err != nil {
			continue // the port that it names for RTCP is somebody else's, perhaps the engine's
		}
		_ = next.Close()
		return p
	}
}

func (p *phone) port() uint16 { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

// offer lets term answer an offer of PCMU from the phone.
func (p *phone) offer(term media.Terminal, want media.Plan) {
	p.t.Helper()
	p.offerAs(pcmu(), term, want)
}

// offerAs is offer of a phone with a policy of its own.
func (p *phone) offerAs(policy *media.Policy, term media.Terminal, want media.Plan) {
	p.t.Helper()
	n := media.Negotiation{}
	local := media.Local{ID: 1, Addr: "127.0.0.1", Port: p.port(), RTCPPort: p.port() + 1}
	_, d, err := n.Offer(policy, local, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := term.Answer(d, want)
	if err != nil {
		p.t.Fatal(err)
	}
	p.to = addrOf(p.t, answer)
}

func pcmu() *media.Policy {
	p := media.Phone()
	p.Audio = []media.Codec{media.PCMU(), media.TelephoneEvent(8000)}
	return p
}

// addrOf finds where a plain description wants RTP.
func addrOf(t testing.TB, d media.Description) netip.AddrPort {
	t.Helper()
	n := media.Negotiation{}
	n, _, err := n.Answer(media.Phone(), media.Local{ID: 2, Addr: "127.0.0.1", Port: 9}, nil, d)
	if err != nil {
		t.Fatal(err)
	}
	return n.Sections()[0].Transport.Addr
}

// send sends one packet of 20 ms.
func (p *phone) send(payload []byte) {
	b := make([]byte, 12, 12+len(payload))
	b[0] = 0x80
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], p.time)
	binary.BigEndian.PutUint32(b[8:], p.ssrc)
	p.seq++
	p.time += 160
	if _, err := p.conn.WriteToUDPAddrPort(append(b, payload...), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// receive waits for the next RTP packet.
func (p *phone) receive() (seq uint16, ts uint32, payload []byte) {
	p.t.Helper()
	b := make([]byte, 2048)
	_ = p.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, _, err := p.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		p.t.Fatal(err)
	}
	return binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), b[12:n]
}

// next waits for the payload of the next RTP packet. It may be called by any goroutine.
func (p *phone) next() (string, error) {
	b := make([]byte, 2048)
	_ = p.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	for {
		n, _, err := p.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return "", err
		}
		if n >= 12 && b[1]&0x7f < 72 {
			return string(b[12:n]), nil
		}
	}
}

func TestPlainRelay(t *testing.T) {
	e := listen(t)
	a, b := newPhone(t), newPhone(t)
	ta, tb := open(t, e, media.Phone()), open(t, e, media.Phone())
	a.offer(ta, nil)
	b.offer(tb, nil)
	r, err := media.NewRelay(ta, tb, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var lastSeq uint16
	var lastTime uint32
	for i := range 10 {
		a.send([]byte{byte(i), 1, 2, 3})
		seq, ts, payload := b.receive()
		if string(payload) != string([]byte{byte(i), 1, 2, 3}) {
			t.Fatalf("payload %d: got %v", i, payload)
		}
		if i > 0 && (seq != lastSeq+1 || ts != lastTime+160) {
			t.Errorf("packet %d: seq %d after %d, time %d after %d", i, seq, lastSeq, ts, lastTime)
		}
		lastSeq, lastTime = seq, ts
	}
	b.send([]byte("back"))
	if _, _, payload := a.receive(); string(payload) != "back" {
		t.Errorf("backwards: got %q", payload)
	}
	if s := tb.Stream(media.Audio).Stats(); s.Out.Packets != 10 || s.In.Packets != 1 {
		t.Errorf("stats: got %+v", s)
	}
}
