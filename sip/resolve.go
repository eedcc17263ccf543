package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// resolveFor is how long looking up a name may take.
const resolveFor = 4 * time.Second

var errTransport = errors.New("sip: a transport that is not spoken")

// reach returns a way to who a URI names (RFC 3263, without NAPTR: the standard library's resolver has none). fallback is the transport
// where the URI does not say.
func (a *Agent) reach(ctx context.Context, u *sipmsg.Uri, fallback string) (conn, error) {
	network, err := a.networkOf(u, fallback)
	if err != nil {
		return nil, err
	}
	if at, err := literal(u, network); err == nil && network == networkUDP {
		return a.transport.connect(ctx, keyOf(network, at, u.Host)) // which waits for nothing
	}
	ctx, cancel := context.WithTimeout(ctx, resolveFor+dialFor)
	defer cancel()
	at, err := a.locate(ctx, u, network)
	if err != nil {
		return nil, err
	}
	return a.transport.connect(ctx, keyOf(network, at, u.Host))
}

// keyOf returns the key of a connection to a host at an address.
func keyOf(network string, at netip.AddrPort, host string) wayKey {
	key := wayKey{network: network, to: at}
	if network == networkTLS {
		key.name = strings.ToLower(trimBrackets(host))
	}
	return key
}

// networkOf returns the transport for a URI. That of a sips URI is TLS, whatever it names besides (RFC 3261 section 26.2.2); UDP it
// cannot be.
func (a *Agent) networkOf(u *sipmsg.Uri, fallback string) (string, error) {
	network := ""
	for _, p := range u.UriParams {
		if strings.EqualFold(p.K, "transport") {
			network = strings.ToUpper(p.V)
		}
	}
	switch {
	case u.Scheme == "sips" && (network == "" || network == networkTCP):
		network = networkTLS
	case u.Scheme == "sips" && network != networkTLS:
		return "", errTransport
	case network == "":
		network = fallback
	}
	if u.Scheme != "sip" && u.Scheme != "sips" || network != networkUDP && network != networkTCP && network != networkTLS {
		return "", errTransport
	}
	return network, nil
}

// literal returns the address that a URI's host spells.
func literal(u *sipmsg.Uri, network string) (netip.AddrPort, error) {
	at, err := netip.ParseAddr(trimBrackets(u.Host))
	port := u.Port
	if port == 0 {
		port = defaultPortOf(network)
	}
	return netip.AddrPortFrom(at.Unmap(), uint16(port)), err
}

// locate returns the address of a URI's host: of the one it spells, of the first SRV record if it has no port, or of its name.
func (a *Agent) locate(ctx context.Context, u *sipmsg.Uri, network string) (netip.AddrPort, error) {
	if at, err := literal(u, network); err == nil {
		return at, nil
	}
	host, port := u.Host, u.Port
	ctx, cancel := context.WithTimeout(ctx, resolveFor)
	defer cancel()
	if port == 0 {
		port = defaultPortOf(network)
		service, proto := serviceOf(network)
		_, records, err := net.DefaultResolver.LookupSRV(ctx, service, proto, host)
		if err == nil && len(records) > 0 {
			host, port = records[0].Target, int(records[0].Port)
		}
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("sip: %w", err)
	}
	best := addrs[0].Unmap()
	for _, at := range addrs {
		if at = at.Unmap(); at.Is4() == a.o.v4 {
			best = at
			break
		}
	}
	return netip.AddrPortFrom(best, uint16(port)), nil
}

// serviceOf returns what the SRV records of a transport are named by (RFC 3263 section 4.1).
func serviceOf(network string) (service, proto string) {
	if network == networkTLS {
		return "sips", "tcp"
	}
	return "sip", strings.ToLower(network)
}

func trimBrackets(host string) string {
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}
