package sip

import (
	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// updating is an UPDATE of ours (RFC 3311). It is the leg's until it has its final response.
type updating struct {
	leg     *Leg
	update  *update
	dialog  *dialog
	branch  *branch // that the dialog is of; nil: the call came in, or is up
	offered bool    // it carries an offer
}

// early returns the dialog in which we may make another offer before the call is accepted: the far side takes UPDATE, the first offer has
// its answer, and both sides are sure of that (RFC 3311 section 5.1). Nil: there is none.
func (l *Leg) early() *dialog {
	var d *dialog
	switch inv := l.inviting; {
	case l.opening != nil && l.opening.complete:
		d = l.dialog
	case inv != nil && inv.first && inv.winner == nil && inv.withdrawn == nil && inv.current != nil && inv.current.complete:
		d = inv.current.dialog
	}
	if d == nil || !d.updates {
		return nil
	}
	return d
}

// sendUpdate sends UPDATE, with an offer or, if sdp is nil, without.
func (l *Leg) sendUpdate(u *update, d *dialog, sdp []byte) error {
	way, err := d.way()
	if err != nil {
		return err
	}
	up := &updating{leg: l, update: u, dialog: d, branch: l.branchOf(d), offered: sdp != nil}
	req := d.request(sipmsg.UPDATE, 0)
	if l.Info().Phase == bridge.Up {
		l.timeSession(req)
	}
	if sdp != nil {
		setSDP(req, sdp)
		if up.branch != nil {
			up.branch.inv.moved = true
		}
	}
	if err := l.requestIn(d, req, way, up.response); err != nil {
		return err
	}
	l.updating = up
	return nil
}

// response takes the final response.
func (up *updating) response(res *sipmsg.Response, err error) {
	l := up.leg
	if l.updating != up {
		return // its branch has lost, or the call is over
	}
	l.updating = nil
	switch {
	case err != nil:
		up.lost(bridge.Unreachable, unanswered(sipmsg.UPDATE, err))
	case res.IsSuccess():
		up.success(res)
	case passing(errorOf(sipmsg.UPDATE, res)):
		l.yield(up.update, errorOf(sipmsg.UPDATE, res))
	case (res.StatusCode == 405 || res.StatusCode == 501) && l.Info().Phase == bridge.Up: // it does not, whatever it has said: another way remains
		up.dialog.updates, up.dialog.lacks = false, true
		if up.offered {
			l.terminal.Rollback()
		}
		l.updates = append([]*update{up.update}, l.updates...)
		l.nextUpdate()
	case res.StatusCode == 408, res.StatusCode == 481: // RFC 3261 section 12.2.1.2
		up.lost(causeOf(res.StatusCode, 0), errorOf(sipmsg.UPDATE, res))
	default:
		up.fail(errorOf(sipmsg.UPDATE, res))
	}
	l.resume()
}

// success takes the answer.
func (up *updating) success(res *sipmsg.Response) {
	l, u := up.leg, up.update
	up.dialog.retarget(res)
	up.dialog.learn(res)
	if l.Info().Phase == bridge.Up {
		l.sessionAgreed(res)
	}
	if up.offered {
		if err := l.takeAnswer(res); err != nil {
			up.fail(err)
			return
		}
		l.want = u.want
		if b := l.branchOf(up.dialog); b != nil {
			d, _ := readSDP(res)
			b.talk = talk{answer: d, want: u.want, later: true}
		}
		l.agreed(l.Info().Phase)
	}
	u.done(nil)
	l.nextUpdate()
}

// fail ends an UPDATE that came to nothing: what stood stands.
func (up *updating) fail(err error) {
	if up.offered {
		up.leg.terminal.Rollback()
	}
	up.update.done(err)
	up.leg.notRefreshed(up.update)
	up.leg.nextUpdate()
}

// lost ends an UPDATE that the far side did not answer, or not as that of a call that it knows. A call that is up ends with it; for one that
// is not, its INVITE tells what becomes of it.
func (up *updating) lost(why bridge.Cause, err error) {
	l := up.leg
	if l.Info().Phase < bridge.Up {
		up.fail(err)
		return
	}
	up.update.done(err)
	l.failed(why, err)
}

// forsake takes back an offer of ours in a branch other than the one that has accepted: it is made again there.
func (l *Leg) forsake(winner *branch) {
	up := l.updating
	if up == nil || up.branch == winner {
		return
	}
	l.updating = nil
	if up.offered {
		l.terminal.Rollback()
	}
	l.updates = append([]*update{up.update}, l.updates...)
}
