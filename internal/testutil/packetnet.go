package testutil

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

const (
	packetQueue    = 1024   // packets that wait at one connection before further ones are dropped
	maxPacketBytes = 65_507 // of one datagram, as UDP over IPv4 has it
	firstPort      = 49_152 // of the ports given for port 0 (RFC 6335 section 6)
	lastPort       = 65_535
)

// PacketNet is a packet network in memory. Its connections behave as UDP sockets do, but need no
// system, so that they work under the fake time of testing/synctest. Delivery is immediate and in
// order; a packet for an address where nobody listens, or whose queue of 1024 packets is full, is
// dropped and counted.
type PacketNet struct {
	mu      sync.Mutex
	conns   map[netip.AddrPort]*packetConn
	dropped atomic.Uint64
}

// NewPacketNet returns an empty network.
func NewPacketNet() *PacketNet {
	return &PacketNet{conns: make(map[netip.AddrPort]*packetConn)}
}

// PacketPipe returns two connections on a network of their own, at 192.0.2.1:5060 and 192.0.2.2:5060.
// The test closes them at its end.
func PacketPipe(t testing.TB) (a, b net.PacketConn) {
	t.Helper()
	n := NewPacketNet()
	return n.Listen(t, "192.0.2.1:5060"), n.Listen(t, "192.0.2.2:5060")
}

// Listen is [PacketNet.ListenPacket] for a test: it fails the test where that returns an error, and
// closes the connection at the test's end. In a synctest bubble call it with the bubble's t.
func (n *PacketNet) Listen(t testing.TB, addr string) net.PacketConn {
	t.Helper()
	c, err := n.ListenPacket("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// ListenPacket returns a connection at addr, an IP address and port. A missing or unspecified IP address
// stands for 127.0.0.1 (or ::1), port 0 for a free port. The network is "udp", "udp4" or "udp6"; the
// signature is that of [net.ListenPacket]. The connection's addresses are all *net.UDPAddr, and it
// also has ReadFromUDPAddrPort and WriteToUDPAddrPort. It may be used in a synctest bubble only where
// ListenPacket was called in that bubble.
func (n *PacketNet) ListenPacket(network, addr string) (net.PacketConn, error) {
	at, err := parseListen(network, addr)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if at.Port() == 0 {
		at, err = n.freePort(at.Addr())
	} else if n.conns[at] != nil {
		err = syscall.EADDRINUSE
	}
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: net.UDPAddrFromAddrPort(at), Err: err}
	}
	c := &packetConn{
		net:     n,
		local:   at,
		queue:   make(chan datagram, packetQueue),
		closed:  make(chan struct{}),
		readBy:  makeDeadline(),
		writeBy: makeDeadline(),
	}
	n.conns[at] = c
	return c, nil
}

// Dropped returns how many packets reached nobody.
func (n *PacketNet) Dropped() uint64 { return n.dropped.Load() }

// freePort returns ip with the lowest free port of the dynamic range. The caller holds n.mu.
func (n *PacketNet) freePort(ip netip.Addr) (netip.AddrPort, error) {
	for port := firstPort; port <= lastPort; port++ {
		at := netip.AddrPortFrom(ip, uint16(port))
		if n.conns[at] == nil {
			return at, nil
		}
	}
	return netip.AddrPortFrom(ip, 0), errors.New("no free port")
}

// send delivers a packet, or drops it.
func (n *PacketNet) send(d datagram, to netip.AddrPort) {
	n.mu.Lock()
	c := n.conns[to]
	n.mu.Unlock()
	if c == nil || !c.deliver(d) {
		n.dropped.Add(1)
	}
}

func (n *PacketNet) remove(c *packetConn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, c.local)
}

// parseListen reads an address to listen at; the result has an IP address that others can send to.
func parseListen(network, addr string) (netip.AddrPort, error) {
	home := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	switch network {
	case "udp", "udp4":
	case "udp6":
		home = netip.IPv6Loopback()
	default:
		return netip.AddrPort{}, net.UnknownNetworkError(network)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address %q: %w", addr, err)
	}
	if host == "" {
		host = home.String()
	}
	at, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		return netip.AddrPort{}, err
	}
	ip := at.Addr().Unmap()
	switch {
	case network == "udp4" && !ip.Is4(), network == "udp6" && !ip.Is6():
		return netip.AddrPort{}, fmt.Errorf("address %q is not of network %s", addr, network)
	case ip.IsUnspecified() && ip.Is6():
		ip = netip.IPv6Loopback()
	case ip.IsUnspecified():
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.AddrPortFrom(ip, at.Port()), nil
}
