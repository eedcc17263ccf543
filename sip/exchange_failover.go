package sip

import (
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// silenceFor is how long one of several addresses of a host may say nothing before the next is tried.
const silenceFor = 4 * time.Second

// failing is how an attempt at one address has ended.
type failing struct {
	res *sipmsg.Response
	err error
}

// elsewhere has the request sent to the next address of its host (RFC 3263 section 4.3) where this one could not be reached, or says that it
// cannot take it now. It returns false if the end of the request is what it is.
func (x *exchange) elsewhere(res *sipmsg.Response, err error) bool {
	switch {
	case err == nil && res.StatusCode != 503:
		return false
	case x.moving:
		x.ended = &failing{res, err}
		return true
	case !x.movable():
		return false
	}
	x.ended = &failing{res, err}
	x.move(x.tx)
	return true
}

// silent has the request sent to the next address of its host while this one says nothing.
func (x *exchange) silent(tx *clientTx) {
	if x.tx == tx && !tx.heard && !tx.over && !x.moving && x.movable() {
		x.move(tx)
	}
}

// moved takes the next way, or that there is none to be had.
func (x *exchange) moved(tx *clientTx, way conn, failed error) {
	end := x.ended
	x.moving, x.ended = false, nil
	switch {
	case end != nil && (failed != nil || !x.wanted()):
		x.handle(end.res, end.err)
		return
	case end == nil && (failed != nil || !x.wanted() || tx.heard || tx.over):
		return // it has answered, or may do so yet
	case end == nil && x.late == nil:
		tx.drop()
	case end == nil:
		tx.handle = func(res *sipmsg.Response, _ error) { x.late(tx, res) }
	}
	x.relaunch(way)
}

// wanted reports whether anybody waits for the response.
func (x *exchange) wanted() bool { return !x.gone && (x.leg == nil || x.leg.Ended() == nil) }

// movable reports whether there is another address that the request may go to.
func (x *exchange) movable() bool { return x.rest.more() && x.wanted() }

// move looks for the next way without holding up the inbox.
func (x *exchange) move(tx *clientTx) {
	a, rest, now := x.dialog.agent, x.rest, time.Now()
	a.transport.shunned.add(wayOf(x.way), shunFor, now)
	if s, ok := x.way.(*stream); ok && s.key.network == networkTCP { // a long request's, perhaps
		a.transport.shunned.add(wayKey{network: networkUDP, to: s.key.to}, shunFor, now)
	}
	x.moving = true
	a.work.Go(func() {
		way, err := rest.next(a.ctx)
		a.post(x.dialog.callID, func() { x.moved(tx, way, err) })
	})
}

// relaunch sends the request another way, as a request of its own: who gets it may know the other.
func (x *exchange) relaunch(way conn) {
	d := x.dialog
	x.way, d.net, d.login.home = way, way.network(), way.remote()
	if x.leg != nil {
		d.known = way
		if d.keep(nil); reliable(d.net) {
			d.keep(way)
		}
	}
	x.renew()
	x.tries, x.given = nil, nil // this one has asked for nothing yet
	for _, row := range digestTable {
		for x.req.RemoveHeader(row.give) {
		}
	}
	x.giveKnown()
	if was := x.req.Contact(); was != nil {
		now := d.contact()
		now.Address.User, now.Params = was.Address.User, was.Params // a registration has its own
		x.req.RemoveHeader("Contact")
		x.req.AppendHeader(now)
	}
	if err := x.launch(); err != nil {
		x.handle(nil, err)
	}
}

// wayOf returns the key of a way.
func wayOf(way conn) wayKey {
	if s, ok := way.(*stream); ok {
		return s.key
	}
	return wayKey{network: way.network(), to: way.remote()}
}

// late takes a response to an INVITE in whose place another went to another address, because this one seemed to be silent: the call is not
// to be there twice.
func (inv *inviting) late(old *clientTx, res *sipmsg.Response) {
	switch {
	case res == nil:
	case res.IsProvisional():
		if old.taken {
			return
		}
		old.taken = true
		why := bridge.Elsewhere
		if err := inv.leg.agent.sendCancel(cancelOf(old.req, &why), old.way); err != nil {
			inv.leg.log.Debug("CANCEL not sent", "error", err)
		}
	case res.IsSuccess():
		p := old.past
		p.handle, p.invite, p.way, p.login = nil, old.text, old.way, inv.leg.dialog.login
		p.forked(inv.leg.agent, res)
	}
}
