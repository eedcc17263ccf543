package bridge_test

import (
	"context"
	"sync"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// exchange is a Dialer over pipes: each number leads to a party that plays the called side of the call.
type exchange struct {
	parties map[string]func(leg bridge.Leg)
	playing sync.WaitGroup

	mu      sync.Mutex
	dialled []bridge.DialOptions
	legs    []bridge.Leg // the called sides
	out     bridge.Leg   // what was dialled last
}

// near returns what was dialled last.
func (e *exchange) near() bridge.Leg {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.out
}

func (e *exchange) Dial(ctx context.Context, to string, o *bridge.DialOptions) (bridge.Leg, error) {
	party, ok := e.parties[to]
	if !ok {
		return nil, &bridge.EndError{Cause: bridge.NotFound, Remote: true}
	}
	offer := o.Plan
	switch {
	case offer == nil:
		offer = media.Phone().Plan()
	case len(offer) == 0:
		offer = nil // the called party makes the offer
	}
	desk, out := bridge.Pipe(offer)
	e.mu.Lock()
	e.dialled, e.legs, e.out = append(e.dialled, *o), append(e.legs, desk), out
	e.mu.Unlock()
	e.playing.Go(func() { party(desk) })
	for info := out.Info(); info.Phase < bridge.Alerting || info.Phase == bridge.Over; {
		var err error
		if info, err = out.Next(ctx, info.Rev); err != nil {
			_ = out.Hangup(context.WithoutCancel(ctx), bridge.Cancelled)
			return nil, err
		}
	}
	return out, nil
}

// desk returns the called side of the first call.
func (e *exchange) desk() bridge.Leg {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.legs[0]
}

// answers is a party that rings and accepts at once.
func answers(leg bridge.Leg) {
	_ = leg.Ring(context.Background(), nil)
	_ = leg.Answer(context.Background(), leg.Info().Far)
}

// rings is a party that rings and does nothing else.
func rings(leg bridge.Leg) { _ = leg.Ring(context.Background(), nil) }

// rejects returns a party that ends the call.
func rejects(why bridge.Cause) func(bridge.Leg) {
	return func(leg bridge.Leg) { _ = leg.Hangup(context.Background(), why) }
}
