package sip

import (
	"crypto/rand"
	mrand "math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	maxForwards    = 70
	defaultPort    = 5060
	defaultTLSPort = 5061
	userAgent      = "alexacall"
	maxRoutes      = 32 // values of Record-Route that are kept
)

// dialog is what both sides of a call know of it (RFC 3261 section 12), and makes requests within it. It belongs to its call's inbox.
type dialog struct {
	agent     *Agent
	callID    string
	local     nameAddr // From of our requests
	localTag  string
	remote    nameAddr // To of our requests
	remoteTag string
	ours      bool   // we made the Call-ID
	seq       uint32 // of our last request
	theirs    uint32 // of the far side's last request
	heard     bool   // there was one
	target    sipmsg.Uri
	routes    []sipmsg.Uri
	net       string // transport of what we send
	flow      conn   // the way that our requests take; nil: target and routes decide
	known     conn   // where the far side was reached or came from: for when its target cannot be reached
	updates   bool   // the far side takes UPDATE
	lacks     bool   // it has said that it does not
	pinned    bool   // flow is the way that the far side's requests come, whatever its target says
	login     login  // without credentials in a call that came in: who calls us may not ask who we are
	secure    bool   // begun with a sips URI: every request is to stay on TLS (RFC 3261 section 12.1.1)
	left      bool   // its call is over: what is still sent keeps no connection
}

// newDialog returns a dialog of a call that we place. It is aimed once its target and its routes are known.
func (a *Agent) newDialog(from, to nameAddr) *dialog {
	return &dialog{
		agent: a, callID: rand.Text() + "@" + a.o.host, local: from, localTag: rand.Text(), remote: to, target: to.uri, ours: true,
		seq: mrand.Uint32N(1 << 16), secure: to.uri.Scheme == "sips",
	}
}

// aim takes the transport by which the next hop gets the first request.
func (d *dialog) aim() (err error) {
	hop := d.hop()
	d.net, err = d.agent.networkOf(&hop, d.agent.o.firstNetwork())
	return err
}

// dialogOf returns the dialog that an INVITE which has come begins (RFC 3261 section 12.1.1).
func (a *Agent) dialogOf(req *sipmsg.Request, from conn) *dialog {
	d := &dialog{
		agent: a, callID: req.CallID().Value(), localTag: rand.Text(), remoteTag: tagOf(req.From().Params),
		local: readAddr(req.To().DisplayName, &req.To().Address), remote: readAddr(req.From().DisplayName, &req.From().Address),
		seq: mrand.Uint32N(1 << 16), theirs: req.CSeq().SeqNo, heard: true, target: req.From().Address, net: from.network(),
		secure: req.Recipient.Scheme == "sips",
	}
	d.routes = routesOf(req)
	d.retarget(req)
	d.follow(req, from)
	d.learn(req)
	return d
}

// routesOf returns the Record-Route values of a message, in its order.
func routesOf(msg sipmsg.Message) []sipmsg.Uri {
	var routes []sipmsg.Uri
	for h := range fields(msg, "record-route") {
		if rr, ok := h.(*sipmsg.RecordRouteHeader); ok && len(routes) < maxRoutes {
			routes = append(routes, *rr.Address.Clone())
		}
	}
	return routes
}

// retarget takes the far side's Contact (RFC 3261 section 12.2).
func (d *dialog) retarget(msg sipmsg.Message) {
	u := contactOf(msg)
	if u == nil {
		return
	}
	d.target = *u.Clone()
	d.target.Headers = nil
	if !d.pinned {
		d.keep(nil)
	}
}

// contactOf returns the first Contact of a message that requests can be sent to.
func contactOf(msg sipmsg.Message) *sipmsg.Uri {
	for h := range fields(msg, "contact") {
		if c, ok := h.(*sipmsg.ContactHeader); ok && !c.Address.Wildcard && usable(&c.Address) {
			return &c.Address
		}
	}
	return nil
}

// usable reports whether requests can be sent to a URI.
func usable(u *sipmsg.Uri) bool {
	return (u.Scheme == "sip" || u.Scheme == "sips") && u.Host != "" && u.Port >= 0 && u.Port <= 65535 && !inURI(u, hasControl)
}

