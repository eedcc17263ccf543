package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/alexacall/alexacall/media"
)

var errRefused = errors.New("bridge: offer refused")

// local is the address that a pipe writes into its descriptions.
func local() media.Local { return media.Local{ID: 1, Addr: "127.0.0.1", Port: 9} }

func (l *pipeLeg) Update(ctx context.Context, want media.Plan) error {
	for {
		o, ours, err := l.update(want)
		if o == nil {
			return err
		}
		select {
		case <-o.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if ours {
			return o.err
		}
	}
}

// update makes an offer, unless there is nothing to change or another offer waits. It returns the offer that waits now. Where the two
// offers cross, the peer's comes first, and want is what there is to say to it.
func (l *pipeLeg) update(want media.Plan) (o *pipeOffer, ours bool, err error) {
	l.wire.mu.Lock()
	defer l.wire.mu.Unlock()
	if l.Info().Phase == Up && !l.offered.IsZero() && !l.neg.Stands(l.policy, want) && l.answer(want) != nil {
		l.answerOrRefuse()
	}
	switch {
	case l.Ended() != nil:
		return nil, false, l.Ended()
	case l.neg.Stands(l.policy, want):
		return nil, false, nil
	case l.own != nil:
		return l.own, false, nil
	case l.peer.own != nil:
		return l.peer.own, false, nil
	}
	if err := l.offer(want); err != nil {
		return nil, false, err
	}
	return l.own, true, nil
}

// agree answers the offer that waits or, on acceptance, makes one if there never was any.
func (l *pipeLeg) agree(want media.Plan) error {
	switch {
	case !l.offered.IsZero():
		return l.answer(want)
	case l.neg.Agreed() == nil && l.own == nil:
		return l.offer(want)
	}
	return nil
}

// offer sends the peer an offer, which waits there for Ring or Answer.
func (l *pipeLeg) offer(want media.Plan) error {
	neg, d, err := l.neg.Offer(l.policy, local(), want)
	if err != nil {
		return err
	}
	l.neg, l.own = neg, &pipeOffer{want: want, done: make(chan struct{})}
	p := l.peer
	p.offered = d
	if p.Info().Phase == Up || !p.came { // the offer of an acceptance comes a moment before the phase
		p.timer = time.AfterFunc(answerPendingFor, p.answerWithWhatStands)
	}
	p.Change(func(i *Info) { i.Far, i.Pending = d.Plan(), true })
	return nil
}

// answer answers the offer that waits and completes the peer's side of it.
func (l *pipeLeg) answer(want media.Plan) error {
	neg, d, err := l.neg.Answer(l.policy, local(), want, l.offered)
	if err != nil {
		return err
	}
	p := l.peer
	peers, err := p.neg.Accept(p.policy, d)
	if err != nil {
		return err
	}
	l.neg, l.want, p.neg = neg, want, peers
	l.stand()
	p.stand()
	l.settle(nil)
	return nil
}

// stand publishes what is agreed.
func (l *pipeLeg) stand() {
	plan, far := l.neg.Agreed(), l.neg.Far()
	l.media.Agree(plan)
	l.Change(func(i *Info) { i.Far, i.Pending = far, false })
}

// settle ends the wait of the peer's offer.
func (l *pipeLeg) settle(err error) {
	l.offered = media.Description{}
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if o := l.peer.own; o != nil {
		if o.err = err; err == nil {
			l.peer.want = o.want
		}
		close(o.done)
		l.peer.own = nil
	}
}

// refuse drops the peer's offer, if one waits: what stood stands. Where nothing stood there is no call to go on with.
func (l *pipeLeg) refuse() {
	if l.offered.IsZero() {
		return
	}
	if l.neg.Agreed() == nil {
		l.finish(Media)
		return
	}
	l.peer.neg = l.peer.neg.Rollback()
	l.Change(func(i *Info) { i.Far, i.Pending = l.neg.Far(), false })
	l.settle(errRefused) // the peer's Update returns to a leg that has nothing pending
}

// answerWithWhatStands answers an offer that nobody cared for, or refuses it.
func (l *pipeLeg) answerWithWhatStands() {
	l.wire.mu.Lock()
	defer l.wire.mu.Unlock()
	if l.Ended() == nil && !l.offered.IsZero() {
		l.answerOrRefuse()
	}
}

// answerOrRefuse answers the peer's offer with what stands, or refuses it.
func (l *pipeLeg) answerOrRefuse() {
	if l.answer(l.want) != nil {
		l.refuse()
	}
}
