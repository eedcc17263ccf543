package alexa

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

var (
	errGlare      = errors.New("alexa: the device changes the call at the same time")
	errNoResponse = errors.New("alexa: the change was not answered")
	errNotUp      = errors.New("alexa: call is not accepted yet")
)

// maxGlares is how often an Update gives way to other changes of the call.
const maxGlares = 5

// Update implements bridge.Leg: CallUpdate. When Alexa changes the call at the same time, hers goes first, with want as its answer, and
// ours is sent one to two seconds later if there is still something to change. Alexa takes no notice of a kind of media that the first
// offer did not have, so that is left out of want.
func (l *Leg) Update(ctx context.Context, want media.Plan) error {
	want = l.possible(want)
	for attempt := 1; ; attempt++ {
		err := l.update(ctx, want)
		if !errors.Is(err, errGlare) || attempt == maxGlares {
			return err
		}
		if err := l.pause(ctx); err != nil {
			return err
		}
	}
}

// possible returns want without the kinds of media that the call has not begun with, and that Alexa has not added: "Requests Exposed by
// Alexa.Comms.CallSignaling Interface" says of new streams that they are ignored.
func (l *Leg) possible(want media.Plan) media.Plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := want
	if all == nil {
		all = l.s.skill.policy.Plan()
	}
	some := slices.DeleteFunc(slices.Clone(all), func(m media.Media) bool {
		_, ok := l.kinds.Find(m.Kind)
		return !ok
	})
	if len(some) == len(all) {
		return want
	}
	return some
}

// update is one attempt. It returns errGlare if Alexa changes the call at the same time.
func (l *Leg) update(ctx context.Context, want media.Plan) error {
	result, err := l.offer(want)
	if err != nil || result == nil {
		return err
	}
	select {
	case err = <-result:
	case <-l.Context().Done():
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if end := l.Ended(); end != nil {
		return end
	}
	if !errors.Is(err, errGlare) {
		return err
	}
	l.op.Lock()
	defer l.op.Unlock()
	if l.Info().Pending {
		_ = l.respond(want) // has refused what cannot be answered so
	}
	return errGlare
}

// offer begins a CallUpdate and returns where its result comes; nil if there is nothing to change.
func (l *Leg) offer(want media.Plan) (<-chan error, error) {
	l.op.Lock()
	defer l.op.Unlock()
	info := l.Info()
	switch {
	case info.Phase == bridge.Over:
		return nil, l.Ended()
	case info.Phase != bridge.Up:
		return nil, errNotUp
	case info.Pending:
		_ = l.respond(want)
	}
	switch {
	case l.terminal.Stands(want):
		return nil, nil
	case info.Pending:
		return nil, errGlare
	}
	no, result, err := l.describe(want)
	if end := l.Ended(); end != nil {
		return nil, end
	}
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
	l.next = want
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

// pause waits one to two seconds, while the call stands.
func (l *Leg) pause(ctx context.Context) error {
	t := time.NewTimer(time.Second + rand.N(time.Second))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-l.Context().Done():
		return l.endError()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
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
func (l *Leg) notUpdated(glare bool, why error) {
	l.terminal.Rollback()
	switch {
	case glare:
		why = errGlare
	case why == nil:
		why = errNoResponse
	}
	l.settle(why)
}

// settle gives the result to whoever waits for it.
func (l *Leg) settle(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.own == nil {
		return
	}
	if err == nil {
		l.want = l.next
	}
	l.own <- err
	l.own = nil
}

// offeredChange takes Alexa's CallUpdate, which waits for the program from now on. An offer of ours that waits has lost.
func (l *Leg) offeredChange(d description, no uint8) {
	l.terminal.Rollback()
	l.mu.Lock()
	l.offered, l.offerNo = d, no
	far := l.s.skill.policy.Read(d.sdp)
	l.kinds = append(slices.Clip(l.kinds), far...)
	l.Change(func(i *bridge.Info) { i.Far, i.Pending = far, true })
	l.mu.Unlock()
	l.settle(errGlare)
}

// respond answers the offer that waits: CallUpdateResponse. What cannot be answered as wanted is answered with what stands, for Alexa
// has no other way to be refused; then the error says why. l.op is held.
func (l *Leg) respond(want media.Plan) error {
	ev, why := l.answer(evRespond, want, bridge.Placed)
	if why != nil {
		l.stand()
		return why
	}
	return l.tell(ev)
}

// stand answers the offer that waits with what stands. One that cannot be answered so either ends the call. l.op is held.
func (l *Leg) stand() {
	l.mu.Lock()
	want := l.want
	l.mu.Unlock()
	ev, err := l.answer(evRespond, want, bridge.Placed)
	if err != nil {
		ev = event{kind: evEnd, cause: bridge.Media, err: err}
	}
	_ = l.tell(ev) // the call may have ended
}

// answerWithWhatStands answers an offer that nobody has cared for in time.
func (l *Leg) answerWithWhatStands() {
	l.op.Lock()
	defer l.op.Unlock()
	if l.Info().Pending {
		l.stand()
	}
}
