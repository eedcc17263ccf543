package sip

import (
	"context"
	"time"
)

// DropConnections closes the TCP connections under an agent, as a network does.
func (a *Agent) DropConnections() {
	t := a.transport
	t.mu.Lock()
	var open []*stream
	for s := range t.all {
		open = append(open, s)
	}
	t.mu.Unlock()
	for _, s := range open {
		_ = s.Close()
	}
}

// Until returns when a registration expires.
func (r *Registration) Until() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.until
}

// Strain has the agent think for the next 50 ms that messages wait so long.
func (a *Agent) Strain(wait time.Duration) {
	time.Sleep(lookEvery) // what was handled before does not count
	now := time.Now()
	for range fewest {
		a.overload.took(now.Add(-wait), now)
	}
	time.Sleep(lookEvery)
}

// Run has f done in the inbox of a leg's call.
func (l *Leg) Run(ctx context.Context, f func() error) error { return l.run(ctx, f) }
