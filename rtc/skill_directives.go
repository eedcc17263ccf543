package rtc

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

const (
	// callbackTime is what the functions of the program have for a directive without an offer. Alexa waits for about eight seconds.
	callbackTime = 6 * time.Second
	// keepAnswers is for how long a directive that comes again gets the answer that it had.
	keepAnswers = 5 * time.Minute
)

// HandleDirective answers a directive whose origin somebody else has verified, such as the trigger of a Lambda function. Whatever happens
// to the directive is said by the event that it returns; the error is a *ParseError for what is no directive at all, or the cause of ctx,
// which nobody waits for any more. The answer to an offer is there within AnswerTime.
func (k *Skill) HandleDirective(ctx context.Context, directive []byte) ([]byte, error) {
	return k.handle(ctx, time.Now(), directive)
}

// handle answers a directive that came at a time.
func (k *Skill) handle(ctx context.Context, came time.Time, directive []byte) ([]byte, error) {
	k.init()
	d, err := ParseDirective(directive)
	if d == nil {
		k.stats.refused.Add(1)
		return nil, err
	}
	k.stats.directives.Add(1)
	var e *Event
	if err != nil {
		k.stats.malformed.Add(1)
		k.logger().Warn("directive refused", "directive", d, "err", err)
		e = d.Fault(InvalidDirective, "the directive lacks what it needs")
	} else if e, err = k.answer(ctx, came, d); err != nil {
		return nil, err
	}
	if e.Fault != nil {
		k.stats.faults.Add(1)
	}
	out, err := e.AppendJSON(nil)
	if err != nil {
		k.logger().Error("event refused", "directive", d, "err", err)
		k.stats.faults.Add(1)
		return d.Fault(InternalError, "the answer could not be written").AppendJSON(nil)
	}
	return out, nil
}

// answer returns the event that answers a directive.
func (k *Skill) answer(ctx context.Context, came time.Time, d *Directive) (*Event, error) {
	switch d.Type {
	case InitiateSessionWithOffer:
		return k.answerOffer(ctx, came, d)
	case SessionConnected:
		return k.ask(ctx, came, d, func(ctx context.Context) *Event { return k.tell(ctx, d, evConnected) })
	case SessionDisconnected:
		return k.ask(ctx, came, d, func(ctx context.Context) *Event { return k.tell(ctx, d, evDisconnected) })
	case Discover:
		return k.ask(ctx, came, d, func(ctx context.Context) *Event { return k.discover(ctx, d) })
	case ReportState:
		return k.ask(ctx, came, d, func(ctx context.Context) *Event { return k.report(ctx, d) })
	case AcceptGrant:
		return k.accept(ctx, came, d)
	default:
		k.stats.unknown.Add(1)
		return d.Response(), nil // says that it is not supported
	}
}

// answerOffer has a session answer an offer. The same offer of the same session is answered once, whoever asks and how often.
func (k *Skill) answerOffer(ctx context.Context, came time.Time, d *Directive) (*Event, error) {
	x, first := k.offers.Begin(key(d.Token, d.EndpointID, d.SessionID, d.Offer), keepAnswers)
	if !first {
		k.stats.repeated.Add(1)
	} else {
		k.stats.offers.Add(1)
		s := newSession(k, came, asked(k.doorTime()))
		s.asked, s.reply, s.endpoint, s.token = d, x, d.EndpointID, d.Token
		s.log = s.log.With("session", printable(d.SessionID, maxID))
		if !k.start(s) {
			k.forget(s)
			k.offers.Finish(x, outcome{asked: d.MessageID, id: newUUID(), fault: faultOf(bridge.Overload)}, 0, true)
		}
	}
	o, ok := x.Wait(ctx.Done(), nil)
	if !ok {
		return nil, context.Cause(ctx)
	}
	if o.inbox.done != nil {
		o.inbox.send(event{kind: evTold})
	}
	e := d.Response()
	if e.Answer = o.answer; o.fault != nil {
		e = d.Fault(o.fault.Type, o.fault.Message)
		e.Fault.Mode = o.fault.Mode
	}
	if d.MessageID == o.asked {
		e.MessageID = o.id
	}
	return e, nil
}

// key names what makes two requests the same. What it is made of is secret, and as long as Alexa likes.
func key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return string(h.Sum(nil))
}

