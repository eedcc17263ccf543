package bridge

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/alexacall/alexacall/internal/join"
	"github.com/alexacall/alexacall/media"
)

// joint performs the rules of internal/join on two legs. One goroutine, that of Join, owns it; each leg has one that watches it, and
// each action has one while it runs.
type joint struct {
	seats [2]*seat
	o     JoinOptions
	rules join.Rules
	state join.State
	end   *EndError // of the leg that ended the call
	lists codecLists

	move *move // a replacement of a leg that is under way
	old  *seat // the leg that stands aside meanwhile

	failed error // of the last action that failed: what led to an end for want of media

	relay *media.Relay
	rings [2]func() // stops a ringback

	notes chan note
	ring  *time.Timer // until the call, or a new leg in it, has to be accepted
	asked *time.Timer // of the question that is asked; stopped while there is none
	lasts *time.Timer // until the call has lasted as long as it may; stopped before both sides are up
	work  sync.WaitGroup
}

// seat is a leg with what is known of it.
type seat struct {
	leg   Leg
	info  Info
	end   *EndError // how it ended, once it is over
	taken *Transfer // the last wish of its far side that was taken up
	ours  bool      // Join has to hang it up

	brought map[string]string // Transfer.Attr of the wish that it came by
}

// note is what a watcher or an action tells the owner, with what the leg is by then.
type note struct {
	seat *seat
	kind join.Note
	info Info
	end  *EndError // how the leg ended, once it is over
	err  error     // of an action that failed
	move *move     // of Fetched and NotFetched; seat is the new leg then
}

func newJoint(a, b Leg, o *JoinOptions) *joint {
	j := &joint{
		seats: [2]*seat{{leg: a, info: a.Info()}, {leg: b, info: b.Info()}}, notes: make(chan note),
		ring: time.NewTimer(o.ringFor()), asked: time.NewTimer(askFor), lasts: time.NewTimer(askFor),
	}
	j.asked.Stop()
	j.lasts.Stop()
	if o != nil {
		j.o = *o
	}
	j.rules = join.Rules{
		Fits: j.lists.fits, Stay: j.o.Stay, Mixed: j.o.Relay != nil && j.o.Relay.Transcode != nil, Transfers: j.o.Dialer != nil,
		Limited: j.o.MaxDuration > 0, NoAnswer: uint8(NoAnswer), NoMedia: uint8(Media), TooLong: uint8(Normal),
	}
	return j
}

// watch passes on every change of one leg until it is over or ctx ends.
func (j *joint) watch(ctx context.Context, s *seat) {
	rev := uint64(0)
	for {
		info, err := s.leg.Next(ctx, rev)
		if ctx.Err() != nil {
			return
		}
		n := note{seat: s, info: info}
		n.end, _ = errors.AsType[*EndError](err)
		j.tell(ctx, n)
		if err != nil {
			return
		}
		rev = info.Rev
	}
}

// tell hands the owner a note, and returns false if ctx ends first.
func (j *joint) tell(ctx context.Context, n note) bool {
	select {
	case j.notes <- n:
		return true
	case <-ctx.Done():
		return false
	}
}

func (j *joint) take(ctx context.Context, n note) {
	if n.move != nil {
		j.fetched(ctx, n)
		return
	}
	s, over := n.seat, n.info.Phase == Over
	in := join.Input{Note: n.kind}
	switch s {
	case j.seats[0]:
	case j.seats[1]:
		in.Side = 1
	case j.old:
		in.Side = join.Old
	default:
		return // no longer of this call
	}
	if over && n.end == nil {
		return // the end follows with its cause
	}
	if over || n.info.Rev > s.info.Rev {
		s.info = n.info
	}
	if s.end == nil {
		s.end = n.end
	}
	if n.err != nil {
		j.failed = n.err
	}
	j.step(ctx, in)
}

// step looks at the legs, applies the rules and does what they ask for.
func (j *joint) step(ctx context.Context, in join.Input) {
	j.lists.keep(j.state.Told[0], j.state.Told[1], j.state.Kept.Told)
	for x, s := range j.seats {
		if s.info.Phase == Over && s.end == nil {
			return // over before the join; its watcher tells why
		}
		in.Sides[x] = j.look(s)
	}
	if j.old != nil {
		in.Old = j.look(j.old)
	}
	var acts []join.Action
	j.state, acts = j.rules.Step(j.state, in)
	if j.state.Asking == [2]bool{} {
		j.asked.Stop()
	}
	for _, a := range acts {
		j.do(ctx, a)
	}
	for x := range j.seats { // the side that has just been heard of comes first
		if s := j.seats[(x+in.Side)%len(j.seats)]; j.end == nil && s.end != nil && j.state.Move == join.NoMove {
			j.end = s.end
		}
	}
	j.connect()
}

