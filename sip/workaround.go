package sip

import (
	"errors"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Of sipgo v1.7.2 this package takes the parser, the message types and the state machines of transactions. What it does otherwise, and
// why, is in this file, or named here:
//
//   - Its UDP connection refuses messages over 1,300 bytes, and the limit is a package variable (github.com/emiago/sipgo/issues/206). It
//     also keeps an entry for every source address for ever (issues/150, pull/286), and its listener ends at the first error of a read.
//     sipgo's transactions write to an interface, so they get conns of ours: transport.go, transport_tcp.go. Messages go out whole, and
//     IP fragments them, as all stacks do where TCP is not agreed.
//   - It writes what it is given, line breaks in it too (README.md, Security). encode in transport.go is the guard against that.
//   - Its transaction layer hands every message to a goroutine of its own, so that a BYE may be handled before the 200 that it follows, or
//     the 200 before the 183 (issues/306, pull/307, pull/354). Here messages wait in the inbox of their call: inbox.go.
//   - It answers CANCEL itself, with To tags of its own, and the 487 races with the application's response (pull/263). CANCEL does not
//     reach its INVITE transaction here: agent_serve.go.
//   - It does not repeat a 2xx until the ACK has come, which RFC 3261 section 13.3.1.4 leaves to the user of transactions: leg_accepted.go.
//   - It keeps the parameters of a URI or a header field in a list and looks through it for each, so that a datagram full of them takes the
//     reader a third of a second. crowded in validate.go keeps such ones from the parser.
//   - What is missing or contradicts in a request that it has parsed, it lets through: validate.go.

var (
	errAnswered = errors.New("sip: the request has its final response already")
	errBusy     = errors.New("sip: too many transactions")
)

// quietLog is what sipgo logs to: it writes whole messages, with numbers and keys in them.
func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// respond sends a response.
//
// sipgo keeps the last response that it was given as the one to repeat, also where it does not send it: a 180 after the 487, or the
// 200 of a call that was just cancelled, would go out at the next repetition (pull/354 describes the same of clients). So nothing
// reaches it after a final response but the repetition of a 2xx. A 2xx that could not be written leaves its transaction without a
// timer, for ever; such a one is ended.
func (tx *serverTx) respond(res *sipmsg.Response) error {
	again := tx.final >= 200 && tx.final < 300 && res.StatusCode == tx.final && tx.req.IsInvite()
	if tx.final != 0 && !again {
		return errAnswered
	}
	if res.StatusCode >= 200 {
		tx.final = res.StatusCode
	}
	if tx.req.IsCancel() {
		return tx.respondToCancel(res)
	}
	if tx.final != 0 {
		tx.req.SetBody(nil) // sipgo keeps the request for as long as it may be repeated
	}
	err := tx.fsm.Respond(res)
	if err != nil && tx.final != 0 {
		tx.fsm.Terminate()
	}
	return err
}

// respondToCancel sends the response to CANCEL. sipgo writes it past the state machine, which then neither repeats it nor ever ends.
func (tx *serverTx) respondToCancel(res *sipmsg.Response) error {
	tx.cancelled = res
	if tx.from.network() == networkUDP {
		time.AfterFunc(giveUp, tx.fsm.Terminate)
	} else {
		defer tx.fsm.Terminate()
	}
	return tx.fsm.Respond(res)
}

// repeated takes a repetition of the request.
func (tx *serverTx) repeated(req *sipmsg.Request) {
	if tx.cancelled != nil {
		_ = tx.fsm.Respond(tx.cancelled)
		return
	}
	_ = tx.fsm.Receive(req)
}

// refused takes the ACK to a refusal. sipgo offers it on a channel, with a goroutine that waits there for 5 s if nobody takes it
// (issues/148, issues/349); so somebody does.
func (tx *serverTx) refused(a *Agent, ack *sipmsg.Request) {
	if tx.acked {
		return // a repetition
	}
	tx.acked = true
	a.work.Go(func() {
		select {
		case <-tx.fsm.Acks():
		case <-tx.fsm.Done():
		}
	})
	_ = tx.fsm.Receive(ack)
	if tx.confirmed != nil {
		tx.confirmed()
	}
}

// receive takes a response. sipgo offers what is no repetition on a channel, and holds the transaction's lock until it is taken: for
// most users that is a goroutine for as long as the request is under way. Here it is one for the moment.
func (tx *clientTx) receive(a *Agent, res *sipmsg.Response) {
	if tx.over.Load() {
		tx.repeated(res)
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tx.fsm.Receive(res)
	}()
	select {
	case <-tx.fsm.Responses():
		<-done // nobody may call the transaction before it has let go of its lock
	case <-done:
		return
	}
	if res.StatusCode >= 200 {
		tx.final = res.StatusCode
		tx.over.Store(true)
		tx.settle(a, res)
	}
	tx.handle(res, nil)
}

// repeated takes a response after the final one. More than one 2xx to an INVITE matters to the call (RFC 6026 section 7.2).
func (tx *clientTx) repeated(res *sipmsg.Response) {
	if tx.req.IsInvite() && tx.final >= 200 && tx.final < 300 && res.IsSuccess() {
		tx.handle(res, nil)
	}
}

// settle ends a transaction that has its final response and has sent its ACK. sipgo would keep the request for 32 s. It would also take
// a repeated refusal as a sign of a loop, and hold the transaction's lock for 4 s before it repeats the ACK; so the ACK is repeated by
// lateACK. Only a 2xx to an INVITE leaves the transaction as it is: more of them may come.
func (tx *clientTx) settle(a *Agent, res *sipmsg.Response) {
	if tx.req.IsInvite() && res.IsSuccess() {
		return
	}
	if tx.req.IsInvite() && tx.way.network() == networkUDP {
		a.txs.keepACK(clientKey(tx.req), &lateACK{ack: ackOfRefusal(tx.req, res), way: tx.way})
	}
	tx.fsm.Terminate()
}

// lateACK is the ACK to a refusal of an INVITE of ours, kept for as long as the refusal may be repeated.
type lateACK struct {
	ack   *sipmsg.Request
	way   conn
	timer *time.Timer
}

// keepACK keeps an ACK for the time of Timer D (RFC 3261 section 17.1.1.2).
func (t *transactions) keepACK(key string, l *lateACK) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.acks[key] = l
	l.timer = time.AfterFunc(giveUp, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.acks[key] == l {
			delete(t.acks, key)
		}
	})
}

