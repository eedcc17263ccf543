package sip

import (
	"errors"
	"strconv"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// over ends the leg for everybody here. It may be called from any goroutine; it returns false if the leg has ended before.
func (l *Leg) over(e *bridge.EndError) bool {
	if !l.End(e) {
		return false
	}
	l.digits.stop()
	l.keyFrames.stop()
	if l.terminal != nil {
		_ = l.terminal.Close()
	}
	l.agent.ended()
	l.log.Debug("leg ended", "cause", e.Cause.String(), "remote", e.Remote)
	return true
}

// hangup ends the call from our side.
func (l *Leg) hangup(why bridge.Cause) {
	l.over(&bridge.EndError{Cause: why})
	l.conclude()
}

// failed ends the call because something went wrong with it.
func (l *Leg) failed(why bridge.Cause, err error) {
	if l.over(&bridge.EndError{Cause: why, Err: err}) {
		l.conclude()
	}
}

// mediaFailed ends the call for its media.
func (l *Leg) mediaFailed(err error) {
	if l.Ended() == nil {
		l.agent.log.Warn("media failed", "leg", l.Info().ID, "error", err)
	}
	l.failed(bridge.Media, err)
}

// conclude tells the far side, once, that the call is over, for the cause that ended it first.
func (l *Leg) conclude() {
	if l.concluding {
		return
	}
	l.concluding = true
	why := l.Ended().Cause
	l.stopTimers()
	switch {
	case l.opening != nil:
		l.refuse(l.agent.refusalOf(why))
	case l.inviting != nil && l.inviting.first:
		l.withdraw(why)
	case l.unacked != nil:
		l.byeOnACK = &why
	case l.dialog.remoteTag == "" && l.dialog.ours && l.Info().Answered.IsZero():
		l.finish() // our INVITE has not gone out; a far side of RFC 2543 has no tag in its 200 either
	case l.reporting != nil:
		l.reporting.bye(why)
	default:
		l.bye(why)
	}
}

// refuse refuses the INVITE that would have begun the call. That is the end of it when its ACK has come.
func (l *Leg) refuse(r *refusal) {
	tx := l.opening.tx
	l.opening.stop()
	l.opening = nil
	res := tx.build(response{status: r.status, phrase: r.phrase, header: r.header, tag: l.localTag})
	if err := tx.respond(res); err != nil {
		if !tx.from.alive() {
			err = l.agent.repeat(tx, res)
		}
		l.log.Debug("refusal not sent at once", "error", err)
		l.finish()
		return
	}
	tx.confirmed = l.finish
}

// bye sends BYE. Its transaction lives on by itself, whoever waits for it or not.
func (l *Leg) bye(why bridge.Cause) {
	way, err := l.dialog.way()
	if err == nil {
		req := l.dialog.request(sipmsg.BYE, 0)
		req.AppendHeader(l.reason(why))
		err = l.request(req, way, func(*sipmsg.Response, error) { l.finish() })
	}
	if err != nil {
		l.log.Debug("BYE not sent", "error", err)
		l.finish()
	}
}

// reason returns the Reason header of our BYE. A far side that has fallen silent is told what was missed of it.
func (l *Leg) reason(why bridge.Cause) sipmsg.Header {
	if silent, ok := errors.AsType[*media.SilentError](l.Ended().Err); ok {
		return sipmsg.NewHeader("Reason", "Q.850;cause="+strconv.Itoa(rowOf(why).q850)+`;text="No media: `+silent.Why.String()+`"`)
	}
	return reasonHeader(why)
}

// byed takes BYE. Who has not accepted our call yet may send none, and ends its branch with it (RFC 3261 section 15.1.2): the call has the
// others, and the response to its INVITE.
func (l *Leg) byed(tx *serverTx, d *dialog) {
	if b := l.branchOf(d); b != nil {
		b.stop()
		b.gone = true
		_ = tx.answer(response{status: 200, phrase: "OK"})
		return
	}
	end := &bridge.EndError{Cause: bridge.Normal, Remote: true}
	r := reasonOf(tx.req)
	if r.text != "" {
		end.Err = &Error{Status: 200, Method: string(sipmsg.BYE), Reason: r.text}
	}
	end.Cause = byeTable[r.q850]
	if l.opening != nil {
		end.Cause = bridge.Cancelled
	}
	l.over(end) // before the answer: who has that may call again from the same address, which is then free
	_ = tx.answer(response{status: 200, phrase: "OK"})
	l.concluding = true
	l.stopTimers()
	if l.opening != nil {
		l.refuse(refuseWith(487, "Request Terminated"))
		return
	}
	if l.unacked != nil {
		l.unacked.stop()
		l.unacked = nil
	}
	l.finish()
}

// cancelled takes CANCEL of an INVITE that has no final response yet.
func (l *Leg) cancelled(invite *serverTx, r reason) {
	terminated := refuseWith(487, "Request Terminated")
	switch {
	case l.asked != nil && l.asked.tx == invite:
		l.refuseOffer(terminated)
		return
	case l.opening == nil || l.opening.tx != invite:
		return
	}
	end := &bridge.EndError{Cause: bridge.Cancelled, Remote: true}
	if r.sip == 200 || r.q850 == 26 { // RFC 3326 section 2: answered by another phone that was called too
		end.Cause = bridge.Elsewhere
	}
	if r.text != "" {
		end.Err = &Error{Status: 487, Method: string(sipmsg.CANCEL), Reason: r.text}
	}
	l.refuseCall(end, terminated)
}

// stopTimers stops what would go on without the call, refuses an offer that waits (RFC 3261 section 15.1.2), and lets those tell of
// transfers that we have asked.
func (l *Leg) stopTimers() {
	if q := l.asked; q != nil {
		q.stop()
		l.asked = nil
		q.tx.refuse(refuseWith(487, "Request Terminated"))
	}
	if l.tentative != nil {
		l.tentative.timer.Stop() // what acknowledges it late is still answered
	}
	if len(l.referring) > 0 {
		l.agent.outlive(l.key())
	}
	l.later, l.updating = nil, nil
	l.session.stop()
	if l.rest != nil {
		l.rest.Stop()
		l.rest = nil
	}
	for _, u := range l.updates {
		u.done(l.Ended())
	}
	l.updates = nil
}

// finish takes the leg out of reach: the far side has nothing more to say, or had its time.
func (l *Leg) finish() {
	if l.finished {
		return
	}
	l.finished = true
	if l.unacked != nil {
		l.unacked.stop()
	}
	l.dialog.leave()
	l.agent.forget(l)
	close(l.settled)
}
