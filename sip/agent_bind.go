package sip

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// bindTries is for a port that is free for everything that is served there.
const bindTries = 20

// bind opens the sockets.
func (a *Agent) bind(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("sip: %w", err)
	}
	tries := 1
	if port == "0" && (a.o.Network == "" || a.o.TLSAddr == "") {
		tries = bindTries
	}
	for {
		err := a.tryBind(host, port)
		if tries--; err == nil {
			return nil
		}
		t := a.transport
		t.closeSockets()
		t.udp, t.tcp, t.tls = nil, nil, nil
		if tries <= 0 {
			return fmt.Errorf("sip: %w", err)
		}
	}
}

// udpBuffer is how many bytes the system is asked to keep of what has not been read yet. It counts far more than a message's own size for
// each: what is usual holds some hundred, and loses calls in a burst or while memory is collected.
const udpBuffer = 4 << 20

func (a *Agent) tryBind(host, port string) error {
	t := a.transport
	if a.o.Network == "" || a.o.Network == "udp" {
		c, err := a.o.ListenPacket("udp", net.JoinHostPort(host, port))
		if err != nil {
			return err
		}
		if c, ok := c.(interface{ SetReadBuffer(bytes int) error }); ok {
			_ = c.SetReadBuffer(udpBuffer) // the system may give less
		}
		t.udp = datagramsOf(c)
		a.addr, _ = addrPort(c.LocalAddr())
		_, port, _ = net.SplitHostPort(c.LocalAddr().String())
	}
	if a.o.Network == "" || a.o.Network == "tcp" {
		l, err := a.o.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			return err
		}
		t.tcp = l
		a.addr, _ = addrPort(l.Addr())
	}
	return a.bindTLS(net.JoinHostPort(host, port))
}

// bindTLS opens the socket of TLS. Where nothing shows who we are there is none: TLS then is for calls that we place.
func (a *Agent) bindTLS(addr string) error {
	switch {
	case a.o.TLS == nil:
		return nil
	case a.o.TLSAddr != "":
		addr = a.o.TLSAddr
	case a.o.Network != "tls":
		next, err := nextPort(a.addr)
		if err != nil {
			return err
		}
		addr = next.String()
	}
	if !serves(a.o.TLS) {
		if a.o.TLSAddr != "" || a.o.Network == "tls" {
			return errNoCertificate
		}
		a.tlsAddr, _ = netip.ParseAddrPort(addr)
		return nil
	}
	l, err := a.o.Listen("tcp", addr)
	if err != nil {
		return err
	}
	a.transport.tls = l
	a.tlsAddr, _ = addrPort(l.Addr())
	if a.o.Network == "tls" {
		a.addr = a.tlsAddr
	}
	return nil
}

// nextPort returns the port after one, as 5061 follows 5060.
func nextPort(at netip.AddrPort) (netip.AddrPort, error) {
	if at.Port() == 1<<16-1 {
		return at, fmt.Errorf("no port for TLS after %s", strconv.Itoa(int(at.Port())))
	}
	return netip.AddrPortFrom(at.Addr(), at.Port()+1), nil
}

// Addr returns the address that the agent listens on with UDP and TCP, or with TLS if that is all it speaks.
func (a *Agent) Addr() netip.AddrPort { return a.addr }

// TLSAddr returns the address that the agent listens on with TLS; the zero value if it does not.
func (a *Agent) TLSAddr() netip.AddrPort {
	if !serves(a.o.TLS) {
		return netip.AddrPort{}
	}
	return a.tlsAddr
}
