package engine

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"time"
)

// STUN as far as routing needs it (RFC 8489 section 5). The agents parse and verify messages themselves.
const (
	stunHeaderSize   = 20
	stunCookie       = 0x2112A442
	stunRequest      = 0x0001 // Binding
	stunSuccess      = 0x0101
	stunError        = 0x0111
	stunUsernameAttr = 0x0006
)

type transactionID [12]byte

func stunMessage(b []byte) (class uint16, id transactionID, ok bool) {
	if len(b) < stunHeaderSize || binary.BigEndian.Uint32(b[4:]) != stunCookie {
		return 0, id, false
	}
	copy(id[:], b[8:stunHeaderSize])
	return binary.BigEndian.Uint16(b), id, true
}

// stunLocalUser returns the part of USERNAME that names the receiver of a connectivity check: what stands before the colon
// (RFC 8445 section 7.2.2).
func stunLocalUser(b []byte) []byte {
	if len(b) < stunHeaderSize {
		return nil
	}
	b = b[:min(len(b), stunHeaderSize+int(binary.BigEndian.Uint16(b[2:])))] // what is more is none of the message's
	for at := stunHeaderSize; at+4 <= len(b); {
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		at += 4
		if at+size > len(b) {
			return nil
		}
		if kind == stunUsernameAttr {
			user, _, _ := bytes.Cut(b[at:at+size], []byte{':'})
			return user
		}
		at += (size + 3) &^ 3
	}
	return nil
}

// stun routes a STUN datagram to the agent that it is for: a request by its user name, a response by its transaction. An indication keeps
// a NAT open and says nothing: the agent would take it for consent, which wants proof (RFC 7675 section 5.1). The shard's lock is held for
// reading.
func (s *shard) stun(b []byte, from netip.AddrPort) {
	class, id, ok := stunMessage(b)
	var c *stunConn
	switch {
	case !ok:
	case class == stunRequest:
		c = s.agents.caller(b, from)
	case class == stunSuccess || class == stunError:
		c = s.checks.take(id)
	}
	if c == nil {
		s.strays.Add(1)
		return
	}
	c.queue.put(b, from)
}

// checks remembers which agent sent a request. What is not answered is forgotten after one to two turns.
type checks struct {
	mu     sync.Mutex
	now    map[transactionID]*stunConn
	before map[transactionID]*stunConn
	turned time.Time
}

// checkTurn is longer than any agent waits for a response.
const checkTurn = 10 * time.Second

func (c *checks) put(id transactionID, conn *stunConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(time.Now())
	if c.now == nil {
		c.now = map[transactionID]*stunConn{}
	}
	c.now[id] = conn
}

// turn forgets what is not answered, when it is time for it. c.mu is held.
func (c *checks) turn(now time.Time) {
	if now.Sub(c.turned) > checkTurn {
		c.before, c.now, c.turned = c.now, nil, now
	}
}

// age forgets what is not answered where nothing is sent any more either: else the last calls would be kept for their last checks.
func (e *Engine) age(now time.Time) {
	all := []*checks{}
	for _, s := range e.shards {
		all = append(all, &s.checks)
	}
	for _, r := range e.gather.up() {
		all = append(all, &r.checks)
	}
	for _, c := range all {
		c.mu.Lock()
		c.turn(now)
		c.mu.Unlock()
	}
}

func (c *checks) take(id transactionID) *stunConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range [...]map[transactionID]*stunConn{c.now, c.before} {
		if conn := m[id]; conn != nil {
			delete(m, id)
			return conn
		}
	}
	return nil
}

// stunConn is the net.PacketConn that one ICE agent sees of one base: the STUN of its call, and nothing else. It also implements
// ice.AddrPortReaderWriter.
type stunConn struct {
	tr      *transport
	at      base
	addr    net.Addr // as the agent knows the base
	ufrag   string
	queue   *queue
	callers callers

	late  time.Duration // that checks of ours are held back from the first on; used by the agent's loop alone, as is began
	began time.Time
}

func (c *stunConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) { return c.queue.get(b) }

// WriteToAddrPort sends what the agent says. When that is a success response, the agent has verified a request from there with the
// call's password: then, and never before, the address belongs to the call.
func (c *stunConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if isTCPName(to.Addr()) {
		if class, _, ok := stunMessage(b); ok && class == stunSuccess {
			c.callers.verified(to)
		}
		return len(b), c.respond(b, to)
	}
	switch class, id, ok := stunMessage(b); {
	case ok && class == stunRequest:
		if c.early() {
			return len(b), nil
		}
		c.at.awaits(id, c)
	case ok && class == stunSuccess:
		c.callers.verified(to)
		c.at.learn(to, c)
	}
	if err := c.at.writeTo(b, to); err != nil {
		return 0, err
	}
	return len(b), nil
}

// early reports whether a check of ours is to be left to the bases that are preferred.
func (c *stunConn) early() bool {
	if c.late == 0 {
		return false
	}
	if c.began.IsZero() {
		c.began = time.Now()
	}
	return time.Since(c.began) < c.late
}

// respond is WriteToAddrPort for a far side behind a TCP connection. Those belong to the shard's port, as far as the agent knows.
func (c *stunConn) respond(b []byte, to netip.AddrPort) error {
	if c.at != base(c.tr.shard()) || c.tr.tcp == nil {
		return nil
	}
	return c.tr.tcp.respond(b, to)
}

func (c *stunConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.queue.get(b)
	return n, net.UDPAddrFromAddrPort(from), err
}

func (c *stunConn) WriteTo(b []byte, to net.Addr) (int, error) {
	addr, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	at := addr.AddrPort()
	return c.WriteToAddrPort(b, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
}

// Close takes the agent off the base.
func (c *stunConn) Close() error {
	c.at.leave(c)
	c.queue.close()
	return nil
}

func (c *stunConn) LocalAddr() net.Addr                { return c.addr }
func (c *stunConn) SetReadDeadline(t time.Time) error  { c.queue.deadline(t); return nil }
func (c *stunConn) SetDeadline(t time.Time) error      { c.queue.deadline(t); return nil }
func (c *stunConn) SetWriteDeadline(_ time.Time) error { return nil } // writes never block
