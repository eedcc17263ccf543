package sip_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/sip"
)

// wires is a listener whose connections are pipes, so that it works under fake time.
type wires struct {
	arrivals chan net.Conn
	done     chan struct{}
	agent    *sip.Agent
}

func (w *wires) Accept() (net.Conn, error) {
	select {
	case c := <-w.arrivals:
		return c, nil
	case <-w.done:
		return nil, net.ErrClosed
	}
}

func (w *wires) Close() error   { close(w.done); return nil }
func (w *wires) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5060} }

// wire is the agent's end of a pipe.
type wire struct {
	net.Conn
	from *net.TCPAddr
}

func (w *wire) RemoteAddr() net.Addr { return w.from }

// connect returns the far end of a new connection.
func (w *wires) connect(t *testing.T, port int) net.Conn {
	near, far := net.Pipe()
	w.arrivals <- &wire{near, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: port}}
	t.Cleanup(func() { _ = far.Close() })
	return far
}

func listenWires(t *testing.T, b bridge.Bridge) *wires {
	t.Helper()
	return listenWiresWith(t, &sip.Options{Network: "tcp", Bridge: b})
}

func listenWiresWith(t *testing.T, o *sip.Options) *wires {
	t.Helper()
	w := &wires{arrivals: make(chan net.Conn), done: make(chan struct{})}
	o.Listen = func(string, string) (net.Listener, error) { return w, nil }
	a, err := sip.Listen(agentAddr, &calltest.Engine{}, o)
	if err != nil {
		t.Fatal(err)
	}
	w.agent = a
	t.Cleanup(func() { _ = a.Close() })
	return w
}

// lives returns for how long a connection stays open while nothing is sent on it.
func lives(c net.Conn) time.Duration {
	begin := time.Now()
	_ = c.SetReadDeadline(begin.Add(time.Hour))
	_, _ = io.Copy(io.Discard, c)
	return time.Since(begin)
}

// TestIdleConnection closes connections that nobody needs, and those that never finish a message.
func TestIdleConnection(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       time.Duration
	}{
		{"silence", "", 2 * time.Minute},
		{"keep-alive", "\r\n", 2 * time.Minute},
		{"half a message", "OPTIONS sip:x@y SIP/2.0\r\nVia: SIP", 20 * time.Second},
		{"no body", "OPTIONS sip:x@y SIP/2.0\r\nContent-Length: 10\r\n\r\n", 20 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			far := listenWires(t, nil).connect(t, 5070)
			_, _ = io.WriteString(far, c.text)
			if got := lives(far); got != c.want {
				t.Errorf("%s: closed after %v, want %v", c.name, got, c.want)
			}
		})
	}
}

// TestSlowMessage sends a message byte by byte: it does not hold the connection for longer by that.
func TestSlowMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := listenWires(t, nil).connect(t, 5070)
		begin := time.Now()
		for range 100 {
			if _, err := far.Write([]byte("O")); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if d := time.Since(begin); d < 20*time.Second || d > 21*time.Second {
			t.Errorf("closed after %v, want 20 s", d)
		}
	})
}

// TestCallKeepsConnection keeps the connection of a call open for as long as the call stands.
func TestCallKeepsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := listenWires(t, bridge.Func(answerAll)).connect(t, 5070)
		p := &peer{t: t, addr: peerAddr}
		s := p.call()
		r := textproto.NewReader(bufio.NewReader(far))
		send := func(text string) {
			t.Helper()
			if _, err := io.WriteString(far, strings.Replace(text, "SIP/2.0/UDP", "SIP/2.0/TCP", 1)); err != nil {
				t.Fatal(err)
			}
		}
		status := func() string { // of the next response
			t.Helper()
			line, err := r.ReadLine()
			if err != nil {
				t.Fatal(err)
			}
			h, err := r.ReadMIMEHeader()
			if err != nil {
				t.Fatal(err)
			}
			n, _ := strconv.Atoi(h.Get("Content-Length"))
			if _, err := io.CopyN(io.Discard, r.R, int64(n)); err != nil {
				t.Fatal(err)
			}
			if _, tag, ok := strings.Cut(h.Get("To"), ";tag="); ok {
				s.agentTag = tag
			}
			return line
		}
		send(s.text("INVITE", 1, "z9hG4bKa", offer(1)))
		for line := status(); line != "SIP/2.0 200 OK"; line = status() {
		}
		send(s.text("ACK", 1, "z9hG4bKb", ""))
		_ = far.SetReadDeadline(time.Now().Add(time.Hour))
		if got, _ := io.ReadAll(r.R); strings.Trim(string(got), "\r\n") != "" || len(got) < 4*30 || len(got) > 4*38 {
			t.Errorf("in an hour came %q, want a ping every 96 to 120 s", got)
		}
		_ = far.SetReadDeadline(time.Time{})
		send(s.text("BYE", 2, "z9hG4bKc", ""))
		if line := status(); line != "SIP/2.0 200 OK" {
			t.Errorf("BYE after an hour: %s", line)
		}
		if d := lives(far); d != 2*time.Minute {
			t.Errorf("closed %v after the call, want 2 min", d)
		}
	})
}

