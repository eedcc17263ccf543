package sip

import (
	"math/rand/v2"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// reinvited takes an INVITE within the call.
func (l *Leg) reinvited(tx *serverTx) {
	tx.leg = l
	if r := l.unready(); r != nil {
		tx.refuse(r)
		return
	}
	offer, err := readSDP(tx.req)
	if err != nil {
		tx.refuse(l.agent.refusedFor(err))
		return
	}
	if u := l.unacked; u != nil {
		u.stop() // who invites again has our 2xx
		l.unacked = nil
	}
	_ = tx.answer(response{status: 100, phrase: "Trying"})
	if !offer.IsZero() {
		l.ask(tx, offer)
		return
	}
	d, err := l.terminal.Offer(l.want)
	if err != nil {
		tx.refuse(refuseMedia(err))
		return
	}
	l.refresh(tx)
	l.succeed(tx, textOf(d), &owed{})
}

// updated takes UPDATE (RFC 3311).
func (l *Leg) updated(tx *serverTx) {
	offer, err := readSDP(tx.req)
	switch r := l.unready(); {
	case err != nil:
		tx.refuse(l.agent.refusedFor(err))
	case offer.IsZero() && l.Ended() == nil: // a new Contact, or a sign of life
		l.refresh(tx)
		_ = tx.answer(l.response(200, "OK", nil))
	case r != nil:
		tx.refuse(r)
	case l.unacked != nil:
		tx.refuse(retryLater()) // the offer in our 2xx, or its answer, may not have arrived yet
	default:
		l.ask(tx, offer)
	}
}

// unready returns why an offer of the far side's cannot be taken now (RFC 3261 section 14.2, RFC 3311 section 5.2).
func (l *Leg) unready() *refusal {
	switch {
	case l.Ended() != nil:
		return noDialog()
	case l.asked != nil, l.Info().Phase < bridge.Up:
		return retryLater()
	case l.inviting != nil, l.unacked != nil && l.unacked.owed != nil:
		return refuseWith(491, "Request Pending")
	}
	return nil
}

// retryLater refuses an offer that comes while an earlier one is not answered.
func retryLater() *refusal {
	return refuseWith(500, "Server Internal Error", sipmsg.NewHeader("Retry-After", itoa(1+rand.IntN(10))))
}

// ask asks the other party of the call what it says to an offer. One that says what the far side has said before, such as the refresh of
// a session or a change of address, is answered with what stands.
func (l *Leg) ask(tx *serverTx, offer media.Description) {
	q := &asked{tx: tx, offer: offer}
	l.asked = q
	far := offer.Plan()
	if far.Equal(l.terminal.Far()) {
		_ = l.answerOffer(l.want)
		return
	}
	q.timer = time.AfterFunc(answerPendingFor, func() {
		l.post(func() {
			if l.asked == q {
				_ = l.answerOffer(l.want)
			}
		})
	})
	l.Change(func(i *bridge.Info) { i.Far, i.Pending = far, true })
}

// answerOffer answers the offer that waits.
func (l *Leg) answerOffer(want media.Plan) error {
	q := l.asked
	d, err := l.terminal.Answer(q.offer, want)
	if err != nil {
		l.refuseOffer(refuseMedia(err))
		return err
	}
	q.stop()
	l.asked, l.want = nil, want
	l.refresh(q.tx)
	if q.tx.req.IsInvite() {
		l.succeed(q.tx, textOf(d), nil)
	} else {
		_ = q.tx.answer(l.response(200, "OK", textOf(d)))
	}
	l.agreed(bridge.Up)
	l.nextUpdate()
	return nil
}

// refuseOffer refuses the offer that waits: what stood stands.
func (l *Leg) refuseOffer(r *refusal) {
	q := l.asked
	q.stop()
	l.asked = nil
	q.tx.refuse(r)
	l.agreed(bridge.Up)
	l.nextUpdate()
}

// refresh takes from a request that is accepted where the far side is now.
func (l *Leg) refresh(tx *serverTx) {
	l.dialog.retarget(tx.req)
	l.dialog.follow(tx.req, tx.from)
}
