package sip

import (
	"errors"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

var (
	errBusy    = errors.New("sip: too many transactions")
	errTimeout = errors.New("sip: no response")
)

// clientTx is a request of ours until its final response (RFC 3261 section 17.1). Its handler is called in the call's inbox: once for each
// response until then, for each 2xx to an INVITE that has no ACK yet, and once with an error if it ends without a final response.
type clientTx struct {
	agent  *Agent
	key    string
	callID string
	req    *sipmsg.Request
	text   []byte // of the request, to repeat it
	way    conn   // written with the lock of transactions held
	handle func(*sipmsg.Response, error)
	heard  bool     // there was a response
	resent bool     // its connection was lost, and it went out over another
	over   bool     // nothing more is to be told
	taken  bool     // CANCEL was sent, because another went in its place
	past   *settled // of an INVITE that has its final response

	timer *time.Timer // repeats the request, and gives it up
	every time.Duration
	until time.Time
}

// send begins a client transaction. handle is called as clientTx says, unless send fails.
func (a *Agent) send(req *sipmsg.Request, way conn, handle func(*sipmsg.Response, error)) (*clientTx, error) {
	return a.sendWithin(nil, req, way, handle)
}

// sendWithin is send for a request of a dialog, which may take another way than the one given: see dialog.moved.
func (a *Agent) sendWithin(d *dialog, req *sipmsg.Request, way conn, handle func(*sipmsg.Response, error)) (*clientTx, error) {
	if a.txs.full(tagOf(req.To().Params) != "" || req.IsCancel()) {
		return nil, errBusy
	}
	way, text, err := d.moved(a.transport, req, way)
	if err != nil {
		return nil, err
	}
	tx := &clientTx{
		agent: a, key: clientKey(req), callID: req.CallID().Value(), req: req, text: text, way: way, handle: handle,
		every: timerT1, until: time.Now().Add(giveUp),
	}
	way.hold(1)
	a.txs.mu.Lock()
	a.txs.client[tx.key] = tx
	a.txs.mu.Unlock()
	if err := a.transport.request(way, text); err != nil {
		tx.end()
		return nil, err
	}
	tx.timer = time.AfterFunc(tx.next(), func() { a.post(tx.callID, tx.again) })
	return tx, nil
}

// next is how long to wait before the request is repeated, or given up: timers A and B, E and F.
func (tx *clientTx) next() time.Duration {
	left := time.Until(tx.until)
	if reliable(tx.way.network()) {
		return left
	}
	return min(tx.every, left)
}

// again repeats the request, or gives it up.
func (tx *clientTx) again() {
	if tx.over || tx.timer == nil {
		return
	}
	err := errTimeout
	if time.Now().Before(tx.until) {
		err = tx.way.write(tx.text)
	}
	if err != nil {
		tx.end()
		tx.handle(nil, err)
		return
	}
	tx.every *= 2
	if !tx.req.IsInvite() {
		tx.every = min(tx.every, timerT2)
	}
	tx.timer.Reset(tx.next())
}

// receive takes a response.
func (tx *clientTx) receive(res *sipmsg.Response) {
	if tx.over {
		return
	}
	tx.heard = true
	switch {
	case !res.IsProvisional():
		tx.settle(res)
	case tx.req.IsInvite(): // it may take as long as it takes
		stopTimer(tx.timer)
		tx.timer = nil
	default:
		tx.every = timerT2
	}
	tx.handle(res, nil)
}

// settle takes the final response, and keeps what is needed for when it is repeated.
func (tx *clientTx) settle(res *sipmsg.Response) {
	tx.end()
	if !tx.req.IsInvite() {
		return
	}
	tx.past = &settled{handle: tx.handle}
	if !res.IsSuccess() {
		ack, err := tx.agent.transport.text(ackOfRefusal(tx.req, res))
		if err != nil {
			return
		}
		tx.past = &settled{refused: true, acks: []sent{{text: ack, way: tx.way}}}
		tx.past.acks[0].again(tx.agent)
		if reliable(tx.way.network()) {
			return
		}
	}
	t := tx.agent.txs
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settled.add(t.mark(tx.key), 0, tx.past, t.sweep)
}

// rests says that what is kept of an INVITE that was accepted changes no more, unless somebody finds it.
func (tx *clientTx) rests() {
	t := tx.agent.txs
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settled.rest(t.mark(tx.key))
}

// drop ends a request whose responses nobody waits for any more.
func (tx *clientTx) drop() {
	if !tx.over {
		tx.end()
	}
}

// end takes the transaction from among the agent's.
func (tx *clientTx) end() {
	tx.over = true
	stopTimer(tx.timer)
	tx.way.hold(-1)
	t := tx.agent.txs
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.client, tx.key)
}

// ackOfRefusal returns the ACK to a refusal (RFC 3261 section 17.1.1.3).
func ackOfRefusal(invite *sipmsg.Request, res *sipmsg.Response) *sipmsg.Request {
	ack := sipmsg.NewRequest(sipmsg.ACK, *invite.Recipient.Clone())
	ack.AppendHeader(sipmsg.HeaderClone(invite.Via()))
	copyFields(ack, invite, "Route")
	maxForwards := sipmsg.MaxForwardsHeader(maxForwards)
	ack.AppendHeader(&maxForwards)
	ack.AppendHeader(sipmsg.HeaderClone(invite.From()))
	ack.AppendHeader(sipmsg.HeaderClone(res.To()))
	ack.AppendHeader(sipmsg.HeaderClone(invite.CallID()))
	ack.AppendHeader(&sipmsg.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sipmsg.ACK})
	noBody(ack)
	return ack
}
