package sip

import (
	"errors"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

var errLapsed = errors.New("sip: the invitation has expired")

// opening is the INVITE that begins a call, until it has its final response.
type opening struct {
	tx       *serverTx
	offer    media.Description // zero: the far side wants us to make one
	reliable bool              // the caller takes reliable provisional responses
	must     bool              // all of them are to be reliable
	sdp      []byte            // our answer or offer, once it is meant for a provisional response
	complete bool              // there was an offer and an answer, and the far side has said that it has both
	lapse    *time.Timer       // ends it when the caller's time is over; nil: the caller has not said
}

func (o *opening) stop() {
	if o.lapse != nil {
		o.lapse.Stop()
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
	if o, limit := l.opening, durationOf(headerText(tx.req, "expires")); o != nil && limit > 0 {
		o.lapse = time.AfterFunc(limit, func() { l.post(func() { l.lapsed(o) }) })
	}
}

// lapsed ends a call that was not accepted in the time that its INVITE gives (RFC 3261 section 13.3.1): as if the caller had withdrawn it.
func (l *Leg) lapsed(o *opening) {
	if l.opening == o && l.Ended() == nil {
		l.refuseCall(&bridge.EndError{Cause: bridge.Cancelled, Remote: true, Err: errLapsed}, refuseWith(487, "Request Terminated"))
	}
}

// receive makes a leg of an INVITE and hands it to the Bridge. The error says how the INVITE is to be refused.
func (a *Agent) receive(tx *serverTx) (*Leg, error) {
	instead, named, err := a.replaced(tx.req)
	switch {
	case err != nil:
		return nil, err
	case instead == nil && a.intake == nil:
		return nil, refuseWith(480, "Temporarily Unavailable")
	}
	if !a.txs.begins(tx) {
		return nil, refuseWith(482, "Loop Detected") // the same call has come by another way
	}
	if r := a.extensionRefusal(tx.req); r != nil {
		return nil, r
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
	l.identify(tx.req, tx.from)
	l.headers = readExtensions(tx.req)
	l.opening = &opening{tx: tx, offer: offer}
	if a.o.Reliable != ReliableOff {
		l.opening.reliable = supports(tx.req, tagReliable)
		l.opening.must = requires(tx.req, tagReliable) || a.o.Reliable == ReliableRequired
	}
	if err := l.open(); err != nil {
		a.log.Warn("call refused", "leg", info.ID, "err", err) // the caller is not told which limit it is
		d.keep(nil)
		return nil, busyRefusal("no media")
	}
	l.terminal.Signals(tx.from.remote().Addr())
	if err := a.admit(l); err != nil {
		return nil, l.discard(err)
	}
	tx.leg, l.user = l, tx.user
	if instead != nil {
		instead.post(func() { instead.replacedBy(l, named) })
		return l, nil
	}
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
	if err := a.o.policy.Foresee(offer); err != nil {
		return refuseMedia(err)
	}
	return nil
}

// ring tells the caller that the called party is being told, or gives it early media.
func (l *Leg) ring(early media.Plan) error {
	o := l.opening
	if end := l.Ended(); end != nil {
		return end
	}
	if o == nil || o.sdp != nil {
		return nil
	}
	offerless := o.offer.IsZero()
	if offerless && !o.reliable || early == nil && !offerless || early == nil && !o.must {
		if l.Info().Phase < bridge.Alerting {
			l.tell(l.response(180, "Ringing", nil), false)
			l.rise(bridge.Alerting)
		}
		return nil
	}
	d, err := l.describe(early)
	if err != nil {
		return err
	}
	o.sdp, l.want = textOf(d), early
	if early == nil { // the first reliable response has to carry our offer (RFC 3261 section 13.2.1)
		l.tell(l.response(180, "Ringing", o.sdp), true)
	} else {
		l.tell(l.response(183, "Session Progress", o.sdp), offerless)
	}
	if offerless {
		l.rise(bridge.Alerting)
	} else {
		l.agreed(bridge.Early)
	}
	return nil
}

// describe returns our answer to the offer that began the call, or our offer where it had none.
func (l *Leg) describe(want media.Plan) (d media.Description, err error) {
	if l.opening.offer.IsZero() {
		d, err = l.terminal.Offer(want)
	} else {
		d, err = l.terminal.Answer(l.opening.offer, want)
	}
	if errors.Is(err, media.ErrFull) {
		err = &bridge.EndError{Cause: bridge.Overload, Err: err}
	}
	return d, err
}

// response returns a response to an INVITE or UPDATE, other than a refusal.
func (l *Leg) response(status int, phrase string, sdp []byte) response {
	r := response{status: status, phrase: phrase, tag: l.localTag, sdp: sdp, header: []sipmsg.Header{
		l.dialog.contact(), l.agent.o.said.allow, l.agent.o.said.supported,
	}}
	return r
}

// success returns the 2xx to an INVITE, or to UPDATE in a call that is up.
func (l *Leg) success(tx *serverTx, sdp []byte) response {
	r := l.response(200, "OK", sdp)
	if tx.req.IsInvite() || l.Info().Phase == bridge.Up {
		r.header = append(r.header, l.sessionAnswer(tx.req)...)
	}
	return r
}

// accept accepts the call, once no description waits for its PRACK (RFC 3262 section 3), and no offer of ours for its answer. done is told
// when what is agreed is known.
func (l *Leg) accept(want media.Plan, done func(error)) {
	o := l.opening
	if l.tentative != nil && l.tentative.described || l.updating != nil {
		l.later = append(l.later, func() { l.answer(want, done) })
		return
	}
	described := o.sdp != nil
	if !described {
		d, err := l.describe(want)
		if err != nil {
			end, ok := errors.AsType[*bridge.EndError](err)
			if !ok {
				end = &bridge.EndError{Cause: bridge.Media, Err: err}
			}
			l.refuseCall(end, refuseMedia(err))
			done(l.Ended())
			return
		}
		o.sdp, l.want = textOf(d), want
	}
	o.stop()
	l.opening = nil
	if l.tentative != nil {
		l.tentative.timer.Stop()
	}
	if described {
		l.updates = append(l.updates, l.wish(want)) // nothing if it is what was said early
	}
	switch {
	case o.complete:
		l.succeed(o.tx, nil, nil)
	case o.offer.IsZero():
		l.succeed(o.tx, o.sdp, &owed{first: true, done: done})
		l.rise(bridge.Up)
		return
	default:
		l.succeed(o.tx, o.sdp, nil)
	}
	l.agreed(bridge.Up)
	done(nil)
}

// refuseCall ends a call that came in, with a refusal of its own.
func (l *Leg) refuseCall(end *bridge.EndError, r *refusal) {
	l.over(end)
	l.concluding = true
	l.stopTimers()
	l.refuse(r)
}
