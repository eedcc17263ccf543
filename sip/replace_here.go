package sip

import (
	"context"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// here returns the leg of ours that a transfer is to replace: who asked for it has both its calls with us.
func (a *Agent) here(attr map[string]string) (*Leg, replaces) {
	r, ok := parseReplaces(attr[attrReplaces])
	if !ok {
		return nil, r
	}
	return a.find(r.callID, r.toTag), r
}

// replaceHere carries out a transfer to a call of our own without a message: the two parties that stay are joined by a pipe, one end of
// which takes the place of target, and the other is what was dialled.
func (a *Agent) replaceHere(ctx context.Context, target *Leg, r replaces, o *bridge.DialOptions) (bridge.Leg, error) {
	plan := o.Plan
	switch {
	case plan == nil:
		plan = a.o.policy.Plan()
	case len(plan) == 0:
		plan = media.Plan(nil) // the other side makes the offer
	}
	by, out := bridge.Pipe(plan)
	err := target.run(ctx, func() error {
		if no := target.replaceable(r); no != nil {
			return &bridge.EndError{Cause: causeOf(no.status, 0), Err: no}
		}
		target.wishes(&bridge.Transfer{By: by}, takeFor, func(err error) {
			if err != nil && by.Info().Phase < bridge.Up {
				_ = by.Hangup(context.Background(), bridge.CauseOf(err)) // a pipe's does not wait
			}
		})
		return nil
	})
	for info := out.Info(); err == nil && (info.Phase < bridge.Alerting || info.Phase == bridge.Over); {
		info, err = out.Next(ctx, info.Rev)
	}
	if err != nil {
		_ = out.Hangup(context.WithoutCancel(ctx), bridge.Cancelled)
		return nil, endOf(err)
	}
	return out, nil
}

// endOf returns an error as Dial's are.
func endOf(err error) error {
	if cause := bridge.CauseOf(err); cause != bridge.Internal {
		return err
	}
	return &bridge.EndError{Cause: bridge.Cancelled, Err: err}
}
