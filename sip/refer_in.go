package sip

import (
	"errors"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

const (
	referFor = 3 * time.Minute  // how long what a REFER asks for may take, until its sender is told that nothing came of it
	takeFor  = 10 * time.Second // how long a call that is to replace another waits to be answered
)

var errNotTaken = errors.New("sip: nobody carried out the transfer")

// wish is a wish of the far side's to be replaced, until somebody says what came of it. It belongs to the leg's inbox.
type wish struct {
	leg      *Leg
	transfer *bridge.Transfer
	timer    *time.Timer
	told     bool
	tell     func(error)
}

// wishes publishes a wish. tell is called once, in the leg's inbox.
func (l *Leg) wishes(t *bridge.Transfer, limit time.Duration, tell func(error)) {
	w := &wish{leg: l, transfer: t, tell: tell}
	t.Done = func(err error) { l.post(func() { w.done(err) }) }
	l.wished = w
	w.timer = time.AfterFunc(limit, func() { t.Done(&bridge.EndError{Cause: bridge.NoAnswer, Err: errNotTaken}) })
	l.Change(func(i *bridge.Info) { i.Transfer = t })
}

// done takes what came of a wish.
func (w *wish) done(err error) {
	if w.told {
		return
	}
	w.told = true
	w.timer.Stop()
	l := w.leg
	l.wished = nil
	l.Change(func(i *bridge.Info) { i.Transfer = nil })
	w.tell(err)
}

// referred takes REFER (RFC 3515). What it asks for becomes Info.Transfer; its sender is told by NOTIFY what comes of it.
func (l *Leg) referred(tx *serverTx) {
	switch {
	case l.Ended() != nil:
		tx.refuse(noDialog())
		return
	case l.Info().Phase < bridge.Up:
		tx.refuse(retryLater())
		return
	case l.wished != nil:
		tx.refuse(refuseWith(491, "Request Pending"))
		return
	}
	ref, r := parseRefer(tx.req)
	if r != nil {
		tx.refuse(r)
		return
	}
	if l.agent.o.AlwaysNotify && requires(tx.req, tagNoNotify) {
		tx.refuse(badExtension(tagNoNotify))
		return
	}
	ref.mute = ref.mute && !l.agent.o.AlwaysNotify
	refresh(l.dialog, tx)
	s := &subscription{leg: l, mute: ref.mute, until: time.Now().Add(referFor)}
	if l.refers++; l.refers > 1 {
		s.id = int(tx.req.CSeq().SeqNo) // the first is known without one (RFC 3515 section 2.4.6)
	}
	accepted := l.response(202, "Accepted", nil)
	if ref.mute {
		accepted.header = append(accepted.header, sipmsg.NewHeader("Refer-Sub", "false"))
	}
	_ = tx.answer(accepted)
	l.log.Debug("transfer asked for")
	if !s.mute {
		s.tell(sipLine{100, "Trying"})
	}
	l.wishes(&bridge.Transfer{To: ref.to, Attr: ref.attr}, referFor, s.end)
}

// subscription is what the sender of a REFER is told of it (RFC 3515 section 2.4.4).
type subscription struct {
	leg   *Leg
	id    int  // that its NOTIFY carry; 0: none
	mute  bool // nothing is told
	until time.Time
	busy  bool     // a NOTIFY waits for its answer
	next  *sipLine // what is told after it
	last  *report  // of the last word, once there is one
}

// sipLine is the status of a response.
type sipLine struct {
	status int
	phrase string
}

// end tells what came of it, also after the call itself is over: that is how long its dialog lasts (RFC 5057 section 5.1).
func (s *subscription) end(err error) {
	line := sipLine{200, "OK"}
	if err != nil {
		r := s.leg.agent.refusalOf(bridge.CauseOf(err))
		line = sipLine{r.status, r.phrase}
		if e, ok := errors.AsType[*Error](err); ok && e.Status >= 300 && e.Status <= 699 {
			line = sipLine{e.Status, e.Reason}
		}
	}
	if s.mute {
		return
	}
	s.last = &report{leg: s.leg}
	s.leg.reporting = s.last
	s.tell(line)
}

// tell tells the sender of the REFER something, after what it was told before: NOTIFYs are not to overtake each other.
func (s *subscription) tell(line sipLine) {
	if s.busy {
		s.next = &line
		return
	}
	s.busy = true
	if err := s.notify(line); err != nil {
		s.leg.log.Debug("NOTIFY not sent", "error", err)
		s.told(err)
	}
}

// told takes the answer to a NOTIFY. Who refuses it does not want to know more (RFC 6665 section 4.2.2).
func (s *subscription) told(err error) {
	s.busy = false
	line := s.next
	s.next = nil
	switch {
	case err != nil:
		s.mute = true
	case line != nil:
		s.tell(*line)
		return
	}
	if s.last != nil {
		s.last.done()
	}
}

// notify sends NOTIFY.
func (s *subscription) notify(line sipLine) error {
	l := s.leg
	way, err := l.dialog.way()
	if err != nil {
		return err
	}
	req := l.dialog.request(sipmsg.NOTIFY, 0)
	req.AppendHeader(l.dialog.contact())
	event := eventRefer
	if s.id != 0 {
		event += ";id=" + itoa(s.id)
	}
	state := "terminated;reason=noresource"
	if s.last == nil {
		state = "active;expires=" + itoa(max(1, int(time.Until(s.until)/time.Second)))
	}
	req.AppendHeader(sipmsg.NewHeader("Event", event))
	req.AppendHeader(sipmsg.NewHeader("Subscription-State", state))
	contentType := sipmsg.ContentTypeHeader(typeFrag + ";version=2.0")
	req.AppendHeader(&contentType)
	req.SetBody(sipfrag(line.status, line.phrase))
	return l.request(req, way, func(res *sipmsg.Response, err error) {
		if err == nil && !res.IsSuccess() {
			err = errorOf(sipmsg.NOTIFY, res)
		}
		s.told(err)
	})
}

// reportFor is how long BYE waits for the answer to the last NOTIFY of a transfer.
const reportFor = 2 * time.Second

// report is the last NOTIFY of a transfer, until it is answered. Who is told of a success and hung up at one moment may take in the
// second before the first.
type report struct {
	leg   *Leg
	why   *bridge.Cause // BYE waits for it
	timer *time.Timer
}

// bye has BYE sent once the report is answered.
func (r *report) bye(why bridge.Cause) {
	r.why = &why
	r.timer = time.AfterFunc(reportFor, func() { r.leg.post(r.done) })
}

// done takes the end of the report.
func (r *report) done() {
	l := r.leg
	if l.reporting != r {
		return
	}
	l.reporting = nil
	if r.why != nil {
		r.timer.Stop()
		if !l.finished {
			l.bye(*r.why)
		}
	}
}