// follow decides whether our requests take the way by which one of the far side's has come: a request that has come directly, over a
// connection, or from a port where its sender says that it receives (RFC 3581), or without a Contact. Behind a NAT no other way leads
// there.
func (d *dialog) follow(req *sipmsg.Request, from conn) {
	direct := countFields(req, "via") == 1 && len(d.routes) == 0
	d.known = from
	d.pinned = direct && (reliable(from.network()) || req.Via().Params.Has("rport") || contactOf(req) == nil)
	if d.pinned {
		d.keep(from)
	} else {
		d.keep(nil)
	}
}

// keep makes the way of our requests that of a connection, which then is not closed for being idle.
func (d *dialog) keep(way conn) {
	if d.left {
		way = nil
	}
	if d.flow != nil {
		d.flow.hold(-1)
	}
	if d.flow = way; way != nil {
		way.hold(1)
	}
}

// leave lets go of the connection for good: ACK, BYE and NOTIFY may still come after the end of a call.
func (d *dialog) leave() {
	d.left = true
	d.keep(nil)
}

// establish takes from a response to our INVITE what it says of the dialog (RFC 3261 section 12.1.2).
func (d *dialog) establish(res *sipmsg.Response) {
	d.remoteTag = tagOf(res.To().Params)
	routes := routesOf(res)
	d.routes = nil
	for _, r := range slices.Backward(routes) {
		d.routes = append(d.routes, r)
	}
	d.retarget(res)
	d.learn(res)
}

// learn takes note of what the far side says that it takes.
func (d *dialog) learn(msg sipmsg.Message) {
	if yes, said := allows(msg, sipmsg.UPDATE); said {
		d.updates, d.lacks = yes, !yes
	}
}

// fork returns the dialog of another To tag of the same INVITE.
func (d *dialog) fork(res *sipmsg.Response) *dialog {
	other := *d
	other.flow, other.pinned = nil, false
	other.establish(res)
	return &other
}

// dialogAfter returns the dialog that a response to an INVITE of ours, which went a given way, begins.
func (a *Agent) dialogAfter(invite *sipmsg.Request, way conn, res *sipmsg.Response) *dialog {
	d := &dialog{
		agent: a, callID: invite.CallID().Value(), localTag: tagOf(invite.From().Params), ours: true, seq: invite.CSeq().SeqNo,
		local: readAddr(invite.From().DisplayName, &invite.From().Address), remote: readAddr(invite.To().DisplayName, &invite.To().Address),
		target: invite.Recipient, net: way.network(), known: way, secure: invite.Recipient.Scheme == "sips",
	}
	d.establish(res)
	return d
}

// takes reports whether a request of the far side's comes after those before (RFC 3261 section 12.2.2), and takes note of it.
func (d *dialog) takes(req *sipmsg.Request) bool {
	seq := req.CSeq().SeqNo
	if d.heard && seq <= d.theirs {
		return false
	}
	d.theirs, d.heard = seq, true
	return true
}

// request makes a request within the dialog, or the one that begins it. ACK has the number of its INVITE, which is given as seq; the
// others have the next one.
func (d *dialog) request(method sipmsg.RequestMethod, seq uint32) *sipmsg.Request {
	if seq == 0 {
		d.seq++
		seq = d.seq
	}
	uri, routes := d.path()
	req := sipmsg.NewRequest(method, uri)
	req.AppendHeader(d.agent.via(d.net))
	for _, r := range routes {
		req.AppendHeader(&sipmsg.RouteHeader{Address: r})
	}
	forwards := sipmsg.MaxForwardsHeader(maxForwards)
	req.AppendHeader(&forwards)
	from := &sipmsg.FromHeader{DisplayName: quotedName(d.local.name), Address: *d.local.uri.Clone()}
	from.Params.Add("tag", d.localTag)
	req.AppendHeader(from)
	to := &sipmsg.ToHeader{DisplayName: quotedName(d.remote.name), Address: *d.remote.uri.Clone()}
	if d.remoteTag != "" {
		to.Params.Add("tag", d.remoteTag)
	}
	req.AppendHeader(to)
	callID := sipmsg.CallIDHeader(d.callID)
	req.AppendHeader(&callID)
	req.AppendHeader(&sipmsg.CSeqHeader{SeqNo: seq, MethodName: method})
	if method == sipmsg.INVITE || method == sipmsg.UPDATE {
		req.AppendHeader(d.contact())
		req.AppendHeader(d.agent.o.said.allow)
		req.AppendHeader(d.agent.o.said.supported)
	}
	req.AppendHeader(d.agent.o.said.userAgent)
	noBody(req)
	return req
}

