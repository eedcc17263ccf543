package engine

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/alexacall/alexacall/media"
)

var (
	errNoRelay  = errors.New("engine: the policy wants relays and there is none now")
	errRelayICE = errors.New("engine: a policy that wants relays needs ICE")
)

// relayLate is how long an agent's checks by relays are held back, so that a direct path that works is found first: pion/ice takes the
// first one that it finds.
const relayLate = 300 * time.Millisecond

// Preferences of the types of candidates (RFC 8445 section 5.1.2.2).
const (
	preferHost  = 126
	preferSrflx = 100
	preferRelay = 0
)

// rebase has the agent gather next for the bases that there are now, and puts their candidates into l.
func (a *agent) rebase(l *media.Local) error {
	t, home := a.t, a.t.transport.shard()
	var bases []listening
	late := time.Duration(0)
	if !t.policy.RelayOnly {
		bases = append(bases, listening{addr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(t.engine.local, home.rtp.addr.Port())), at: home})
		late = relayLate
	}
	for _, r := range t.engine.gather.up() {
		if t.policy.Lite {
			break // it has host candidates alone (RFC 8445 section 5.2)
		}
		bases = append(bases, listening{addr: net.UDPAddrFromAddrPort(r.addr), at: r, late: late})
	}
	if len(bases) == 0 {
		return errNoRelay
	}
	a.mux.use(bases)
	a.describe(bases, l)
	return nil
}

// describe puts candidates into l, preferred first and relays last. With relays alone nothing else there is an address of ours.
func (a *agent) describe(bases []listening, l *media.Local) {
	home := a.t.transport.shard()
	l.Candidates = nil
	if !a.t.policy.RelayOnly {
		l.Candidates = append(home.candidates(), a.t.engine.tcp.candidates(a.t.policy.Lite)...)
	}
	n := 0
	for i := range bases {
		r, ok := bases[i].at.(*relay)
		if !ok {
			continue
		}
		related := r.client.mapped
		if a.t.policy.RelayOnly {
			related = unnamed(r.addr.Addr())
		}
		if n == 0 && a.t.policy.RelayOnly {
			l.Addr, l.Port, l.RTCPPort = r.addr.Addr().String(), r.addr.Port(), r.addr.Port()
		}
		l.Candidates = append(l.Candidates, candidate(preferRelay, n, r.addr, "relay", related))
		n++
	}
}

// candidates returns the values of a=candidate for the addresses of the shard: where it listens, where that differs what the far sides
// see, and what STUN servers see.
func (s *shard) candidates() []string {
	e, port := s.engine, s.rtp.addr.Port()
	known := []netip.AddrPort{netip.AddrPortFrom(e.local, port)}
	if bound := s.rtp.addr; bound.Addr() != e.local && !bound.Addr().IsUnspecified() {
		known = append(known, bound)
	}
	var list []string
	for i, a := range known {
		list = append(list, candidate(preferHost, i, a, "host", netip.AddrPort{}))
	}
	for i, a := range e.gather.mapped(s) {
		if !slices.Contains(known, a) {
			list = append(list, candidate(preferSrflx, i, a, "srflx", known[0]))
		}
	}
	return list
}

// unnamed stands for an address that is not told (RFC 8839 section 5.1).
func unnamed(like netip.Addr) netip.AddrPort {
	if like.Is6() {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
}

// candidate writes one of the first component (RFC 8839 section 5.1); n counts down its local preference (RFC 8445 section 5.1.2.1).
// The foundation is another for each.
func candidate(prefer, n int, a netip.AddrPort, kind string, related netip.AddrPort) string {
	text := fmt.Sprintf("%d 1 udp %d %s %d typ %s", (preferHost-prefer)*100+n+1, prefer<<24|(65535-n)<<8|255, a.Addr(), a.Port(), kind)
	if related.IsValid() {
		text += fmt.Sprintf(" raddr %s rport %d", related.Addr(), related.Port())
	}
	return text
}
