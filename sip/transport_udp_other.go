//go:build !(linux && (amd64 || arm64))

package sip

import (
	"net"
	"time"
)

// stampRoom is 0: the system is not asked when a datagram came.
const stampRoom = 0

func stamp(*net.UDPConn) bool { return false }

func stampOf([]byte) (time.Time, bool) { return time.Time{}, false }

func readBuffer(*net.UDPConn) int { return 0 }
