package siptest

import (
	"context"
	"fmt"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Hangup ends the call: with BYE when it is up, with CANCEL when it rings at the other side, with 603 when it rings here and 480 when
// it does not yet. It returns when the other side has agreed or ctx has ended; the call is then over for the phone in any case but
// one: a call out which nothing at all was heard of cannot be cancelled, it ends when its INVITE times out.
func (c *Call) Hangup(ctx context.Context) error {
	for {
		c.state.Lock()
		now, changed := c.state.now, c.state.changed
		if now < Up {
			c.giveUp(c.refusal())
		}
		c.state.Unlock()
		switch now {
		case Ended:
			return nil
		case Up:
			return c.bye(ctx)
		case Inviting, Ringing, Early:
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("siptest: hang up: %w", ctx.Err())
		}
	}
}

// refusal returns how the phone ends a call that is not answered. c.state is held.
func (c *Call) refusal() ending {
	switch {
	case !c.incoming:
		return ending{status: sipmsg.StatusRequestTerminated, reason: "Request Terminated"}
	case c.state.now == Inviting:
		return ending{status: sipmsg.StatusTemporarilyUnavailable, reason: "Temporarily Unavailable"}
	}
	return ending{status: sipmsg.StatusGlobalDecline, reason: "Decline"}
}

// giveUp makes whoever places or answers the call end it. c.state is held.
func (c *Call) giveUp(how ending) {
	if c.state.quitting == nil {
		c.state.quitting = &how
		close(c.quit)
	}
}

// bye ends an answered call with BYE.
func (c *Call) bye(ctx context.Context) error {
	// The called side must not send BYE before the ACK has come (RFC 3261 section 15), the caller sends the ACK first.
	select {
	case <-c.acked:
	case <-c.done:
	case <-ctx.Done():
	}
	if !c.end(ending{status: sipmsg.StatusOK, reason: "BYE"}) {
		return nil
	}
	res, err := c.do(ctx, c.request(sipmsg.BYE, 0, ""))
	if err != nil {
		return err
	}
	if !res.IsSuccess() && res.StatusCode != sipmsg.StatusCallTransactionDoesNotExists {
		return fmt.Errorf("siptest: BYE was answered with %d %s", res.StatusCode, res.Reason)
	}
	return nil
}
