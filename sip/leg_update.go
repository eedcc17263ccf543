package sip

import (
	"context"
	"math/rand/v2"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// maxGlares is how often an offer of ours may meet one of the far side's before it is given up.
const maxGlares = 10

// maxRest is the longest that the far side can put an offer of ours off for.
const maxRest = 10 * time.Second

// reofferFor is how long the far side may take to answer an offer of ours within the call before it is taken back.
const reofferFor = giveUp

// update is an offer of ours within the call: a wish, until it is its turn.
type update struct {
	ctx    context.Context
	want   media.Plan
	result chan error
	tries  int // that met an offer of the far side's
	told   bool

	refresh bool // of the session, and of nothing else
}

// wish returns a wish that nobody waits for.
func (l *Leg) wish(want media.Plan) *update {
	return &update{ctx: l.Context(), want: want, result: make(chan error, 1)}
}

func (u *update) done(err error) {
	if !u.told {
		u.told = true
		u.result <- err
	}
}

// update takes a wish. Only one offer is under way at a time, whoever made it: one of the far side's that waits is answered first.
func (l *Leg) update(u *update) {
	var err error
	switch {
	case l.Ended() != nil:
		err = l.Ended()
	case l.opening == nil && l.Info().Pending:
		l.answer(u.want, func(e error) { err = e })
	case l.Info().Phase < bridge.Up && l.early() == nil:
		err = errNotUp
	}
	if err != nil {
		u.done(err)
		return
	}
	l.updates = append(l.updates, u)
	l.nextUpdate()
}

// nextUpdate makes the next offer, if none is under way.
func (l *Leg) nextUpdate() {
	for len(l.updates) > 0 && l.free() {
		u := l.updates[0]
		l.updates = l.updates[1:]
		l.offer(u)
	}
}

// free reports whether an offer of ours may go now.
func (l *Leg) free() bool {
	switch {
	case l.Ended() != nil, l.asked != nil, l.unacked != nil, l.updating != nil, l.rest != nil:
		return false
	case l.Info().Phase < bridge.Up:
		d := l.early()
		b := l.branchOf(d)
		return d != nil && (b == nil || !b.pracking)
	}
	return l.inviting == nil
}

// offer offers the far side what a wish asks for, if that is not what stands.
func (l *Leg) offer(u *update) {
	if u.refresh {
		l.refreshNow(u)
		return
	}
	if u.ctx.Err() != nil {
		u.done(context.Cause(u.ctx))
		return
	}
	if l.terminal.Stands(u.want) {
		u.done(nil)
		return
	}
	d, err := l.terminal.Offer(u.want)
	if err != nil {
		u.done(err)
		return
	}
	switch {
	case l.Info().Phase < bridge.Up:
		err = l.sendUpdate(u, l.early(), textOf(d))
	case l.agent.o.OfferByUpdate && !l.dialog.lacks:
		err = l.sendUpdate(u, l.dialog, textOf(d))
	default:
		err = l.reinvite(u, textOf(d))
	}
	if err != nil {
		l.endOffer(u, err)
	}
}

// reinvite sends an offer in an INVITE.
func (l *Leg) reinvite(u *update, sdp []byte) error {
	way, err := l.dialog.way()
	if err != nil {
		return err
	}
	inv := &inviting{leg: l, update: u}
	req := l.dialog.request(sipmsg.INVITE, 0)
	l.timeSession(req)
	setSDP(req, sdp)
	inv.exchange = &exchange{leg: l, req: req, way: way, handle: inv.reresponse}
	l.inviting = inv
	inv.timer = time.AfterFunc(reofferFor, func() { l.post(inv.overdue) })
	return inv.exchange.send()
}

// endInvite ends the INVITE of an offer, if it has one.
func (l *Leg) endInvite(u *update) {
	if l.inviting != nil && l.inviting.update == u {
		l.inviting.stop()
		l.inviting = nil
	}
}

// endOffer ends an offer that came to nothing: what stood stands.
func (l *Leg) endOffer(u *update, err error) {
	l.endInvite(u)
	l.terminal.Rollback()
	u.done(err)
	l.notRefreshed(u)
	l.nextUpdate()
}

// loseOffer ends the call with an offer: none of those that wait is made.
func (l *Leg) loseOffer(u *update, why bridge.Cause, err error) {
	l.endInvite(u)
	u.done(err)
	l.failed(why, err)
}

// overdue takes an offer back that the far side does not answer.
func (inv *inviting) overdue() {
	if inv.leg.inviting != inv {
		return
	}
	if inv.provisional() {
		inv.cancel()
	} else {
		inv.expire()
	}
}

// reresponse takes a response to an offer within the call.
func (inv *inviting) reresponse(res *sipmsg.Response, err error) {
	l, u := inv.leg, inv.update
	switch {
	case err == nil && res.IsProvisional():
		inv.heard = inv.exchange.tx
		return
	case err == nil && res.IsSuccess():
		inv.resuccess(res)
		return
	case l.inviting != inv:
		return
	case err != nil:
		l.loseOffer(u, bridge.Unreachable, unanswered(sipmsg.INVITE, err))
		return
	}
	switch refused := errorOf(sipmsg.INVITE, res); {
	case passing(refused):
		l.yield(u, refused)
	case res.StatusCode == 408, res.StatusCode == 481: // RFC 3261 section 12.2.1.2: the far side does not know the call any more
		l.loseOffer(u, causeOf(res.StatusCode, 0), refused)
	default:
		l.endOffer(u, refused)
	}
}

// resuccess takes the acceptance of an offer within the call, or its repetition.
func (inv *inviting) resuccess(res *sipmsg.Response) {
	l, u := inv.leg, inv.update
	tag := tagOf(res.To().Params)
	if tag != l.dialog.remoteTag {
		return // not of this dialog
	}
	current := l.inviting == inv
	if current {
		inv.stop()
		l.inviting = nil
		l.dialog.retarget(res)
		l.sessionAgreed(res)
	}
	inv.acknowledge(res, nil)
	if !current || l.Ended() != nil {
		return
	}
	if err := l.takeAnswer(res); err != nil {
		l.endOffer(u, err)
		return
	}
	l.want = u.want
	l.agreed(bridge.Up)
	u.done(nil)
	l.nextUpdate()
}

// passing reports whether a refusal of an offer says that another one is under way: by 491, or by 500 with the time after which it may be made
// again, which is what who has not answered the one before says (RFC 3261 section 14.2, RFC 3311 section 5.2).
func passing(refused *Error) bool {
	return refused.Status == 491 || refused.Status == 500 && refused.RetryAfter > 0 && refused.RetryAfter <= maxRest
}

// yield lets the far side's offer go first, which met ours on the way, and tries again (RFC 3261 section 14.1).
func (l *Leg) yield(u *update, refused *Error) {
	if u.tries++; u.tries > maxGlares {
		l.endOffer(u, refused)
		return
	}
	l.endInvite(u)
	l.terminal.Rollback()
	wait := time.Duration(rand.IntN(201)) * 10 * time.Millisecond
	switch {
	case refused.Status == 500:
		wait = refused.RetryAfter
	case l.dialog.ours:
		wait = 2100*time.Millisecond + time.Duration(rand.IntN(191))*10*time.Millisecond
	}
	l.updates = append([]*update{u}, l.updates...)
	l.rest = time.AfterFunc(wait, func() {
		l.post(func() {
			l.rest = nil
			l.nextUpdate()
		})
	})
}
