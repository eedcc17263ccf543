package sip

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// datagrams is the socket of UDP: a *net.UDPConn, whose calls with a netip.AddrPort allocate nothing.
type datagrams interface {
	ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
	Close() error
}

// packetConn makes datagrams of any other socket of Options.ListenPacket's.
type packetConn struct{ net.PacketConn }

func (c packetConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := c.ReadFrom(b)
	if err != nil {
		return n, netip.AddrPort{}, err
	}
	at, _ := addrPort(from)
	return n, at, nil
}

func (c packetConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return c.WriteTo(b, net.UDPAddrFromAddrPort(to))
}

func datagramsOf(c net.PacketConn) datagrams {
	if u, ok := c.(*net.UDPConn); ok {
		return u
	}
	return packetConn{c}
}

// readUDP reads datagrams until the socket is closed. A passing fault of the system, such as ICMP's, does not end it.
func (t *transport) readUDP() {
	buf := make([]byte, maxMessage)
	for faults := 0; ; {
		n, from, err := t.udp.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			if faults++; faults > maxReadFaults {
				t.pause(readFaultPause)
			}
			continue
		}
		faults, from = 0, unmap(from)
		if t.guard.admits(from.Addr(), time.Now()) {
			t.datagram(buf[:n], from)
		} else {
			t.count.barred.Add(1)
		}
	}
}

// datagram takes one.
func (t *transport) datagram(b []byte, from netip.AddrPort) {
	if len(bytes.Trim(b, "\r\n\x00")) == 0 {
		return // a keep-alive
	}
	t.message(b, &flow{t: t, to: from})
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
	if _, err := f.t.udp.WriteToUDPAddrPort(b, f.to); err != nil {
		return fmt.Errorf("sip: UDP: %w", err)
	}
	return nil
}
