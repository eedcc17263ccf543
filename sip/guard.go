package sip

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// What a source may do before its messages are dropped unread. It has a bucket of patience that offences empty and time fills.
const (
	patience   = 64             // whole offences that a bucket holds
	forgiven   = 1.0            // of them a second
	trustWorth = 16             // times less that an offence weighs of a source with which there are calls
	trustedFor = 24 * time.Hour // since the last sign of such a call
	maxSources = 8192           // that are remembered
	samples    = 8              // of which the one that matters least makes place for a new one
)

// Offences, and what each weighs.
const (
	offenceUnparsed    = 1.0     // it is no SIP, or breaks its rules
	offenceCredentials = 1.0     // a wrong password: whoever guesses gets one guess a second
	offenceDialog      = 1.0 / 4 // for a call that there is not; a far side may not know yet that we were restarted
)

// guard says whose messages are looked at: of Options.Peers all, and of others, if they may come at all, until they have offended too often.
// One source is an address of IPv4, or a network of 64 bits of IPv6. It is safe for concurrent use.
type guard struct {
	everybody bool
	peers     []netip.Prefix

	mu      sync.Mutex
	sources map[netip.Addr]*source
}

// source is what is known of one that is no peer.
type source struct {
	patience float64
	at       time.Time // when patience was that
	trusted  time.Time // until when
}

func newGuard(peers []netip.Prefix) *guard {
	g := &guard{everybody: peers == nil, sources: map[netip.Addr]*source{}}
	for _, p := range peers {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		g.peers = append(g.peers, p.Masked())
	}
	return g
}

// checkPeers checks Options.Peers.
func checkPeers(peers []netip.Prefix) error {
	for _, p := range peers {
		if !p.IsValid() {
			return fmt.Errorf("sip: Peers: %s is no range of addresses", p)
		}
	}
	return nil
}

// peer reports whether an address may begin something.
func (g *guard) peer(from netip.Addr) bool { return g.everybody || g.listed(from) }

// listed reports whether an address is one of Options.Peers.
func (g *guard) listed(from netip.Addr) bool {
	return slices.ContainsFunc(g.peers, func(p netip.Prefix) bool { return p.Contains(from) })
}

// admits reports whether what comes from an address is to be looked at. It does not allocate.
func (g *guard) admits(from netip.Addr, now time.Time) bool {
	if g.listed(from) {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.sources[sourceOf(from)]
	switch {
	case s == nil:
		return g.everybody
	case !g.everybody && !now.Before(s.trusted):
		return false
	}
	return s.left(now) >= 1
}

// charge counts an offence. One of Options.Peers may do what it likes.
func (g *guard) charge(from netip.Addr, weight float64, now time.Time) {
	if g.listed(from) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.sources[sourceOf(from)]
	if s == nil {
		if !g.everybody {
			return // it is not admitted anyway
		}
		s = g.add(sourceOf(from), now)
	}
	if now.Before(s.trusted) {
		weight /= trustWorth
	}
	s.patience, s.at = max(s.left(now)-weight, 0), now
}

// trust takes note of a source that has proven to belong to a call: it knows what only its far side can know, or we have sent it a request of
// our own. Its answers are let in, and it is forgiven more.
func (g *guard) trust(from netip.Addr, now time.Time) {
	if g.listed(from) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.sources[sourceOf(from)]
	if s == nil {
		s = g.add(sourceOf(from), now)
	}
	s.trusted = now.Add(trustedFor)
}

// add adds a source, in place of another if there are too many. g.mu is held.
func (g *guard) add(key netip.Addr, now time.Time) *source {
	if len(g.sources) >= maxSources {
		var least netip.Addr
		worst, n := 0.0, 0
		for at, s := range g.sources {
			if w := s.weight(now); n == 0 || w < worst {
				least, worst = at, w
			}
			if n++; n == samples {
				break
			}
		}
		delete(g.sources, least)
	}
	s := &source{patience: patience, at: now}
	g.sources[key] = s
	return s
}

// left returns how much patience there is by now.
func (s *source) left(now time.Time) float64 {
	return min(s.patience+now.Sub(s.at).Seconds()*forgiven, patience)
}

// weight says how much it matters to remember a source: for a call that may stand, else for its offences.
func (s *source) weight(now time.Time) float64 {
	if d := s.trusted.Sub(now); d > 0 {
		return patience + d.Seconds()
	}
	return patience - s.left(now)
}

// sourceOf returns what is known of an address under: the network of 64 bits that one owner of IPv6 has.
func sourceOf(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if !a.Is6() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// offended counts an offence of who a message came from.
func (a *Agent) offended(from conn, weight float64) {
	a.transport.guard.charge(from.remote().Addr(), weight, time.Now())
}

// proven takes note that a message came from the far side of a call.
func (a *Agent) proven(from conn) {
	a.transport.guard.trust(from.remote().Addr(), time.Now())
}
