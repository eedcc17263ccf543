package sip

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

var errNoPRACK = errors.New("sip: no PRACK")

// tentative is a provisional response of ours that is sent reliably: repeated until its PRACK comes (RFC 3262 section 3). There is one at a
// time; after the final response it is no longer repeated, but a PRACK for it is still taken.
type tentative struct {
	leg       *Leg
	tx        *serverTx
	res       *sipmsg.Response
	rseq      uint32
	described bool // it carries a description
	offered   bool // which is our offer: PRACK brings the answer
	timer     *time.Timer
	every     time.Duration
	until     time.Time
}

// tell sends a provisional response to the INVITE that began the call: reliably where the caller asks for it, or where the response
// carries a description and the caller takes it. While an earlier one has no PRACK it waits.
func (l *Leg) tell(r response, offered bool) {
	o := l.opening
	switch {
	case o == nil:
		return
	case !o.must && (r.sdp == nil || !o.reliable):
		_ = o.tx.answer(r)
		return
	case l.tentative != nil:
		l.later = append(l.later, func() { l.tell(r, offered) })
		return
	}
	if l.rseq++; l.rseq == 1 {
		l.rseq += rand.Uint32N(1<<31 - 2)
	}
	r.header = append(r.header, sipmsg.NewHeader("Require", tagReliable), sipmsg.NewHeader("RSeq", strconv.FormatUint(uint64(l.rseq), 10)))
	t := &tentative{
		leg: l, tx: o.tx, res: o.tx.build(r), rseq: l.rseq, described: r.sdp != nil, offered: offered, every: timerT1, until: time.Now().Add(giveUp),
	}
	l.tentative = t
	t.timer = time.AfterFunc(t.every, func() { l.post(t.again) })
	_ = t.tx.respond(t.res)
}

// again repeats the response, or gives the call up.
func (t *tentative) again() {
	l := t.leg
	if l.tentative != t || l.opening == nil {
		return
	}
	left := time.Until(t.until)
	if left <= 0 {
		l.tentative = nil
		l.refuseCall(&bridge.EndError{Cause: bridge.Unreachable, Err: errNoPRACK}, refuseWith(504, "Server Time-out"))
		return
	}
	_ = t.tx.respond(t.res)
	t.every *= 2
	t.timer.Reset(min(t.every, left))
}

// pracked takes PRACK. One that is for the response that waits is answered 200 whatever it carries: it says that the response has come.
func (l *Leg) pracked(tx *serverTx) {
	t := l.tentative
	rseq, cseq, ok := readRAck(tx.req)
	switch {
	case !ok:
		tx.refuse(refuseWith(400, "Bad RAck"))
		return
	case t == nil || t.rseq != rseq || t.tx.req.CSeq().SeqNo != cseq:
		tx.refuse(noDialog())
		return
	}
	t.timer.Stop()
	l.tentative = nil
	r := l.response(200, "OK", nil)
	if l.opening == nil { // it has its final response already
		_ = tx.answer(r)
		return
	}
	var err error
	r.sdp, err = l.prackedWith(t, tx)
	_ = tx.answer(r)
	if err != nil {
		refused, ok := errors.AsType[*refusal](err)
		if !ok {
			refused = refuseMedia(err)
		}
		l.refuseCall(&bridge.EndError{Cause: bridge.Media, Err: err}, refused)
		return
	}
	l.resume()
	l.nextUpdate()
}

// resume does what has waited for a PRACK, or for the answer to an offer of ours.
func (l *Leg) resume() {
	for len(l.later) > 0 && l.tentative == nil && l.updating == nil {
		next := l.later[0]
		l.later = l.later[1:]
		next()
	}
}

// prackedWith takes the description in PRACK: the answer to our offer, or an offer, whose answer it returns.
func (l *Leg) prackedWith(t *tentative, tx *serverTx) ([]byte, error) {
	if t.offered {
		if err := l.takeAnswer(tx.req); err != nil {
			return nil, err
		}
		l.opening.complete = true
		l.agreed(bridge.Early)
		return nil, nil
	}
	offer, err := readSDP(tx.req)
	if err != nil {
		return nil, err
	}
	l.opening.complete = l.opening.complete || t.described
	if offer.IsZero() || !l.opening.complete { // an offer beside one that has no answer yet breaks RFC 3262 section 5: it is not taken
		return nil, nil
	}
	d, err := l.terminal.Answer(offer, l.want)
	if err != nil {
		return nil, err
	}
	l.agreed(bridge.Early)
	return textOf(d), nil
}

// readRAck reads which response a PRACK is for (RFC 3262 section 7.2).
func readRAck(req *sipmsg.Request) (rseq, cseq uint32, ok bool) {
	f := strings.Fields(headerText(req, "rack"))
	if len(f) != 3 || !strings.EqualFold(f[2], string(sipmsg.INVITE)) {
		return 0, 0, false
	}
	r, err1 := strconv.ParseUint(f[0], 10, 32)
	c, err2 := strconv.ParseUint(f[1], 10, 32)
	return uint32(r), uint32(c), err1 == nil && err2 == nil
}
