package siptest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// isFrom reports whether req comes from the other side of the call.
func (c *Call) isFrom(req *sipmsg.Request) bool {
	tag := c.remoteTag()
	return tag != "" && tag == tagOf(req.From().Params)
}

// handle handles a request in the dialog, in a goroutine of sipgo's.
func (c *Call) handle(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	seq := int64(req.CSeq().SeqNo)
	c.state.Lock()
	late := seq <= c.state.remoteSeq
	if !late {
		c.state.remoteSeq = seq
	}
	c.state.Unlock()
	switch {
	case late: // RFC 3261 section 12.2.2
		c.p.respond(tx, req, sipmsg.StatusInternalServerError, "Server Internal Error")
	case req.Method == sipmsg.BYE:
		c.hungUp(req, tx)
	case req.Method == sipmsg.INVITE:
		c.reinvited(req, tx)
	case req.Method == sipmsg.INFO && c.p.camera != nil:
		c.informed(req, tx)
	default:
		c.p.respond(tx, req, sipmsg.StatusMethodNotAllowed, "Method Not Allowed", sipmsg.NewHeader("Allow", c.p.allowed()))
	}
}

// hungUp handles a BYE. The caller may send one before the call is answered too (RFC 3261 section 15).
func (c *Call) hungUp(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	c.p.respond(tx, req, sipmsg.StatusOK, "OK")
	reason := reasonOf(req, "BYE")
	c.state.Lock()
	up := c.state.now >= Up
	if !up {
		c.giveUp(ending{status: sipmsg.StatusRequestTerminated, reason: reason, byRemote: true})
	}
	c.state.Unlock()
	if up {
		c.end(ending{status: sipmsg.StatusOK, reason: reason, byRemote: true})
	}
}

// reinvited handles an INVITE in the dialog: an offer of the other side, or a request for one.
func (c *Call) reinvited(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	if unknown := required(req); unknown != "" {
		c.p.respond(tx, req, sipmsg.StatusBadExtension, "Bad Extension", sipmsg.NewHeader("Unsupported", unknown))
		return
	}
	if !c.takeTurn(req, tx) {
		return
	}
	defer func() { <-c.turn }()
	offerless := len(req.Body()) == 0
	var sdp string
	var terms outcome
	var err error
	c.state.Lock()
	held := c.state.held
	c.state.Unlock()
	switch {
	case offerless:
		sdp = c.makeOffer(held)
	case hasSDP(req):
		sdp, terms, err = c.takeOffer(req.Body())
	default:
		c.p.respond(tx, req, sipmsg.StatusUnsupportedMediaType, "Unsupported Media Type", sipmsg.NewHeader("Accept", sdpType))
		return
	}
	if err != nil {
		c.p.log.Debug("offer refused", "error", err)
		c.p.respond(tx, req, sipmsg.StatusNotAcceptableHere, "Not Acceptable Here")
		return
	}
	c.refresh(req.Contact())
	if !offerless {
		c.applyOutcome(terms)
	}
	acks := c.expectAck(req.CSeq().SeqNo)
	res := c.response(req, sipmsg.StatusOK, "OK", sdp)
	if err := tx.Respond(res); err != nil {
		c.p.log.Debug("response not sent", "error", err)
	}
	ack := c.untilAcked(tx, res, acks)
	switch {
	case ack == nil:
		c.failed(ending{status: sipmsg.StatusRequestTimeout, reason: "no ACK"})
	case offerless:
		if err := c.takeAnswer(ack.Body(), held); err != nil {
			c.failed(ending{status: sipmsg.StatusNotAcceptableHere, reason: err.Error()})
		}
	}
}

