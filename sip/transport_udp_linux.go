//go:build linux && (amd64 || arm64)

package sip

import (
	"encoding/binary"
	"net"
	"syscall"
	"time"
)

// stampRoom is as long as the control message that has the time at which a datagram came: struct cmsghdr and struct timespec.
const stampRoom = syscall.SizeofCmsghdr + 16

// stamp has the system tell when each datagram came.
func stamp(c *net.UDPConn) bool {
	return control(c, func(fd int) error { return syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TIMESTAMPNS, 1) }) == nil
}

// stampOf reads what the system tells.
func stampOf(oob []byte) (time.Time, bool) {
	order := binary.NativeEndian
	if len(oob) < stampRoom || order.Uint32(oob[8:]) != syscall.SOL_SOCKET || order.Uint32(oob[12:]) != syscall.SO_TIMESTAMPNS {
		return time.Time{}, false
	}
	return time.Unix(int64(order.Uint64(oob[16:])), int64(order.Uint64(oob[24:]))), true
}

// readBuffer returns how many bytes the system keeps of what has not been read; 0 if it does not say.
func readBuffer(c *net.UDPConn) (n int) {
	err := control(c, func(fd int) (err error) {
		n, err = syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF)
		return err
	})
	if err != nil {
		return 0
	}
	return n / 2 // Linux doubles what it was asked for, for what it keeps of each message besides
}

func control(c *net.UDPConn, f func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = f(int(fd)) })
	if err == nil {
		err = failed
	}
	return err
}
