package engine

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// reachable is a terminal that has answered ICE, on an engine that takes connections.
func reachable(t *testing.T, proof time.Duration) *checked {
	t.Helper()
	l := usualLimits()
	l.proof = proof
	e, err := listen("127.0.0.1:0", &Options{TCP: "127.0.0.1:0"}, l)
	if err != nil {
		t.Fatal(err)
	}
	return checkedOn(t, e)
}

func (c *checked) connect() net.Conn {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.e.tcp.addr.String())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

func (c *checked) check() []byte { return c.request(c.term.ice.ufrag+":"+theirUfrag, c.term.ice.pwd) }

func put(t *testing.T, conn net.Conn, b []byte) {
	t.Helper()
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

// closed waits until the engine has ended a connection, without a word.
func closed(t *testing.T, conn net.Conn) {
	t.Helper()
	n, err := conn.Read(make([]byte, 100))
	if n > 0 || err == nil {
		t.Errorf("read %d bytes, %v; want the end", n, err)
	}
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		t.Error("the connection is still open")
	}
}

// response waits for the response to a check of ours, and answers those of the engine's agent.
func response(t *testing.T, conn net.Conn, in *bufio.Reader) *stun.Message {
	t.Helper()
	buf := make([]byte, packetSize)
	for {
		n, err := readFrame(in, buf)
		if err != nil {
			t.Fatal(err)
		}
		if buf[0] >= 4 {
			continue // the handshake begins
		}
		m := &stun.Message{Raw: bytes.Clone(buf[:n])}
		if err := m.Decode(); err != nil {
			t.Fatalf("%x: %v", buf[:n], err)
		}
		if m.Type == stun.BindingSuccess {
			return m
		}
		reply, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
			&stun.XORMappedAddress{IP: net.IPv4(127, 0, 0, 1), Port: 9}, stun.NewShortTermIntegrity(theirPwd), stun.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		put(t, conn, appendFrame(nil, reply.Raw))
	}
}

// A check is answered however it is cut, with the address that it has come from; a nomination makes the connection the way of media.
func TestTCPCheckByteByByte(t *testing.T) {
	c := reachable(t, proofLimit)
	conn := c.connect()
	stream := appendFrame(nil, c.check())
	for i := range stream {
		put(t, conn, stream[i:i+1])
	}
	in := bufio.NewReader(conn)
	m := response(t, conn, in)
	if err := stun.NewShortTermIntegrity(c.term.ice.pwd).Check(m); err != nil {
		t.Error(err)
	}
	var mapped stun.XORMappedAddress
	if err := mapped.GetFrom(m); err != nil || mapped.String() != conn.LocalAddr().String() {
		t.Errorf("the far side is told to be %v (%v), it is %v", mapped, err, conn.LocalAddr())
	}
	nomination, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername(c.term.ice.ufrag+":"+theirUfrag), ice.AttrControlling(7),
		ice.PriorityAttr(1), ice.UseCandidate(), stun.NewShortTermIntegrity(c.term.ice.pwd), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	for c.term.transport.via.Load() == nil {
		put(t, conn, appendFrame(nil, nomination.Raw))
		response(t, conn, in)
	}
	if to := c.term.transport.remote(); !isTCPName(to.Addr()) {
		t.Errorf("media goes to %v", to)
	}
}

// What does not begin with a check for a call of ours is ended.
func TestTCPStrangers(t *testing.T) {
	c := reachable(t, proofLimit)
	other := c.request("somebody:"+theirUfrag, c.term.ice.pwd)
	for name, b := range map[string][]byte{
		"another user":  appendFrame(nil, other),
		"a response":    appendFrame(nil, stun.MustBuild(stun.BindingSuccess, stun.TransactionID).Raw),
		"an indication": appendFrame(nil, stun.MustBuild(stun.NewType(stun.MethodBinding, stun.ClassIndication), stun.TransactionID).Raw),
		"media":         appendFrame(nil, []byte{0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7}),
		"HTTP":          []byte("GET / HTTP/1.1\r\n\r\n"),
		"nothing":       appendFrame(nil, nil),
		"too long":      {0xff, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			conn := c.connect()
			put(t, conn, b)
			closed(t, conn)
		})
	}
	eventuallyNone(t, c.e)
}

// eventuallyNone waits until no connection is a stranger any more.
func eventuallyNone(t *testing.T, e *Engine) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		e.tcp.mu.Lock()
		n, from := len(e.tcp.strangers), len(e.tcp.from)
		e.tcp.mu.Unlock()
		if n == 0 && from == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d strangers from %d addresses are left", n, from)
		}
	}
}

