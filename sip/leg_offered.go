package sip

import (
	"math/rand/v2"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// asked is a request of the far side's within the call that has to be answered with what the other party says: INVITE or UPDATE with an
// offer.
type asked struct {
	tx     *serverTx
	dialog *dialog
	offer  media.Description
	timer  *time.Timer // answers with what stands; nil if that is done at once
	trying *time.Timer // sends 100; nil for UPDATE, and if it is answered at once
}

func (q *asked) stop() {
	if q.timer != nil {
		q.timer.Stop()
	}
	if q.trying != nil {
		q.trying.Stop()
	}
}

// reinvited takes an INVITE within the call.
func (l *Leg) reinvited(tx *serverTx) {
	tx.leg = l
	r := l.unready(l.dialog)
	if r == nil {
		r = l.agent.sessionRefusal(tx.req)
	}
	if r != nil {
		tx.refuse(r)
		return
	}
	offer, err := readSDP(tx.req)
	if err == nil {
		err = l.agent.foresee(offer)
	}
	if err != nil {
		tx.refuse(l.agent.refusedFor(err))
		return
	}
	if u := l.unacked; u != nil {
		u.stop() // who invites again has our 2xx
		l.unacked = nil
		l.referDue()
	}
	if !offer.IsZero() {
		l.ask(tx, l.dialog, offer)
		return
	}
	d, err := l.terminal.Offer(l.want)
	if err != nil {
		tx.refuse(refuseMedia(err))
		return
	}
	refresh(l.dialog, tx)
	l.succeed(tx, textOf(d), &owed{})
}

// updated takes UPDATE (RFC 3311).
func (l *Leg) updated(tx *serverTx, d *dialog) {
	offer, err := readSDP(tx.req)
	short := l.agent.sessionRefusal(tx.req)
	switch r := l.unready(d); {
	case err != nil:
		tx.refuse(l.agent.refusedFor(err))
	case short != nil && l.Ended() == nil:
		tx.refuse(short)
	case offer.IsZero() && l.Ended() == nil: // a new Contact, or a sign of life
		refresh(d, tx)
		_ = tx.answer(l.success(tx, nil))
	case r != nil:
		tx.refuse(r)
	case l.unacked != nil:
		tx.refuse(retryLater()) // the offer in our 2xx, or its answer, may not have arrived yet
	default:
		l.ask(tx, d, offer)
	}
}

// unready returns why an offer of the far side's cannot be taken now (RFC 3261 section 14.2, RFC 3311 section 5.2).
func (l *Leg) unready(d *dialog) *refusal {
	switch {
	case l.Ended() != nil:
		return noDialog()
	case l.asked != nil:
		return retryLater()
	case l.updating != nil && l.updating.offered:
		return refuseWith(491, "Request Pending")
	case l.Info().Phase < bridge.Up:
		return l.unreadyEarly(d)
	case l.inviting != nil, l.unacked != nil && l.unacked.owed != nil:
		return refuseWith(491, "Request Pending")
	}
	return nil
}

// unreadyEarly is unready before acceptance. The first offer must have its answer, and both sides must be sure of that.
func (l *Leg) unreadyEarly(d *dialog) *refusal {
	theirs := false // the first offer
	switch b := l.branchOf(d); {
	case b != nil && b.complete, l.opening != nil && l.opening.complete:
		return nil
	case b != nil:
		theirs = l.inviting.offerless
	case l.opening != nil:
		theirs = !l.opening.offer.IsZero()
	}
	if theirs {
		return retryLater()
	}
	return refuseWith(491, "Request Pending")
}

// retryLater refuses an offer that comes while an earlier one is not answered.
func retryLater() *refusal {
	return refuseWith(500, "Server Internal Error", sipmsg.NewHeader("Retry-After", itoa(1+rand.IntN(10))))
}

// ask asks the other party of the call what it says to an offer. One that says what the far side has said before, such as the refresh of
// a session or a change of address, is answered with what stands, and so is all before acceptance.
func (l *Leg) ask(tx *serverTx, d *dialog, offer media.Description) {
	q := &asked{tx: tx, dialog: d, offer: offer}
	l.asked = q
	far := offer.Plan()
	if l.Info().Phase < bridge.Up || far.Equal(l.terminal.Far()) {
		_ = l.answerOffer(l.want)
		return
	}
	if tx.req.IsInvite() { // within 200 ms, RFC 3261 section 17.2.1; what is answered sooner needs no 100, which some peers do not expect
		q.trying = time.AfterFunc(tryingAfter, func() {
			l.post(func() {
				if l.asked == q {
					_ = tx.answer(response{status: 100, phrase: "Trying"})
				}
			})
		})
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
	refresh(q.dialog, q.tx)
	if b := l.branchOf(q.dialog); b != nil {
		b.talk, b.inv.current, b.inv.moved = talk{offer: &q.offer, want: want}, b, true
	}
	if q.tx.req.IsInvite() {
		l.succeed(q.tx, textOf(d), nil)
	} else {
		_ = q.tx.answer(l.success(q.tx, textOf(d)))
	}
	l.agreed(l.Info().Phase)
	l.nextUpdate()
	return nil
}

// refuseOffer refuses the offer that waits: what stood stands.
func (l *Leg) refuseOffer(r *refusal) {
	q := l.asked
	q.stop()
	l.asked = nil
	q.tx.refuse(r)
	l.agreed(l.Info().Phase)
	l.nextUpdate()
}

// refresh takes from a request that is accepted where the far side is now.
func refresh(d *dialog, tx *serverTx) {
	d.retarget(tx.req)
	d.follow(tx.req, tx.from)
	d.learn(tx.req)
}
