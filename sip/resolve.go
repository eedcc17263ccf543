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
	ctx, cancel := context.WithTimeout(ctx, resolveFor+dialFor)
	defer cancel()
	at, err := a.locate(ctx, u, network)
	if err != nil {
		return nil, err
	}
	return a.transport.connect(ctx, network, at)
}

// networkOf returns the transport for a URI.
func (a *Agent) networkOf(u *sipmsg.Uri, fallback string) (string, error) {
	if u.Scheme != "sip" {
		return "", errTransport
	}
	network := fallback
	for _, p := range u.UriParams {
		if strings.EqualFold(p.K, "transport") {
			network = strings.ToUpper(p.V)
		}
	}
	if network != networkUDP && network != networkTCP {
		return "", errTransport
	}
	return network, nil
}

// locate returns the address of a URI's host: of the one it spells, of the first SRV record if it has no port, or of its name.
func (a *Agent) locate(ctx context.Context, u *sipmsg.Uri, network string) (netip.AddrPort, error) {
	host, port := trimBrackets(u.Host), u.Port
	if at, err := netip.ParseAddr(host); err == nil {
		if port == 0 {
			port = defaultPort
		}
		return netip.AddrPortFrom(at.Unmap(), uint16(port)), nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveFor)
	defer cancel()
	if port == 0 {
		port = defaultPort
		_, records, err := net.DefaultResolver.LookupSRV(ctx, "sip", strings.ToLower(network), host)
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

func trimBrackets(host string) string {
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}
