package alexa

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

var errEnded = errors.New("alexa: call has ended")

// A Leg is a call from or to an Alexa device. It implements bridge.Leg.
type Leg struct {
	*bridge.State
	s        *session
	terminal media.Terminal
	called   bool // we call the device

	participants []Participant // as in the message that began the call; not changed

	op sync.Mutex // one Ring, Answer or beginning of an Update at a time; never taken by the session's goroutine

	mu       sync.Mutex
	kinds    media.Plan        // what was offered at first, and by Alexa since: the kinds of media that may be
	offered  description       // of Alexa's, while it waits for us
	offerNo  uint8             // its number, unless it is the one that began the call
	answered bool              // the first offer has its answer
	early    media.Description // of CallInProgress, if it goes again
	want     media.Plan        // what was wanted of what stands
	next     media.Plan        // what our CallUpdate wants
	own      chan error        // gets the result of our CallUpdate; nil: there is none
}

var _ bridge.Leg = (*Leg)(nil)

// SessionID returns Alexa's id of the call.
func (l *Leg) SessionID() string { return l.s.id }

// Media implements bridge.Leg.
func (l *Leg) Media() media.Endpoint { return l.terminal }

// Ring implements bridge.Leg: CallRinging and, with a plan, CallInProgress with the answer.
func (l *Leg) Ring(_ context.Context, early media.Plan) error {
	l.op.Lock()
	defer l.op.Unlock()
	phase := l.Info().Phase
	if phase == bridge.Over {
		return l.Ended()
	}
	if l.called || phase >= bridge.Up {
		return nil
	}
	ev := event{kind: evRing}
	if early != nil && !l.hasAnswer() {
		var err error
		if ev, err = l.answer(evProgress, early, bridge.Early); err != nil {
			return err
		}
	}
	return l.tell(ev)
}

// Answer implements bridge.Leg: CallAccepted, later CallUpdateResponse.
func (l *Leg) Answer(ctx context.Context, want media.Plan) error {
	if done, err := l.accepting(want); done {
		return err
	}
	return l.wait(ctx, func(i bridge.Info) bool { return i.Phase >= bridge.Up })
}

// accepting sends what Answer has to send. done says that there is nothing to wait for.
func (l *Leg) accepting(want media.Plan) (done bool, err error) {
	l.op.Lock()
	defer l.op.Unlock()
	info := l.Info()
	switch {
	case info.Phase == bridge.Over:
		return true, l.Ended()
	case info.Phase == bridge.Up && info.Pending:
		return true, l.respond(want)
	case info.Phase == bridge.Up || l.called:
		return true, nil
	}
	ev := event{kind: evAccept}
	if l.hasAnswer() {
		ev.sdp = l.answerAgain()
	} else if ev, err = l.answer(evAccept, want, info.Phase); err != nil {
		return true, err
	}
	err = l.tell(ev)
	return err != nil, err
}

// answer answers the offer that waits and returns the wish, of kind k, that tells Alexa so. It brings the leg to a phase.
func (l *Leg) answer(k eventKind, want media.Plan, phase bridge.Phase) (event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, err := l.terminal.Answer(l.offered.sdp, want)
	if errors.Is(err, media.ErrFull) {
		err = &bridge.EndError{Cause: bridge.Overload, Err: err}
	}
	if err != nil {
		return event{}, err
	}
	ev := event{kind: k, sdp: l.s.put(d, l.offered.renegotiation), offer: l.offerNo}
	if k == evProgress && l.s.skill.RepeatAnswer {
		l.early = d
	}
	l.answered, l.want, l.offered = true, want, description{}
	far := l.terminal.Far()
	l.Change(func(i *bridge.Info) { i.Far, i.Pending, i.Phase = far, false, max(i.Phase, phase) })
	return ev, nil
}

// answerAgain returns the number of the answer that CallInProgress had; 0 if it need not go again.
func (l *Leg) answerAgain() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.s.put(l.early, "")
}

func (l *Leg) hasAnswer() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered
}

// tell hands a wish to the session.
func (l *Leg) tell(ev event) error {
	if l.s.send(ev) {
		return nil
	}
	return l.endError()
}

// endError returns how the leg ended.
func (l *Leg) endError() error {
	if end := l.Ended(); end != nil {
		return end
	}
	return errEnded
}

// wait waits until the leg is as wanted, or over.
func (l *Leg) wait(ctx context.Context, ready func(bridge.Info) bool) error {
	rev := uint64(0)
	for {
		info, err := l.Next(ctx, rev)
		if err != nil {
			return err
		}
		if info.Phase != bridge.Over && ready(info) {
			return nil
		}
		rev = info.Rev
	}
}

// Hangup implements bridge.Leg: CallEnded.
func (l *Leg) Hangup(ctx context.Context, why bridge.Cause) error {
	l.s.send(event{kind: evEnd, cause: why})
	select {
	case <-l.s.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// reach brings the leg to a phase. The session calls it.
func (l *Leg) reach(p bridge.Phase) {
	if l.Info().Phase >= p {
		return
	}
	l.Change(func(i *bridge.Info) {
		i.Phase = max(i.Phase, p)
		if p == bridge.Up && i.Answered.IsZero() {
			i.Answered = time.Now()
			l.terminal.Answered()
		}
	})
}

// ended ends the leg and its media.
func (l *Leg) ended(why *bridge.EndError) {
	l.End(why)
	_ = l.terminal.Close()
}
