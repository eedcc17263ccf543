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

// maxTargets is how many of a host's addresses are tried.
const maxTargets = 8

// A Resolver looks up names; *net.Resolver is one. Its methods are called by several goroutines at once.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, records []*net.SRV, err error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

var errTransport = errors.New("sip: a transport that is not spoken")

// route returns the ways to who a URI names (RFC 3263, without NAPTR: the standard library's resolver has none). fallback is the transport
// where the URI does not say.
func (a *Agent) route(ctx context.Context, u *sipmsg.Uri, fallback string) (*route, error) {
	network, err := a.networkOf(u, fallback)
	if err != nil {
		return nil, err
	}
	if at, err := literal(u, network); err == nil {
		return &route{transport: a.transport, left: []wayKey{keyOf(network, at, u.Host)}}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveFor)
	defer cancel()
	keys, err := a.locate(ctx, u, network)
	if err != nil {
		return nil, err
	}
	return &route{transport: a.transport, left: a.transport.shunned.last(keys, time.Now())}, nil
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
	return netip.AddrPortFrom(at.Unmap(), portOr(u.Port, network)), err
}

// locate returns where the host of a URI is: at the addresses of its SRV records if it has no port (RFC 3263 section 4.2), else at those of its
// name. The best comes first.
func (a *Agent) locate(ctx context.Context, u *sipmsg.Uri, network string) ([]wayKey, error) {
	if u.Port == 0 {
		if keys := a.services(ctx, u, network); len(keys) > 0 {
			return keys, nil
		}
	}
	return a.addresses(ctx, u.Host, portOr(u.Port, network), network, u.Host)
}

// services returns where the SRV records of a URI's host lead. Where it names no transport, the one that we prefer is looked for first.
func (a *Agent) services(ctx context.Context, u *sipmsg.Uri, network string) []wayKey {
	networks := []string{network}
	if u.Scheme == "sip" && !saysTransport(*u) {
		for _, other := range [...]string{networkUDP, networkTCP} {
			if other != network && a.transport.speaks(other) {
				networks = append(networks, other)
			}
		}
	}
	var keys []wayKey
	for _, network := range networks {
		service, proto := serviceOf(network)
		_, records, err := a.o.Resolver.LookupSRV(ctx, service, proto, u.Host)
		if err != nil {
			continue
		}
		for _, r := range records { // by priority, and by chance and weight within one
			if r.Target == "." || len(keys) >= maxTargets {
				continue // RFC 2782: there is none
			}
			found, err := a.addresses(ctx, r.Target, r.Port, network, u.Host)
			if err == nil {
				keys = append(keys, found...)
			}
		}
	}
	return keys[:min(len(keys), maxTargets)]
}

// addresses returns where a name leads: to addresses of the family that we have ourselves, if there are any. far is the host that was dialled.
func (a *Agent) addresses(ctx context.Context, name string, port uint16, network, far string) ([]wayKey, error) {
	addrs, err := a.o.Resolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, fmt.Errorf("sip: %w", err)
	}
	var ours, others []wayKey
	for _, at := range addrs {
		at = at.Unmap()
		key := keyOf(network, netip.AddrPortFrom(at, port), far)
		if at.Is4() == a.o.v4 {
			ours = append(ours, key)
		} else {
			others = append(others, key)
		}
	}
	if len(ours) == 0 {
		ours = others
	}
	if len(ours) == 0 {
		return nil, fmt.Errorf("sip: %w", errNoAddress)
	}
	return ours[:min(len(ours), maxTargets)], nil
}

func portOr(port int, network string) uint16 {
	if port <= 0 || port > 65535 {
		port = defaultPortOf(network)
	}
	return uint16(port)
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
