package engine

import (
	"fmt"
	"net/netip"
	"slices"
)

// maxShards is how many shards an engine may have: each has two readers, and more than processors are of no use.
const maxShards = 64

// listen opens the shards: the first at the address, the others at the pairs of ports behind it or, for port 0, at free ones.
func (e *Engine) listen(at netip.AddrPort) error {
	n := e.o.shards()
	if n > maxShards || at.Port() != 0 && int(at.Port())+2*n-1 > 65535 {
		return fmt.Errorf("engine: %d shards at %s: there are %d at most, with two ports each", n, at, maxShards)
	}
	for range n {
		s, err := newShard(e, at)
		if err != nil {
			e.closeShards()
			return err
		}
		e.shards = append(e.shards, s)
		if at.Port() != 0 {
			at = netip.AddrPortFrom(at.Addr(), at.Port()+2)
		}
	}
	return nil
}

func (e *Engine) closeShards() {
	for _, s := range e.shards {
		s.close()
	}
}

// quietest returns the shard with the fewest terminals; e.mu is held.
func (e *Engine) quietest() *shard {
	return slices.MinFunc(e.shards, func(a, b *shard) int { return a.calls - b.calls })
}

// bound returns the address that the shards listen on.
func (e *Engine) bound() netip.Addr { return e.shards[0].rtp.addr.Addr() }

// reaches reports whether the sockets can send to addresses of a's family.
func (e *Engine) reaches(a netip.Addr) bool {
	bound := e.bound()
	return a.Is4() == bound.Is4() || a.Is4() && bound.IsUnspecified()
}

// owns reports whether an address is one that the engine listens on.
func (e *Engine) owns(a netip.AddrPort) bool {
	if !slices.ContainsFunc(e.shards, func(s *shard) bool { return s.has(a.Port()) }) && !e.ports.has(a.Port()) {
		return false
	}
	ip := a.Addr()
	return ip == e.local || slices.Contains(e.hosts, ip) || ip.IsLoopback() && e.bound().IsUnspecified()
}

// has reports whether a port is one of the shard's two.
func (s *shard) has(port uint16) bool { return port == s.rtp.addr.Port() || port == s.rtcp.addr.Port() }
