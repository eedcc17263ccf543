package siptest

import (
	"context"
	"errors"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// byeTimeout is how long a BYE that nobody waits for is repeated: Timer F of RFC 3261.
const byeTimeout = 64 * t1

// ringing is an incoming call up to its answer. It belongs to the goroutine that handles the INVITE.
type ringing struct {
	*Call
	tx        *sipmsg.ServerTx
	cancelled chan ending // how the caller gave up
	sdp       string      // the answer to the offer in the INVITE; "" when there was none
	terms     outcome     // what came of that offer
}

// receive handles an INVITE for a new call, from 100 to the end of the call.
func (p *Phone) receive(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	c, err := p.newCall(true)
	if err != nil {
		p.log.Debug("call refused", "error", err)
		p.respond(tx, req, sipmsg.StatusInternalServerError, "Server Internal Error")
		return
	}
	c.invite = req
	c.asServer(req)
	c.state.remoteSeq = int64(req.CSeq().SeqNo)
	r := &ringing{Call: c, tx: tx, cancelled: make(chan ending, 1)}
	if hasSDP(req) {
		r.sdp, r.terms, err = c.takeOffer(req.Body())
		if err != nil {
			status, reason := sipmsg.StatusBadRequest, "Bad Session Description"
			if errors.Is(err, errNoAudio) {
				status, reason = sipmsg.StatusNotAcceptableHere, "Not Acceptable Here"
			}
			p.log.Debug("call refused", "error", err)
			p.respond(tx, req, status, reason)
			c.end(ending{status: status, reason: reason})
			return
		}
	}
	known := tx.OnCancel(func(cancel *sipmsg.Request) {
		// sipgo holds a lock of the transaction here and sends the 487 by itself.
		if c.claim() {
			c.note(response{status: sipmsg.StatusRequestTerminated, seq: req.CSeq().SeqNo})
			r.cancelled <- ending{status: sipmsg.StatusRequestTerminated, reason: reasonOf(cancel, "Request Terminated"), byRemote: true}
		}
	})
	if !known {
		c.end(ending{status: sipmsg.StatusRequestTerminated, reason: "Request Terminated", byRemote: true})
		return
	}
	if err := p.add(c); err != nil {
		p.respond(tx, req, sipmsg.StatusServiceUnavailable, "Service Unavailable")
		c.end(ending{status: sipmsg.StatusServiceUnavailable, reason: "phone closed"})
		return
	}
	r.run()
}

// reasonOf returns what a Reason header says (RFC 3326), or otherwise.
func reasonOf(msg sipmsg.Message, otherwise string) string {
	if h := msg.GetHeaders("reason"); len(h) > 0 {
		return h[0].Value()
	}
	return otherwise
}

// claim reports whether the caller may send the final response of the call: only one may.
func (c *Call) claim() bool {
	c.state.Lock()
	defer c.state.Unlock()
	if c.state.final {
		return false
	}
	c.state.final = true
	return true
}

// note remembers a response to the INVITE.
func (c *Call) note(r response) {
	c.state.Lock()
	defer c.state.Unlock()
	c.state.responses = append(c.state.responses, r)
}

// run rings and answers as the phone's options say.
func (r *ringing) run() {
	r.send(sipmsg.StatusTrying, "Trying", "")
	o := &r.p.PhoneOptions
	answer := o.AnswerAfter
	rings := o.RingAfter >= 0 && (answer < 0 || answer >= o.RingAfter) && (o.Reject == 0 || answer != 0)
	if rings {
		switch r.wait(o.RingAfter) {
		case waitOver:
			return
		case waitPicked: // before it rang
			r.answer()
			return
		}
		r.ring()
		if answer >= 0 {
			answer -= o.RingAfter
		}
	}
	switch r.wait(answer) {
	case waitOver:
		return
	case waitDue:
		if o.Reject != 0 {
			r.refuse(ending{status: o.Reject, reason: reasonPhrase(o.Reject, o.RejectReason)})
			return
		}
	case waitPicked:
	}
	r.answer()
}

// The outcomes of wait.
const (
	waitDue    = iota // the time has come
	waitPicked        // Call.Answer
	waitOver          // the call has ended
)

// wait waits for d, or without end when d is negative, while the call is not answered.
func (r *ringing) wait(d time.Duration) int {
	var due <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
		return waitDue
	case <-r.pick:
		return waitPicked
	case <-r.quit:
		r.state.Lock()
		how := *r.state.quitting
		r.state.Unlock()
		r.refuse(how)
	case how := <-r.cancelled:
		r.end(how)
	case <-r.tx.Done():
		how := ending{status: sipmsg.StatusServiceUnavailable, reason: "transaction ended"}
		select {
		case how = <-r.cancelled:
		default:
		}
		r.end(how)
	case <-r.p.ctx.Done():
	}
	return waitOver
}

// send sends a response to the INVITE, with a description unless sdp is "".
func (r *ringing) send(status int, reason, sdp string) *sipmsg.Response {
	res := r.response(r.invite, status, reason, sdp)
	r.note(response{status: status, seq: r.invite.CSeq().SeqNo, sdp: sdp != ""})
	if err := r.tx.Respond(res); err != nil {
		r.p.log.Debug("response not sent", "status", status, "error", err)
	}
	return res
}

