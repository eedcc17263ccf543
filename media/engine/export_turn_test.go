package engine

import (
	"net/netip"
	"time"

	"github.com/alexacall/alexacall/media"
)

// RelayOf returns the address of the relay that m sends by, nothing if it sends by the shared port.
func RelayOf(m media.Terminal) string {
	if via := m.(*terminal).transport.via.Load(); via != nil {
		return (*via).(*relay).addr.String()
	}
	return ""
}

// RelaysOf returns the addresses of the relays that e has now.
func RelaysOf(e *Engine) []string {
	var all []string
	for _, r := range e.gather.up() {
		all = append(all, r.addr.String())
	}
	return all
}

// MappedOf returns the addresses that STUN servers see e at.
func MappedOf(e *Engine) []netip.AddrPort { return e.gather.mapped(e.shards[0]) }

// ListenSoon is Listen with servers that are asked again every so often, and have a time to answer before they are asked twice.
func ListenSoon(addr string, o *Options, every, patience time.Duration) (*Engine, error) {
	l := usualLimits()
	l.mapping, l.mappingRTO, l.turnRefresh, l.turnRTO, l.backOff = every, patience, every, patience, every
	return listen(addr, o, l)
}

// RelayWrite returns a function that sends b to a far side by a relay, which has a channel for it.
func RelayWrite(e *Engine, b []byte) func() error {
	to := netip.MustParseAddrPort("192.0.2.1:5000")
	r := relayTo(e, to)
	return func() error { return r.writeTo(b, to) }
}

// NonceOf returns the nonce of e's first relay.
func NonceOf(e *Engine) string {
	for _, r := range e.gather.up() {
		r.state.RLock()
		defer r.state.RUnlock()
		return string(r.client.nonce)
	}
	return ""
}
