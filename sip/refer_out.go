package sip

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

// eventRefer is the event package of REFER.
const eventRefer = "refer"

var errNotify = errors.New("sip: the far side has ended its reports of the transfer")

// referring is a REFER of ours, until the far side has said what came of it.
type referring struct {
	leg      *Leg
	target   string
	exchange *exchange
	timer    *time.Timer
	told     bool
	result   chan error
}

// Refer asks the far side to call to, a sip, sips or tel URI, in our place (RFC 3515), and returns with what it says last: nil if that call
// was accepted, else an *Error with its status. A far side that will not say (RFC 4488) has agreed when it has accepted. Refer fails before
// the call is up, when the call ends, and after three minutes without a last word. When ctx ends it returns its error, and what it has
// asked for goes on. The call itself stands: who asked hangs it up. Nothing is asked before the far side has acknowledged our acceptance.
func (l *Leg) Refer(ctx context.Context, to string) error {
	target, err := checkTarget(to)
	if err != nil {
		return fmt.Errorf("sip: transfer target: %w", err)
	}
	return l.refer(ctx, target)
}

// ReferTo asks the far side to take our place in the call of other, which is up (an attended transfer, RFC 5589 section 7): it calls
// other's far side with an INVITE that replaces our call with that (RFC 3891). It returns as Refer does. The far side of other ends that
// call when it is replaced. Both legs may be of different agents.
func (l *Leg) ReferTo(ctx context.Context, other *Leg) error {
	var target string
	err := other.run(ctx, func() error {
		var err error
		target, err = other.replacement()
		return err
	})
	if err != nil {
		return err
	}
	return l.refer(ctx, target)
}

// checkTarget returns a URI as a REFER may name it.
func checkTarget(to string) (string, error) {
	if number, ok := strings.CutPrefix(to, "tel:"); ok && validTel(number) {
		return to, nil
	}
	uri, err := parseURI(to)
	return uri.String(), err
}

// replacement returns the URI by which who is called to takes our place in this call. A call that we placed is reached where we reached it;
// the Contact of one that came in says more than its From.
func (l *Leg) replacement() (string, error) {
	switch {
	case l.Ended() != nil:
		return "", l.Ended()
	case l.Info().Phase < bridge.Up:
		return "", errNotUp
	}
	uri := *l.dialog.target.Clone()
	if l.dialog.ours {
		uri = *l.dialog.remote.uri.Clone()
	}
	uri.Headers = nil
	r := replaces{callID: l.callID, toTag: l.dialog.remoteTag, fromTag: l.localTag}
	if !validCallID(r.callID) || !validToken(r.toTag) || checkURI(&uri) != nil {
		return "", errURI
	}
	return uri.String() + "?Replaces=" + escapeHeader(r.String()), nil
}

// refer sends REFER and waits for what comes of it.
func (l *Leg) refer(ctx context.Context, target string) error {
	r := &referring{leg: l, target: target, result: make(chan error, 1)}
	if !l.post(r.send) {
		return l.gone()
	}
	err := l.await(ctx, r.result)
	select {
	case said := <-r.result: // it was told before the call ended
		return said
	default:
	}
	l.post(func() {
		if !r.told && r.exchange != nil {
			l.agent.outlive(l.key())
		}
		r.done(err)
	})
	return err
}

// send sends the REFER, once the far side has our acceptance: it could overtake that.
func (r *referring) send() {
	l := r.leg
	switch {
	case l.Ended() != nil:
		r.done(l.Ended())
		return
	case l.Info().Phase < bridge.Up:
		r.done(errNotUp)
		return
	case l.unacked != nil:
		l.refersDue = append(l.refersDue, r)
		return
	}
	way, err := l.dialog.way()
	if err != nil {
		r.done(err)
		return
	}
	req := l.dialog.request(sipmsg.REFER, 0)
	req.AppendHeader(l.dialog.contact())
	req.AppendHeader(sipmsg.NewHeader("Refer-To", "<"+r.target+">"))
	us := bareURI(&l.dialog.local.uri)
	if checkURI(&us) == nil {
		req.AppendHeader(sipmsg.NewHeader("Referred-By", "<"+us.String()+">"))
	}
	req.AppendHeader(sipmsg.NewHeader("Accept", typeFrag))
	r.exchange = &exchange{leg: l, req: req, way: way, handle: r.response}
	l.referring = append(l.referring, r) // before its response: NOTIFY may come first
	r.timer = time.AfterFunc(referFor, func() {
		l.post(func() {
			r.done(&Error{Status: 408, Reason: "Request Timeout", Method: string(sipmsg.REFER), Err: errNoFinal})
		})
	})
	if err := r.exchange.send(); err != nil {
		r.done(err)
	}
}

// referDue sends what has waited for the far side to have our acceptance, but for what nobody waits for any more.
func (l *Leg) referDue() {
	due := l.refersDue
	l.refersDue = nil
	for _, r := range due {
		if !r.told {
			r.send()
		}
	}
}

// response takes a response to the REFER.
func (r *referring) response(res *sipmsg.Response, err error) {
	switch {
	case err != nil:
		r.done(unanswered(sipmsg.REFER, err))
	case res.StatusCode >= 300:
		r.done(errorOf(sipmsg.REFER, res))
	case res.IsSuccess() && strings.EqualFold(headerText(res, "refer-sub"), "false"):
		r.done(nil)
	}
}

// done tells what came of it.
func (r *referring) done(err error) {
	if r.told {
		return
	}
	r.told = true
	if r.timer != nil {
		r.timer.Stop()
	}
	l := r.leg
	for i, other := range l.referring {
		if other == r {
			l.referring = append(l.referring[:i], l.referring[i+1:]...)
			break
		}
	}
	r.result <- err
}

// notified takes NOTIFY, of what came of a REFER of ours (RFC 3515 section 2.4.4).
func (l *Leg) notified(tx *serverTx) {
	if !ofRefer(tx.req) {
		tx.refuse(refuseWith(489, "Bad Event", sipmsg.NewHeader("Allow-Events", eventRefer)))
		return
	}
	_, params, _ := strings.Cut(headerText(tx.req, "event", "o"), ";")
	r := l.referringOf(params)
	if r == nil {
		if !l.agent.toldLate(tx) {
			tx.refuse(noDialog())
		}
		return
	}
	status, phrase, ok := parseFrag(tx.req.Body())
	if !ok && len(tx.req.Body()) > 0 {
		tx.refuse(refuseWith(400, "Bad Body"))
		return
	}
	_ = tx.answer(l.response(200, "OK", nil))
	switch {
	case ok && status >= 300:
		r.done(&Error{Status: status, Reason: phrase, Method: string(sipmsg.REFER)})
	case ok && status >= 200:
		r.done(nil)
	case lastNotify(tx.req):
		r.done(&Error{Status: 408, Reason: "Request Timeout", Method: string(sipmsg.REFER), Err: errNotify})
	}
}

// referringOf returns the REFER that an Event's parameters name: the oldest one if they name none.
func (l *Leg) referringOf(params string) *referring {
	for part := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(part, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "id") {
			continue
		}
		for _, r := range l.referring {
			if strconv.FormatUint(uint64(r.exchange.req.CSeq().SeqNo), 10) == strings.TrimSpace(value) {
				return r
			}
		}
		return nil
	}
	if len(l.referring) == 0 {
		return nil
	}
	return l.referring[0]
}
