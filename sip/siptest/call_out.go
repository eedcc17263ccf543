package siptest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// ringTimeout is how long a call out rings before the phone gives it up, as Timer C of RFC 3261 section 16.6.
const ringTimeout = 3 * time.Minute

// placing is a call out up to its answer. It belongs to one goroutine, but for what mu guards.
type placing struct {
	*Call
	o        CallOptions
	tx       *sipmsg.ClientTx
	current  *sipmsg.Request // the INVITE of tx
	asked    map[int]bool    // the statuses that have asked for credentials
	heard    bool            // a provisional response has come: CANCEL may be sent
	quitting *ending         // how the phone wants to end the call

	mu   sync.Mutex
	acks map[string]*sipmsg.Request // by the tag of the 2xx
}

// Call places a call to a SIP URI and returns once the INVITE is sent; ctx bounds that alone. A call that is not answered within three
// minutes is cancelled.
func (p *Phone) Call(ctx context.Context, uri string, o *CallOptions) (*Call, error) {
	if !p.enter() {
		return nil, errClosed
	}
	defer p.running.Done()
	c, err := p.newCall(false)
	if err != nil {
		return nil, err
	}
	r := &placing{Call: c, asked: make(map[int]bool), acks: make(map[string]*sipmsg.Request)}
	if o != nil {
		r.o = *o
	}
	if err = r.place(ctx, uri); err != nil {
		c.end(ending{status: sipmsg.StatusServiceUnavailable, reason: "INVITE not sent"})
		return nil, err
	}
	p.running.Go(r.run)
	return c, nil
}

// place builds and sends the first INVITE.
func (r *placing) place(ctx context.Context, uri string) error {
	target, err := parseURI(uri)
	if err != nil {
		return err
	}
	from := r.p.uri(false)
	if r.o.From != "" {
		if from, err = parseURI(r.o.From); err != nil {
			return err
		}
	}
	for _, h := range r.o.Headers {
		if h[0] == "" || unsafeText(h[0]) || unsafeText(h[1]) {
			return errors.New("siptest: malformed header in CallOptions")
		}
	}
	r.callID = rand.Text()
	r.from = sipmsg.FromHeader{Address: from}
	r.from.Params.Add("tag", rand.Text())
	r.to = sipmsg.ToHeader{Address: target}
	r.target = target
	if !r.o.Offerless {
		r.makeOffer(false)
	}
	req := r.newInvite()
	r.invite = req.Clone()
	if err := r.p.add(r.Call); err != nil {
		return err
	}
	return r.begin(ctx, req)
}

// parseURI returns the SIP URI that s is.
func parseURI(s string) (sipmsg.Uri, error) {
	var uri sipmsg.Uri
	if unsafeText(s) {
		return uri, errors.New("siptest: control character in URI")
	}
	if err := sipmsg.ParseUri(s, &uri); err != nil {
		return uri, fmt.Errorf("siptest: URI: %w", err)
	}
	if uri.Scheme != "sip" || uri.Host == "" {
		return uri, errors.New("siptest: not a sip URI")
	}
	uri.Headers = nil
	return uri, nil
}

// newInvite returns an INVITE with the next sequence number.
func (r *placing) newInvite() *sipmsg.Request {
	sdp := ""
	if !r.o.Offerless {
		sdp = r.LocalSDP()
	}
	req := r.request(sipmsg.INVITE, 0, sdp)
	for _, h := range r.o.Headers {
		req.AppendHeader(sipmsg.NewHeader(h[0], h[1]))
	}
	return req
}

// begin sends an INVITE that places the call.
func (r *placing) begin(ctx context.Context, req *sipmsg.Request) error {
	r.state.Lock()
	r.state.inviteSeq = req.CSeq().SeqNo
	r.state.Unlock()
	tx, err := r.p.begin(ctx, req, r.again)
	if err != nil {
		return err
	}
	r.tx, r.current = tx, req
	return nil
}

// noteResponse sees the responses to the INVITE in the order they arrive in.
func (c *Call) noteResponse(res *sipmsg.Response) {
	if c.incoming {
		return
	}
	r := response{status: res.StatusCode, seq: res.CSeq().SeqNo, sdp: hasSDP(res)}
	c.state.Lock()
	defer c.state.Unlock()
	if r.seq > c.state.inviteSeq {
		return // to an offer in the dialog
	}
	if n := len(c.state.responses); n > 0 && r.status >= 200 && c.state.responses[n-1] == r {
		return
	}
	c.state.responses = append(c.state.responses, r)
	switch {
	case r.status <= sipmsg.StatusTrying || r.status >= 200:
	case r.sdp:
		c.state.early = res.Body() // sipgo changes it no more
		c.move(Early)
	case r.status == sipmsg.StatusRinging:
		c.move(Ringing)
	}
}

