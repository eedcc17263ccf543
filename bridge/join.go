package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/alexacall/alexacall/internal/join"
	"github.com/alexacall/alexacall/media"
)

// DefaultRingFor is how long a call rings when JoinOptions do not say.
const DefaultRingFor = time.Minute

const (
	askFor    = 2 * time.Second // how long an offer waits for what the other side says to it
	hangupFor = 5 * time.Second // how long Join waits for a far side to confirm the end
)

// ErrMaxDuration is in the chain of the *EndError of a call that has lasted for JoinOptions.MaxDuration.
var ErrMaxDuration = errors.New("bridge: the call has lasted as long as it may")

// JoinOptions are the options of Join and To; nil is valid.
type JoinOptions struct {
	Dialer   Dialer                             // places the calls of transfers; nil refuses transfers
	RingFor  time.Duration                      // how long until the call, or that of a transfer, is accepted; 0: DefaultRingFor
	Ringback func(media.Endpoint) (stop func()) // plays to a side that is up while the other rings; nil: silence
	Relay    *media.RelayOptions
	Stay     bool // when one side ends leave the other up

	// MaxDuration is how long the call may last from when both sides are up, held or not; 0: no limit. Transfers do not begin it anew,
	// since the call is the same for who stays in it, but another Join does. It is what ends a call whose far sides never say that they
	// have gone while their media flow on.
	MaxDuration time.Duration
}

func (o *JoinOptions) ringFor() time.Duration {
	if o == nil || o.RingFor <= 0 {
		return DefaultRingFor
	}
	return o.RingFor
}

// Join makes one call of two legs, from whatever state they are in: it carries ringing, acceptance, hold, mute and changes of codec
// from each to the other, and relays their media. A leg that came in is rung and answered as the other one gets on; one that was
// dialled needs nothing.
//
// Where o.Dialer is set, it carries out Info.Transfer too, one at a time: the party that a far side names is dialled on behalf of the other
// one, or the leg that has come is answered, and takes the place of the leg whose far side asked once it is up. Until then the other side is
// given its early media or o.Ringback, and a failure leaves the call as it was. A far side that hangs up as soon as it has asked is let go:
// then a failure is the end of the call.
// A party that has come on another leg (Transfer.Same) takes its own place likewise, and needs no dialer.
//
// When one leg ends, Join ends the other with the same cause, unless o.Stay, and returns: nil if the cause was Normal, else an
// *EndError. After o.MaxDuration it ends both with Normal, whatever o.Stay, and returns an *EndError with ErrMaxDuration in its chain; a
// transfer that is under way is told the same. When ctx ends, Join returns its error and leaves both legs up. A leg that a transfer has brought is Join's own, and is hung up
// whenever it returns. It waits for everything that it started.
func Join(ctx context.Context, a, b Leg, o *JoinOptions) error {
	j := newJoint(a, b, o)
	running, cancel := context.WithCancel(ctx)
	defer j.close(ctx, cancel)
	for _, s := range j.seats {
		j.work.Go(func() { j.watch(running, s) })
	}
	for {
		select {
		case n := <-j.notes:
			j.take(running, n)
		case <-j.ring.C:
			j.step(running, join.Input{Note: join.RingTimeout})
		case <-j.asked.C:
			j.step(running, join.Input{Note: join.AskTimeout})
		case <-j.lasts.C:
			j.timeUp(running)
		case <-ctx.Done():
			j.leave(running)
			return context.Cause(ctx)
		}
		if end, over := j.over(); over {
			return end
		}
	}
}

// over reports whether the join is done, and with what.
func (j *joint) over() (error, bool) {
	over := 0
	for _, s := range j.seats {
		if s.info.Phase == Over {
			over++
		}
	}
	if j.end == nil || over == 0 || over == 1 && !j.o.Stay {
		return nil, false
	}
	if j.end.Cause == Normal && !errors.Is(j.end, ErrMaxDuration) {
		return nil, true
	}
	return j.end, true
}

// To returns a Bridge that dials to for every call that comes in and joins the two. What it has dialled it hangs up in the end. A
// caller who gives up ends the attempt.
func To(d Dialer, to string, o *JoinOptions) Bridge {
	return Func(func(ctx context.Context, in Leg) error {
		begun := time.Now()
		out, err := dial(ctx, d, to, in, o)
		if err != nil {
			return err
		}
		defer hangup(ctx, out, Normal)
		left := JoinOptions{}
		if o != nil {
			left = *o
		}
		left.RingFor = max(o.ringFor()-time.Since(begun), time.Millisecond)
		return Join(ctx, in, out, &left)
	})
}

// dial calls on behalf of in, for no longer than in is there.
func dial(ctx context.Context, d Dialer, to string, in Leg, o *JoinOptions) (Leg, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.ringFor(), &EndError{Cause: NoAnswer})
	defer cancel()
	ctx, gone := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		var err error
		for info := in.Info(); err == nil; {
			info, err = in.Next(ctx, info.Rev)
		}
		gone(err)
	}()
	info := in.Info()
	out, err := o.Place(ctx, d, to, &DialOptions{Plan: info.Far, From: info.From, Attr: info.Attr})
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	gone(nil)
	<-watched
	return out, err
}

// hangup ends a leg without waiting for ever, also when ctx has ended.
func hangup(ctx context.Context, l Leg, why Cause) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangupFor)
	defer cancel()
	_ = l.Hangup(ctx, why)
}
