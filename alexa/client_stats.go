package alexa

import (
	"sync"
	"sync/atomic"
)

// ClientStats are the totals of a Client.
type ClientStats struct {
	Messages uint64 // taken or given up
	Failed   uint64 // given up
	Tries    uint64 // requests to Alexa

	// Faults counts tries by how they failed, those that were never sent included. Kinds
	// that have not come are not in it.
	Faults map[Fault]uint64
}

type totals struct {
	messages, given, tries atomic.Uint64
	faults                 [FaultSetup + 1]atomic.Uint64

	mu     sync.Mutex
	unwell *Error // what a person has to mend; nil: nothing
}

// failed counts a try.
func (t *totals) failed(f Fault) { t.faults[f].Add(1) }

// message counts a message, and notes what its end says about the account.
func (t *totals) message(e *Error) {
	t.messages.Add(1)
	if e != nil {
		t.given.Add(1)
	}
	if e != nil && !mendable(e) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unwell = e
}

// mendable reports whether a failure lasts until a person does something: about the set-up, the grant, or the permissions.
func mendable(e *Error) bool {
	switch e.Fault() {
	case FaultUnauthorized, FaultForbidden, FaultSetup:
		return true
	case FaultNoToken:
		return !e.Retryable()
	default:
		return false
	}
}

// Stats returns the totals.
func (c *Client) Stats() ClientStats {
	s := ClientStats{Messages: c.totals.messages.Load(), Failed: c.totals.given.Load(), Tries: c.totals.tries.Load(), Faults: map[Fault]uint64{}}
	for f := range c.totals.faults {
		if n := c.totals.faults[f].Load(); n > 0 {
			s.Faults[Fault(f)] = n
		}
	}
	return s
}

// Health returns nil while Alexa takes messages, and an *Error, the last of its kind, once she refuses them for a reason that only a
// person can mend: permissions (403), credentials that Login with Amazon refuses, tokens that Alexa refuses however new they are, or an
// Endpoint that is no URL. The next message that is taken makes it nil again.
func (c *Client) Health() error {
	c.totals.mu.Lock()
	defer c.totals.mu.Unlock()
	if c.totals.unwell == nil {
		return nil
	}
	return c.totals.unwell
}
