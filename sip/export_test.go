package sip

import "time"

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
