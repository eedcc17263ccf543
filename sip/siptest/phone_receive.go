package siptest

import (
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// allowed returns the methods that the phone understands.
func (p *Phone) allowed() string {
	const methods = "INVITE, ACK, CANCEL, BYE, OPTIONS"
	if p.camera != nil {
		return methods + ", INFO"
	}
	return methods
}

// sdpType is the media type of session descriptions.
const sdpType = "application/sdp"

// hasSDP reports whether msg has a session description.
func hasSDP(msg sipmsg.Message) bool {
	if len(msg.Body()) == 0 {
		return false
	}
	for _, name := range []string{"content-type", "c"} {
		if h := msg.GetHeaders(name); len(h) > 0 {
			kind, _, _ := strings.Cut(h[0].Value(), ";")
			return strings.EqualFold(strings.TrimSpace(kind), sdpType)
		}
	}
	return false
}

// observe sees every message as it arrives, one after the other on each connection.
func (p *Phone) observe(msg sipmsg.Message) {
	p.trace(msg, false)
	p.meet(msg)
	switch m := msg.(type) {
	case *sipmsg.Request:
		p.tag(m)
	case *sipmsg.Response:
		// sipgo hands each response to a goroutine of its own: a 200 may overtake the 180 before it. Here they still have their order.
		from, id, seq := m.From(), m.CallID(), m.CSeq()
		if from == nil || id == nil || seq == nil || seq.MethodName != sipmsg.INVITE {
			return
		}
		if c := p.lookup(id.Value(), tagOf(from.Params)); c != nil {
			c.noteResponse(m)
		}
	}
}

// tag gives a request outside of a dialog the To tag of all responses to it. It is the same for an INVITE, its copies and its CANCEL
// (RFC 3261 sections 8.2.6.2 and 9.2), which is why it is made here, before sipgo makes responses by itself.
func (p *Phone) tag(req *sipmsg.Request) {
	if to := req.To(); to != nil && !to.Params.Has("tag") && !req.IsAck() {
		to.Params.Add("tag", p.tagFor(req))
	}
}

// tagFor returns the tag that the phone gives req.
func (p *Phone) tagFor(req *sipmsg.Request) string {
	var h maphash.Hash
	h.SetSeed(p.seed)
	if id := req.CallID(); id != nil {
		_, _ = h.WriteString(id.Value())
	}
	if from := req.From(); from != nil {
		_, _ = h.WriteString("\n" + tagOf(from.Params))
	}
	if seq := req.CSeq(); seq != nil {
		_, _ = h.WriteString("\n" + strconv.FormatUint(uint64(seq.SeqNo), 10))
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// tagOf returns the tag among the parameters of a From or To header.
func tagOf(params sipmsg.HeaderParams) string { return params.GetOr("tag", "") }

// request handles a request, in a goroutine of sipgo's.
func (p *Phone) request(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	if !p.enter() {
		tx.Terminate()
		return
	}
	defer p.running.Done()
	seq := req.CSeq()
	if req.From() == nil || req.To() == nil || req.CallID() == nil || seq == nil || seq.MethodName != req.Method {
		p.respond(tx, req, sipmsg.StatusBadRequest, "Bad Request")
		return
	}
	c := p.lookup(req.CallID().Value(), tagOf(req.To().Params))
	if c != nil && !c.isFrom(req) {
		c = nil
	}
	fresh := tagOf(req.To().Params) == p.tagFor(req)
	switch {
	case req.Method == sipmsg.ACK:
		tx.Terminate() // an ACK has no response; sipgo makes it a transaction all the same
		if c != nil {
			c.acknowledged(req)
		}
	case req.Method == sipmsg.CANCEL:
		// sipgo answers the CANCEL of an INVITE that it knows.
		p.respond(tx, req, sipmsg.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
	case req.Method == sipmsg.OPTIONS && (fresh || c != nil):
		p.respond(tx, req, sipmsg.StatusOK, "OK",
			sipmsg.NewHeader("Allow", p.allowed()), sipmsg.NewHeader("Accept", sdpType))
	case req.Method == sipmsg.INVITE && fresh && c != nil:
		// The very INVITE that made the call, by another way (RFC 3261 section 8.2.2.2).
		p.respond(tx, req, sipmsg.StatusLoopDetected, "Loop Detected")
	case req.Method == sipmsg.INVITE && fresh:
		p.invited(req, tx)
	case c == nil && !fresh:
		p.respond(tx, req, sipmsg.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
	case c == nil:
		p.respond(tx, req, sipmsg.StatusMethodNotAllowed, "Method Not Allowed", sipmsg.NewHeader("Allow", p.allowed()))
	default:
		c.handle(req, tx)
	}
}

// respond sends a response without a description.
func (p *Phone) respond(tx *sipmsg.ServerTx, req *sipmsg.Request, status int, reason string, headers ...sipmsg.Header) {
	res := sipmsg.NewResponseFromRequest(req, status, reason, nil)
	for _, h := range headers {
		res.AppendHeader(h)
	}
	if err := tx.Respond(res); err != nil {
		p.log.Debug("response not sent", "status", status, "error", err)
	}
}

// invited handles an INVITE that begins a call.
func (p *Phone) invited(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	if unknown := required(req); unknown != "" {
		p.respond(tx, req, sipmsg.StatusBadExtension, "Bad Extension", sipmsg.NewHeader("Unsupported", unknown))
		return
	}
	if req.Contact() == nil {
		p.respond(tx, req, sipmsg.StatusBadRequest, "Missing Contact")
		return
	}
	if len(req.Body()) > 0 && !hasSDP(req) {
		p.respond(tx, req, sipmsg.StatusUnsupportedMediaType, "Unsupported Media Type", sipmsg.NewHeader("Accept", sdpType))
		return
	}
	if p.RequireAuth {
		if challenge := p.nonces.check(req, "proxy-authorization", p.Username, p.Password); challenge != "" {
			p.respond(tx, req, sipmsg.StatusProxyAuthRequired, "Proxy Authentication Required",
				sipmsg.NewHeader("Proxy-Authenticate", challenge))
			return
		}
	}
	p.receive(req, tx)
}

// required returns the extensions that req asks for, all of which the phone lacks.
func required(req *sipmsg.Request) string {
	var names []string
	for _, h := range req.GetHeaders("require") {
		if v := strings.TrimSpace(h.Value()); v != "" && !slices.Contains(names, v) {
			names = append(names, v)
		}
	}
	return strings.Join(names, ", ")
}
