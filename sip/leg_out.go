package sip

import (
	"context"
	"errors"
	"fmt"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// Dial implements bridge.Dialer. to is a SIP URI such as "sip:100@pbx.example.com" or "sip:100@192.0.2.7:5070;transport=tcp". It returns
// at the first response that says something of the called party, which 100 does not. o.From is the caller if it is a SIP or tel URI that can
// be used; any other calls under Options.From, with its own name. The leg is a *Leg.
//
// The error is a *bridge.EndError, whose Err is an *Error if a response ended the attempt. When ctx ends the call is withdrawn behind the
// caller's back: CANCEL, or ACK and BYE if it is accepted at that moment.
func (a *Agent) Dial(ctx context.Context, to string, o *bridge.DialOptions) (bridge.Leg, error) {
	return a.dial(ctx, to, o, nil, nil)
}

// dial is Dial with what the call says besides, by way of a registration or of none.
func (a *Agent) dial(ctx context.Context, to string, o *bridge.DialOptions, more *CallOptions, by *Registration) (bridge.Leg, error) {
	if o == nil {
		o = &bridge.DialOptions{}
	}
	if more == nil {
		more = &CallOptions{}
	}
	if instead, named := a.here(o.Attr); instead != nil {
		return a.replaceHere(ctx, instead, named, o)
	}
	l, err := a.place(ctx, to, o, more, by)
	if err != nil {
		if end, ok := errors.AsType[*bridge.EndError](err); ok {
			return nil, end
		}
		return nil, &bridge.EndError{Cause: dialCause(err), Err: err}
	}
	select {
	case <-l.signs:
		return l, nil
	case <-l.Context().Done():
		return nil, l.Ended()
	case <-ctx.Done():
	case <-a.ctx.Done():
	}
	end := &bridge.EndError{Cause: bridge.Cancelled, Err: ErrClosed}
	if ctx.Err() != nil {
		end.Err = context.Cause(ctx)
	}
	if why, ok := errors.AsType[*bridge.EndError](end.Err); ok {
		end.Cause = why.Cause
	}
	if l.over(end) {
		l.post(l.conclude)
	}
	return nil, l.Ended()
}

// dialCause returns why a call could not even be sent.
func dialCause(err error) bridge.Cause {
	switch {
	case errors.Is(err, errURI):
		return bridge.NotFound
	case errors.Is(err, media.ErrNoCommonCodec):
		return bridge.Media
	case errors.Is(err, bridge.ErrDraining), errors.Is(err, errTooManyCalls), errors.Is(err, errBusy), errors.Is(err, ErrClosed), errors.Is(err, errNoMedia):
		return bridge.Overload
	case errors.Is(err, errInjected):
		return bridge.Internal
	}
	return bridge.Unreachable
}

var errNoMedia = errors.New("sip: no media")

// place makes a leg and sends its INVITE.
func (a *Agent) place(ctx context.Context, to string, o *bridge.DialOptions, more *CallOptions, by *Registration) (*Leg, error) {
	target, err := parseURI(to)
	if err != nil {
		return nil, fmt.Errorf("sip: called party: %w", err)
	}
	from, err := a.o.asCaller(o.From)
	if err != nil {
		return nil, &bridge.EndError{Cause: bridge.Internal, Err: fmt.Errorf("sip: caller: %w", err)}
	}
	if err := more.check(); err != nil {
		return nil, &bridge.EndError{Cause: bridge.Internal, Err: err}
	}
	if more.Identity.hides() {
		from = anonymous()
	}
	d := a.newDialog(from, nameAddr{uri: bareURI(&target)})
	d.target, d.login.creds = target, a.credentialsFor(target.Host)
	if by != nil {
		by.set(d)
	}
	d.login.creds = append(fitting(more.Credentials, target.Host), d.login.creds...)
	if err := d.aim(); err != nil {
		return nil, err
	}
	info := bridge.Info{From: from.party(), To: bridge.Party{URI: plainURI(&target)}, Attr: withoutOurs(o.Attr)}
	l := a.newLeg(d, info)
	l.want, l.signs, l.extra = o.Plan, make(chan struct{}), fieldsOf(o.Attr)
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoMedia, err)
	}
	if err := a.admit(l); err != nil {
		return nil, l.discard(err)
	}
	a.count.out.Add(1)
	var offer []byte
	if o.Plan == nil || len(o.Plan) > 0 {
		first, err := l.terminal.Offer(o.Plan)
		if err != nil {
			return nil, l.unsent(err)
		}
		offer = textOf(first)
	}
	hop := d.hop()
	rest, err := a.route(ctx, &hop, d.net)
	if err != nil {
		return nil, l.unsent(err)
	}
	way, err := rest.next(ctx)
	if err != nil {
		return nil, l.unsent(err)
	}
	l.extra = append(l.extra, more.fields(a.trustsAll(way, rest))...)
	if err := l.run(ctx, func() error { return l.invite(way, rest, offer) }); err != nil {
		return nil, l.unsent(err)
	}
	l.log.Debug("call placed", "transport", way.network())
	return l, nil
}

