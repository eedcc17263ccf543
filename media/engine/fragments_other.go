//go:build !linux

package engine

import (
	"net/netip"
	"syscall"
)

// whole does nothing: the system cuts what is too long for its path.
func (s *socket) whole() error { return nil }

func (s *socket) writeCut([]byte, netip.AddrPort) error { return syscall.EMSGSIZE }
