package sip

import (
	"errors"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

var errAnswered = errors.New("sip: the request has its final response already")

// serverTx is a request of a far side's with our responses to it (RFC 3261 section 17.2), until it has its final response or, if it is an
// INVITE that was refused, the ACK to that. Its methods are called in the call's inbox.
type serverTx struct {
	agent     *Agent
	key       string
	merge     mark // see transactions.calls; 0: not there
	req       *sipmsg.Request
	user      string // who has proved to have sent it, or the call that it belongs to
	from      conn   // that it came by
	back      conn   // that our responses go by
	final     int    // status of our final response; 0: none yet
	text      []byte // our last response, to repeat it
	leg       *Leg   // of an INVITE
	confirmed func() // called once when our refusal of an INVITE has its ACK, or is given up; may be nil

	over  bool        // it is not among the agent's any more
	timer *time.Timer // repeats a refusal
	every time.Duration
	until time.Time
}

// serveTx begins a server transaction.
func (a *Agent) serveTx(key string, req *sipmsg.Request, from conn) *serverTx {
	tx := &serverTx{agent: a, key: key, req: req, from: from, back: answerTo(req, from)}
	from.hold(1) // our responses go by it
	a.txs.mu.Lock()
	defer a.txs.mu.Unlock()
	a.txs.server[key] = tx
	return tx
}

// respond sends a response. After the final one only a 2xx to an INVITE can be sent, again. A final one that cannot be written, such as one
// that repeats a line break of its request's, ends the transaction: nothing else ever would.
func (tx *serverTx) respond(res *sipmsg.Response) error {
	accepts := tx.req.IsInvite() && res.IsSuccess()
	if tx.final != 0 && (!accepts || res.StatusCode != tx.final) {
		return errAnswered
	}
	text, err := tx.agent.transport.text(res)
	if err != nil {
		if tx.final == 0 && !res.IsProvisional() {
			tx.final = res.StatusCode
			tx.end()
		}
		return err
	}
	switch {
	case tx.final != 0:
		return tx.back.write(text)
	case res.IsProvisional():
		tx.text = text
		return tx.back.write(text)
	}
	tx.final = res.StatusCode
	if err := tx.back.write(text); err != nil { // its sender may ask again, by another way
		tx.finish(text, tagOf(res.To().Params))
		return err
	}
	switch {
	case accepts:
		tx.finish(nil, tagOf(res.To().Params))
	case tx.req.IsInvite():
		tx.text, tx.every, tx.until = text, timerT1, time.Now().Add(giveUp)
		tx.timer = time.AfterFunc(tx.next(), tx.tick)
	default:
		tx.finish(text, tagOf(res.To().Params))
	}
	return nil
}

// next is how long to wait before a refusal is repeated, or given up: timers G and H.
func (tx *serverTx) next() time.Duration {
	left := time.Until(tx.until)
	if reliable(tx.back.network()) {
		return left
	}
	return min(tx.every, left)
}

func (tx *serverTx) tick() { tx.agent.post(tx.req.CallID().Value(), tx.again) }

// again repeats a refusal that has no ACK yet, or gives up.
func (tx *serverTx) again() {
	if tx.over {
		return
	}
	if !time.Now().Before(tx.until) || tx.back.write(tx.text) != nil {
		tx.end()
		tx.confirm()
		return
	}
	tx.every = min(2*tx.every, timerT2)
	tx.timer.Reset(tx.next())
}

// repeated takes a repetition of the request. Where its connection is gone the repetition's takes its place.
func (tx *serverTx) repeated(from conn) {
	if !tx.from.alive() {
		tx.from.hold(-1)
		from.hold(1)
		tx.from, tx.back = from, from
	}
	if tx.text != nil {
		_ = tx.back.write(tx.text)
	}
}

// refused takes the ACK to a refusal.
func (tx *serverTx) refused() {
	if tx.over {
		return
	}
	tx.timer.Stop()
	tx.finish(nil, "")
	tx.confirm()
}

func (tx *serverTx) confirm() {
	if tx.confirmed != nil {
		tx.confirmed()
	}
}

// end ends a transaction of which nothing need be kept.
func (tx *serverTx) end() {
	t := tx.agent.txs
	t.mu.Lock()
	defer t.mu.Unlock()
	tx.leave(t)
	delete(t.calls, tx.merge)
}

// finish ends a transaction, and keeps what repetitions of its request need. Over reliable transports too: who has lost its connection before
// the response came sends the request again over another, though RFC 3261 section 17.2.2 asks nobody to wait for that.
func (tx *serverTx) finish(text []byte, tag string) {
	t := tx.agent.txs
	t.mu.Lock()
	defer t.mu.Unlock()
	tx.leave(t)
	t.answered.add(t.mark(tx.key), tx.merge, &spent{text, tx.back, tag}, t.sweep)
}

// leave takes the transaction from among the agent's, whose lock is held.
func (tx *serverTx) leave(t *transactions) {
	tx.over = true
	tx.from.hold(-1)
	delete(t.server, tx.key)
}
