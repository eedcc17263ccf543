package sip

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// datagrams is the socket of UDP.
type datagrams interface {
	read(b []byte) (n int, from netip.AddrPort, came time.Time, err error) // by one at a time
	write(b []byte, to netip.AddrPort) error
	buffer() int // bytes that the system keeps of what has not been read; 0: it does not say
	Close() error
}

func datagramsOf(c net.PacketConn) datagrams {
	if u, ok := c.(*net.UDPConn); ok {
		return &udpConn{UDPConn: u, stamped: stamp(u)}
	}
	return packetConn{c}
}

// udpConn is a socket of the system's. It allocates nothing for an address.
type udpConn struct {
	*net.UDPConn
	stamped bool // the system tells when a datagram came
	oob     [stampRoom]byte
}

func (c *udpConn) read(b []byte) (int, netip.AddrPort, time.Time, error) {
	if !c.stamped {
		n, from, err := c.ReadFromUDPAddrPort(b)
		return n, unmap(from), time.Now(), err
	}
	n, told, _, from, err := c.ReadMsgUDPAddrPort(b, c.oob[:])
	came := time.Now()
	if at, ok := stampOf(c.oob[:told]); ok {
		came = cameAt(at, came)
	}
	return n, unmap(from), came, err
}

func (c *udpConn) write(b []byte, to netip.AddrPort) error {
	_, err := c.WriteToUDPAddrPort(b, to)
	return err
}

func (c *udpConn) buffer() int { return readBuffer(c.UDPConn) }

// oldest is how long a datagram can have waited. If it seems to be longer, the clock was set meanwhile.
const oldest = time.Minute

// cameAt returns when a datagram came that was stamped by the clock on the wall.
func cameAt(stamp, now time.Time) time.Time {
	age := now.Round(0).Sub(stamp)
	if age < 0 || age > oldest {
		return now
	}
	return now.Add(-age)
}

// packetConn is any other socket of Options.ListenPacket's.
type packetConn struct{ net.PacketConn }

func (c packetConn) read(b []byte) (int, netip.AddrPort, time.Time, error) {
	n, from, err := c.ReadFrom(b)
	if err != nil {
		return n, netip.AddrPort{}, time.Time{}, err
	}
	at, _ := addrPort(from)
	return n, at, time.Now(), nil
}

func (c packetConn) write(b []byte, to netip.AddrPort) error {
	_, err := c.WriteTo(b, net.UDPAddrFromAddrPort(to))
	return err
}

func (c packetConn) buffer() int { return 0 }

// readUDP reads datagrams until the socket is closed. A passing fault of the system, such as ICMP's, does not end it.
func (t *transport) readUDP() {
	buf := make([]byte, maxMessage)
	for faults := 0; ; {
		n, from, came, err := t.udp.read(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			if faults++; faults > maxReadFaults {
				t.pause(readFaultPause)
			}
			continue
		}
		faults = 0
		switch {
		case !from.IsValid(): // nothing can be said to it
		case t.guard.admits(from.Addr(), came):
			t.datagram(buf[:n], from, came)
		default:
			t.count.barred.Add(1)
		}
	}
}

// datagram takes one.
func (t *transport) datagram(b []byte, from netip.AddrPort, came time.Time) {
	if len(bytes.Trim(b, "\r\n\x00")) == 0 {
		return // a keep-alive
	}
	t.message(b, &flow{t: t, to: from}, came)
}

// flow is a conn over UDP: an address that our one socket sends to.
type flow struct {
	t  *transport
	to netip.AddrPort
}

var _ conn = (*flow)(nil)

func (f *flow) network() string        { return networkUDP }
func (f *flow) remote() netip.AddrPort { return f.to }
func (f *flow) alive() bool            { return true }
func (f *flow) hold(int)               {}

func (f *flow) write(b []byte) error {
	if err := f.t.udp.write(b, f.to); err != nil {
		return fmt.Errorf("sip: UDP: %w", err)
	}
	return nil
}
