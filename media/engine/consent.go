package engine

import (
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

const (
	consentLimit  = 30 * time.Second // without a sign of the far side (RFC 7675 section 5.1)
	attestPart    = 15               // of that time: how often an agent is told while media arrives
	liteMoveAfter = 5                // times movedAfter: between two checks of the far side, when no media arrives, there may be that much
)

// lively takes note of a packet that the far side has proved to be its own, where the agent needs to know.
func (tr *transport) lively(from netip.AddrPort, now time.Time) {
	if !tr.t.policy.Lite {
		return
	}
	if far := tr.far.Load(); far != nil && *far == from {
		tr.mediaAt.Store(now.UnixNano())
	}
}

// attest tells a lite agent that the far side is still there. It sends no checks whose responses would show it, it sees no media, and a
// far side that sends media may leave out checks (RFC 7675 section 5.1). The reporter's goroutine alone calls it.
func (t *terminal) attest() {
	tr := t.transport
	at, conn := tr.mediaAt.Load(), tr.conn.Load()
	if at == tr.attested || at-tr.attested < int64(t.engine.limits.consent)/attestPart || conn == nil {
		return
	}
	tr.attested = at
	if m, err := stun.Build(stun.NewType(stun.MethodBinding, stun.ClassIndication), stun.TransactionID); err == nil {
		conn.queue.put(m.Raw, tr.remote())
	}
}

// silence returns for how long nothing must have come from the selected address, before another one is followed.
func (a *agent) silence() time.Duration {
	limit := a.t.engine.limits.moved
	if a.t.policy.Lite && time.Since(time.Unix(0, a.t.transport.mediaAt.Load())) > liteMoveAfter*limit {
		return liteMoveAfter * limit // it is quiet: what is missing are but checks, and those are rare
	}
	return limit
}
