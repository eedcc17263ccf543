package sip

import (
	"context"
	"net/netip"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Requests that are longer than largestDatagram go over TCP where it can be had (RFC 3261 section 18.1.1). Responses go the way that their
// request came, whole.
const (
	largestDatagram = 1300             // bytes of a request over UDP
	moveFor         = 2 * time.Second  // to connect for one that is longer
	withoutTCPFor   = 10 * time.Minute // a far side that did not let us connect is not asked again
)

// moved returns the text of a request and the way that it takes: that which is given, or a connection if it is too long for UDP and its target
// allows another transport. Where no connection can be made it goes over UDP after all. The Via of the request says which it is. d may be nil.
func (d *dialog) moved(t *transport, req *sipmsg.Request, way conn) (conn, []byte, error) {
	req.SetTransport(way.network())
	text, err := t.text(req)
	f, ok := way.(*flow)
	if err != nil || !ok || len(text) <= largestDatagram || d == nil || d.pinned || d.secure || t.tcp == nil || saysTransport(d.hop()) {
		return way, text, err // a pinned far side may be behind a NAT, where no connection leads
	}
	s := t.connectFor(d.agent.ctx, f.to)
	if s == nil {
		return way, text, nil
	}
	req.SetTransport(s.network())
	req.Via().Transport = s.network() // on the port of UDP
	text, err = t.text(req)
	return s, text, err
}

// saysTransport reports whether a URI asks for a transport.
func saysTransport(u sipmsg.Uri) bool {
	for _, p := range u.UriParams {
		if strings.EqualFold(p.K, "transport") {
			return true
		}
	}
	return false
}

// connectFor returns a TCP connection to where UDP leads, for a long request; nil if there is none to be had.
func (t *transport) connectFor(ctx context.Context, to netip.AddrPort) conn {
	key := wayKey{network: networkTCP, to: to}
	if t.shunned.has(key, time.Now()) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, moveFor)
	defer cancel()
	s, err := t.connect(ctx, key)
	if err != nil {
		t.shunned.add(key, withoutTCPFor, time.Now())
		return nil
	}
	return s
}
