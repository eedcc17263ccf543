package engine

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/alexacall/alexacall/media"
)

// makeRoom gives the call a pair of ports of its own where the far side's offer names an address that is another call's too: on one
// port of ours the two would have one 5-tuple, on which handshakes cannot be told apart at all, and media not always. An ICE agent
// stays where it was made, and so does an association of DTLS (RFC 8842 section 4). t.mu is held.
func (t *terminal) makeRoom(offer media.Description, want media.Plan) error {
	home := t.transport.shard()
	if t.closed || t.engine.ports == nil || home.rtp.odd {
		return nil
	}
	neg, _, err := t.neg.Answer(t.policy, t.local(), want, offer)
	if err != nil {
		return err
	}
	if err := t.check(neg); err != nil {
		return err
	}
	begun := t.ice != nil || t.dtls != nil && len(t.neg.Sections()) > 0
	if home.name(t, t.farAddrs(neg), begun) || begun {
		return nil
	}
	pair, err := t.engine.openPair()
	if err != nil {
		return err
	}
	t.move(pair)
	return nil
}

// farAddrs returns the addresses that a description of the far side's names.
func (t *terminal) farAddrs(neg media.Negotiation) []netip.AddrPort {
	var all []netip.AddrPort
	for _, s := range neg.Sections() {
		if !t.policy.ICE {
			all = append(all, s.Transport.Addr)
			continue
		}
		for _, text := range s.Transport.Candidates {
			if a, ok := candidateAddr(text); ok {
				all = append(all, a)
			}
		}
	}
	slices.SortFunc(all, netip.AddrPort.Compare)
	return slices.DeleteFunc(slices.Compact(all), func(a netip.AddrPort) bool { return !a.IsValid() })
}

// candidateAddr returns the address of a candidate that RTP may come from (RFC 8839 section 5.1): UDP, of the first component.
func candidateAddr(text string) (netip.AddrPort, bool) {
	f := strings.Fields(text)
	if len(f) < 6 || f[1] != "1" || !strings.EqualFold(f[2], "udp") {
		return netip.AddrPort{}, false
	}
	ip, err := netip.ParseAddr(f[4])
	port, errPort := strconv.ParseUint(f[5], 10, 16)
	if err != nil || errPort != nil {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(port)), true
}

// name notes the addresses that the far side's description names, in place of those of the one before, and reports whether no other
// call's far side has named or uses any of them. If one has, nothing is noted, unless the call is to stay all the same.
func (s *shard) name(t *terminal, addrs []netip.AddrPort, stays bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	free := !slices.ContainsFunc(addrs, func(a netip.AddrPort) bool {
		owner := s.remotes.of(a)
		return s.named[a] > 0 && !slices.Contains(t.named, a) ||
			owner != nil && !owner.holds(t) && owner.uses(a) && !owner.yields(a, t)
	})
	if free || stays {
		s.unname(t)
		for _, a := range addrs {
			s.named[a]++
		}
		t.named = addrs
	}
	return free
}

// unname takes back what name has noted. s.mu is held.
func (s *shard) unname(t *terminal) {
	for _, a := range t.named {
		if s.named[a]--; s.named[a] == 0 {
			delete(s.named, a)
		}
	}
	t.named = nil
}

// part forgets all of a terminal.
func (s *shard) part(t *terminal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unname(t)
	s.drop(t.transport)
	if t.second != nil {
		s.drop(t.second)
	}
}

// move lets the call go on at other ports, which the next description names. What comes to the old ones from then on is nobody's.
func (t *terminal) move(to *shard) {
	from := t.transport.shard()
	from.mu.Lock()
	from.unname(t)
	t.transport.move(from, to)
	if t.second != nil {
		t.second.move(from, to)
	}
	from.mu.Unlock()
	if t.secret != nil {
		t.secret.Port, t.secret.RTCPPort = to.rtp.addr.Port(), to.rtcp.addr.Port()
	}
	t.engine.leave(from)
}

// move takes a transport from one shard to another, with the addresses that it sends to. The lock of the first is held; the second is
// a pair that nobody else has yet.
func (tr *transport) move(from, to *shard) {
	to.mu.Lock()
	defer to.mu.Unlock()
	far, rtcp, awaited, found := tr.far.Load(), tr.farRTCP.Load(), tr.awaited, tr.found
	from.drop(tr)
	tr.home.Store(to)
	if far != nil && far.IsValid() {
		to.own(to.remotes, *far, tr)
	}
	if rtcp != nil && rtcp.IsValid() && !tr.mux.Load() {
		to.own(to.reports, *rtcp, tr)
	}
	if awaited.IsValid() {
		tr.awaited, tr.found = awaited, found
		to.own(to.remotes, awaited, tr)
		to.latch.expect(tr)
	}
}