// TestBlockedConnection has a far side that does not read: a message to it is given up, and nobody else waits.
func TestBlockedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := listenWires(t, nil)
		deaf, other := w.connect(t, 5070), w.connect(t, 5080)
		p := &peer{t: t, addr: peerAddr}
		ask := func(c net.Conn) { _, _ = io.WriteString(c, p.call().text("OPTIONS", 1, "z9hG4bKa", "")) }
		ask(deaf)
		begin := time.Now()
		ask(other)
		if line, err := bufio.NewReader(other).ReadString('\n'); err != nil || line != "SIP/2.0 200 OK\r\n" || time.Since(begin) != 0 {
			t.Errorf("%q, %v after %v", line, err, time.Since(begin))
		}
		time.Sleep(11 * time.Second)
		if _, err := deaf.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the connection is open: %v", err)
		}
	})
}

// TestConnectionsOfOnePort has two connections from one address and port, as when a far side calls from the port that it is called at: both
// work, and Close does not wait for either.
func TestConnectionsOfOnePort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := listenWires(t, nil)
		both := []net.Conn{w.connect(t, 5070), w.connect(t, 5070)}
		for _, c := range both {
			p, _ := overStream(t, c, "TCP")
			p.addr = peerAddr
			p.call().send("OPTIONS", "")
			p.response(200, "OPTIONS")
		}
		begin := time.Now()
		_ = w.agent.Close()
		if d := time.Since(begin); d > time.Second {
			t.Errorf("Close took %v", d)
		}
		for _, c := range both {
			if got := lives(c); got != 0 {
				t.Errorf("a connection lived for %v after Close", got)
			}
		}
	})
}

// TestKeepAlive pings a connection that a call needs. A far side that has answered one ping must answer all; one that has never answered, or
// that sends line breaks of its own, need not.
func TestKeepAlive(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers int // to the first pings
		own     string
		dies    bool
	}{
		{"answers none", 0, "", false}, {"answers two", 2, "", true}, {"hums", 2, "\r\n", false}, {"pings too", 2, "\r\n\r\n", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			far := listenWires(t, bridge.Func(answerAll)).connect(t, 5070)
			p, wire := overStream(t, far, "TCP")
			p.addr = peerAddr
			s := p.call()
			s.send("INVITE", offer(1))
			s.learn(p.response(200, "INVITE"))
			s.ack("")
			if _, err := io.WriteString(far, c.own); err != nil {
				t.Fatal(err)
			}
			begin, pings, last := time.Now(), 0, time.Time{}
			for time.Since(begin) < time.Hour {
				_ = far.SetReadDeadline(begin.Add(time.Hour))
				line, err := wire.r.ReadString('\n')
				if err != nil {
					break
				}
				if pings == 0 && len(c.own) == 4 && last.IsZero() {
					last = time.Now() // the answer to ours
					continue
				}
				if next, err := wire.r.ReadString('\n'); line+next != "\r\n\r\n" || err != nil {
					t.Fatalf("%s: got %q", c.name, line+next)
				}
				if gap := time.Since(last); pings > 0 && (gap < 96*time.Second || gap > 120*time.Second) {
					t.Errorf("%s: a ping after %v", c.name, gap)
				}
				last = time.Now()
				if pings++; pings <= c.answers {
					_, _ = io.WriteString(far, "\r\n")
				}
			}
			if d := time.Since(last); c.dies && (pings != c.answers+1 || d != 10*time.Second) {
				t.Errorf("%s: closed %v after ping %d, want 10 s after ping %d", c.name, d, pings, c.answers+1)
			}
			if !c.dies && pings < 29 {
				t.Errorf("%s: closed after %d pings", c.name, pings)
			}
		})
	}
}

// TestSlowHandshake closes a connection that does not begin, or does not finish, its TLS handshake.
func TestSlowHandshake(t *testing.T) {
	ca := newAuthority(t)
	for _, text := range []string{"", "\x16\x03\x01\x02\x00\x01"} {
		synctest.Test(t, func(t *testing.T) {
			w := listenWiresWith(t, &sip.Options{Network: "tls", TLS: ca.config()})
			far := w.connect(t, 5070)
			_, _ = io.WriteString(far, text)
			if got := lives(far); got != 10*time.Second {
				t.Errorf("closed after %v, want 10 s", got)
			}
		})
	}
}

// TestTLSConnectionIdle keeps the rules of idle connections over TLS too.
func TestTLSConnectionIdle(t *testing.T) {
	ca := newAuthority(t)
	synctest.Test(t, func(t *testing.T) {
		w := listenWiresWith(t, &sip.Options{Network: "tls", TLS: ca.config()})
		far := ca.config()
		far.ServerName = "127.0.0.1"
		c := tls.Client(w.connect(t, 5070), far)
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		p, _ := overStream(t, c, "TLS")
		for range 3 {
			p.call().send("OPTIONS", "")
			p.response(200, "OPTIONS")
			time.Sleep(time.Minute)
		}
		if got := lives(c); got != time.Minute {
			t.Errorf("closed after %v, want a minute", got)
		}
	})
}
