package sip

import (
	"errors"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// arrived sorts what has come in, in the order in which it came. It is called by the readers of the sockets and does not wait.
func (a *Agent) arrived(msg sipmsg.Message, from conn, came time.Time) {
	tidy(msg)
	if res, ok := msg.(*sipmsg.Response); ok {
		if !validResponse(res) {
			a.count.invalid.Add(1)
			a.offended(from, offenceUnparsed)
			return
		}
		a.postMessage(res.CallID().Value(), came, func() { a.response(res) })
		return
	}
	req, ok := msg.(*sipmsg.Request)
	if !ok {
		return
	}
	if !sound(req) {
		a.count.invalid.Add(1)
		a.offended(from, offenceUnparsed)
		if req.Method != sipmsg.ACK && req.Via() != nil {
			received(req, from)
			_ = a.transport.send(answerTo(req, from), sipmsg.NewResponseFromRequest(req, 400, "Bad Request", nil))
		}
		return
	}
	received(req, from)
	if !a.turnAway(req, from) {
		a.postMessage(req.CallID().Value(), came, func() { a.request(req, from) })
	}
}

// response hands a response to the request that it belongs to.
func (a *Agent) response(res *sipmsg.Response) {
	switch tx, past := a.txs.findClient(clientKey(res)); {
	case tx != nil:
		tx.receive(res)
	case past != nil:
		past.repeated(a, res)
	}
}

// request hands a request to its transaction, or begins one.
func (a *Agent) request(req *sipmsg.Request, from conn) {
	method := req.Method
	if method == sipmsg.ACK {
		method = sipmsg.INVITE
	}
	key := serverKey(req, method)
	switch tx, past := a.txs.findServer(key); {
	case req.Method == sipmsg.ACK && tx != nil && tx.final >= 300:
		tx.refused()
	case req.Method == sipmsg.ACK:
		a.acknowledged(req, from) // to a 2xx; RFC 2543 gives it the branch of its INVITE
	case tx != nil:
		tx.repeated(from)
	case past != nil:
		past.repeated(from)
	default:
		a.begin(key, req, from)
	}
}

// begin takes a new request.
func (a *Agent) begin(key string, req *sipmsg.Request, from conn) {
	if tagOf(req.To().Params) == "" && !a.transport.guard.peer(from.remote().Addr()) {
		a.count.barred.Add(1) // it may take part in what we began, and begin nothing
		return
	}
	if a.txs.full(a.stands(req)) {
		a.count.dropped.Add(1)
		a.dismiss(req, from, busyRefusal("too many transactions"), "")
		return
	}
	r := validate(req)
	if r == nil && req.Recipient.Scheme == "sips" && a.o.TLS == nil {
		r = refuseWith(416, "Unsupported URI Scheme") // RFC 5630 section 5.3
	}
	user, ok := "", true
	if r == nil {
		user, ok = a.identify(req, from)
	}
	if !ok {
		return
	}
	tx := a.serveTx(key, req, from)
	tx.user = user
	if r != nil {
		a.count.invalid.Add(1)
		if r.status == 400 { // others ask for what we do not have, and may
			a.offended(from, offenceUnparsed)
		}
		tx.refuse(r)
		return
	}
	switch tag := tagOf(req.To().Params); {
	case req.Method == sipmsg.CANCEL:
		a.cancel(tx)
	case tag != "":
		a.within(tx, tag)
	default:
		a.outside(tx)
	}
}

// stands reports whether a request is for a call that we know.
func (a *Agent) stands(req *sipmsg.Request) bool {
	if req.IsCancel() {
		tx, past := a.txs.findServer(serverKey(req, sipmsg.INVITE))
		return tx != nil || past != nil
	}
	return a.find(req.CallID().Value(), tagOf(req.To().Params)) != nil
}

// outside takes a request that is not within a dialog.
func (a *Agent) outside(tx *serverTx) {
	switch tx.req.Method {
	case sipmsg.INVITE:
		a.invited(tx)
	case sipmsg.OPTIONS:
		a.options(tx)
	case sipmsg.MESSAGE:
		a.messaged(tx)
	case sipmsg.BYE, sipmsg.INFO, sipmsg.UPDATE, sipmsg.PRACK, sipmsg.NOTIFY:
		tx.refuse(noDialog())
	case sipmsg.REFER:
		tx.refuse(refuseWith(403, "Forbidden")) // whoever is no party of a call has nothing to transfer
	default:
		tx.refuse(a.notAllowed())
	}
}

// within takes a request within a dialog.
func (a *Agent) within(tx *serverTx, tag string) {
	req := tx.req
	l := a.find(req.CallID().Value(), tag)
	var d *dialog
	if l != nil {
		d = l.dialogFor(req)
	}
	if l == nil && a.toldLate(tx) {
		return
	}
	if d == nil || d != l.dialog && req.Method == sipmsg.INVITE {
		a.offended(tx.from, offenceDialog)
		tx.refuse(noDialog())
		return
	}
	a.proven(tx.from)
	tx.user = l.user
	if !d.takes(req) && req.Method != sipmsg.BYE {
		tx.refuse(refuseWith(500, "Out Of Order"))
		return
	}
	switch req.Method {
	case sipmsg.INVITE:
		l.reinvited(tx)
	case sipmsg.UPDATE:
		l.updated(tx, d)
	case sipmsg.PRACK:
		l.pracked(tx)
	case sipmsg.BYE:
		l.byed(tx, d)
	case sipmsg.INFO:
		l.informed(tx)
	case sipmsg.OPTIONS:
		a.capable(tx)
	case sipmsg.MESSAGE:
		a.messaged(tx)
	case sipmsg.REFER:
		l.referred(tx)
	case sipmsg.NOTIFY:
		l.notified(tx)
	default:
		tx.refuse(a.notAllowed())
	}
}

func noDialog() *refusal { return refuseWith(481, "Call/Transaction Does Not Exist") }

func (a *Agent) notAllowed() *refusal { return refuseWith(405, "Method Not Allowed", a.o.said.allow) }

// options answers OPTIONS as it would an INVITE, as far as can be told before it is there (RFC 3261 section 11.2).
func (a *Agent) options(tx *serverTx) {
	a.mu.Lock()
	draining := a.draining
	a.mu.Unlock()
	if draining {
		tx.refuse(busyRefusal("draining"))
		return
	}
	a.capable(tx)
}

// capable says what we can do.
func (a *Agent) capable(tx *serverTx) {
	_ = tx.answer(response{status: 200, phrase: "OK", header: []sipmsg.Header{
		a.o.said.allow, sipmsg.NewHeader("Accept", typeSDP), a.o.said.supported,
	}})
}

// acknowledged hands the ACK of a 2xx to its leg.
func (a *Agent) acknowledged(req *sipmsg.Request, from conn) {
	if l := a.find(req.CallID().Value(), tagOf(req.To().Params)); l != nil && l.dialog.remoteTag == tagOf(req.From().Params) {
		a.proven(from)
		l.acknowledged(req)
	}
}

// cancel takes CANCEL, which has a transaction of its own, and ends the INVITE that it is for, if that has no final response yet
// (RFC 3261 section 9.2).
func (a *Agent) cancel(tx *serverTx) {
	invite, past := a.txs.findServer(serverKey(tx.req, sipmsg.INVITE))
	tag := ""
	switch {
	case past != nil:
		tag = past.tag
	case invite == nil:
		tx.refuse(noDialog())
		return
	case invite.leg != nil:
		tag = invite.leg.dialog.localTag
	}
	_ = tx.answer(response{status: 200, phrase: "OK", tag: tag})
	if past == nil && invite.final == 0 && invite.leg != nil {
		invite.leg.cancelled(invite, reasonOf(tx.req))
	}
}

// refusedFor returns how an INVITE is refused that a leg could not be made for.
func (a *Agent) refusedFor(err error) *refusal {
	r, ok := errors.AsType[*refusal](err)
	switch {
	case ok:
		return r
	case errors.Is(err, bridge.ErrDraining), errors.Is(err, ErrClosed):
		return busyRefusal("draining")
	case errors.Is(err, errTooManyCalls):
		return busyRefusal("too many calls")
	}
	return a.refusalOf(bridge.Internal)
}
