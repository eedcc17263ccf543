package sip_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// agentAddr and peerAddr are where the two sides of a test under fake time are.
const (
	agentAddr = "192.0.2.1:5060"
	peerAddr  = "192.0.2.2:5070"
)

// world is an agent in a network in memory with one scripted peer.
type world struct {
	t      testing.TB
	net    *testutil.PacketNet
	engine *calltest.Engine
	agent  *sip.Agent
	peer   *peer
	tap    *tap
	in     *incoming // nil unless calls that come in wait to be taken
}

// newWorld returns a world. The options' Bridge, if it is nil, hands calls that come in to the test: see world.leg.
func newWorld(t testing.TB, o *sip.Options) *world {
	t.Helper()
	w := &world{t: t, net: testutil.NewPacketNet(), engine: &calltest.Engine{}}
	if o == nil {
		o = &sip.Options{}
	}
	if o.Bridge == nil {
		w.in = newIncoming()
		o.Bridge = w.in
	}
	o.ListenPacket = func(network, addr string) (net.PacketConn, error) {
		c, err := w.net.ListenPacket(network, addr)
		w.tap = &tap{PacketConn: c, sent: map[netip.Addr]string{}}
		return w.tap, err
	}
	o.Network = "udp"
	a, err := sip.Listen(agentAddr, w.engine, o)
	if err != nil {
		t.Fatal(err)
	}
	w.agent = a
	t.Cleanup(func() { _ = a.Close() })
	w.peer = w.newPeer(peerAddr)
	return w
}

// newPeer returns a further scripted peer.
func (w *world) newPeer(addr string) *peer {
	return &peer{t: w.t, addr: addr, conn: w.net.Listen(w.t, addr), to: net.UDPAddrFromAddrPort(w.agent.Addr())}
}

// leg returns the next call that came in, and lets the test own it until it is over.
func (w *world) leg() *sip.Leg {
	w.t.Helper()
	select {
	case l := <-w.in.legs:
		return l
	case <-time.After(time.Minute):
		w.t.Fatal("no call came in")
		return nil
	}
}

// incoming is a bridge that hands over every leg and keeps it until it is over.
type incoming struct{ legs chan *sip.Leg }

func newIncoming() *incoming { return &incoming{legs: make(chan *sip.Leg, 100)} }

func (b *incoming) Handle(ctx contextT, in bridge.Leg) error {
	l, _ := in.(*sip.Leg)
	b.legs <- l
	select {
	case <-l.Context().Done():
	case <-ctx.Done():
	}
	return nil
}

// peer is a far side that a test scripts message by message.
type peer struct {
	t    testing.TB
	addr string
	conn net.PacketConn
	to   net.Addr
	raw  []byte // the last message received
}

// send sends a text whose lines end as those of the source do.
func (p *peer) send(text string) {
	p.t.Helper()
	if _, err := p.conn.WriteTo([]byte(text), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// receive returns the next message, or nil if none comes in time.
func (p *peer) receive(within time.Duration) sipmsg.Message {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(within))
	buf := make([]byte, 64<<10)
	n, _, err := p.conn.ReadFrom(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.raw = append([]byte(nil), buf[:n]...)
	msg, err := sipmsg.ParseMessage(p.raw)
	if err != nil {
		p.t.Fatalf("not SIP: %v\n%s", err, p.raw)
	}
	return msg
}

// patience is how long a script waits for a message that must come.
const patience = 40 * time.Second

// request returns the next message, which must be this request.
func (p *peer) request(method string) *sipmsg.Request {
	p.t.Helper()
	msg := p.receive(patience)
	req, ok := msg.(*sipmsg.Request)
	if !ok || string(req.Method) != method {
		p.t.Fatalf("got %s, want %s", head(msg), method)
	}
	return req
}

// response returns the next message, which must be this response; 100 is passed over unless wanted.
func (p *peer) response(status int, method string) *sipmsg.Response {
	p.t.Helper()
	for {
		msg := p.receive(patience)
		res, ok := msg.(*sipmsg.Response)
		if ok && res.StatusCode == 100 && status != 100 {
			continue
		}
		if !ok || res.StatusCode != status || string(res.CSeq().MethodName) != method {
			p.t.Fatalf("got %s, want %d to %s\n%s", head(msg), status, method, p.raw)
		}
		return res
	}
}

// silence fails the test if anything comes within d.
func (p *peer) silence(d time.Duration) {
	p.t.Helper()
	if msg := p.receive(d); msg != nil {
		p.t.Fatalf("got %s, want nothing", head(msg))
	}
}

func head(msg sipmsg.Message) string {
	switch m := msg.(type) {
	case *sipmsg.Request:
		return m.StartLine()
	case *sipmsg.Response:
		return m.StartLine() + " to " + string(m.CSeq().MethodName)
	}
	return "nothing"
}

// reply answers a request of the agent's.
func (p *peer) reply(req *sipmsg.Request, status int, tag, body string, extra ...string) {
	p.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", status, "Because")
	for _, name := range [...]string{"Via", "Record-Route", "From", "To", "Call-ID", "CSeq"} {
		for _, h := range req.GetHeaders(name) {
			if name == "Record-Route" && status == 100 {
				continue
			}
			value := h.Value()
			if to, ok := h.(*sipmsg.ToHeader); ok && tag != "" && !to.Params.Has("tag") {
				value += ";tag=" + tag
			}
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	if status > 100 && status < 300 && !strings.Contains(strings.Join(extra, "\n"), "Contact:") {
		fmt.Fprintf(&b, "Contact: <sip:bob@%s>\r\n", p.addr)
	}
	for _, h := range extra {
		b.WriteString(h + "\r\n")
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	p.send(b.String())
}

// offer returns a description of the peer's with PCMU and PCMA. version makes it a new one.
func offer(version int) string { return describe(version, "sendrecv", 30000, "0 8 101") }

func describe(version int, direction string, port int, formats string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=peer 1 %d IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n", version, port, formats)
	for f := range strings.FieldsSeq(formats) {
		if name := map[string]string{"0": "PCMU/8000", "8": "PCMA/8000", "101": "telephone-event/8000", "18": "G729/8000"}[f]; name != "" {
			b.WriteString("a=rtpmap:" + f + " " + name + "\r\n")
		}
	}
	b.WriteString("a=" + direction + "\r\n")
	return b.String()
}

// pcmu is a wish for PCMU alone.
func pcmu(dir media.Direction) media.Plan {
	return media.Plan{{Kind: media.Audio, Dir: dir, Codecs: []media.Codec{media.PCMU()}}}
}

func statusText(n int) string { return strconv.Itoa(n) }
