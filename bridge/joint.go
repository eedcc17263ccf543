package bridge

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/alexacall/alexacall/internal/join"
	"github.com/alexacall/alexacall/media"
)

// joint performs the rules of internal/join on two legs. One goroutine, that of Join, owns it; two watch the legs, and each action
// has one while it runs.
type joint struct {
	legs  [2]Leg
	o     JoinOptions
	rules join.Rules
	state join.State
	infos [2]Info
	end   *EndError // of the side that ended first
	lists codecLists

	failed error // of the last action that failed: what led to an end for want of media

	relay *media.Relay
	rings [2]func() // stops a ringback

	notes chan note
	asked *time.Timer // of the question that is asked; stopped while there is none
	work  sync.WaitGroup
}

// note is what a watcher or an action tells the owner, with what the leg is by then.
type note struct {
	side int
	kind join.Note
	info Info
	end  *EndError // how the leg ended, once it is over
	err  error     // of an action that failed
}

func newJoint(a, b Leg, o *JoinOptions) *joint {
	j := &joint{legs: [2]Leg{a, b}, infos: [2]Info{a.Info(), b.Info()}, notes: make(chan note), asked: time.NewTimer(askFor)}
	j.asked.Stop()
	if o != nil {
		j.o = *o
	}
	j.rules = join.Rules{
		Fits: j.lists.fits, Stay: j.o.Stay, Mixed: j.o.Relay != nil && j.o.Relay.Transcode != nil,
		NoAnswer: uint8(NoAnswer), NoMedia: uint8(Media),
	}
	return j
}

// watch passes on every change of one leg until it is over or ctx ends.
func (j *joint) watch(ctx context.Context, x int) {
	rev := uint64(0)
	for {
		info, err := j.legs[x].Next(ctx, rev)
		if ctx.Err() != nil {
			return
		}
		n := note{side: x, info: info}
		n.end, _ = errors.AsType[*EndError](err)
		j.tell(ctx, n)
		if err != nil {
			return
		}
		rev = info.Rev
	}
}

func (j *joint) tell(ctx context.Context, n note) {
	select {
	case j.notes <- n:
	case <-ctx.Done():
	}
}

func (j *joint) take(ctx context.Context, n note) {
	over := n.info.Phase == Over
	if over && n.end == nil {
		return // the end follows with its cause
	}
	if over || n.info.Rev > j.infos[n.side].Rev {
		j.infos[n.side] = n.info
	}
	if j.end == nil {
		j.end = n.end
	}
	if n.err != nil {
		j.failed = n.err
	}
	j.step(ctx, join.Input{Note: n.kind, Side: n.side})
}

// step looks at both legs, applies the rules and starts what they ask for.
func (j *joint) step(ctx context.Context, in join.Input) {
	j.lists.keep(j.state.Told)
	for x := range j.infos {
		i := &j.infos[x]
		if i.Phase == Over && j.end == nil {
			return // over before the join; its watcher tells why
		}
		in.Sides[x] = join.Side{
			Phase: join.Phase(i.Phase), Far: j.lists.digest(i.Far), Agreed: j.lists.digest(j.legs[x].Media().Plan()), Pending: i.Pending,
		}
		if i.Phase == Over {
			in.Sides[x].Cause = uint8(j.end.Cause)
		}
	}
	var acts []join.Action
	j.state, acts = j.rules.Step(j.state, in)
	if j.state.Asking == [2]bool{} {
		j.asked.Stop()
	}
	j.connect(in.Sides)
	for _, a := range acts {
		j.do(ctx, a)
	}
}

// connect keeps ringback and relay as the sides are.
func (j *joint) connect(sides [2]join.Side) {
	for x := range sides {
		other := sides[1-x].Phase
		switch wanted := sides[x].Phase == join.Up && other < join.Early && j.o.Ringback != nil; {
		case wanted && j.rings[x] == nil:
			j.rings[x] = j.o.Ringback(j.legs[x].Media())
		case !wanted:
			j.quiet(x)
		}
	}
	if j.relay == nil && sides[0].Agreed.Said() && sides[1].Agreed.Said() && !j.state.Ended {
		j.relay, _ = media.NewRelay(j.legs[0].Media(), j.legs[1].Media(), j.o.Relay) // without a common codec the rules re-offer first
	}
}

func (j *joint) quiet(x int) {
	if j.rings[x] != nil {
		j.rings[x]()
		j.rings[x] = nil
	}
}

// do starts one action.
func (j *joint) do(ctx context.Context, a join.Action) {
	leg, want := j.legs[a.Side], j.lists.plan(a.Want)
	switch a.Do {
	case join.DoRing:
		j.run(ctx, a.Side, func() error { return leg.Ring(ctx, nil) })
	case join.DoEarly:
		j.run(ctx, a.Side, func() error { return leg.Ring(ctx, want) })
	case join.DoAnswer:
		j.run(ctx, a.Side, func() error { return leg.Answer(ctx, want) })
	case join.DoUpdate:
		j.run(ctx, a.Side, func() error { return leg.Update(ctx, want) })
	case join.DoHangup:
		if j.end == nil {
			j.end = &EndError{Cause: Cause(a.Cause)}
			if j.end.Cause == Media {
				j.end.Err = j.failed
			}
		}
		j.work.Go(func() { hangup(ctx, leg, Cause(a.Cause)) })
	case join.DoAsk:
		j.asked.Reset(askFor)
	}
}

// run starts an action on a side. Its end is told with a new look at the leg, so that what it did, or the end that made it fail, is
// known by then.
func (j *joint) run(ctx context.Context, x int, f func() error) {
	j.work.Go(func() {
		n := note{side: x, kind: join.Done}
		if n.err = f(); n.err != nil {
			n.kind = join.Failed
		}
		n.info = j.legs[x].Info()
		if n.info.Phase == Over {
			_, err := j.legs[x].Next(ctx, n.info.Rev) // returns at once, with the cause
			n.end, _ = errors.AsType[*EndError](err)
		}
		j.tell(ctx, n)
	})
}

// close undoes everything but the legs.
func (j *joint) close(cancel context.CancelFunc) {
	if j.relay != nil {
		_ = j.relay.Close()
	}
	for x := range j.rings {
		j.quiet(x)
	}
	j.asked.Stop()
	cancel()
	j.work.Wait()
}
