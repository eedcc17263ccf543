package engine

import (
	"net/netip"
	"sync"
	"time"
)

const (
	maxCallers  = 64               // addresses of one far side at once: as many as a description may have candidates
	callerEvery = 10 * time.Second // for another one: a NAT keeps a port for longer
)

// callers are the addresses that a far side has shown the call's password from. The agent remembers each for the life of the call and checks
// it, so a far side that changes its address with every check may have some, and another one now and then. Requests that are not verified
// count for nothing.
type callers struct {
	mu    sync.Mutex
	known map[netip.AddrPort]struct{}
	used  int       // of the allowance
	since time.Time // when it was last given back from
}

// may reports whether a request from an address may come to the agent.
func (c *callers) may(from netip.AddrPort) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.known[from]; known {
		return true
	}
	c.restore(time.Now())
	return c.used < maxCallers
}

// verified notes that the agent has verified a request from an address.
func (c *callers) verified(from netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.known[from]; known {
		return
	}
	if c.known == nil {
		c.known = map[netip.AddrPort]struct{}{}
	}
	if c.used == 0 {
		c.since = time.Now()
	}
	c.known[from] = struct{}{}
	c.used++
}

// restore gives back what has been earned since. c.mu is held.
func (c *callers) restore(now time.Time) {
	n := int(now.Sub(c.since) / callerEvery)
	if c.used == 0 || n <= 0 {
		return
	}
	c.used = max(0, c.used-n)
	c.since = c.since.Add(time.Duration(n) * callerEvery)
}
