package testutil

import (
	"errors"
	"math/rand/v2"
	"net"
	"time"
)

// nat is what an [ImpairedConn] keeps of the NAT before it. The connection's lock guards it.
type nat struct {
	rand          *rand.Rand // of its own, so that what happens to a packet does not hang on it
	left          int        // packets until the port is forgotten
	read, written time.Time  // deadlines, for the port that comes next
}

func newNAT(o Impairment) nat {
	n := nat{rand: rand.New(rand.NewPCG(o.Seed, 0xd1342543de82ef95))}
	if o.Rebind > 0 {
		n.draw(o.Rebind)
	}
	return n
}

func (n *nat) draw(about int) { n.left = about/2 + n.rand.IntN(about+1) }

// forgets counts a packet, and reports whether the port is forgotten before it.
func (n *nat) forgets(about int) bool {
	if about <= 0 {
		return false
	}
	if n.left > 0 {
		n.left--
		return false
	}
	n.draw(about)
	return true
}

// Rebind lets the NAT forget its port now: what is written from here on, and what is held back, goes out from the port of
// [Impairment.Listen], and what comes to the old one is lost.
func (c *ImpairedConn) Rebind() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	return c.rebind()
}

// rebind is Rebind where c.mu is held.
func (c *ImpairedConn) rebind() error {
	if c.o.Listen == nil {
		return errors.New("testutil: an impairment that rebinds needs Listen")
	}
	conn, err := c.o.Listen()
	if err != nil {
		return err
	}
	if err := errors.Join(conn.SetReadDeadline(c.nat.read), conn.SetWriteDeadline(c.nat.written)); err != nil {
		return errors.Join(err, conn.Close())
	}
	old := c.conn
	c.conn = conn // first, so that who reads from the old one knows why it ends
	c.counts.Rebound++
	return old.Close()
}

// current returns the port that the NAT has given last.
func (c *ImpairedConn) current() net.PacketConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn
}

// write sends a packet from the port of now.
func (c *ImpairedConn) write(b []byte, to net.Addr) (int, error) {
	for {
		conn := c.current()
		if n, err := conn.WriteTo(b, to); err == nil || conn == c.current() {
			return n, err
		} // else it was forgotten meanwhile
	}
}

// ReadFrom waits for a packet, over a change of the port too.
func (c *ImpairedConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		conn := c.current()
		if n, from, err := conn.ReadFrom(b); err == nil || conn == c.current() {
			return n, from, err
		}
	}
}

// LocalAddr returns the address that the NAT has given last, which others see.
func (c *ImpairedConn) LocalAddr() net.Addr { return c.current().LocalAddr() }

// SetDeadline sets both deadlines.
func (c *ImpairedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline sets when ReadFrom fails; zero means never.
func (c *ImpairedConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nat.read = t
	return c.conn.SetReadDeadline(t)
}

// SetWriteDeadline sets when WriteTo fails; zero means never.
func (c *ImpairedConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nat.written = t
	return c.conn.SetWriteDeadline(t)
}