// unsent ends a leg whose INVITE could not be sent, or of which that is not known because ctx has ended.
func (l *Leg) unsent(err error) error {
	cause := dialCause(err)
	if end, ok := errors.AsType[*bridge.EndError](err); ok {
		cause = end.Cause
	} else if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		cause = bridge.Cancelled
	}
	if l.over(&bridge.EndError{Cause: cause, Err: err}) {
		l.post(func() {
			if l.inviting == nil {
				l.concluding = true
				l.finish()
				return
			}
			l.conclude()
		})
	}
	return l.Ended()
}

// firstNetwork is the transport where a URI does not say.
func (s *settings) firstNetwork() string {
	switch s.Network {
	case "tcp":
		return networkTCP
	case "tls":
		return networkTLS
	}
	return networkUDP
}

// invite sends the INVITE that begins the call.
func (l *Leg) invite(way conn, rest *route, offer []byte) error {
	if end := l.Ended(); end != nil {
		return end
	}
	l.dialog.net = way.network()
	inv := &inviting{leg: l, first: true, offerless: offer == nil, want: l.want}
	req := l.dialog.request(sipmsg.INVITE, 0)
	if l.agent.o.Reliable == ReliableRequired {
		req.AppendHeader(sipmsg.NewHeader("Require", tagReliable))
	}
	l.timeSession(req)
	for _, h := range l.extra {
		req.AppendHeader(h)
	}
	if offer != nil {
		setSDP(req, offer)
	}
	inv.exchange = &exchange{leg: l, req: req, way: way, rest: rest, handle: inv.response, late: inv.late}
	l.dialog.known = way
	if reliable(way.network()) {
		l.dialog.keep(way) // CANCEL takes it too, however long it rings
	}
	if err := inv.exchange.send(); err != nil {
		return err
	}
	l.inviting = inv
	return nil
}

// sign lets Dial return.
func (l *Leg) sign() {
	select {
	case <-l.signs:
	default:
		close(l.signs)
	}
}

// withdraw takes an INVITE back that has no final response yet. CANCEL waits for a provisional one (RFC 3261 section 9.1).
func (l *Leg) withdraw(why bridge.Cause) {
	inv := l.inviting
	if inv.offered != nil { // accepted already: an answer is owed before BYE
		inv.offered = nil
		inv.acknowledge(inv.winner, nil)
		l.inviting = nil
		l.bye(why)
		return
	}
	inv.withdrawn = &why
	if inv.provisional() {
		inv.cancel()
	}
}

// cancel sends CANCEL, and gives the INVITE up if nothing comes of it.
func (inv *inviting) cancel() {
	l := inv.leg
	if inv.cancelled {
		return
	}
	inv.cancelled = true
	if err := l.agent.sendCancel(cancelOf(inv.exchange.req, inv.withdrawn), inv.exchange.way); err != nil {
		l.log.Debug("CANCEL not sent", "error", err)
	}
	inv.timer = time.AfterFunc(giveUp, func() { l.post(inv.expire) })
}

// cancelOf makes the CANCEL of an INVITE (RFC 3261 section 9.1). why may be nil.
func cancelOf(invite *sipmsg.Request, why *bridge.Cause) *sipmsg.Request {
	req := sipmsg.NewRequest(sipmsg.CANCEL, *invite.Recipient.Clone())
	via := invite.Via().Clone() // the same branch: it is how the far side knows what is meant
	req.AppendHeader(via)
	copyFields(req, invite, "Route")
	forwards := sipmsg.MaxForwardsHeader(maxForwards)
	req.AppendHeader(&forwards)
	copyFields(req, invite, "From", "To", "Call-ID")
	req.AppendHeader(&sipmsg.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sipmsg.CANCEL})
	if why != nil {
		req.AppendHeader(reasonHeader(*why))
	}
	req.AppendHeader(sipmsg.NewHeader("User-Agent", userAgent))
	noBody(req)
	return req
}

// sendCancel sends CANCEL the way that its INVITE took (RFC 3261 section 9.1), over a new connection if that has broken. The transaction of
// the INVITE lives on: its far side makes a connection of its own for what it still has to say (RFC 3261 section 18.2.2).
func (a *Agent) sendCancel(req *sipmsg.Request, over conn) error {
	var err error
	for range 2 { // that it has broken may be known only by the attempt
		var way conn
		if way, err = a.transport.renew(a.ctx, over); err != nil {
			return err
		}
		if _, err = a.send(req, way, func(*sipmsg.Response, error) {}); err == nil || way.alive() {
			return err
		}
	}
	return err
}

// expire gives up an INVITE that has no final response long after CANCEL.
func (inv *inviting) expire() {
	l := inv.leg
	if l.inviting != inv {
		return
	}
	inv.exchange.tx.drop()
	inv.exchange.handle(nil, errNoFinal)
}

var errNoFinal = errors.New("sip: no final response")
