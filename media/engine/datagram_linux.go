//go:build linux && (amd64 || arm64) && !alexacall_portable

package engine

import (
	"net/netip"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// datagram is what the kernel is handed for one that goes out by itself, from any goroutine. As in a batch, the system call is made without
// telling the scheduler: it never blocks.
type datagram struct {
	b     []byte
	addr  unix.RawSockaddrInet6 // large enough for IPv4 too
	size  uint32                // of addr
	errno syscall.Errno
	call  func(fd uintptr) bool // made once, so that a call does not allocate
}

// datagrams are those that nobody sends now.
type datagrams struct{ pool sync.Pool }

func (d *datagrams) get() *datagram {
	if one, ok := d.pool.Get().(*datagram); ok {
		return one
	}
	one := new(datagram)
	one.call = one.send
	return one
}

// writeTo sends one datagram. It does not block: what the kernel has no room for is lost, as on any network.
func (s *socket) writeTo(b []byte, to netip.AddrPort) error {
	d := s.free.get()
	defer s.free.pool.Put(d)
	d.b, d.size = b, setAddr(&d.addr, to)
	err := s.raw.Write(d.call)
	d.b = nil
	switch {
	case err != nil:
		return err // the socket is closed
	case d.errno == unix.EMSGSIZE:
		return s.writeCut(b, to)
	case d.errno != 0:
		return d.errno
	}
	return nil
}

// send runs under the socket's write lock.
func (d *datagram) send(fd uintptr) bool {
	for {
		_, _, d.errno = unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(d.b))), uintptr(len(d.b)),
			unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&d.addr)), uintptr(d.size))
		if d.errno != unix.EINTR {
			return true
		}
	}
}
