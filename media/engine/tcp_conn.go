package engine

import (
	"bufio"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
)

// Limits of one connection.
const (
	maxWaiting   = 32 << 10               // bytes that wait to be written: what is more is lost, as on any network
	writeLimit   = 10 * time.Second       // for what has waited to be written
	flushLimit   = 100 * time.Millisecond // for what waits at the end
	proofLimit   = 5 * time.Second        // for the first valid check
	sendBuffer   = 64 << 10               // bytes that the system keeps: sound that is late is of no use
	streamBuffer = 4 << 10
)

// tcpConn is one TCP connection with a far side (RFC 6544). Its reader hands what comes to the agent and to the call, and its writer
// sends what waits, so that a far side that does not read holds up nobody.
type tcpConn struct {
	conn net.Conn
	far  netip.AddrPort
	in   *bufio.Reader

	links *tcpLinks      // of its call
	name  netip.AddrPort // under which the agent knows the far side

	proven atomic.Bool // a check with the call's password has come by it: what comes is the far side's
	ended  func()      // called once when it is proven or over; nil: nobody wants to know
	once   sync.Once

	mu      sync.Mutex
	wake    sync.Cond
	waiting []byte
	started bool
	closed  bool
}

func newTCPConn(conn net.Conn) *tcpConn {
	c := &tcpConn{conn: conn, in: bufio.NewReaderSize(conn, streamBuffer)}
	c.wake.L = &c.mu
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer)
		at := tcp.RemoteAddr().(*net.TCPAddr).AddrPort()
		c.far = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
	return c
}

// start begins to read and to write. first is what has been read already.
func (c *tcpConn) start(first []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.started = true
	c.links.work.Go(c.write)
	c.links.work.Go(func() { c.read(first) })
}

// close ends the connection: what waits is sent if that takes no time. Its goroutines end behind it.
func (c *tcpConn) close() {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		c.wake.Signal()
		_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // ends the reader
		_ = c.conn.SetWriteDeadline(time.Now().Add(flushLimit))
		if !c.started {
			_ = c.conn.Close()
		}
	}
	c.mu.Unlock()
	c.settle()
}

func (c *tcpConn) settle() {
	c.once.Do(func() {
		if c.ended != nil {
			c.ended()
		}
	})
}

// await sets until when something has to come.
func (c *tcpConn) await(limit time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		_ = c.conn.SetReadDeadline(time.Now().Add(limit))
	}
}

// prove takes note that the connection is the far side's beyond doubt. From then on silence ends it, for checks come again and again.
func (c *tcpConn) prove() {
	if !c.proven.Swap(true) {
		c.await(c.idle())
		c.settle()
	}
}

// idle is longer than a far side is silent while it consents.
func (c *tcpConn) idle() time.Duration { return c.links.tr.t.engine.limits.consent + proofLimit }

// send queues a datagram. It does not block.
func (c *tcpConn) send(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	if len(b) < packetSize && len(c.waiting)+frameHead+len(b) <= maxWaiting {
		c.waiting = appendFrame(c.waiting, b)
		c.wake.Signal()
	}
	return nil
}

// write is the writer.
func (c *tcpConn) write() {
	defer c.conn.Close()
	var out []byte
	for {
		c.mu.Lock()
		for len(c.waiting) == 0 && !c.closed {
			c.wake.Wait()
		}
		out, c.waiting = c.waiting, out[:0]
		closed := c.closed
		if !closed {
			_ = c.conn.SetWriteDeadline(time.Now().Add(writeLimit))
		}
		c.mu.Unlock()
		if _, err := c.conn.Write(out); err != nil || closed {
			c.close()
			return
		}
	}
}

// read is the reader.
func (c *tcpConn) read(first []byte) {
	defer c.links.drop(c)
	defer c.close()
	buf := make([]byte, packetSize)
	n := copy(buf, first)
	for err := error(nil); ; {
		if n > 0 {
			c.take(buf[:n:packetSize])
		}
		if c.proven.Load() {
			c.await(c.idle())
		}
		if n, err = readFrame(c.in, buf); err != nil {
			return
		}
	}
}

// take takes one datagram: checks and their responses are the agent's, the rest is the call's once it is known whose it is.
func (c *tcpConn) take(b []byte) {
	tr := c.links.tr
	if b[0] >= 4 {
		if c.proven.Load() {
			tr.t.engine.tcp.arrived(tr, b, c.name)
		}
		return
	}
	agent := tr.conn.Load()
	class, _, ok := stunMessage(b)
	if !ok || agent == nil {
		return
	}
	if class == stunRequest && string(stunLocalUser(b)) == agent.ufrag && agent.callers.may(c.name) || class == stunSuccess || class == stunError {
		agent.queue.put(b, c.name)
	}
}

// respond sends what the agent says. A success response means that it has verified a request from there; it names the address that the
// far side really has.
func (c *tcpConn) respond(b []byte) error {
	if class, id, ok := stunMessage(b); ok && class == stunSuccess {
		m, err := stun.Build(stun.NewTransactionIDSetter(id), stun.BindingSuccess,
			&stun.XORMappedAddress{IP: c.far.Addr().AsSlice(), Port: int(c.far.Port())},
			stun.NewShortTermIntegrity(*c.links.pwd.Load()), stun.Fingerprint)
		if err != nil {
			return err
		}
		b = m.Raw
		c.prove()
	}
	return c.send(b)
}
