//go:build linux && (amd64 || arm64)

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batchSize   = 64
	packetRoom  = 2048
	controlRoom = 64 // bytes: IP_PKTINFO and a time stamp
	socketRoom  = 32 << 20
)

// mmsghdr is struct mmsghdr of the kernel.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// batch is what one system call reads or writes.
type batch struct {
	fd      int
	n       int
	msgs    [batchSize]mmsghdr
	iovs    [batchSize]unix.Iovec
	addrs   [batchSize]unix.RawSockaddrInet4
	control [batchSize][controlRoom / 8]uint64 // of whole words, for its alignment
	buf     [batchSize][packetRoom]byte
}

func newBatch(fd int) *batch {
	b := &batch{fd: fd}
	for i := range b.msgs {
		h := &b.msgs[i].hdr
		b.iovs[i].Base, h.Iov = &b.buf[i][0], &b.iovs[i]
		h.SetIovlen(1)
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&b.addrs[i])), unix.SizeofSockaddrInet4
		h.Control = (*byte)(unsafe.Pointer(&b.control[i][0]))
	}
	return b
}

// receive reads what has come, and returns how many datagrams that are: 0 if there are none.
func (b *batch) receive() (int, error) {
	for i := range b.msgs {
		b.iovs[i].SetLen(packetRoom)
		b.msgs[i].hdr.SetControllen(controlRoom)
		b.msgs[i].hdr.Namelen = unix.SizeofSockaddrInet4
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(b.fd), uintptr(unsafe.Pointer(&b.msgs[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EAGAIN, unix.EINTR, unix.ECONNREFUSED:
		return 0, nil
	default:
		return 0, fmt.Errorf("relay: %w", errno)
	}
}

// datagram returns one of those read, with the address it came to and the time at which the kernel had it, in nanoseconds since 1970.
func (b *batch) datagram(i int) (data []byte, to [4]byte, at int64) {
	control := b.bytes(i)[:min(b.msgs[i].hdr.Controllen, controlRoom)]
	for len(control) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
		body := control[unix.CmsgLen(0):]
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(body) >= unix.SizeofInet4Pktinfo:
			to = (*unix.Inet4Pktinfo)(unsafe.Pointer(&body[0])).Addr
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPNS && len(body) >= 16:
			at = (*unix.Timespec)(unsafe.Pointer(&body[0])).Nano()
		}
		control = control[min(max(unix.CmsgSpace(int(h.Len)-unix.CmsgLen(0)), unix.SizeofCmsghdr), len(control)):]
	}
	return b.buf[i][:b.msgs[i].n], to, at
}

// bytes is the room for control messages of datagram i.
func (b *batch) bytes(i int) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&b.control[i][0])), controlRoom)
}

// address says where the datagram that is added next goes, and from which of our addresses.
func (b *batch) address(from netip.Addr, to netip.AddrPort) {
	i := b.n
	sa := &b.addrs[i]
	sa.Family, sa.Addr = unix.AF_INET, to.Addr().As4()
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:], to.Port())
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b.control[i][0]))
	h.Level, h.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
	h.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
	b.msgs[i].hdr.SetControllen(unix.CmsgSpace(unix.SizeofInet4Pktinfo))
	*(*unix.Inet4Pktinfo)(unsafe.Pointer(&b.bytes(i)[unix.CmsgLen(0)])) = unix.Inet4Pktinfo{Spec_dst: from.As4()}
}

// send sends what was added. What the kernel refuses counts as sent: it is lost.
func (b *batch) send() {
	for sent := 0; sent < b.n; {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(b.fd), uintptr(unsafe.Pointer(&b.msgs[sent])), uintptr(b.n-sent), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == 0 && n > 0:
			sent += int(n)
		case errno == unix.EINTR:
		default:
			sent++
		}
	}
	b.n = 0
}

// openSocket opens a socket for a port of every address of the loopback interface, and of no other.
func openSocket(port uint16) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, fmt.Errorf("relay: %w", err)
	}
	room := func(forced, asked int) error {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, forced, socketRoom); err == nil {
			return nil
		}
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, asked, socketRoom)
	}
	for _, set := range []func() error{
		func() error { return unix.BindToDevice(fd, "lo") },
		func() error { return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1) },
		func() error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) },
		func() error {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
		},
		func() error { return room(unix.SO_RCVBUFFORCE, unix.SO_RCVBUF) },
		func() error { return room(unix.SO_SNDBUFFORCE, unix.SO_SNDBUF) },
		func() error { return unix.Bind(fd, &unix.SockaddrInet4{Port: int(port)}) },
	} {
		if err := set(); err != nil {
			_ = unix.Close(fd)
			return 0, fmt.Errorf("relay: %w", err)
		}
	}
	return fd, nil
}

// firstPort is below those that the system hands out, and below rtpengine's.
const firstPort, lastPort = 10_000, 29_000

// openPair opens a socket for RTP and, on the next port, one for RTCP that nobody reads, where there are two free ones from a port on.
func openPair(from uint16) (port uint16, rtp, rtcp int, err error) {
	for port = from &^ 1; port < lastPort; port += 2 {
		if rtp, err = openSocket(port); err == nil {
			if rtcp, err = openSocket(port + 1); err == nil {
				return port, rtp, rtcp, nil
			}
			_ = unix.Close(rtp)
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			break
		}
	}
	return 0, 0, 0, err
}
