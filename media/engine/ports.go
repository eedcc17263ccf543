package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/alexacall/alexacall/media"
)

// A PortRange is the range of UDP ports First to Last, both in it, that calls are given pairs of: an even port for RTP and the odd one after
// it for RTCP (RFC 3550 section 11). A pair in use costs two sockets, two goroutines and some 25 KiB. The zero value has none.
type PortRange struct{ First, Last uint16 }

var errNoPorts = errors.New("engine: the policy wants ports of its own (OwnPorts), and Options.Ports has none")

// ports gives out the pairs of a range. One that has been given back is given out again after all others, for the last caller may still
// send to it.
type ports struct {
	of PortRange

	mu   sync.Mutex
	free []uint16 // the even ports, longest free first
	used map[uint16]bool
}

func newPorts(r PortRange) (*ports, error) {
	if r == (PortRange{}) {
		return nil, nil
	}
	p := &ports{of: r, used: map[uint16]bool{}}
	for port := (int(r.First) + 1) &^ 1; port > 0 && port < int(r.Last); port += 2 {
		p.free = append(p.free, uint16(port))
	}
	if r.First == 0 || len(p.free) == 0 {
		return nil, fmt.Errorf("engine: Options.Ports %d to %d has no pair of ports", r.First, r.Last)
	}
	return p, nil
}

// take returns the pair that has been free for the longest.
func (p *ports) take() (port uint16, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return 0, false
	}
	port = p.free[0]
	p.free = p.free[1:]
	p.used[port] = true
	return port, true
}

// put gives a pair back.
func (p *ports) put(port uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, port)
	p.free = append(p.free, port)
}

// has reports whether a port is one that a call has been given.
func (p *ports) has(port uint16) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used[port&^1]
}

// pairs returns how many there are.
func (p *ports) pairs() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.free) + len(p.used)
}

// listen binds the pair that has been free for the longest. Ports that another program has are passed over.
func (p *ports) listen(at netip.Addr) (rtp, rtcp *socket, err error) {
	for range p.pairs() {
		port, ok := p.take()
		if !ok {
			break
		}
		if rtp, rtcp, err = listenPair(netip.AddrPortFrom(at, port), pairRoom); err == nil {
			rtp.odd, rtcp.odd = true, true
			return rtp, rtcp, nil
		}
		p.put(port)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: no free pair of ports from %d to %d (Options.Ports): %w", ErrFull, p.of.First, p.of.Last, err)
	}
	return nil, nil, fmt.Errorf("%w: all %d pairs of ports from %d to %d are in use (Options.Ports)", ErrFull, p.pairs(), p.of.First, p.of.Last)
}

// openPair opens a shard of two ports for one call. Its batches and buffers are small: it is a pair of sockets with the same code behind.
func (e *Engine) openPair() (*shard, error) {
	if e.ports == nil {
		return nil, errNoPorts
	}
	rtp, rtcp, err := e.ports.listen(e.bound())
	if err != nil {
		return nil, err
	}
	s := e.newShard(rtp, rtcp, pairBatch, 1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pairs[s] = struct{}{}
	return s, nil
}

// closePair closes a pair, waits for its readers, and gives the ports back. What was counted there stays in the totals.
func (e *Engine) closePair(s *shard) {
	e.mu.Lock()
	delete(e.pairs, s)
	e.gone.add(s)
	e.mu.Unlock()
	s.close()
	e.ports.put(s.rtp.addr.Port())
}

// totals are sums over shards.
type totals struct{ packets, strays, drops uint64 }

func (t *totals) add(s *shard) {
	t.packets += s.packets.Load()
	t.strays += s.strays.Load()
	t.drops += s.drops()
}

// home returns where a new terminal is to live, and counts it: among the others or, where its policy says so, on ports of its own.
func (e *Engine) home(p *media.Policy) (*shard, error) {
	e.mu.Lock()
	err := e.admit()
	if err != nil {
		e.mu.Unlock()
		return nil, err
	}
	e.opening++
	if !p.OwnPorts {
		s := e.quietest()
		s.calls++
		e.mu.Unlock()
		return s, nil
	}
	e.mu.Unlock()
	s, err := e.openPair()
	if err != nil {
		e.mu.Lock()
		e.opening--
		e.mu.Unlock()
		return nil, err
	}
	return s, nil
}

// leave notes that a terminal lives on a shard no more.
func (e *Engine) leave(s *shard) {
	if s.rtp.odd {
		e.closePair(s)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.calls--
}
