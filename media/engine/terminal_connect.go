package engine

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/alexacall/alexacall/media"
)

// plainFar is where the far side's description says that it takes plain RTP and RTCP. It does not change.
type plainFar struct{ addr, rtcp netip.AddrPort }

// at returns the address of RTP; the zero AddrPort of nil.
func (f *plainFar) at() netip.AddrPort {
	if f == nil {
		return netip.AddrPort{}
	}
	return f.addr
}

var (
	errAddressOurs = fmt.Errorf("%w: the far side's address is the engine's own", media.ErrRefused)
	errFamily      = fmt.Errorf("%w: the far side's address is not of the engine's family", media.ErrRefused)
)

// claim takes the addresses that RTP comes from without ICE for this call, before anything of a negotiation counts, for they may be
// another's, of a family that the socket cannot reach, or our own: between two legs that name it, packets would circle for ever.
func (t *terminal) claim(neg media.Negotiation) error {
	agreed := neg.Sections()
	if t.ice != nil {
		return nil
	}
	if err := t.check(neg); err != nil {
		return err
	}
	var claimed []func()
	ways := t.ways(agreed)
	for i, tr := range ways {
		far := agreed[i].Transport.Addr
		if !far.IsValid() || far == tr.described.at() || i != mainOf(agreed) && agreed[i].Shared {
			continue
		}
		undo, ok := tr.shard().claim(far, tr, t.sourcesOf(tr, agreed, ways))
		if !ok {
			for _, undo := range slices.Backward(claimed) {
				undo()
			}
			return errAddressTaken
		}
		claimed = append(claimed, undo)
	}
	return nil
}

// check refuses addresses for RTP without ICE that nothing can be sent to.
func (t *terminal) check(neg media.Negotiation) error {
	if t.policy.ICE {
		return nil
	}
	for _, s := range neg.Sections() {
		switch far, rtcp := s.Transport.Addr, s.Transport.RTCP; {
		case !far.IsValid():
		case !t.engine.reaches(far.Addr()):
			return errFamily
		case t.engine.owns(far), t.engine.owns(rtcp):
			return errAddressOurs
		}
	}
	return nil
}

// connect follows the far side's transports.
func (t *terminal) connect(agreed []media.Section, ways []*transport) error {
	at := mainOf(agreed)
	far := agreed[at].Transport
	t.tells(agreed, ways)
	if t.dtls != nil {
		if t.ice == nil {
			t.dtls.disconnected() // a handshake with somebody else begins on its way, not on the one before
		}
		t.dtls.expect(far.Fingerprint, far.Client)
	}
	if t.ice != nil {
		return t.ice.connect(far)
	}
	for i, tr := range ways {
		if i == at || !agreed[i].Shared {
			tr.follow(&agreed[i].Transport)
		}
	}
	if t.dtls != nil && t.transport.ready() {
		t.dtls.connected() // there is no path to be found: it is where the description says
	}
	if t.second != nil && !slices.Contains(ways, t.second) {
		t.second.described = nil
		t.second.far.Store(nil)
		t.second.shard().forget(t.second)
	}
	return nil
}

// follow sends to where a description says that the far side takes packets.
func (tr *transport) follow(far *media.Transport) {
	next, before := &plainFar{far.Addr, far.RTCP}, tr.described
	if !far.Addr.IsValid() {
		return // held without an address: what stood stays, and the direction keeps us from sending
	}
	home := tr.shard()
	home.mu.Lock()
	defer home.mu.Unlock()
	if next.addr != before.at() {
		tr.t.moved(tr)
		tr.awaited, tr.found, tr.reopened = next.addr, false, false
		home.latch.expect(tr)
		tr.far.Store(&next.addr)
	} else {
		tr.reopen() // it may have proved to send from elsewhere since, and that stays until it sends from another place
	}
	if before != nil && *next == *before && far.Mux == tr.mux.Load() {
		return
	}
	tr.described = next
	rtcp := &next.rtcp
	switch {
	case far.Mux:
		rtcp = tr.far.Load()
	case tr.t.dtls != nil:
		rtcp = new(netip.AddrPort) // another port would want an association of its own (RFC 5764 section 4.1)
	case rtcp.IsValid():
		home.own(home.reports, *rtcp, tr)
	}
	tr.mux.Store(far.Mux)
	tr.farRTCP.Store(rtcp)
}

// moved lets what comes next begin as a new source: who is described elsewhere may be another device with numbers of its own.
func (t *terminal) moved(tr *transport) {
	for s := range t.streams {
		if s.way.Load() == tr {
			s.in.leave()
		}
	}
}

// fail tells the signalling side once that the media cannot go on.
func (t *terminal) fail(err error) {
	t.transport.stopped.Store(true)
	t.tellFailed(err)
}

// tellFailed is fail for a leg whose way is open.
func (t *terminal) tellFailed(err error) {
	t.failed.Do(func() {
		if t.o.Failed != nil {
			t.o.Failed(err)
		}
	})
}

// reached is told by the ICE agent where to send, and by what.
func (t *terminal) reached(at base, addr netip.AddrPort) {
	tr := t.transport
	tr.mux.Store(true)
	if home := tr.shard(); at == base(home) {
		tr.via.Store(nil)
		home.latch.list(tr, listed{addr: addr.Addr()})
	} else {
		tr.via.Store(&at)
	}
	tr.far.Store(&addr)
	tr.farRTCP.Store(&addr)
	tr.stopped.Store(false)
	if t.dtls != nil {
		t.dtls.connected()
	}
}
