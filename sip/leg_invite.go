package sip

import (
	"errors"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// inviting is an INVITE of ours: the one that begins the call, or an offer within it. It is the leg's until it has its final response
// and, if that asks us for an answer, that is sent. Repeated and further 2xx find it later too.
type inviting struct {
	leg       *Leg
	exchange  *exchange
	first     bool
	offerless bool
	update    *update // of an offer within the call

	heard     *clientTx     // the last that had a provisional response
	cancelled bool          // CANCEL was sent
	withdrawn *bridge.Cause // nobody wants the call any more
	timer     *time.Timer   // gives up after CANCEL

	want     media.Plan         // of our offer
	branches []*branch          // early dialogs, of the INVITE that begins the call
	current  *branch            // that had the last exchange of offer and answer; nil: none had
	moved    bool               // and that was not about the offer in the INVITE
	winner   *sipmsg.Response   // the 2xx that made the call
	offered  *media.Description // the far side's offer in it, which waits for our answer
	answer   []byte             // ours to that, for the ACK
}

// response takes a response to the INVITE that begins the call.
func (inv *inviting) response(res *sipmsg.Response, err error) {
	if err == nil {
		inv.leg.terminal.Signals(inv.exchange.way.remote().Addr())
	}
	switch {
	case err != nil:
		inv.failed(nil, err)
	case res.IsProvisional():
		inv.progress(res)
	case res.IsSuccess():
		inv.success(res)
	default:
		inv.failed(res, nil)
	}
}

// progress takes a provisional response.
func (inv *inviting) progress(res *sipmsg.Response) {
	l := inv.leg
	inv.heard = inv.exchange.tx
	if inv.withdrawn != nil {
		inv.cancel()
	}
	if inv.withdrawn != nil || res.StatusCode == 100 || inv.winner != nil {
		return
	}
	b := inv.branch(res)
	if b == nil {
		return
	}
	take, reliable := b.next(res)
	if !take {
		return
	}
	if res.StatusCode == 199 { // takes a branch back: RFC 6228
		if reliable {
			b.prack(nil)
		}
		b.stop()
		return
	}
	inv.describes(b, res, reliable)
	l.rise(bridge.Alerting)
	l.sign()
}

// describes takes what a provisional response says of media, and says that it has come.
func (inv *inviting) describes(b *branch, res *sipmsg.Response, reliable bool) {
	l, took := inv.leg, false
	var err error
	switch {
	case !inv.offerless:
		took, err = b.takeAnswer(res, reliable)
	case reliable:
		took, err = b.takeOffer(res)
	}
	if err != nil {
		l.log.Debug("early description not taken", "status", res.StatusCode, "error", err)
	}
	if reliable && b.offered == nil {
		b.prack(nil)
	}
	if took && !inv.offerless {
		l.agreed(bridge.Early)
	}
}

// provisional reports whether CANCEL may be sent: there was a response, and to the INVITE as it was sent last.
func (inv *inviting) provisional() bool { return inv.heard != nil && inv.heard == inv.exchange.tx }

// success takes a 2xx: the first, a repeated one, or that of another branch.
func (inv *inviting) success(res *sipmsg.Response) {
	l, tag := inv.leg, tagOf(res.To().Params)
	switch {
	case inv.winner != nil && tagOf(inv.winner.To().Params) == tag:
		if inv.offered == nil { // else its ACK waits for our answer
			inv.acknowledge(res, inv.answer) // it could not be sent the first time
		}
		return
	case inv.winner != nil:
		inv.exchange.tx.past.forked(l.agent, res)
		return
	}
	b := inv.branch(res)
	inv.winner = res
	l.forsake(b)
	l.dialog.keep(nil)
	l.dialog = b.dialog
	inv.exchange.tx.past.mayFork(inv)
	inv.stop()
	l.dialog.establish(res)
	l.identify(res, inv.exchange.way)
	switch {
	case l.Ended() != nil: // withdrawn, and accepted at that moment
		inv.acknowledge(res, nil)
		l.inviting = nil
		why := bridge.Cancelled
		if inv.withdrawn != nil {
			why = *inv.withdrawn
		}
		l.bye(why)
	case b.gone: // its BYE was faster
		inv.acknowledge(res, nil)
		l.inviting = nil
		l.over(&bridge.EndError{Cause: bridge.Normal, Remote: true})
		l.concluding = true
		l.stopTimers()
		l.finish()
	case inv.offerless && !b.complete:
		l.sessionAgreed(res)
		inv.takeOffer(res)
	default:
		l.sessionAgreed(res)
		inv.accepted(b, res)
	}
}

// accepted takes the 2xx of a branch that has our offer or our answer.
func (inv *inviting) accepted(b *branch, res *sipmsg.Response) {
	l := inv.leg
	inv.acknowledge(res, nil)
	l.inviting = nil
	if inv.current != nil && inv.current != b { // what was agreed with another since the INVITE is offered again
		l.updates = append([]*update{l.wish(l.want)}, l.updates...)
	}
	err := b.resume()
	if err == nil && !inv.offerless {
		_, err = b.takeAnswer(res, true)
	}
	if err == nil && b.answer == "" && !b.complete {
		err = errNoSDP
	}
	if err != nil {
		l.failed(bridge.Media, err)
		return
	}
	l.agreed(bridge.Up)
	l.sign()
	l.nextUpdate()
}

// takeOffer takes the 2xx to an INVITE without an offer: the far side's offer waits for our answer, which goes in the ACK.
func (inv *inviting) takeOffer(res *sipmsg.Response) {
	l := inv.leg
	offer, err := readSDP(res)
	if err == nil && offer.IsZero() {
		err = errNoSDP
	}
	if err != nil {
		inv.acknowledge(res, nil)
		l.inviting = nil
		l.failed(bridge.Media, errors.Join(errBadSDP, err))
		return
	}
	inv.offered = &offer
	inv.timer = time.AfterFunc(answerPendingFor, func() {
		l.post(func() {
			if inv.offered != nil {
				_ = l.answerAccepted(nil)
			}
		})
	})
	l.Change(func(i *bridge.Info) {
		i.Far, i.Pending = offer.Plan(), true
		l.reach(i, bridge.Up)
	})
	l.sign()
}

// answerAccepted answers the offer in a 2xx with the ACK.
func (l *Leg) answerAccepted(want media.Plan) error {
	inv := l.inviting
	d, err := l.terminal.Answer(*inv.offered, want)
	inv.offered, inv.answer = nil, textOf(d)
	inv.stop()
	inv.acknowledge(inv.winner, inv.answer)
	l.inviting = nil
	if err != nil {
		l.failed(bridge.Media, err)
		return l.Ended()
	}
	l.want = want
	l.agreed(bridge.Up)
	l.nextUpdate()
	return nil
}

// acknowledge sends the ACK of a 2xx (RFC 3261 section 13.2.2.4).
func (inv *inviting) acknowledge(res *sipmsg.Response, sdp []byte) {
	x := inv.exchange
	if err := x.tx.past.acknowledge(inv.leg.dialog, x.req, res, sdp); err != nil {
		inv.leg.log.Debug("ACK not sent", "error", err)
		return // the far side repeats its 2xx
	}
	x.tx.past.handle = nil
	x.tx.rests()
}

// failed takes the refusal of the INVITE, or that it has no final response.
func (inv *inviting) failed(res *sipmsg.Response, err error) {
	l := inv.leg
	if l.inviting != inv {
		return
	}
	inv.stop()
	l.inviting = nil
	end := &bridge.EndError{Cause: bridge.Unreachable}
	if res != nil {
		e := errorOf(sipmsg.INVITE, res)
		end.Cause, end.Remote, end.Err = causeOf(res.StatusCode, reasonOf(res).q850), true, e
	} else {
		end.Err = unanswered(sipmsg.INVITE, err)
	}
	l.over(end)
	l.concluding = true
	l.stopTimers()
	l.finish()
}

// unanswered returns the error for a request that has got no final response.
func unanswered(method sipmsg.RequestMethod, err error) *Error {
	e := &Error{Status: 503, Reason: "Service Unavailable", Method: string(method), Err: err}
	if errors.Is(err, errTimeout) || errors.Is(err, errNoFinal) {
		e.Status, e.Reason = 408, "Request Timeout"
	}
	return e
}

func (inv *inviting) stop() {
	if inv.timer != nil {
		inv.timer.Stop()
	}
	for _, b := range inv.branches {
		b.release()
	}
}