// look returns what the rules are to know of a leg.
func (j *joint) look(s *seat) join.Side {
	i := &s.info
	side := join.Side{
		Phase: join.Phase(i.Phase), Far: j.lists.digest(i.Far), Agreed: j.lists.digest(s.leg.Media().Plan()), Pending: i.Pending,
	}
	if s.end != nil {
		side.Cause = uint8(s.end.Cause)
	}
	if t := i.Transfer; t != nil && t != s.taken {
		side.Wish = t.kind()
	}
	return side
}

// connect keeps ringback and relay as the legs are.
func (j *joint) connect() {
	sides := [2]join.Side{j.look(j.seats[0]), j.look(j.seats[1])}
	if x := j.state.Moved; j.state.Move == join.Fetching && sides[x].Phase == join.Over {
		sides[x].Phase, sides[x].Agreed = join.Placed, join.Plan{} // who asked has gone: the other side waits for the new one
		j.unrelay()
	}
	for x := range sides {
		other := sides[1-x].Phase
		switch wanted := sides[x].Phase == join.Up && other < join.Early && j.o.Ringback != nil; {
		case wanted && j.rings[x] == nil:
			j.rings[x] = j.o.Ringback(j.seats[x].leg.Media())
		case !wanted:
			j.quiet(x)
		}
	}
	if j.relay == nil && sides[0].Agreed.Said() && sides[1].Agreed.Said() && !j.state.Ended {
		j.relay, _ = media.NewRelay(j.seats[0].leg.Media(), j.seats[1].leg.Media(), j.o.Relay) // without a common codec the rules re-offer first
	}
}

func (j *joint) unrelay() {
	if j.relay != nil {
		_ = j.relay.Close()
		j.relay = nil
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
	s := j.seats[a.Side]
	want := j.o.widened(j.lists.plan(a.Want), s.info.Far)
	switch a.Do {
	case join.DoRing:
		j.run(ctx, s, func() error { return s.leg.Ring(ctx, nil) })
	case join.DoEarly:
		j.run(ctx, s, func() error { return s.leg.Ring(ctx, want) })
	case join.DoAnswer:
		j.run(ctx, s, func() error { return s.leg.Answer(ctx, want) })
	case join.DoUpdate:
		j.run(ctx, s, func() error { return s.leg.Update(ctx, want) })
	case join.DoHangup:
		j.ends(Cause(a.Cause))
		j.work.Go(func() { hangup(ctx, s.leg, Cause(a.Cause)) })
	case join.DoAsk:
		j.asked.Reset(askFor)
	case join.DoFetch:
		j.fetch(ctx, a.Side)
	case join.DoSettle:
		j.settle(ctx)
	case join.DoReturn:
		j.giveBack(ctx, a.Side, Cause(a.Cause))
	case join.DoRefuse:
		j.refuse(ctx, a.Side)
	case join.DoTime:
		j.lasts.Reset(j.o.MaxDuration)
	}
}

// ends notes what the call ends with: the end of the leg that has led to it, if it is one.
func (j *joint) ends(cause Cause) {
	if j.end != nil {
		return
	}
	for _, s := range j.seats {
		if s.end != nil && s.end.Cause == cause {
			j.end = s.end
			return
		}
	}
	j.end = &EndError{Cause: cause}
	if cause == Media {
		j.end.Err = j.failed
	}
}

// timeUp ends a call that has lasted as long as it may.
func (j *joint) timeUp(ctx context.Context) {
	if j.end == nil {
		j.end = &EndError{Cause: Normal, Err: ErrMaxDuration}
	}
	if j.move != nil {
		j.move.err = ErrMaxDuration
	}
	j.step(ctx, join.Input{Note: join.TimeUp})
}

// run starts an action on a leg. Its end is told with a new look at the leg, so that what it did, or the end that made it fail, is
// known by then.
func (j *joint) run(ctx context.Context, s *seat, f func() error) {
	j.work.Go(func() {
		n := note{seat: s, kind: join.Done}
		if n.err = f(); n.err != nil {
			n.kind = join.Failed
		}
		n.info, n.end = lookAt(ctx, s.leg)
		j.tell(ctx, n)
	})
}

// lookAt returns a snapshot of a leg, and how it ended if it has.
func lookAt(ctx context.Context, l Leg) (info Info, end *EndError) {
	if info = l.Info(); info.Phase == Over {
		_, err := l.Next(ctx, info.Rev) // returns at once, with the cause
		end, _ = errors.AsType[*EndError](err)
	}
	return info, end
}

// close undoes everything but the legs that were there before.
func (j *joint) close(ctx context.Context, cancel context.CancelFunc) {
	j.unrelay()
	for x := range j.rings {
		j.quiet(x)
	}
	j.asked.Stop()
	j.lasts.Stop()
	j.ring.Stop()
	for _, s := range j.seats {
		if s.ours {
			j.work.Go(func() { hangup(ctx, s.leg, Normal) })
		}
	}
	cancel()
	j.work.Wait()
}
