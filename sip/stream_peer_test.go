package sip_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// streamConn lets a scripted peer speak over a connection: ReadFrom returns one message. Scripts are written for UDP; their Via is changed.
type streamConn struct {
	net.Conn
	network string // as in Via
	sips    bool   // Contact has a sips URI
	r       *bufio.Reader
	pings   atomic.Int32 // that the agent has sent
	answers bool         // pings are answered
}

// overStream returns a peer that speaks over c.
func overStream(t testing.TB, c net.Conn, network string) (*peer, *streamConn) {
	s := &streamConn{Conn: c, network: network, r: bufio.NewReader(c)}
	return &peer{t: t, addr: c.LocalAddr().String(), conn: s, to: c.RemoteAddr()}, s
}

func (s *streamConn) WriteTo(b []byte, _ net.Addr) (int, error) {
	text := string(b)
	if !strings.HasPrefix(text, "SIP/2.0") {
		text = strings.Replace(text, "SIP/2.0/UDP", "SIP/2.0/"+s.network, 1)
		contact := "sip:ann@" + s.LocalAddr().String() + ";transport=" + strings.ToLower(s.network)
		if s.sips {
			contact = "sips:ann@" + s.LocalAddr().String()
		}
		text = strings.Replace(text, "Contact: <sip:ann@"+s.LocalAddr().String()+">", "Contact: <"+contact+">", 1)
	}
	return io.WriteString(s.Conn, text)
}

func (s *streamConn) ReadFrom(b []byte) (int, net.Addr, error) {
	var text bytes.Buffer
	length := 0
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return 0, nil, err
		}
		if line == "\r\n" && text.Len() == 0 { // half a ping, or a pong
			if next, err := s.r.ReadString('\n'); err != nil || next != "\r\n" {
				return 0, nil, fmt.Errorf("half a ping before %q: %w", next, err)
			}
			s.pings.Add(1)
			if s.answers {
				if _, err := io.WriteString(s.Conn, "\r\n"); err != nil {
					return 0, nil, err
				}
			}
			continue
		}
		text.WriteString(line)
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		}
		if line == "\r\n" {
			break
		}
	}
	if _, err := io.CopyN(&text, s.r, int64(length)); err != nil {
		return 0, nil, err
	}
	return copy(b, text.Bytes()), s.RemoteAddr(), nil
}

// farListener is where the agent dials to.
type farListener struct {
	net.Listener
	t testing.TB
}

func listenFar(t testing.TB) *farListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &farListener{l, t}
}

// next returns the next connection.
func (l *farListener) next() net.Conn {
	l.t.Helper()
	if d, ok := l.Listener.(*net.TCPListener); ok {
		_ = d.SetDeadline(time.Now().Add(within))
	}
	c, err := l.Accept()
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = c.Close() })
	return c
}

// none fails the test if a connection has come in.
func (l *farListener) none() {
	l.t.Helper()
	if d, ok := l.Listener.(*net.TCPListener); ok {
		_ = d.SetDeadline(time.Now().Add(10 * time.Millisecond))
	}
	if c, err := l.Accept(); err == nil {
		_ = c.Close()
		l.t.Error("a further connection came in")
	}
}