// ask has f find the answer to a directive, which may call functions of the program's.
func (k *Skill) ask(ctx context.Context, came time.Time, d *Directive, f func(context.Context) *Event) (*Event, error) {
	found := make(chan *Event, 1)
	if !k.launch(func() { found <- k.within(came, f) }) {
		return d.Fault(RateLimitExceeded, "the skill is about to end"), nil
	}
	late := time.NewTimer(time.Until(came.Add(callbackTime)))
	defer late.Stop()
	select {
	case e := <-found:
		return e, nil
	case <-late.C:
		k.stats.late.Add(1)
		return d.Fault(InternalError, "the skill could not find out in time"), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// within calls f with what is left of the time of a directive. It outlives the request, whose client may have left.
func (k *Skill) within(came time.Time, f func(context.Context) *Event) *Event {
	ctx, cancel := context.WithDeadlineCause(k.life, came.Add(callbackTime), errLate)
	defer cancel()
	return f(ctx)
}

// tell gives news of Alexa's to the session that it is of. A session that is gone, or never was, is as she wants it.
func (k *Skill) tell(ctx context.Context, d *Directive, news eventKind) *Event {
	user, err := k.authorize(ctx, d.Token)
	if err != nil {
		return d.refuse(faultIn(err, InvalidAuthorizationCredential, "the token is not known"))
	}
	if s := k.session(d, user); s == nil || !s.send(event{kind: news}) {
		k.stats.stray.Add(1)
	}
	return d.Response()
}

// refuse returns the event that answers d with a fault.
func (d *Directive) refuse(f *Fault) *Event {
	e := d.Fault(f.Type, f.Message)
	e.Fault.Mode = f.Mode
	return e
}

// discover lists the endpoints of a user. What may not be told to Alexa is left out, for she would take none of them.
func (k *Skill) discover(ctx context.Context, d *Directive) *Event {
	user, err := k.authorize(ctx, d.Token)
	if err != nil {
		return d.refuse(faultIn(err, InvalidAuthorizationCredential, "the token is not known"))
	}
	var list []Endpoint
	if err := k.guard("Directory.List", func() (err error) {
		list, err = k.Endpoints.List(ctx, user)
		return err
	}); err != nil {
		return d.refuse(faultIn(err, InternalError, "the endpoints could not be listed"))
	}
	e := d.Response()
	seen := map[string]bool{}
	for i := range list {
		err := list[i].Validate()
		switch {
		case err != nil:
		case seen[list[i].ID]:
			err = errTwice
		case len(e.Endpoints) == MaxEndpoints:
			err = errTooMany
		}
		if err != nil {
			k.logger().Error("endpoint not told to Alexa", "endpoint", list[i], "err", err)
			continue
		}
		seen[list[i].ID] = true
		e.Endpoints = append(e.Endpoints, list[i])
	}
	return e
}

var (
	errTooMany = errors.New("rtc: more endpoints than Alexa takes of one user")
	errTwice   = errors.New("rtc: the endpoint is there twice")
)

// report tells the state of an endpoint.
func (k *Skill) report(ctx context.Context, d *Directive) *Event {
	_, door, fault := k.admit(ctx, d)
	if fault != nil {
		return d.refuse(fault)
	}
	e := d.Response()
	e.Health = door.Health()
	return e
}

// accept takes the code with which a user's tokens can be had, once.
func (k *Skill) accept(ctx context.Context, came time.Time, d *Directive) (*Event, error) {
	x, first := k.grants.Begin(key(d.Token, d.GrantCode), keepAnswers)
	if !first {
		k.stats.repeated.Add(1)
	} else if !k.launch(func() {
		e := k.within(came, func(ctx context.Context) *Event { return k.grant(ctx, d) })
		k.grants.Finish(x, e, len(e.MessageID)+len(e.CorrelationToken)+e.Fault.size(), true)
	}) {
		k.grants.Finish(x, d.Fault(AcceptGrantFailed, "the skill is about to end"), 0, false)
	}
	late := time.NewTimer(time.Until(came.Add(callbackTime)))
	defer late.Stop()
	if e, ok := x.Wait(ctx.Done(), late.C); ok {
		again := *e
		again.CorrelationToken = d.CorrelationToken
		return &again, nil
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	k.stats.late.Add(1)
	return d.Fault(AcceptGrantFailed, "the skill could not find out in time"), nil
}

func (k *Skill) grant(ctx context.Context, d *Directive) *Event {
	user, err := k.authorize(ctx, d.Token)
	if err == nil {
		err = k.guard("Grant", func() error {
			if k.Grant == nil {
				return errNoGrant
			}
			return k.Grant(ctx, user, d.GrantCode)
		})
	}
	if err != nil {
		k.logger().Warn("grant refused", "directive", d, "err", err)
		return d.refuse(faultIn(err, AcceptGrantFailed, "the grant was not taken"))
	}
	return d.Response()
}

var (
	errNoGrant = errors.New("rtc: the skill takes no grants")
	errNoToken = errors.New("rtc: directive without a token")
)

// admit returns the user of a directive and the endpoint that it is for, or what Alexa is to be told.
func (k *Skill) admit(ctx context.Context, d *Directive) (user string, door Endpoint, fault *Fault) {
	user, err := k.authorize(ctx, d.Token)
	if err != nil {
		return "", door, faultIn(err, InvalidAuthorizationCredential, "the token is not known")
	}
	door, err = k.find(ctx, d.EndpointID)
	switch {
	case errors.Is(err, ErrNoEndpoint), err == nil && !door.Of(user):
		return "", door, &Fault{Type: NoSuchEndpoint, Message: "the user has no such endpoint"}
	case err != nil:
		k.logger().Warn("endpoint not found", "directive", d, "err", err)
		return "", door, faultIn(err, InternalError, "the endpoint could not be looked up")
	}
	return user, door, nil
}

// authorize returns whose a token is.
func (k *Skill) authorize(ctx context.Context, token string) (user string, err error) {
	switch {
	case k.Authorize == nil:
		return "", nil
	case token == "":
		return "", errNoToken
	}
	err = k.guard("Authorize", func() (err error) {
		user, err = k.Authorize(ctx, token)
		return err
	})
	return user, err
}

// find returns an endpoint.
func (k *Skill) find(ctx context.Context, id string) (door Endpoint, err error) {
	err = k.guard("Directory.Find", func() (err error) {
		door, err = k.Endpoints.Find(ctx, id)
		return err
	})
	if err == nil && door.ID != id {
		err = ErrNoEndpoint
	}
	return door, err
}

// guard calls a function of the program's. A panic in it is a Fault.
func (k *Skill) guard(name string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			k.stats.panics.Add(1)
			k.logger().Error("function panicked", "function", name, "panic", r, "stack", string(debug.Stack()))
			err = &Fault{Type: InternalError, Message: "the skill failed"}
		}
	}()
	return f()
}
