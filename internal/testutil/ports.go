package testutil

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
	"testing"
)

// Ports that FreePort chooses from: below those that systems give out by themselves (from 32,768 on Linux, 49,152 elsewhere).
const (
	portsFrom, portsTo = 10_000, 32_000
	portsInRow         = 4
)

// FreePort returns a port of the loopback interface that nobody has for UDP or TCP, a multiple of four, with three such ports after it. It
// is for programs that cannot find a port and say which. Nobody else gets it by chance before the program takes it, as would happen
// with a port that the system has given out: that gives it out again.
// Until the test ends nobody is given the same by FreePort, in this process or another. It may be called by many goroutines at once.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := portsFrom + portsInRow*rand.IntN((portsTo-portsFrom)/portsInRow)
		if reserve(t, port) {
			return port
		}
	}
	t.Fatal("testutil: no free ports in a row")
	return 0
}

// reserve reports whether a row is free and not given out. It is given out then: a socket on another address of the loopback interface tells
// everybody so. Where there is no such address nobody is told.
func reserve(t testing.TB, first int) bool {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.2", strconv.Itoa(first)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return false
	}
	free := rowIsFree(first)
	switch {
	case err != nil:
	case free:
		t.Cleanup(func() { _ = l.Close() })
	default:
		_ = l.Close()
	}
	return free
}

func rowIsFree(first int) bool {
	for port := first; port < first+portsInRow; port++ {
		at := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
		u, errUDP := net.ListenUDP("udp", (*net.UDPAddr)(&at))
		l, errTCP := net.ListenTCP("tcp", &at)
		if errUDP == nil {
			_ = u.Close()
		}
		if errTCP == nil {
			_ = l.Close()
		}
		if errors.Join(errUDP, errTCP) != nil {
			return false
		}
	}
	return true
}