// takeTurn makes sure that there is one offer at a time (RFC 3261 section 14.2), or refuses req. The ACK of the last exchange was sent
// before req but may be handled after it: a little time is left for that.
func (c *Call) takeTurn(req *sipmsg.Request, tx *sipmsg.ServerTx) bool {
	timer := time.NewTimer(t1)
	defer timer.Stop()
	c.state.Lock()
	glare := c.state.reoffers
	c.state.Unlock()
	if !glare {
		select {
		case c.turn <- struct{}{}:
			return true
		case <-timer.C:
		case <-c.done:
			c.p.respond(tx, req, sipmsg.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
			return false
		}
		c.state.Lock()
		glare = c.state.reoffers
		c.state.Unlock()
	}
	if glare {
		c.p.respond(tx, req, sipmsg.StatusRequestPending, "Request Pending")
	} else {
		c.p.respond(tx, req, sipmsg.StatusInternalServerError, "Server Internal Error", sipmsg.NewHeader("Retry-After", "1"))
	}
	return false
}

// Hold puts the other side on hold: the phone offers to send only. It goes on playing. It returns when the other side has answered.
func (c *Call) Hold(ctx context.Context) error { return c.reoffer(ctx, true) }

// Resume ends Hold.
func (c *Call) Resume(ctx context.Context) error { return c.reoffer(ctx, false) }

// reoffer offers in the dialog until it is answered. What the other side cannot take up just now is offered again after a while.
func (c *Call) reoffer(ctx context.Context, held bool) error {
	for {
		res, err := c.offerOnce(ctx, held)
		if err != nil {
			return err
		}
		if res.IsSuccess() {
			return nil
		}
		pause, ok := c.pauseAfter(res)
		if !ok {
			return fmt.Errorf("siptest: offer refused: %d %s", res.StatusCode, res.Reason)
		}
		select {
		case <-time.After(pause):
		case <-c.done:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("siptest: offer: %w", ctx.Err())
		}
	}
}

// maxRetryAfter is the longest time that is waited because a Retry-After header says so, in seconds (RFC 3261 section 14.2).
const maxRetryAfter = 10

// pauseAfter returns how long to wait before an offer that res has refused is made again, if it is. When both sides offer at once each
// waits for a time that it draws, the owner of the Call-ID a longer one (RFC 3261 section 14.1).
func (c *Call) pauseAfter(res *sipmsg.Response) (time.Duration, bool) {
	switch res.StatusCode {
	case sipmsg.StatusRequestPending:
		pause := time.Duration(rand.IntN(200)) * 10 * time.Millisecond
		if !c.incoming {
			pause += 2100 * time.Millisecond
		}
		return pause, true
	case sipmsg.StatusInternalServerError:
		if h := res.GetHeader("retry-after"); h != nil {
			seconds, err := strconv.Atoi(strings.TrimSpace(h.Value()))
			return time.Duration(seconds) * time.Second, err == nil && seconds >= 0 && seconds <= maxRetryAfter
		}
	}
	return 0, false
}

// offerOnce sends one offer and returns the final response to it.
func (c *Call) offerOnce(ctx context.Context, held bool) (*sipmsg.Response, error) {
	if !c.p.enter() {
		return nil, errClosed
	}
	defer c.p.running.Done()
	if s := c.State(); s != Up {
		return nil, fmt.Errorf("siptest: call is %s: there is nothing to hold", s)
	}
	select {
	case c.turn <- struct{}{}:
	case <-c.done:
		return nil, errEnded
	case <-ctx.Done():
		return nil, fmt.Errorf("siptest: offer: %w", ctx.Err())
	}
	c.state.Lock()
	c.state.reoffers = true
	c.state.Unlock()
	type result struct {
		res *sipmsg.Response
		err error
	}
	results := make(chan result, 1)
	// The exchange is seen to its end even when nobody waits for it any more: a 2xx without an ACK would end the call.
	c.p.running.Go(func() {
		res, err := c.exchange(held)
		c.state.Lock()
		c.state.reoffers = false
		c.state.Unlock()
		<-c.turn
		results <- result{res, err}
	})
	select {
	case r := <-results:
		return r.res, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("siptest: offer: %w", ctx.Err())
	}
}

// exchange sends an offer, acknowledges the answer and acts on it.
func (c *Call) exchange(held bool) (*sipmsg.Response, error) {
	offer := c.makeOffer(held)
	req := c.request(sipmsg.INVITE, 0, offer)
	res, again, err := c.roundTripInvite(req)
	if err == nil && challenged(res) && c.p.Password != "" {
		retry := c.request(sipmsg.INVITE, 0, offer)
		if err := c.p.authorize(retry, res); err != nil {
			return nil, err
		}
		req = retry
		res, again, err = c.roundTripInvite(req)
	}
	switch {
	case err != nil:
		return nil, err
	case res.StatusCode == sipmsg.StatusCallTransactionDoesNotExists || res.StatusCode == sipmsg.StatusRequestTimeout:
		c.failed(ending{status: res.StatusCode, reason: res.Reason, byRemote: true}) // RFC 3261 section 14.1
		return res, nil
	case !res.IsSuccess():
		return res, nil
	}
	c.refresh(res.Contact())
	ack := c.request(sipmsg.ACK, req.CSeq().SeqNo, "")
	copyCredentials(req, ack)
	again <- ack.Clone()
	if err := c.p.write(c.p.ctx, ack); err != nil {
		return nil, err
	}
	if !hasSDP(res) {
		return nil, errors.New("siptest: offer accepted without an answer")
	}
	return res, c.takeAnswer(res.Body(), held)
}

// roundTripInvite sends an INVITE in the dialog and returns its final response, and where the ACK goes that every repeated 2xx is
// answered with.
func (c *Call) roundTripInvite(req *sipmsg.Request) (*sipmsg.Response, chan<- *sipmsg.Request, error) {
	acks := make(chan *sipmsg.Request, 1)
	tx, err := c.p.begin(c.p.ctx, req, func(*sipmsg.Response) {
		if !c.p.enter() {
			return
		}
		defer c.p.running.Done()
		select {
		case ack := <-acks:
			acks <- ack.Clone()
			if err := c.p.write(c.p.ctx, ack); err != nil {
				c.p.log.Debug("ACK again", "error", err)
			}
		default: // the first 2xx is being handled right now
		}
	})
	if err != nil {
		return nil, nil, err
	}
	for {
		select {
		case res := <-tx.Responses():
			if res.IsProvisional() {
				continue
			}
			if !res.IsSuccess() {
				c.p.refused(tx, req, res)
			}
			return res, acks, nil
		case <-tx.Done():
			return nil, nil, fmt.Errorf("siptest: INVITE: %w", tx.Err())
		case <-c.p.ctx.Done():
			return nil, nil, errClosed
		}
	}
}
