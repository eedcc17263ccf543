package sip_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
)

// BenchmarkCall carries a call through the bridge, from INVITE to BYE on both sides (13 messages), over a network in memory, with media that
// are negotiated and unused. What it allocates is the agent's and the engine's, but for some sixty blocks of the network and the far sides.
func BenchmarkCall(b *testing.B) {
	world := testutil.NewPacketNet()
	e, err := engine.Listen("127.0.0.1:0", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	agent, err := sip.Listen(agentAddr, e, &sip.Options{
		Network: "udp", ListenPacket: world.ListenPacket,
		Bridge: bridge.Func(func(ctx contextT, in bridge.Leg) error {
			l, _ := in.(*sip.Leg)
			return bridge.To(l.Agent(), bob, nil).Handle(ctx, in)
		}),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = agent.Close() }()
	callee := newTexter(world.Listen(b, peerAddr), nil, 20000)
	answered := make(chan error, 1)
	go func() { answered <- callee.answer() }()
	caller := newTexter(world.Listen(b, "192.0.2.3:5070"), net.UDPAddrFromAddrPort(agent.Addr()), 30000)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if err := caller.call(n); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	_ = callee.conn.Close()
	if err := <-answered; !errors.Is(err, net.ErrClosed) {
		b.Error(err)
	}
}

// texter is a far side that reads and writes text, so as to cost little.
type texter struct {
	conn    net.PacketConn
	to      net.Addr
	in, out []byte
	sdps    []string // taken in turn: no two calls that stand have one address of media
	calls   int
}

// newTexter returns a far side whose media are at ports from port on.
func newTexter(conn net.PacketConn, to net.Addr, port int) *texter {
	t := &texter{conn: conn, to: to, in: make([]byte, 4096)}
	for i := range 64 {
		t.sdps = append(t.sdps, strings.ReplaceAll(describe(1, "sendrecv", port+2*i, "0 8 101"), "192.0.2.2", "127.0.0.1"))
	}
	return t
}

func (w *texter) sdp() string {
	w.calls++
	return w.sdps[w.calls%len(w.sdps)]
}

var lineEnd = []byte("\r\n")

// receive reads a message.
func (w *texter) receive() ([]byte, error) {
	_ = w.conn.SetReadDeadline(time.Now().Add(patience))
	n, from, err := w.conn.ReadFrom(w.in)
	w.to = from
	return w.in[:n], err
}

func (w *texter) send() error {
	_, err := w.conn.WriteTo(w.out, w.to)
	return err
}

// line returns the header field of a message that begins with a name.
func line(msg []byte, name string) []byte {
	for l := range bytes.SplitSeq(msg, lineEnd) {
		if len(l) > len(name) && string(l[:len(name)]) == name {
			return l
		}
	}
	return nil
}

// call carries one call as the caller.
func (w *texter) call(n int) error {
	w.request("INVITE", n, nil, w.sdp())
	if err := w.send(); err != nil {
		return err
	}
	for {
		msg, err := w.receive()
		if err != nil {
			return err
		}
		switch {
		case bytes.HasPrefix(msg, []byte("SIP/2.0 1")), !bytes.Equal(line(msg, "Call-ID:"), line(w.out, "Call-ID:")): // repeated, where all stood still
			continue
		case !bytes.HasPrefix(msg, []byte("SIP/2.0 200")):
			return fmt.Errorf("refused: %s", msg)
		}
		if bytes.HasSuffix(line(msg, "CSeq:"), []byte("BYE")) {
			return nil
		}
		to := line(msg, "To:")
		for _, method := range [...]string{"ACK", "BYE"} {
			w.request(method, n, to, "")
			if err := w.send(); err != nil {
				return err
			}
		}
	}
}

// request makes a request of the caller's.
func (w *texter) request(method string, n int, to []byte, body string) {
	seq := "1 "
	if method == "BYE" {
		seq = "2 "
	}
	if to == nil {
		to = []byte("To: <sip:bob@192.0.2.1>")
	}
	w.out = append(append(w.out[:0], method...), " sip:bob@192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.3:5070;branch=z9hG4bK"...)
	w.out = append(strconv.AppendInt(w.out, int64(n), 10), method...)
	w.out = append(w.out, "\r\nFrom: \"Ann\" <sip:ann@192.0.2.3:5070>;tag=a\r\n"...)
	w.out = append(append(w.out, to...), "\r\nCall-ID: call-"...)
	w.out = append(strconv.AppendInt(w.out, int64(n), 10), "@192.0.2.3\r\nContact: <sip:ann@192.0.2.3:5070>\r\nMax-Forwards: 70\r\nCSeq: "...)
	w.out = append(append(append(w.out, seq...), method...), lineEnd...)
	w.body(body)
}

func (w *texter) body(body string) {
	if body != "" {
		w.out = append(w.out, "Content-Type: application/sdp\r\n"...)
	}
	w.out = append(w.out, "Content-Length: "...)
	w.out = strconv.AppendInt(w.out, int64(len(body)), 10)
	w.out = append(append(w.out, "\r\n\r\n"...), body...)
}

// answer accepts calls until the socket is closed.
func (w *texter) answer() error {
	for {
		msg, err := w.receive()
		switch {
		case err != nil:
			return err
		case bytes.HasPrefix(msg, []byte("INVITE")):
			w.respond(msg, "180 Ringing", "")
			if err = w.send(); err == nil {
				w.respond(msg, "200 OK", w.sdp())
				err = w.send()
			}
		case bytes.HasPrefix(msg, []byte("BYE")):
			w.respond(msg, "200 OK", "")
			err = w.send()
		}
		if err != nil {
			return err
		}
	}
}

// respond makes a response of the callee's.
func (w *texter) respond(req []byte, status, body string) {
	w.out = append(append(append(w.out[:0], "SIP/2.0 "...), status...), lineEnd...)
	for _, name := range [...]string{"Via:", "From:", "To:", "Call-ID:", "CSeq:"} {
		w.out = append(w.out, line(req, name)...)
		if name == "To:" && bytes.HasPrefix(req, []byte("INVITE")) {
			w.out = append(w.out, ";tag=b"...)
		}
		w.out = append(w.out, lineEnd...)
	}
	w.out = append(w.out, "Contact: <sip:bob@192.0.2.2:5070>\r\n"...)
	w.body(body)
}
