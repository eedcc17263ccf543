package siptest

import (
	"context"

	sipmsg "github.com/emiago/sipgo/sip"
)

// again handles a further 2xx, in a goroutine of sipgo's: a repeated one is acknowledged again; one from another branch of a fork is
// acknowledged and hung up (RFC 3261 section 13.2.2.4).
func (r *placing) again(res *sipmsg.Response) {
	if res.To() == nil || !r.p.enter() {
		return
	}
	defer r.p.running.Done()
	tag := tagOf(res.To().Params)
	r.mu.Lock()
	ack, none := r.acks[tag], len(r.acks) == 0
	r.mu.Unlock()
	if none {
		return // the first one is being handled right now
	}
	if ack == nil {
		r.refuseFork(res, tag)
		return
	}
	if err := r.p.write(r.p.ctx, ack.Clone()); err != nil {
		r.p.log.Debug("ACK again", "error", err)
	}
}

// refuseFork acknowledges and hangs up what another branch of a fork has answered.
func (r *placing) refuseFork(res *sipmsg.Response, tag string) {
	seq := res.CSeq().SeqNo
	fork := &dialog{p: r.p, callID: r.callID, from: r.from, seq: seq}
	fork.establish(res)
	ack := fork.request(sipmsg.ACK, seq, "")
	r.mu.Lock()
	r.acks[tag] = ack.Clone()
	r.mu.Unlock()
	if err := r.p.write(r.p.ctx, ack); err != nil {
		r.p.log.Debug("ACK to a fork", "error", err)
	}
	ctx, cancel := context.WithTimeout(r.p.ctx, byeTimeout)
	defer cancel()
	if _, err := fork.do(ctx, fork.request(sipmsg.BYE, 0, "")); err != nil {
		r.p.log.Debug("BYE to a fork", "error", err)
	}
}
