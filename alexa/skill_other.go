package alexa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// otherLimit is how long Skill.Other may take: Alexa waits for about eight seconds.
const otherLimit = 6 * time.Second

var (
	errOtherLate  = errors.New("alexa: the handler of other requests has not answered within 6 s")
	errOtherShape = errors.New("alexa: the handler of other requests has answered what is not JSON, or too long")
)

// otherAnswer is what the handler of other requests has said.
type otherAnswer struct {
	body []byte
	err  error
}

// other answers a request that is not about a call. A handler that takes too long goes on for itself; Drain waits for it.
func (k *Skill) other(ctx context.Context, e *Event) ([]byte, error) {
	if k.Other == nil {
		return AppendReceipt(nil, ""), nil
	}
	keep := 2 * requestTolerance // a request may be as early as late
	if isSkillEvent(e.RequestType) {
		keep = 2 * skillEventTolerance
	}
	x, first := k.answers.Begin(e.RequestID, keep)
	finish := func(body []byte, err error) {
		k.answers.Finish(x, otherAnswer{body, err}, len(body), err == nil)
	}
	if !first {
		k.stats.repeated.Add(1)
	} else if !k.launch(func() { finish(k.callOther(context.WithoutCancel(ctx), e)) }) {
		k.stats.refused.Add(1)
		finish(nil, errDraining)
	}
	late := time.NewTimer(otherLimit)
	defer late.Stop()
	if a, ok := x.Wait(ctx.Done(), late.C); ok {
		return a.body, a.err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return nil, errOtherLate
}

// callOther calls the handler. The context outlives the request, whose client may leave and come back for the answer.
func (k *Skill) callOther(ctx context.Context, e *Event) (body []byte, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, otherLimit, errOtherLate)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			k.stats.panics.Add(1)
			k.logger().Error("handler panicked", "request", e.RequestID, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("alexa: handler panicked: %v", r)
		}
	}()
	k.stats.others.Add(1)
	body, err = k.Other(ctx, e)
	switch {
	case err != nil:
		return nil, err
	case body == nil:
		return AppendReceipt(nil, ""), nil
	case len(body) > MaxBody || !json.Valid(body):
		return nil, errOtherShape
	}
	return body, nil
}
