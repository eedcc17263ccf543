//go:build linux && (amd64 || arm64)

package engine

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// memInfoDrops is the index of the drops in what SO_MEMINFO returns (SK_MEMINFO_DROPS of linux/sock_diag.h), and memInfoVars how many
// numbers there are.
const (
	memInfoDrops = 8
	memInfoVars  = 9
)

// grow asks for a receive buffer beyond what the system grants everybody, as a privileged program may.
func (s *socket) grow(size int) {
	_ = s.raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) })
}

// readBuffer returns the size of the receive buffer as it was granted. The kernel says twice that: it counts what it needs for itself.
func (s *socket) readBuffer() int {
	size := 0
	_ = s.raw.Control(func(fd uintptr) {
		if n, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil {
			size = n / 2
		}
	})
	return size
}

// drops returns how many datagrams the kernel has had no room for. It counts them by itself: asking costs a system call and is not for
// the packet path.
func (s *socket) drops() uint64 {
	var info [memInfoVars]uint32
	_ = s.raw.Control(func(fd uintptr) {
		size := uint32(unsafe.Sizeof(info))
		_, _, _ = unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info[0])), uintptr(unsafe.Pointer(&size)), 0)
	})
	return uint64(info[memInfoDrops])
}
