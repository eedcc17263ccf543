package engine

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

const (
	batchSize  = 64      // datagrams read or written by one system call
	packetSize = 2048    // bytes of a receive buffer: more than any path we use carries
	socketRoom = 4 << 20 // bytes asked for each socket buffer; the kernel may give less
	pairBatch  = 4       // of a pair of ports that one call has for itself
	pairRoom   = 1 << 18 // likewise
)

// socket is one bound UDP socket. read and flush belong to its reader goroutine, writeTo to everybody.
type socket struct {
	conn *net.UDPConn
	raw  syscall.RawConn
	addr netip.AddrPort // as bound
	odd  bool           // it is one call's alone
	free datagrams      // that nobody sends now
}

// listenPair binds a UDP socket for RTP and, on the next port, one for RTCP (RFC 3550 section 11). For port 0 it finds a free pair.
func listenPair(addr netip.AddrPort, room int) (rtp, rtcp *socket, err error) {
	const tries = 64
	for range tries {
		rtp, err = listenSocket(addr, room)
		if err != nil {
			return nil, nil, err
		}
		if port := rtp.addr.Port(); port%2 == 0 || addr.Port() != 0 {
			rtcp, err = listenSocket(netip.AddrPortFrom(addr.Addr(), port+1), room)
			if err == nil {
				return rtp, rtcp, nil
			}
		}
		_ = rtp.conn.Close()
		if addr.Port() != 0 {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("engine: no free pair of ports at %s: %w", addr.Addr(), err)
}

func listenSocket(addr netip.AddrPort, room int) (*socket, error) {
	network := "udp4"
	if addr.Addr().Is6() {
		network = "udp6"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	_ = conn.SetReadBuffer(room)
	_ = conn.SetWriteBuffer(room)
	raw, err := conn.SyscallConn()
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("engine: %w", err)
	}
	bound := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	s := &socket{conn: conn, raw: raw, addr: netip.AddrPortFrom(bound.Addr().Unmap(), bound.Port())}
	_ = s.whole() // it only costs more without
	if room == socketRoom {
		s.grow(room)
	}
	return s, nil
}
