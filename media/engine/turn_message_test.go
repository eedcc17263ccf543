package engine

import (
	"bufio"
	"bytes"
	"io"
	"net/netip"
	"testing"

	"github.com/pion/stun/v4"
)

// notedConn is a connection to a TURN server that notes what is sent, if it is to.
type notedConn struct{ sent [][]byte }

func (c *notedConn) send(b []byte) error {
	if c.sent != nil {
		c.sent = append(c.sent, bytes.Clone(b))
	}
	return nil
}

func (c *notedConn) read() ([]byte, error) { return nil, io.EOF }
func (c *notedConn) close()                {}

// relayTo returns a relay that stands, with a permission and a channel for a far side.
func relayTo(e *Engine, to netip.AddrPort) *relay {
	r := newRelay(e, &TURNServer{}, new(notedConn))
	ch := &turnChannel{peer: to, permit: &turnPermit{addr: to.Addr()}, number: channelFirst, ready: true}
	r.client.phase, r.client.permits[to.Addr()], r.client.channels[to], r.client.numbers[ch.number] = turnUp, ch.permit, ch, ch
	return r
}

func TestTURNMessages(t *testing.T) {
	for _, to := range []string{"192.0.2.1:1", "[2001:db8::5]:65535"} {
		for size := range 9 {
			peer, data := netip.MustParseAddrPort(to), bytes.Repeat([]byte{0xaa}, size)
			b := appendSend([]byte("before"), peer, data)[len("before"):]
			m := &stun.Message{Raw: bytes.Clone(b)}
			if err := m.Decode(); err != nil || m.Type != stun.NewType(stun.MethodSend, stun.ClassIndication) {
				t.Fatalf("% x: %v, %v", b, m.Type, err)
			}
			var a stun.XORMappedAddress
			err := a.GetFromAs(m, stun.AttrXORPeerAddress)
			if got, err2 := m.Get(stun.AttrData); err != nil || err2 != nil || a.String() != to || !bytes.Equal(got, data) {
				t.Errorf("another parser reads %v and % x, %v, %v", a, got, err, err2)
			}

			m.SetType(stun.NewType(stun.MethodData, stun.ClassIndication))
			if from, got, ok := dataIndication(m.Raw); !ok || from != peer || !bytes.Equal(got, data) {
				t.Errorf("%v, % x, %v come back from %v, % x", from, got, ok, peer, data)
			}
			for _, stream := range []bool{false, true} {
				b := appendChannelData(nil, 0x4abc, data, stream)
				if number, got, ok := channelData(b); !ok || number != 0x4abc || !bytes.Equal(got, data) || stream && len(b)%4 != 0 {
					t.Errorf("%#x, % x, %v come back from % x", number, got, ok, data)
				}
			}
		}
	}
}

// FuzzTURNMessage takes what a server may send.
func FuzzTURNMessage(f *testing.F) {
	g := newTarget(f)
	r := relayTo(g.s.engine, g.from[1])
	r.remotes[g.from[1]] = g.secure.transport
	conn := &stunConn{tr: g.secure.transport, at: r, ufrag: "ours", queue: newQueue()}
	r.join(conn)
	check := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:theirs"), stun.Fingerprint).Raw
	f.Add(appendChannelData(nil, channelFirst, check, false))
	f.Add(appendChannelData(nil, channelFirst, []byte{0x80, 0, 0, 1}, true))
	f.Add(appendChannelData(nil, channelLast, nil, false))
	for _, data := range [][]byte{check, {22}, nil} {
		m := appendSend(nil, g.from[1], data)
		m[1] = turnData
		f.Add(m)
	}
	f.Add(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodRefresh, stun.ClassErrorResponse), stun.CodeAllocMismatch).Raw)
	addCorpora(f, "pion-stun", "pjsip/fuzz-stun")
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 || len(b) > turnBuffer-turnRoom {
			return // what reads them lets none through
		}
		conn.queue.items = nil
		before := g.s.strays.Load()
		room := append(bytes.Clone(b), make([]byte, turnRoom)...)
		r.message(g.w, room[:len(b)])
		g.w.flush()
		if r.client.phase != turnUp || len(r.client.pending) != 0 {
			t.Errorf("phase %d, %d pending, though nothing was asked", r.client.phase, len(r.client.pending))
		}
		if n := len(conn.queue.items) + int(g.s.strays.Load()-before); n > 1 {
			t.Errorf("routed %d times", n)
		}
		m := &stun.Message{Raw: bytes.Clone(b)}
		if from, data, ok := dataIndication(b); ok && m.Decode() == nil {
			var a stun.XORMappedAddress
			value, _ := m.Get(stun.AttrXORPeerAddress)
			if n := len(value); n > 0 && value[0] == 0 && (n == 8 || n == 20) { // the other parser is stricter
				ip := from.Addr().AsSlice()
				if err := a.GetFromAs(m, stun.AttrXORPeerAddress); err != nil || a.Port != int(from.Port()) || !a.IP.Equal(ip) {
					t.Errorf("from %v, another parser says %v, %v", from, a, err)
				}
			}
			if other, err := m.Get(stun.AttrData); err != nil || !bytes.Equal(data, other) {
				t.Errorf("data % x, another parser says % x, %v", data, other, err)
			}
		}
		g.check(t)
	})
}

// FuzzTURNStream cuts a server's stream into messages.
func FuzzTURNStream(f *testing.F) {
	indication := appendSend(nil, testPeer, []byte("sound"))
	f.Add(append(appendChannelData(nil, channelFirst, []byte("sound"), true), indication...))
	f.Add(append(bytes.Clone(indication), 0x40, 0, 0xff, 0xff))
	f.Add([]byte("HTTP/1.1 400 Bad Request"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &turnStream{in: bufio.NewReader(bytes.NewReader(b)), buf: make([]byte, turnBuffer)}
		total := 0
		for {
			m, err := c.read()
			if err != nil {
				break
			}
			total += len(m)
			if len(m) < channelHeaderSize || len(m) > turnBuffer-turnRoom || len(m)%4 != 0 || total > len(b) {
				t.Fatalf("a message of %d bytes, %d in all of %d", len(m), total, len(b))
			}
			if !bytes.Contains(b, m) {
				t.Fatalf("% x does not stand in % x", m, b)
			}
		}
	})
}