// ackOfRefusal returns the ACK to a refusal (RFC 3261 section 17.1.1.3).
func ackOfRefusal(invite *sipmsg.Request, res *sipmsg.Response) *sipmsg.Request {
	ack := sipmsg.NewRequest(sipmsg.ACK, *invite.Recipient.Clone())
	ack.AppendHeader(sipmsg.HeaderClone(invite.Via()))
	sipmsg.CopyHeaders("Route", invite, ack)
	maxForwards := sipmsg.MaxForwardsHeader(maxForwards)
	ack.AppendHeader(&maxForwards)
	ack.AppendHeader(sipmsg.HeaderClone(invite.From()))
	ack.AppendHeader(sipmsg.HeaderClone(res.To()))
	ack.AppendHeader(sipmsg.HeaderClone(invite.CallID()))
	ack.AppendHeader(&sipmsg.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sipmsg.ACK})
	ack.SetBody(nil)
	return ack
}

// answerTo returns the way that responses to a request take. Over UDP that is the port in Via, unless rport asks for the port that the
// request came from (RFC 3261 section 18.2.2, RFC 3581 section 4); the address is always the one that it came from. sipgo works this out
// in a layer that is not used here.
func answerTo(req *sipmsg.Request, from conn) conn {
	f, ok := from.(*flow)
	if !ok {
		return from
	}
	via := req.Via()
	if via == nil || via.Params.Has("rport") {
		return from
	}
	return &flow{t: f.t, to: sentBy(req, from)}
}

// sentBy returns the address that a request came from with the port that its Via says.
func sentBy(req *sipmsg.Request, from conn) netip.AddrPort {
	port := req.Via().Port
	if port <= 0 || port > 65535 {
		port = defaultPortOf(from.network())
	}
	return netip.AddrPortFrom(from.remote().Addr(), uint16(port))
}

// tidy takes the white space from around the parameters that transactions and dialogs are told apart by, which sipgo leaves there.
func tidy(msg sipmsg.Message) {
	var all []sipmsg.HeaderParams
	if via := msg.Via(); via != nil {
		all = append(all, via.Params)
	}
	if from := msg.From(); from != nil {
		all = append(all, from.Params)
	}
	if to := msg.To(); to != nil {
		all = append(all, to.Params)
	}
	for _, params := range all {
		for i := range params {
			params[i].K, params[i].V = strings.TrimSpace(params[i].K), strings.TrimSpace(params[i].V)
		}
	}
}

// received notes in the top Via where a request came from, if that is not what it says (RFC 3261 section 18.2.1, RFC 3581 section 4).
// sipgo does so for rport alone.
func received(req *sipmsg.Request, from conn) {
	via, at := req.Via(), from.remote()
	if via == nil {
		return
	}
	host := at.Addr().WithZone("").String()
	rport, asked := via.Params.Get("rport")
	if asked && rport == "" {
		via.Params.Add("rport", strconv.Itoa(int(at.Port())))
	}
	if asked || trimBrackets(via.Host) != host {
		via.Params.Add("received", host)
	}
}
