//go:build linux && (amd64 || arm64) && !alexacall_portable

package engine

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls here are made without telling the scheduler (RawSyscall), for they never block: the sockets are non-blocking and
// the calls say MSG_DONTWAIT. An ordinary system call in a mostly idle process wakes the runtime's monitor thread each time, which
// cost a sixth of the processor.

// mmsghdr is struct mmsghdr of the kernel.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// batchIO is what the kernel is handed for a batch.
type batchIO struct {
	msgs  []mmsghdr
	iovs  []unix.Iovec
	addrs []unix.RawSockaddrInet6 // large enough for IPv4 too
	count int                     // messages of the last call
	errno syscall.Errno
	call  func(fd uintptr) bool // made once, so that a call does not allocate
}

func newBatchIO(size int) batchIO {
	return batchIO{msgs: make([]mmsghdr, size), iovs: make([]unix.Iovec, size), addrs: make([]unix.RawSockaddrInet6, size)}
}

// read waits for datagrams and returns how many there are.
func (b *inBatch) read(s *socket) (int, error) {
	if b.io.call == nil {
		b.prepare()
	}
	for {
		for i := range b.io.msgs {
			b.io.msgs[i].hdr.Namelen = unix.SizeofSockaddrInet6
		}
		if err := s.raw.Read(b.io.call); err != nil {
			return 0, err
		}
		if b.io.errno == 0 {
			break
		}
		if b.io.errno != unix.EINTR && b.io.errno != unix.ECONNREFUSED {
			return 0, b.io.errno
		}
	}
	for i := range b.io.count {
		b.data[i] = b.buf[i][:b.io.msgs[i].n:packetSize]
		if b.io.msgs[i].hdr.Flags&unix.MSG_TRUNC != 0 {
			b.data[i] = nil // longer than any packet of ours
		}
		b.from[i] = addrPort(&b.io.addrs[i])
	}
	return b.io.count, nil
}

func (b *inBatch) prepare() {
	for i := range b.io.msgs {
		b.io.iovs[i].Base = &b.buf[i][0]
		b.io.iovs[i].SetLen(packetSize)
		b.io.address(i)
	}
	b.io.call = func(fd uintptr) bool {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.io.msgs[0])),
			uintptr(len(b.io.msgs)), unix.MSG_DONTWAIT, 0, 0)
		b.io.count, b.io.errno = int(n), errno
		return errno != unix.EAGAIN
	}
}

// address points message i at its vector and its socket address.
func (io *batchIO) address(i int) {
	h := &io.msgs[i].hdr
	h.Iov = &io.iovs[i]
	h.SetIovlen(1)
	h.Name = (*byte)(unsafe.Pointer(&io.addrs[i]))
}

// send sends the batch, as many datagrams a call as the kernel takes.
func (o *outBatch) send() {
	if o.io.call == nil {
		for i := range o.io.msgs {
			o.io.address(i)
		}
		o.io.call = o.sendAll
	}
	for i := range o.n {
		o.io.iovs[i].Base = &o.data[i][0]
		o.io.iovs[i].SetLen(len(o.data[i]))
		o.io.msgs[i].hdr.Namelen = setAddr(&o.io.addrs[i], o.to[i])
	}
	_ = o.sock.raw.Write(o.io.call) // fails when the socket is closed
}

// sendAll runs under the socket's write lock. A full socket buffer and an unreachable peer lose the datagram, nothing else.
func (o *outBatch) sendAll(fd uintptr) bool {
	for sent := 0; sent < o.n; {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&o.io.msgs[sent])), uintptr(o.n-sent),
			unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == 0 && n > 0:
			sent += int(n)
		case errno == unix.EINTR:
		case errno == unix.EMSGSIZE && o.cut(fd, sent) == nil:
			sent++
		default:
			o.refused(sent)
			sent++
		}
	}
	return true
}

// cut sends message i in fragments.
func (o *outBatch) cut(fd uintptr, i int) error {
	return cut(fd, func() error {
		_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&o.io.msgs[i].hdr)), unix.MSG_DONTWAIT)
		if errno != 0 {
			return errno
		}
		return nil
	})
}

func addrPort(sa *unix.RawSockaddrInet6) netip.AddrPort {
	if sa.Family == unix.AF_INET {
		in4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(in4.Addr), ntohs(in4.Port))
	}
	return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), ntohs(sa.Port))
}

// setAddr writes an address as the kernel wants it and returns its length.
func setAddr(sa *unix.RawSockaddrInet6, to netip.AddrPort) uint32 {
	if to.Addr().Is4() {
		in4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		in4.Family, in4.Port, in4.Addr = unix.AF_INET, ntohs(to.Port()), to.Addr().As4()
		return unix.SizeofSockaddrInet4
	}
	*sa = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: ntohs(to.Port()), Addr: to.Addr().As16()}
	return unix.SizeofSockaddrInet6
}

// ntohs turns a port between the order of the network and that of the machine, either way.
func ntohs(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}