// run follows the call until it has ended, or has nothing more to do by itself.
func (r *placing) run() {
	quit := r.quit
	giveUp := time.NewTimer(ringTimeout)
	defer giveUp.Stop()
	for {
		select {
		case res := <-r.tx.Responses():
			if r.take(res) {
				return
			}
		case <-quit:
			quit = nil
			r.state.Lock()
			how := *r.state.quitting
			r.state.Unlock()
			r.cancel(how)
			giveUp.Reset(64 * t1) // RFC 3261 section 9.1
		case <-giveUp.C:
			if r.quitting != nil {
				r.tx.Terminate()
				r.end(*r.quitting)
				return
			}
			r.cancel(ending{status: sipmsg.StatusRequestTimeout, reason: "not answered"})
			giveUp.Reset(64 * t1)
		case <-r.tx.Done():
			status, reason := sipmsg.StatusServiceUnavailable, "not reachable"
			if errors.Is(r.tx.Err(), sipmsg.ErrTransactionTimeout) {
				status, reason = sipmsg.StatusRequestTimeout, "no response"
			}
			r.end(ending{status: status, reason: reason})
			return
		case <-r.p.ctx.Done():
			return
		}
	}
}

// cancel ends the call as how says: at once when a provisional response has come, and else with the first one.
func (r *placing) cancel(how ending) {
	if r.quitting == nil {
		r.quitting = &how
	}
	if !r.heard {
		return
	}
	req := r.p.cancelOf(r.current)
	r.p.running.Go(func() {
		ctx, stop := context.WithTimeout(r.p.ctx, 64*t1)
		defer stop()
		if _, err := r.p.roundTrip(ctx, req); err != nil {
			r.p.log.Debug("CANCEL", "error", err)
		}
	})
}

// take handles a response to the INVITE and reports whether it was the last one that matters.
func (r *placing) take(res *sipmsg.Response) bool {
	switch {
	case res.IsProvisional():
		first := !r.heard
		r.heard = true
		if first && r.quitting != nil {
			r.cancel(*r.quitting)
		}
		if hasSDP(res) && !r.o.Offerless {
			if err := r.takeAnswer(res.Body(), false); err != nil {
				r.p.log.Debug("early answer", "error", err)
			}
		}
		return false
	case res.IsSuccess():
		r.answered(res)
		return true
	}
	r.p.refused(r.tx, r.current, res)
	if challenged(res) && r.quitting == nil && !r.asked[res.StatusCode] && r.p.Password != "" {
		if err := r.retry(res); err != nil {
			r.p.log.Debug("INVITE with credentials", "error", err)
			r.end(ending{status: res.StatusCode, reason: res.Reason, byRemote: true})
			return true
		}
		return false
	}
	how := ending{status: res.StatusCode, reason: reasonOf(res, res.Reason), byRemote: true}
	if r.quitting != nil && res.StatusCode == sipmsg.StatusRequestTerminated {
		how = *r.quitting
	}
	r.end(how)
	return true
}

// retry sends the INVITE again with the credentials that res asks for (RFC 3261 section 22).
func (r *placing) retry(res *sipmsg.Response) error {
	req := r.newInvite()
	copyCredentials(r.current, req)
	if err := r.p.authorize(req, res); err != nil {
		return err
	}
	r.asked[res.StatusCode] = true
	r.heard = false
	return r.begin(r.p.ctx, req)
}

// copyCredentials gives to the credentials of from.
func copyCredentials(from, to *sipmsg.Request) {
	sipmsg.CopyHeaders("Authorization", from, to)
	sipmsg.CopyHeaders("Proxy-Authorization", from, to)
}

// answered acknowledges the first 2xx and stays with the call.
func (r *placing) answered(res *sipmsg.Response) {
	up := time.Now()
	r.establish(res)
	var sdp string
	var terms outcome
	var err error
	switch {
	case r.o.Offerless:
		sdp, terms, err = r.takeOffer(res.Body())
	case hasSDP(res):
		err = r.takeAnswer(res.Body(), false)
	default:
		err = r.takeEarlyAnswer()
	}
	if err == nil && r.quitting == nil {
		r.set(Up)
	}
	ack := r.request(sipmsg.ACK, r.current.CSeq().SeqNo, sdp)
	copyCredentials(r.current, ack)
	r.mu.Lock()
	r.acks[tagOf(res.To().Params)] = ack.Clone()
	r.mu.Unlock()
	if err := r.p.write(r.p.ctx, ack); err != nil {
		r.p.log.Debug("ACK", "error", err)
	}
	if r.o.Offerless && err == nil {
		r.applyOutcome(terms)
	}
	close(r.acked)
	<-r.turn
	switch {
	case err != nil:
		r.failed(ending{status: sipmsg.StatusNotAcceptableHere, reason: err.Error()})
	case r.quitting != nil:
		r.failed(ending{status: sipmsg.StatusOK, reason: "BYE"}) // the answer and the CANCEL crossed
	default:
		r.stay(up)
	}
}

// takeEarlyAnswer takes the answer of the last provisional response that had one, for a 200 that has none. It may not have been handled yet:
// the 200 may have overtaken it.
func (r *placing) takeEarlyAnswer() error {
	r.state.Lock()
	early := r.state.early
	r.state.Unlock()
	if early == nil {
		return errors.New("siptest: answered without a session description")
	}
	return r.takeAnswer(early, false)
}
