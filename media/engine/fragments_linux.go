package engine

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// The kernel numbers an IPv4 datagram, so that its fragments can be told from others', unless it may not be cut (IP_PMTUDISC_DO). Finding a
// number is a twentieth of what a packet costs, so our sockets ask for datagrams that may not be cut; one that is too long for its path is
// then refused, and goes out in fragments after all.

// whole asks for datagrams that are not cut. Those of IPv6 have no number.
func (s *socket) whole() error {
	if !s.addr.Addr().Is4() {
		return nil
	}
	var err error
	if e := s.raw.Control(func(fd uintptr) { err = discover(fd, unix.IP_PMTUDISC_DO) }); e != nil {
		return e
	}
	return err
}

func discover(fd uintptr, how int) error {
	return unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, how)
}

// cut has send send a datagram in fragments. The socket's write lock is held, so nobody else's is cut.
func cut(fd uintptr, send func() error) error {
	if err := discover(fd, unix.IP_PMTUDISC_DONT); err != nil {
		return err
	}
	err := send()
	if back := discover(fd, unix.IP_PMTUDISC_DO); err == nil {
		err = back
	}
	return err
}

// writeCut sends a datagram that is too long for its path.
func (s *socket) writeCut(b []byte, to netip.AddrPort) error {
	if !to.Addr().Is4() {
		return syscall.EMSGSIZE
	}
	var err error
	if e := s.raw.Write(func(fd uintptr) bool {
		err = cut(fd, func() error {
			return unix.Sendto(int(fd), b, unix.MSG_DONTWAIT, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
		})
		return true
	}); e != nil {
		return e
	}
	return err
}
