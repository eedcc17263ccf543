package rtc

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// ErrFixed is returned by Leg.Update: what was agreed with Alexa for a session stands for as long as that lasts, for there is no message to
// change it.
var ErrFixed = errors.New("rtc: a session cannot be changed")

// ErrFullDuplex is returned by Leg.Talk where both sides are heard at any time.
var ErrFullDuplex = errors.New("rtc: the endpoint is full duplex")

var errEnded = errors.New("rtc: session has ended")

// A Leg is a session with a user of Alexa, or a bell that waits for one. It implements bridge.Leg.
type Leg struct {
	*bridge.State
	s        *session
	terminal media.Terminal
	endpoint string
	half     bool // half duplex
	bell     bool // we ring; else it came in

	lastPlan atomic.Int64
	learned  atomic.Bool // what the door can do: the first that it says of itself, for later it gives way to Alexa

	mu sync.Mutex
	id string // Alexa's id of the session
}

var _ bridge.Leg = (*Leg)(nil)

// newLeg makes the leg of a session that has its terminal and its door. The visitor is heard first.
func newLeg(s *session, info bridge.Info) *Leg {
	info.ID = "rtc-" + rand.Text()
	l := &Leg{
		State: bridge.NewState(info), s: s, terminal: s.terminal, endpoint: s.door.ID, half: s.door.HalfDuplex, bell: !info.Came,
	}
	if l.half {
		_ = l.Talk(false)
	}
	return l
}

// SessionID returns Alexa's id of the session; "" while a bell waits for one. It is safe for concurrent use, as all methods are.
func (l *Leg) SessionID() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id
}

// answers notes which session answers the bell.
func (l *Leg) answers(session string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.id = session
}

// EndpointID returns the id of the endpoint.
func (l *Leg) EndpointID() string { return l.endpoint }

// Media implements bridge.Leg.
func (l *Leg) Media() media.Endpoint { return l.terminal }

// Talk is the push to talk of an endpoint that is HalfDuplex: while it is on, Alexa's user is heard at the door, else the visitor is heard
// there, which is how a session begins. What is not to be heard does not pass our side, whatever is sent. On other endpoints it fails with
// ErrFullDuplex.
func (l *Leg) Talk(on bool) error {
	if !l.half {
		return ErrFullDuplex
	}
	d := media.SendOnly
	if on {
		d = media.RecvOnly
	}
	l.terminal.Stream(media.Audio).Gate(d)
	return nil
}

// Ring implements bridge.Leg. Alexa has no message for ringing; with a plan the offer is answered, which is all the answer there is.
func (l *Leg) Ring(ctx context.Context, early media.Plan) error {
	switch phase := l.Info().Phase; {
	case phase == bridge.Over:
		return l.Ended()
	case l.bell || phase >= bridge.Up:
		return nil
	}
	l.reach(bridge.Alerting)
	if early == nil {
		return nil
	}
	return l.want(ctx, event{kind: evWant}, early)
}

// Answer implements bridge.Leg: AnswerGeneratedForSession, unless it has gone. A nil want leaves it to Skill.Alone.
func (l *Leg) Answer(ctx context.Context, want media.Plan) error {
	switch info := l.Info(); {
	case info.Phase == bridge.Over:
		return l.Ended()
	case info.Phase == bridge.Up && !info.Pending, l.bell && info.Phase < bridge.Up:
		return nil
	}
	return l.want(ctx, event{kind: evWant, accept: true}, want)
}

// learn remembers what the door says of itself.
func (l *Leg) learn(can media.Plan) {
	if len(can) > 0 && !l.learned.Swap(true) {
		l.s.skill.learn(l.endpoint, can)
	}
}

// want tells the session what to answer, and waits until the answer is made.
func (l *Leg) want(ctx context.Context, ev event, plan media.Plan) error {
	result := make(chan error, 1)
	if ev.with = (&payload{plan: plan, result: result}); plan != nil {
		ev.plan = int(l.lastPlan.Add(1))
	}
	if !l.s.send(ev) {
		return l.endError()
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Update implements bridge.Leg. An offer that waits is answered with want; later there is no message for a change, and what is not agreed
// already fails with ErrFixed.
func (l *Leg) Update(ctx context.Context, want media.Plan) error {
	info := l.Info()
	switch {
	case info.Phase == bridge.Over:
		return l.Ended()
	case info.Phase == bridge.Up && info.Pending:
		return l.want(ctx, event{kind: evWant, accept: true}, want)
	case l.terminal.Stands(want):
		return nil
	}
	l.learn(want)
	return ErrFixed
}

// Hangup implements bridge.Leg. Alexa is told of it where she waits for an answer, with the type of error that comes next to the cause;
// later there is no message for it, and the end of the media is all that she hears.
func (l *Leg) Hangup(ctx context.Context, why bridge.Cause) error {
	return l.hangup(ctx, event{kind: evEnd, cause: why})
}

// Refuse is Hangup with the error that Alexa is to be told, where no cause of package bridge says it, such as ENDPOINT_LOW_POWER. Nil is
// INTERNAL_ERROR.
func (l *Leg) Refuse(ctx context.Context, f *Fault) error {
	if f == nil {
		f = faultOf(bridge.Internal)
	}
	return l.hangup(ctx, event{kind: evEnd, cause: causeOf(f.Type), with: &payload{fault: f}})
}

func (l *Leg) hangup(ctx context.Context, ev event) error {
	l.s.send(ev)
	select {
	case <-l.s.closed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// endError returns how the leg ended.
func (l *Leg) endError() error {
	if end := l.Ended(); end != nil {
		return end
	}
	return errEnded
}

// reach brings the leg to a phase.
func (l *Leg) reach(p bridge.Phase) {
	if l.Info().Phase < p {
		l.Change(func(i *bridge.Info) { i.Phase = max(i.Phase, p) })
	}
}

// agreed publishes the answer, and brings the leg to a phase.
func (l *Leg) agreed(p bridge.Phase) {
	far := l.terminal.Far()
	l.Change(func(i *bridge.Info) {
		i.Far, i.Pending, i.Phase = far, false, max(i.Phase, p)
		if p == bridge.Up && i.Answered.IsZero() {
			i.Answered = time.Now()
		}
	})
	if p == bridge.Up {
		l.terminal.Answered()
	}
}
