package sip

import (
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// asked is a request of the far side's that has to be answered with what the other party of the call says: INVITE, or UPDATE with an
// offer.
type asked struct {
	tx    *serverTx
	offer media.Description // zero: the far side wants us to make one
	first bool              // it begins the call
	sdp   []byte            // our answer, once it has gone out in 183
	timer *time.Timer       // answers with what stands; nil for the first
}

func (q *asked) stop() {
	if q.timer != nil {
		q.timer.Stop()
	}
}

// invited takes an INVITE that begins a call.
func (a *Agent) invited(tx *serverTx) {
	l, err := a.receive(tx)
	if err != nil {
		a.count.refused.Add(1)
		r := a.refusedFor(err)
		a.log.Debug("call refused", "status", r.status)
		tx.refuse(r)
		return
	}
	a.count.in.Add(1)
	l.log.Debug("call came in", "transport", tx.req.Transport())
}

// receive makes a leg of an INVITE and hands it to the Bridge. The error says how the INVITE is to be refused.
func (a *Agent) receive(tx *serverTx) (*Leg, error) {
	if a.intake == nil {
		return nil, refuseWith(480, "Temporarily Unavailable")
	}
	if !a.txs.begins(tx) {
		return nil, refuseWith(482, "Loop Detected") // the same call has come by another way
	}
	offer, err := readSDP(tx.req)
	if err != nil {
		return nil, err
	}
	if err := a.foresee(offer); err != nil {
		return nil, err
	}
	_ = tx.answer(response{status: 100, phrase: "Trying"})
	d := a.dialogOf(tx.req, tx.from)
	info := bridge.Info{From: d.remote.party(), To: nameAddr{d.local.name, tx.req.Recipient}.party(), Far: offer.Plan(), Pending: !offer.IsZero(), Came: true}
	l := a.newLeg(d, info)
	l.came = true
	l.asked = &asked{tx: tx, offer: offer, first: true}
	if err := l.open(); err != nil {
		d.keep(nil)
		return nil, busyRefusal("no media")
	}
	if err := a.admit(l); err != nil {
		return nil, l.discard(err)
	}
	tx.leg = l
	if err := a.intake.Receive(l); err != nil {
		a.ended()
		a.forget(l)
		return nil, l.discard(err)
	}
	return l, nil
}

// discard gives up a leg that nobody has seen.
func (l *Leg) discard(err error) error {
	_ = l.terminal.Close()
	l.dialog.keep(nil)
	return err
}

// foresee refuses an offer that no wish of the Bridge's could make acceptable.
func (a *Agent) foresee(offer media.Description) error {
	if offer.IsZero() {
		return nil
	}
	local := media.Local{ID: 1, Addr: "127.0.0.1", Port: 9, RTCPPort: 9}
	if _, _, err := (media.Negotiation{}).Answer(a.o.policy, local, nil, offer); err != nil {
		return refuseMedia(err)
	}
	return nil
}

// ring tells the caller that the called party is being told, or gives it early media.
func (l *Leg) ring(early media.Plan) error {
	q := l.asked
	if end := l.Ended(); end != nil {
		return end
	}
	if !l.came || q == nil || !q.first || q.sdp != nil {
		return nil
	}
	if early == nil || q.offer.IsZero() {
		if l.Info().Phase < bridge.Alerting {
			_ = q.tx.answer(l.response(180, "Ringing", nil))
			l.rise(bridge.Alerting)
		}
		return nil
	}
	d, err := l.terminal.Answer(q.offer, early)
	if err != nil {
		return err
	}
	q.sdp, l.want = textOf(d), early
	_ = q.tx.answer(l.response(183, "Session Progress", q.sdp))
	l.agreed(bridge.Early)
	return nil
}

// response returns a response to an INVITE or UPDATE, other than a refusal.
func (l *Leg) response(status int, phrase string, sdp []byte) response {
	return response{status: status, phrase: phrase, tag: l.localTag, sdp: sdp, header: []sipmsg.Header{
		l.dialog.contact(), l.agent.allow(),
	}}
}

// accept accepts the call. done is told when what is agreed is known.
func (l *Leg) accept(want media.Plan, done func(error)) {
	q := l.asked
	sdp, err := q.sdp, error(nil)
	if sdp == nil {
		var d media.Description
		if q.offer.IsZero() {
			d, err = l.terminal.Offer(want)
		} else {
			d, err = l.terminal.Answer(q.offer, want)
		}
		sdp, l.want = textOf(d), want
	}
	if err != nil {
		l.over(&bridge.EndError{Cause: bridge.Media, Err: err})
		l.concluding = true
		l.refuse(refuseMedia(err))
		done(l.Ended())
		return
	}
	l.asked = nil
	if !q.offer.IsZero() {
		l.succeed(q.tx, sdp, nil)
		l.agreed(bridge.Up)
		done(nil)
		return
	}
	l.succeed(q.tx, sdp, &owed{first: true, done: done})
	l.rise(bridge.Up)
}