// response returns a response to an INVITE of the call.
func (c *Call) response(req *sipmsg.Request, status int, reason, sdp string) *sipmsg.Response {
	res := sipmsg.NewResponseFromRequest(req, status, reason, nil)
	if status > sipmsg.StatusTrying && status < 300 {
		res.AppendHeader(&sipmsg.ContactHeader{Address: c.p.uri(req.Transport() == "TCP")})
		res.AppendHeader(sipmsg.NewHeader("Allow", c.p.allowed()))
	}
	setSDP(res, sdp)
	return res
}

// ring tells the caller that the phone rings, with sound when it is to be heard early. An offer of the phone's own cannot go into a
// response that is not acknowledged (RFC 3261 section 13.2.1), so a call without an offer just rings.
func (r *ringing) ring() {
	if r.p.EarlyMedia && r.sdp != "" {
		r.set(Early)
		r.send(sipmsg.StatusSessionInProgress, "Session Progress", r.sdp)
		r.applyOutcome(r.terms)
		return
	}
	r.set(Ringing)
	r.send(sipmsg.StatusRinging, "Ringing", "")
}

// refuse ends the call with a final response, unless the caller has just cancelled it.
func (r *ringing) refuse(how ending) {
	if !r.claim() {
		r.end(<-r.cancelled)
		return
	}
	r.send(how.status, how.reason, "")
	r.end(how)
}

// answer accepts the call and stays with it until it has ended, or has nothing more to do by itself.
func (r *ringing) answer() {
	if !r.claim() {
		r.end(<-r.cancelled)
		return
	}
	sdp := r.sdp
	if sdp == "" {
		sdp = r.makeOffer(false)
	}
	seq := r.invite.CSeq().SeqNo
	acks := r.expectAck(seq)
	up := time.Now()
	r.set(Up)
	res := r.send(sipmsg.StatusOK, "OK", sdp)
	if r.sdp != "" {
		r.applyOutcome(r.terms)
	}
	ack := r.untilAcked(r.tx, res, acks)
	close(r.acked)
	<-r.turn
	switch {
	case ack == nil:
		r.failed(ending{status: sipmsg.StatusRequestTimeout, reason: "no ACK"})
		return
	case r.sdp == "":
		if err := r.takeAnswer(ack.Body(), false); err != nil {
			r.failed(ending{status: sipmsg.StatusNotAcceptableHere, reason: err.Error()})
			return
		}
	}
	r.stay(up)
}

// expectAck returns where the ACK with the given sequence number will arrive.
func (c *Call) expectAck(seq uint32) <-chan *sipmsg.Request {
	c.state.Lock()
	defer c.state.Unlock()
	c.state.wantAck, c.state.ack = seq, make(chan *sipmsg.Request, 1)
	return c.state.ack
}

// acknowledged takes in an ACK.
func (c *Call) acknowledged(req *sipmsg.Request) {
	c.state.Lock()
	defer c.state.Unlock()
	if req.CSeq().SeqNo != c.state.wantAck {
		return
	}
	c.state.wantAck = 0
	c.state.ack <- req // has room: there is one ACK for each wantAck
}

// untilAcked repeats the 2xx res until its ACK has come (RFC 3261 section 13.3.1.4), and returns that; nil when none has come in time or
// the call has ended. sipgo leaves this to its user.
func (c *Call) untilAcked(tx *sipmsg.ServerTx, res *sipmsg.Response, acks <-chan *sipmsg.Request) *sipmsg.Request {
	interval := t1
	again, giveUp := time.NewTimer(interval), time.NewTimer(64*t1)
	defer again.Stop()
	defer giveUp.Stop()
	for {
		select {
		case ack := <-acks:
			return ack
		case ack := <-tx.Acks():
			return ack // with the branch of the INVITE, as RFC 2543 had it
		case <-again.C:
			if err := tx.Respond(res); err != nil {
				c.p.log.Debug("200 not repeated", "error", err)
			}
			interval = min(2*interval, t2)
			again.Reset(interval)
		case <-giveUp.C:
			return nil
		case <-c.done:
			return nil
		case <-c.p.ctx.Done():
			return nil
		}
	}
}

// failed ends an answered call that cannot go on.
func (c *Call) failed(how ending) {
	if !c.end(how) {
		return
	}
	ctx, cancel := context.WithTimeout(c.p.ctx, byeTimeout)
	defer cancel()
	if _, err := c.do(ctx, c.request(sipmsg.BYE, 0, "")); err != nil {
		c.p.log.Debug("BYE", "error", err)
	}
}

// stay hangs up a call that was answered at the time up when the phone's options say so.
func (c *Call) stay(up time.Time) {
	if c.p.HangUpAfter <= 0 {
		return
	}
	timer := time.NewTimer(time.Until(up.Add(c.p.HangUpAfter)))
	defer timer.Stop()
	select {
	case <-timer.C:
		c.failed(ending{status: sipmsg.StatusOK, reason: "BYE"})
	case <-c.done:
	case <-c.p.ctx.Done():
	}
}

// reasonPhrase returns given, or the usual phrase for a status.
func reasonPhrase(status int, given string) string {
	if given != "" {
		return given
	}
	switch status {
	case 404:
		return "Not Found"
	case 408:
		return "Request Timeout"
	case 480:
		return "Temporarily Unavailable"
	case 486:
		return "Busy Here"
	case 488:
		return "Not Acceptable Here"
	case 500:
		return "Server Internal Error"
	case 503:
		return "Service Unavailable"
	case 600:
		return "Busy Everywhere"
	case 603:
		return "Decline"
	}
	return "Rejected"
}
