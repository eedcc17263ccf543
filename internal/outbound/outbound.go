// Package outbound is for requests to servers of others: it keeps connections to where a stranger's URL points off the networks that only
// we can reach, and tokens from where nobody has sent them.
//
// # Usage
//
// [Control] goes into a [net.Dialer]. It is asked after the name has been resolved, about the very address that is about to be connected
// to, so that a name that resolves to another address the second time gains nothing.
//
// A client of an API with tokens takes the address of the API through [BaseURL] and its http.Client through [NoRedirects].
package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ErrNotPublic is in the chain of the error of a connection that Control has refused.
var ErrNotPublic = errors.New("outbound: not a public address")

// Control is for net.Dialer.Control: it refuses every address that is not Public.
func Control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !Public(a.Addr()) {
		return fmt.Errorf("%w: %s", ErrNotPublic, address)
	}
	return nil
}

// Public reports whether an address is one of the Internet's: global unicast, and of no block that the registries of special-purpose
// addresses (RFC 6890) have. Of an IPv6 address that stands for an IPv4 one (mapped, or NAT64's 64:ff9b::/96), that one decides.
func Public(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if a.Is4() {
		return !within(a, block4Table[:])
	}
	if nat64Table.Contains(a) {
		b := a.As16()
		return Public(netip.AddrFrom4([4]byte(b[12:])))
	}
	return global6Table.Contains(a) && !within(a, block6Table[:])
}

func within(a netip.Addr, blocks []netip.Prefix) bool {
	for _, p := range blocks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
