package alexa

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

var (
	errGlare      = errors.New("alexa: the device changes the call at the same time")
	errNoResponse = errors.New("alexa: the change was not answered")
	errNotUp      = errors.New("alexa: call is not accepted yet")
)

// Update implements bridge.Leg: CallUpdate. When Alexa changes the call at the same time, hers goes first, and ours is sent one to two
// seconds later if it is still wanted.
func (l *Leg) Update(ctx context.Context, want media.Plan) error {
	for {
		result, err := l.offer(want)
		if err == nil && result == nil {
			return nil
		}
		if err == nil {
			select {
			case err = <-result:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if !errors.Is(err, errGlare) {
			return err
		}
		if err := l.afterGlare(ctx); err != nil {
			return err
		}
	}
}

// offer begins a CallUpdate and returns where its result comes; nil if there is nothing to change.
func (l *Leg) offer(want media.Plan) (<-chan error, error) {
	l.op.Lock()
	defer l.op.Unlock()
	switch info := l.Info(); {
	case info.Phase == bridge.Over:
		return nil, l.Ended()
	case info.Phase != bridge.Up:
		return nil, errNotUp
	case info.Pending:
		return nil, errGlare
	case l.terminal.Stands(want):
		return nil, nil
	}
	no, result, err := l.describe(want)
	if err != nil {
		return nil, err
	}
	return result, l.tell(event{kind: evUpdate, sdp: no})
}

func (l *Leg) describe(want media.Plan) (int, <-chan error, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.own != nil {
		return 0, nil, errGlare // another Update of ours is on its way
	}
	before := l.terminal.Plan()
	d, err := l.terminal.Offer(want)
	if err != nil {
		return 0, nil, err
	}
	l.own = make(chan error, 1)
	l.want = want
	return l.s.put(d, renegotiation(before, want)), l.own, nil
}

// renegotiation names the reason for a change. That a device is told hold and resume by their own names is inferred: Amazon's sample
// only ever sends CALL_UPDATE.
func renegotiation(agreed, want media.Plan) RenegotiationType {
	m, ok := want.Find(media.Audio)
	a, had := agreed.Find(media.Audio)
	switch {
	case !ok || !had:
		return RenegotiateUpdate
	case !m.Dir.Receives() && a.Dir.Sends():
		return RenegotiateHold
	case m.Dir == media.SendRecv && !a.Dir.Sends():
		return RenegotiateResume
	default:
		return RenegotiateUpdate
	}
}

// afterGlare waits until Alexa's change is done, and then some.
func (l *Leg) afterGlare(ctx context.Context) error {
	t := time.NewTimer(time.Second + rand.N(time.Second))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return l.wait(ctx, func(i bridge.Info) bool { return !i.Pending })
}

// accept takes the answer to the offer that began the call.
func (l *Leg) accept(answer media.Description) error {
	if err := l.terminal.Accept(answer); err != nil {
		return err
	}
	far := l.terminal.Far()
	l.Change(func(i *bridge.Info) { i.Far = far })
	return nil
}

// updated takes the answer to our CallUpdate.
func (l *Leg) updated(answer media.Description) {
	err := l.accept(answer)
	if err != nil {
		l.terminal.Rollback()
	}
	l.settle(err)
}

// notUpdated drops our CallUpdate: what stood stands.
func (l *Leg) notUpdated(glare bool) {
	l.terminal.Rollback()
	if glare {
		l.settle(errGlare)
		return
	}
	l.settle(errNoResponse)
}

// settle gives the result to whoever waits for it.
func (l *Leg) settle(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.own != nil {
		l.own <- err
		l.own = nil
	}
}

// offeredChange takes Alexa's CallUpdate. It waits for the program, but not for long: Alexa expects an answer at any time, also right
// after the call was accepted.
func (l *Leg) offeredChange(d description) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.offered = d
	l.stopTimer()
	l.timer = time.AfterFunc(pendingLimit, l.answerWithWhatStands)
	l.Change(func(i *bridge.Info) { i.Far, i.Pending = d.sdp.Plan(), true })
}

// answerWithWhatStands answers an offer that nobody cared for. One that cannot be answered ends the call: Alexa has no other way to
// be refused.
func (l *Leg) answerWithWhatStands() {
	l.op.Lock()
	defer l.op.Unlock()
	if !l.Info().Pending {
		return
	}
	l.mu.Lock()
	want := l.want
	l.mu.Unlock()
	answer, err := l.answer(want, bridge.Up)
	if err != nil {
		l.s.send(event{kind: evEnd, cause: bridge.Media})
		return
	}
	_ = l.tell(event{kind: evRespond, sdp: answer})
}

// stopTimer is called with l.mu held.
func (l *Leg) stopTimer() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}
