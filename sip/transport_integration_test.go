package sip_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// TestLargeMessages takes and answers an INVITE far larger than sipgo's connections would carry, over UDP and TCP.
func TestLargeMessages(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			in := newIncoming()
			a := listen(t, &sip.Options{Bridge: in})
			conn, err := net.Dial(network, a.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			p := &peer{t: t, addr: conn.LocalAddr().String()}
			s := p.call()
			s.agentURI = "sip:room@" + a.Addr().String()
			s.routes = []string{"Record-Route: <sip:" + p.addr + ";lr;x=" + strings.Repeat("a", 9000) + ">"}
			body := offer(1) + strings.Repeat("a=padding:"+strings.Repeat("x", 90)+"\r\n", 80)
			text := strings.Replace(s.text("INVITE", 1, "z9hG4bKlarge", body), "SIP/2.0/UDP", "SIP/2.0/"+strings.ToUpper(network), 1)
			if _, err := io.WriteString(conn, text); err != nil {
				t.Fatal(err)
			}
			var l *sip.Leg
			select {
			case l = <-in.legs:
			case <-time.After(within):
				t.Fatal("no call came in")
			}
			go func() { _ = l.Answer(background, nil) }()
			_ = conn.SetReadDeadline(time.Now().Add(within))
			buf := make([]byte, 64<<10)
			for got := ""; !strings.Contains(got, "SIP/2.0 200") || !strings.Contains(got, "a=rtpmap:0 PCMU/8000"); {
				n, err := conn.Read(buf)
				if err != nil {
					t.Fatalf("%v after %d bytes", err, len(got))
				}
				got += string(buf[:n])
			}
			_ = l.Hangup(shortly(t), bridge.Normal) // the script does not answer the BYE
		})
	}
}

// shortly is a context that ends soon.
func shortly(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// TestTCPConnections keeps the rules of connections: pings are answered, what is no SIP ends one, and one that ends in a call is made anew.
func TestTCPConnections(t *testing.T) {
	in := newIncoming()
	a := listen(t, &sip.Options{Bridge: in})
	dial := func() (net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", a.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(within))
		return c, bufio.NewReader(c)
	}
	t.Run("ping", func(t *testing.T) {
		c, r := dial()
		_, _ = io.WriteString(c, "\r\n\r\n")
		if line, err := r.ReadString('\n'); line != "\r\n" || err != nil {
			t.Errorf("pong is %q, %v", line, err)
		}
	})
	t.Run("garbage", func(t *testing.T) {
		c, r := dial()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		wantClosed(t, "garbage", r)
	})
	t.Run("no length", func(t *testing.T) {
		c, r := dial()
		_, _ = io.WriteString(c, "OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKa\r\n\r\n")
		wantClosed(t, "a message without Content-Length", r)
	})
	t.Run("in pieces", func(t *testing.T) {
		c, r := dial()
		p := &peer{t: t, addr: c.LocalAddr().String()}
		s := p.call()
		text := s.text("OPTIONS", 1, "z9hG4bKa", "") + "\r\n\r\n" + s.text("OPTIONS", 2, "z9hG4bKb", "") + "\r\n"
		for _, b := range []byte(text) {
			if _, err := c.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			for line := ""; line != "\r\n"; {
				var err error
				if line, err = r.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
	t.Run("connection lost in call", func(t *testing.T) {
		bob := newPhone(t, &siptest.PhoneOptions{User: "bob", Network: "tcp", NoMedia: true})
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		out, err := bob.Call(ctx, "sip:x@"+a.Addr().String()+";transport=tcp", nil)
		if err != nil {
			t.Fatal(err)
		}
		l := <-in.legs
		if err := l.Answer(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if err := out.WaitState(ctx, siptest.Up); err != nil {
			t.Fatal(err)
		}
		a.DropConnections()
		if err := l.Hangup(ctx, bridge.Normal); err != nil {
			t.Errorf("hang up after the connection was lost: %v", err)
		}
		if err := out.WaitState(ctx, siptest.Ended); err != nil {
			t.Error(err)
		}
	})
}

// wantClosed wants the far end to close a connection, whose deadline is set, without a word.
func wantClosed(t testing.TB, what string, c io.Reader) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: %d bytes, %v, want the connection closed", what, n, err)
	}
}

// TestManyFromOne refuses the connection after the hundredth from one address.
func TestManyFromOne(t *testing.T) {
	a := listen(t, &sip.Options{Network: "tcp"})
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for range 101 {
		c, err := net.Dial("tcp", a.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	last := open[100]
	_ = last.SetDeadline(time.Now().Add(within))
	wantClosed(t, "the 101st connection", last)
	if got := a.Stats().Dropped; got != 1 {
		t.Errorf("%d dropped, want 1", got)
	}
}

// TestUnreachableOverTCP dials where nobody listens.
func TestUnreachableOverTCP(t *testing.T) {
	a := listen(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	_ = l.Close()
	_, err = a.Dial(t.Context(), "sip:x@"+free+";transport=tcp", nil)
	wantDialError(t, err, bridge.Unreachable, 0)
}

// TestCancelAfterBreak withdraws a call whose connection has broken: CANCEL goes over a new one.
func TestCancelAfterBreak(t *testing.T) {
	a := listen(t, nil)
	far := listenFar(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var l bridge.Leg
	dialled := async(func() (err error) {
		l, err = a.Dial(ctx, "sip:bob@"+far.Addr().String()+";transport=tcp", nil)
		return err
	})
	p, wire := overStream(t, far.next(), "TCP")
	invite := p.request("INVITE")
	p.reply(invite, 180, "b1", "")
	if err := <-dialled; err != nil {
		t.Fatal(err)
	}
	_ = wire.Close()
	go func() { _ = l.Hangup(background, bridge.Normal) }()
	p, _ = overStream(t, far.next(), "TCP")
	withdrawal := p.request("CANCEL")
	if got, want := withdrawal.Via().Value(), invite.Via().Value(); got != want {
		t.Errorf("Via of CANCEL is %s, want the INVITE's, %s", got, want)
	}
	p.reply(withdrawal, 200, "b1", "")
	p.reply(invite, 487, "b1", "")
	p.request("ACK")
	wait(t, "the end of the call", func() bool { return a.Stats().Standing == 0 })
}

// TestRequestAfterBreak breaks the connection under a request that nobody has answered: it is sent again over a new one. Where that cannot
// be made the call fails at once.
func TestRequestAfterBreak(t *testing.T) {
	a := listen(t, nil)
	far := listenFar(t)
	dialled := async(func() error {
		_, err := a.Dial(t.Context(), "sip:bob@"+far.Addr().String()+";transport=tcp", nil)
		return err
	})
	p, wire := overStream(t, far.next(), "TCP")
	first := p.request("INVITE")
	_ = wire.Close()
	p, wire = overStream(t, far.next(), "TCP")
	again := p.request("INVITE")
	if got, want := again.Via().Value(), first.Via().Value(); got != want {
		t.Errorf("Via is %s, want that of the first, %s", got, want)
	}
	_ = far.Close()
	_ = wire.Close()
	wantDialError(t, <-dialled, bridge.Unreachable, 503)
}
