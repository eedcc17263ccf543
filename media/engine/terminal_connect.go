package engine

import (
	"net/netip"

	"github.com/alexacall/alexacall/media"
)

// claim takes the address that plain RTP comes from for this call, before anything of a negotiation counts, for it may be another's.
func (t *terminal) claim(neg media.Negotiation) error {
	if agreed := neg.Sections(); t.ice == nil && len(agreed) > 0 {
		tr, far := t.transport, agreed[0].Transport.Addr
		if far.IsValid() && far != t.at && !tr.shard.bind(tr.shard.remotes, far, tr) {
			return errAddressTaken
		}
	}
	return nil
}

// connect follows the far side's transport.
func (t *terminal) connect(far media.Transport) error {
	if t.dtls != nil {
		t.dtls.expect(far.Fingerprint, far.Client)
	}
	if t.ice != nil {
		return t.ice.connect(far)
	}
	if !far.Addr.IsValid() {
		return nil // held without an address: what stood stays, and the direction keeps us from sending
	}
	if t.at == far.Addr {
		return nil // it may have proved to send from elsewhere since: that stays
	}
	t.at = far.Addr
	tr := t.transport
	if !far.Mux && far.RTCP.IsValid() {
		tr.shard.bind(tr.shard.reports, far.RTCP, tr)
	}
	tr.shard.mu.Lock()
	defer tr.shard.mu.Unlock()
	tr.awaited, tr.found = far.Addr, false
	tr.shard.latch.expect(tr)
	tr.mux.Store(far.Mux)
	tr.farRTCP.Store(&far.RTCP)
	tr.far.Store(&far.Addr)
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
