package siptest

import (
	"fmt"
	"net"
	"net/netip"
)

// portTries is how many ports are tried for an even one with a free neighbour.
const portTries = 50

// openPorts returns a fresh pair of ports of ip, the even one for RTP (RFC 3550 section 11).
func openPorts(ip netip.Addr) (rtp, rtcp *net.UDPConn, err error) {
	for range portTries {
		rtp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
		if err != nil {
			return nil, nil, fmt.Errorf("siptest: %w", err)
		}
		at := portOf(rtp)
		if at.Port()%2 != 0 {
			_ = rtp.Close()
			continue
		}
		rtcp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, at.Port()+1)))
		if err != nil {
			_ = rtp.Close()
			continue
		}
		return rtp, rtcp, nil
	}
	return nil, nil, fmt.Errorf("siptest: no pair of RTP ports free on %s", ip)
}

// portOf returns where a socket receives.
func portOf(conn *net.UDPConn) netip.AddrPort {
	a := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
