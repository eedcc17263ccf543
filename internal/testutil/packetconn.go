package testutil

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// datagram is a packet on its way: a copy of what was written, and its sender.
type datagram struct {
	from    netip.AddrPort
	payload []byte
}

// packetConn is one connection of a [PacketNet].
type packetConn struct {
	net     *PacketNet
	local   netip.AddrPort
	queue   chan datagram
	readBy  *deadline
	writeBy *deadline

	closeOnce sync.Once
	closed    chan struct{}
}

// deliver queues a packet for reading, and reports whether there was room for it.
func (c *packetConn) deliver(d datagram) bool {
	select {
	case <-c.closed:
		return false
	default:
	}
	select {
	case c.queue <- d:
		return true
	default:
		return false
	}
}

// ReadFromUDPAddrPort is ReadFrom without an allocation for the address.
func (c *packetConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	expired := c.readBy.wait()
	// As with a socket, the end of the connection and a passed deadline come before what is queued.
	select {
	case <-c.closed:
		return 0, netip.AddrPort{}, c.opError("read", nil, net.ErrClosed)
	case <-expired:
		return 0, netip.AddrPort{}, c.opError("read", nil, os.ErrDeadlineExceeded)
	default:
	}
	select {
	case d := <-c.queue:
		return copy(b, d.payload), d.from, nil
	case <-c.closed:
		return 0, netip.AddrPort{}, c.opError("read", nil, net.ErrClosed)
	case <-expired:
		return 0, netip.AddrPort{}, c.opError("read", nil, os.ErrDeadlineExceeded)
	}
}

// ReadFrom waits for a packet and copies it to b; what does not fit is lost, as with UDP.
func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteToUDPAddrPort sends a packet, and never waits.
func (c *packetConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	select {
	case <-c.closed:
		return 0, c.opError("write", net.UDPAddrFromAddrPort(to), net.ErrClosed)
	case <-c.writeBy.wait():
		return 0, c.opError("write", net.UDPAddrFromAddrPort(to), os.ErrDeadlineExceeded)
	default:
	}
	if len(b) > maxPacketBytes {
		return 0, c.opError("write", net.UDPAddrFromAddrPort(to), syscall.EMSGSIZE)
	}
	c.net.send(datagram{from: c.local, payload: append([]byte(nil), b...)}, to)
	return len(b), nil
}

// WriteTo sends a packet to a *net.UDPAddr, and never waits.
func (c *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	addr, ok := to.(*net.UDPAddr)
	if !ok || addr == nil {
		return 0, c.opError("write", to, errors.New("the address is not a *net.UDPAddr"))
	}
	return c.WriteToUDPAddrPort(b, addr.AddrPort())
}

// Close frees the address and ends every ReadFrom with net.ErrClosed.
func (c *packetConn) Close() error {
	err := c.opError("close", nil, net.ErrClosed)
	c.closeOnce.Do(func() {
		err = nil
		c.net.remove(c)
		close(c.closed)
		c.readBy.set(time.Time{})
		c.writeBy.set(time.Time{})
	})
	return err
}

// LocalAddr returns the connection's *net.UDPAddr.
func (c *packetConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// SetDeadline sets both deadlines; they hold for calls under way too.
func (c *packetConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline sets when ReadFrom fails with os.ErrDeadlineExceeded; zero means never.
func (c *packetConn) SetReadDeadline(t time.Time) error { return c.setDeadline(c.readBy, t) }

// SetWriteDeadline sets when WriteTo fails with os.ErrDeadlineExceeded; zero means never.
func (c *packetConn) SetWriteDeadline(t time.Time) error { return c.setDeadline(c.writeBy, t) }

func (c *packetConn) setDeadline(d *deadline, t time.Time) error {
	select {
	case <-c.closed:
		return c.opError("set", nil, net.ErrClosed)
	default:
		d.set(t)
		return nil
	}
}

func (c *packetConn) opError(op string, to net.Addr, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.LocalAddr(), Addr: to, Err: err}
}

// deadline is a point in time that can be moved while others wait for it.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	done  chan struct{} // closed once the time has come
}

func makeDeadline() *deadline { return &deadline{done: make(chan struct{})} }

// wait returns the channel that is closed at the deadline. It stays the same while the deadline is
// moved before it has passed.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done
}

// set moves the deadline to t, or away if t is zero.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	select {
	case <-d.done:
		d.done = make(chan struct{}) // it had passed
	default:
	}
	if t.IsZero() {
		return
	}
	after := time.Until(t)
	if after <= 0 {
		close(d.done)
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(after, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.timer == timer { // else moved meanwhile
			d.timer = nil
			close(d.done)
		}
	})
	d.timer = timer
}