// path returns the Request-URI and the Route values of a request (RFC 3261 section 12.2.1.1).
func (d *dialog) path() (sipmsg.Uri, []sipmsg.Uri) {
	target := *d.target.Clone()
	if len(d.routes) == 0 || d.routes[0].UriParams.Has("lr") {
		return target, d.routes
	}
	// A strict router wants itself in the Request-URI and the target last.
	first := *d.routes[0].Clone()
	first.Headers = nil
	return first, append(append([]sipmsg.Uri(nil), d.routes[1:]...), target)
}

// hop returns the URI of who gets our requests next.
func (d *dialog) hop() sipmsg.Uri {
	u := d.target
	if len(d.routes) > 0 {
		u = d.routes[0]
	}
	if d.secure {
		u.Scheme = "sips" // whatever the far side says of itself
	}
	return u
}

// way returns the way that our requests take now. It may have to look up a name or to connect.
func (d *dialog) way() (conn, error) {
	if d.flow != nil && d.flow.alive() {
		return d.flow, nil
	}
	hop := d.hop()
	if d.known != nil && d.known.alive() && leadsTo(d.known, &hop) {
		d.net = d.known.network()
		d.keep(d.known)
		return d.known, nil
	}
	way, err := d.reach(&hop)
	switch {
	case err == nil:
	case d.known != nil && d.known.alive() && (!d.secure || d.known.network() == networkTLS):
		way = d.known // a Contact of a kind that we do not speak, a name that is not known here, or a certificate for another name
	default:
		return nil, err
	}
	if d.net = way.network(); reliable(d.net) {
		d.keep(way)
	}
	return way, nil
}

// reach returns a way to the next hop. A proxy that has connected to us, and has said that it stays in the path, is reached by its connection
// where it is the hop by its address: many listen for none.
func (d *dialog) reach(hop *sipmsg.Uri) (conn, error) {
	r, err := d.agent.route(d.agent.ctx, hop, d.net)
	if err != nil {
		return nil, err
	}
	if s, ok := d.known.(*stream); ok && s.accepted && s.alive() && len(d.routes) > 0 && r.leads(s.key.network, s.key.to.Addr()) {
		return s, nil
	}
	return r.next(d.agent.ctx)
}

// leadsTo reports whether a connection is one to the address that a URI spells. Over TLS its far side has shown who it is when the call
// was placed; it need not have a certificate for its address too.
func leadsTo(way conn, u *sipmsg.Uri) bool {
	network := way.network()
	for _, p := range u.UriParams {
		if strings.EqualFold(p.K, "transport") && !strings.EqualFold(p.V, network) && u.Scheme != "sips" {
			return false
		}
	}
	port := u.Port
	if port == 0 {
		port = defaultPortOf(network)
	}
	at, err := netip.ParseAddr(trimBrackets(u.Host))
	return err == nil && reliable(network) && netip.AddrPortFrom(at.Unmap(), uint16(port)) == way.remote() && (u.Scheme != "sips" || network == networkTLS)
}

// contact returns where the far side reaches us in this dialog.
func (d *dialog) contact() *sipmsg.ContactHeader {
	hop := d.hop()
	u := sipmsg.Uri{Scheme: "sip", User: d.local.uri.User, Host: d.agent.o.host, Port: d.agent.o.portOf(d.net)}
	if !validUser(u.User) {
		u.User = ""
	}
	switch {
	case hop.Scheme == "sips": // RFC 3261 sections 8.1.1.8 and 12.1.1
		u.Scheme, u.Port = "sips", d.agent.o.portOf(networkTLS)
	case reliable(d.net):
		u.UriParams.Add("transport", strings.ToLower(d.net))
	}
	return &sipmsg.ContactHeader{Address: u}
}

// via returns a Via with a new branch. rport lets the far side answer to where it sees us (RFC 3581).
func (a *Agent) via(network string) *sipmsg.ViaHeader {
	v := &sipmsg.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: network, Host: a.o.host, Port: a.o.portOf(network)}
	v.Params = sipmsg.HeaderParams{{K: "branch", V: sipmsg.RFC3261BranchMagicCookie + rand.Text()}, {K: "rport"}}
	return v
}
