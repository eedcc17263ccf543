package sip

import (
	"context"
	"errors"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

var errNoACK = errors.New("sip: no ACK")

// accepted is a 2xx to an INVITE that waits for its ACK. It is repeated until then, whatever the transport, for a proxy may lose it
// behind a reliable one (RFC 3261 section 13.3.1.4).
type accepted struct {
	leg   *Leg
	tx    *serverTx
	res   *sipmsg.Response
	owed  *owed // nil: it carries our answer
	timer *time.Timer
	every time.Duration
	until time.Time
}

// owed is the answer that the ACK has to bring, where the 2xx carries our offer.
type owed struct {
	first bool        // the offer is the first of the call
	done  func(error) // told when the answer has come; may be nil
}

func (u *accepted) stop() { u.timer.Stop() }

// succeed sends a 2xx to an INVITE, with our answer, or with our offer if an answer is owed.
func (l *Leg) succeed(tx *serverTx, sdp []byte, o *owed) {
	u := &accepted{leg: l, tx: tx, res: tx.build(l.success(tx, sdp)), owed: o, every: timerT1, until: time.Now().Add(giveUp)}
	l.unacked = u
	u.timer = time.AfterFunc(u.every, func() { l.post(u.again) })
	if err := tx.respond(u.res); err != nil {
		l.log.Debug("200 not sent", "error", err)
	}
}

// again repeats the 2xx, or gives up.
func (u *accepted) again() {
	l := u.leg
	if l.unacked != u {
		return
	}
	left := time.Until(u.until)
	if left <= 0 {
		l.unacked = nil
		u.tell(errNoACK)
		if why := l.byeOnACK; why != nil {
			l.byeOnACK = nil
			l.bye(*why)
			return
		}
		l.failed(bridge.Unreachable, errNoACK)
		return
	}
	if err := l.agent.repeat(u.tx, u.res); err != nil {
		l.log.Debug("200 not repeated", "error", err)
	}
	u.every = min(2*u.every, timerT2)
	u.timer.Reset(min(u.every, left))
}

// repeat sends a 2xx again. Where the connection that its request came by is gone, it takes a new one to the address in Via
// (RFC 3261 section 18.2.2).
func (a *Agent) repeat(tx *serverTx, res *sipmsg.Response) error {
	if tx.from.alive() {
		return tx.respond(res)
	}
	ctx, cancel := context.WithTimeout(a.ctx, dialFor)
	defer cancel()
	way, err := a.transport.connect(ctx, keyOf(tx.from.network(), sentBy(tx.req, tx.from), tx.req.Via().Host))
	if err != nil {
		return err
	}
	return a.transport.send(way, res)
}

// tell tells who waits for the answer in the ACK.
func (u *accepted) tell(err error) {
	if u.owed != nil && u.owed.done != nil {
		u.owed.done(err)
	}
}

// acknowledged takes the ACK of our 2xx.
func (l *Leg) acknowledged(ack *sipmsg.Request) {
	u := l.unacked
	if u == nil || ack.CSeq().SeqNo != u.tx.req.CSeq().SeqNo {
		return // a repetition
	}
	u.stop()
	l.unacked = nil
	if why := l.byeOnACK; why != nil {
		l.byeOnACK = nil
		l.bye(*why)
		return
	}
	if u.owed != nil {
		u.tell(l.settleOwed(u.owed, ack))
	}
	l.referDue()
	l.nextUpdate()
}

// settleOwed takes the answer to our offer from an ACK. Without one a call cannot begin; one that has begun goes on as it was.
func (l *Leg) settleOwed(o *owed, ack *sipmsg.Request) error {
	err := l.takeAnswer(ack)
	switch {
	case err == nil:
		l.agreed(bridge.Up)
	case o.first:
		l.failed(bridge.Media, err)
	default:
		l.terminal.Rollback()
	}
	return err
}

// takeAnswer takes the answer to our offer from the body of a message.
func (l *Leg) takeAnswer(msg sipmsg.Message) error {
	d, err := readSDP(msg)
	if err != nil {
		return errors.Join(errBadSDP, err)
	}
	if d.IsZero() {
		return errNoSDP
	}
	return l.terminal.Accept(d)
}
