package engine

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/alexacall/alexacall/media"
)

// plainFar is where the far side's description says that it takes plain RTP and RTCP.
type plainFar struct {
	addr, rtcp netip.AddrPort
	mux        bool
}

var (
	errAddressOurs = fmt.Errorf("%w: the far side's address is the engine's own", media.ErrRefused)
	errFamily      = fmt.Errorf("%w: the far side's address is not of the engine's family", media.ErrRefused)
)

// claim takes the address that plain RTP comes from for this call, before anything of a negotiation counts, for it may be another's, of
// a family that the socket cannot reach, or our own: between two legs that name it, packets would circle for ever.
func (t *terminal) claim(neg media.Negotiation) error {
	agreed := neg.Sections()
	if t.ice != nil || len(agreed) == 0 {
		return nil
	}
	tr, far, rtcp := t.transport, agreed[0].Transport.Addr, agreed[0].Transport.RTCP
	switch {
	case !far.IsValid() || far == t.far.addr:
		return nil
	case !t.engine.reaches(far.Addr()):
		return errFamily
	case t.engine.owns(far), t.engine.owns(rtcp):
		return errAddressOurs
	case !tr.shard.bind(tr.shard.remotes, far, tr):
		return errAddressTaken
	}
	return nil
}

// reaches reports whether the socket can send to addresses of a's family.
func (e *Engine) reaches(a netip.Addr) bool {
	bound := e.shard.rtp.addr.Addr()
	return a.Is4() == bound.Is4() || a.Is4() && bound.IsUnspecified()
}

// owns reports whether an address is one that the engine listens on.
func (e *Engine) owns(a netip.AddrPort) bool {
	if a.Port() != e.shard.rtp.addr.Port() && a.Port() != e.shard.rtcp.addr.Port() {
		return false
	}
	ip := a.Addr()
	return ip == e.local || slices.Contains(e.hosts, ip) || ip.IsLoopback() && e.shard.rtp.addr.Addr().IsUnspecified()
}

// connect follows the far side's transport.
func (t *terminal) connect(far media.Transport) error {
	if t.dtls != nil {
		t.dtls.expect(far.Fingerprint, far.Client)
	}
	if t.ice != nil {
		return t.ice.connect(far)
	}
	next, before := plainFar{far.Addr, far.RTCP, far.Mux}, t.far
	if !far.Addr.IsValid() || next == before {
		// Held without an address: what stood stays, and the direction keeps us from sending. The same as before: the far side may
		// have proved to send from elsewhere since, and that stays.
		return nil
	}
	t.far = next
	tr := t.transport
	tr.shard.mu.Lock()
	defer tr.shard.mu.Unlock()
	if next.addr != before.addr {
		tr.awaited, tr.found = next.addr, false
		tr.shard.latch.expect(tr)
		tr.far.Store(&next.addr)
	}
	if !next.mux && next.rtcp.IsValid() {
		tr.shard.own(tr.shard.reports, next.rtcp, tr)
	}
	if next.mux {
		next.rtcp = tr.remote()
	}
	tr.mux.Store(next.mux)
	tr.farRTCP.Store(&next.rtcp)
	return nil
}

// fail tells the signalling side once that the media cannot go on.
func (t *terminal) fail(err error) {
	t.transport.stopped.Store(true)
	t.failed.Do(func() {
		if t.o.Failed != nil {
			t.o.Failed(err)
		}
	})
}

// reached is told by the ICE agent where to send.
func (t *terminal) reached(addr netip.AddrPort) {
	tr := t.transport
	tr.mux.Store(true)
	tr.far.Store(&addr)
	tr.farRTCP.Store(&addr)
	tr.stopped.Store(false)
	if t.dtls != nil {
		t.dtls.connected()
	}
}