// Who says nothing, half a frame, or has not the password has a moment and no more.
func TestTCPSilentConnection(t *testing.T) {
	c := reachable(t, 200*time.Millisecond)
	forged := c.request(c.term.ice.ufrag+":"+theirUfrag, "not the password")
	for name, b := range map[string][]byte{
		"silent": nil, "half a frame": appendFrame(nil, c.check())[:30], "half a head": {0}, "without the password": appendFrame(nil, forged),
	} {
		t.Run(name, func(t *testing.T) {
			conn := c.connect()
			put(t, conn, b)
			_, err := io.Copy(io.Discard, conn) // a forged check may be refused in words
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				t.Error("the connection is still open")
			}
		})
	}
	eventuallyNone(t, c.e)
	for l, deadline := c.term.transport.tcp, time.Now().Add(20*time.Second); ; {
		l.mu.Lock()
		n := len(l.conns)
		l.mu.Unlock()
		if n == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the call has kept a connection that proved nothing")
		}
	}
}

// One address has so many connections that have proved nothing, and no more. One that proves itself makes room.
func TestTCPManyConnections(t *testing.T) {
	c := reachable(t, time.Minute)
	var open []net.Conn
	for range maxFromAddress {
		open = append(open, c.connect())
	}
	for n := 0; n < maxFromAddress; {
		c.e.tcp.mu.Lock()
		n = len(c.e.tcp.strangers)
		c.e.tcp.mu.Unlock()
	}
	closed(t, c.connect())
	put(t, open[0], appendFrame(nil, c.check()))
	in := bufio.NewReader(open[0])
	response(t, open[0], in)
	conn := c.connect()
	put(t, conn, appendFrame(nil, c.check()))
	response(t, conn, bufio.NewReader(conn))
	if n := len(c.e.tcp.candidates(true)); n != 1 {
		t.Errorf("%d passive candidates, want 1", n)
	}
}

// A far side that does not read loses packets; who writes to it does not wait, and the connection ends in time.
func TestTCPBlockedFarSide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{limits: usualLimits()}
		near, far := net.Pipe()
		defer far.Close()
		links := newTCPLinks(&transport{t: &terminal{engine: e}}, "")
		c := newTCPConn(near)
		if !links.add(c, nil) {
			t.Fatal("not taken")
		}
		for range 2 { // the writer takes the first and does not get rid of them
			for range 100 {
				if err := c.send(make([]byte, 1500)); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		c.mu.Lock()
		waiting := len(c.waiting)
		c.mu.Unlock()
		if waiting == 0 || waiting > maxWaiting {
			t.Errorf("%d bytes wait, want at most %d", waiting, maxWaiting)
		}
		began := time.Now()
		time.Sleep(writeLimit + time.Second)
		if err := c.send([]byte("late")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after %v it still stands: %v", time.Since(began), err)
		}
		links.close()
	})
}

// stuckConn takes nothing that is written, and has been ended by the far side as soon as something is.
type stuckConn struct {
	net.Conn
	writing, expired, closed chan struct{}
}

func (c *stuckConn) Read([]byte) (int, error) {
	<-c.writing
	return 0, io.EOF
}

func (c *stuckConn) Write([]byte) (int, error) {
	close(c.writing)
	<-c.expired
	return 0, os.ErrDeadlineExceeded
}

func (c *stuckConn) SetWriteDeadline(at time.Time) error {
	if time.Until(at) <= flushLimit {
		time.AfterFunc(time.Until(at), func() { close(c.expired) })
	}
	return nil
}

func (c *stuckConn) SetReadDeadline(time.Time) error { return nil }
func (c *stuckConn) Close() error                    { close(c.closed); return nil }

// A call that ends waits for what a connection that the far side has ended still writes.
func TestTCPCloseWaitsForWriters(t *testing.T) {
	c := newChecked(t)
	synctest.Test(t, func(t *testing.T) {
		l := newTCPLinks(c.term.transport, "a password")
		stuck := &stuckConn{writing: make(chan struct{}), expired: make(chan struct{}), closed: make(chan struct{})}
		conn := newTCPConn(stuck)
		if !l.add(conn, nil) {
			t.Fatal("not taken")
		}
		_ = conn.send([]byte("which nobody reads"))
		synctest.Wait()
		if len(l.conns) != 0 {
			t.Fatal("the connection is not given up")
		}
		l.close()
		select {
		case <-stuck.closed:
		default:
			t.Error("its writer is left behind")
		}
	})
}

// One connection after another is another address to the agent, which keeps each.
func TestTCPManyInARow(t *testing.T) {
	c, began := reachable(t, 30*time.Second), time.Now()
	l := c.term.transport.tcp
	for n := range maxCallers + 1 {
		conn := c.connect()
		if n == maxCallers {
			_ = conn.SetDeadline(time.Now().Add(300 * time.Millisecond))
		}
		put(t, conn, appendFrame(nil, c.check()))
		size, err := conn.Read(make([]byte, 200))
		if late := time.Since(began) >= callerEvery; n < maxCallers && size == 0 || n == maxCallers && size > 0 && !late {
			t.Errorf("connection %d: %d bytes, %v", n, size, err)
		}
		_ = conn.Close()
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			l.mu.Lock()
			left := len(l.conns)
			l.mu.Unlock()
			if left == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatal("a connection that is over is kept")
			}
		}
	}
}
