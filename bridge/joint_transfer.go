package bridge

import (
	"context"
	"errors"
	"maps"

	"github.com/alexacall/alexacall/internal/join"
)

var (
	errNoTransfers  = errors.New("bridge: transfers are not allowed here")
	errTransferring = errors.New("bridge: a transfer is under way")
	errGivenUp      = errors.New("bridge: the wish to be replaced was given up")
)

// move is a wish of a far side's that is being carried out.
type move struct {
	wish *Transfer
	stop context.CancelFunc // ends the dialling
	err  error              // why it came to nothing
	late bool               // it had been given up
}

// kind returns how the rules name a wish.
func (t *Transfer) kind() join.Wish {
	switch {
	case t.By == nil:
		return join.WishTo
	case t.Same:
		return join.WishSame
	default:
		return join.WishBy
	}
}

// fetch gets the leg that is to take the place of another one.
func (j *joint) fetch(ctx context.Context, x int) {
	s, other := j.seats[x], j.seats[1-x]
	s.taken = s.info.Transfer
	if s.info.Phase == Over || s.info.Phase == Up && other.info.Phase == Up {
		j.ring.Reset(j.o.ringFor())
	}
	ctx, stop := context.WithCancel(ctx)
	m := &move{wish: s.taken, stop: stop}
	m.late = m.wish.Take != nil && !m.wish.Take()
	j.move = m
	far := other.info.Far
	if far == nil {
		far = other.leg.Media().Plan()
	}
	o := &DialOptions{Plan: far, From: other.info.Party(), Attr: j.attrFor(other, m.wish)}
	j.work.Go(func() {
		defer stop()
		n := note{kind: join.NotFetched, move: m, seat: &seat{leg: m.wish.By, ours: true}}
		switch {
		case m.late:
			n.err = errGivenUp
		case m.wish.By == nil:
			n.seat.leg, n.err = j.o.Place(ctx, j.o.Dialer, m.wish.To, o)
		}
		if n.err == nil {
			n.seat.info, n.end = lookAt(ctx, n.seat.leg)
			if n.kind = join.Fetched; n.end != nil {
				n.kind, n.err = join.NotFetched, n.end
			}
		}
		if !j.tell(ctx, n) && n.err == nil {
			hangup(ctx, n.seat.leg, Cancelled)
		}
	})
}

// attrFor returns what goes along with a call in the name of a seat: what came with it, but nothing that was meant for the transfer that
// brought it here.
func (j *joint) attrFor(s *seat, t *Transfer) map[string]string {
	attr := map[string]string{}
	maps.Copy(attr, s.info.Attr)
	maps.DeleteFunc(attr, func(k, v string) bool { old, ok := s.brought[k]; return ok && old == v })
	maps.Copy(attr, t.Attr)
	return attr
}

// fetched takes what has come of fetch.
func (j *joint) fetched(ctx context.Context, n note) {
	switch {
	case n.move != j.move:
		if n.err == nil {
			j.work.Go(func() { hangup(ctx, n.seat.leg, Cancelled) }) // too late
		}
	case n.err != nil:
		j.move.err = n.err
		if old := j.seats[j.state.Moved]; j.move.late && old.end != nil {
			j.move.err = old.end // which ends the call as if it had not asked
		}
		j.step(ctx, join.Input{Note: join.NotFetched, Cause: uint8(CauseOf(j.move.err))})
	default:
		x := j.state.Moved
		n.seat.brought = j.move.wish.Attr
		j.old, j.seats[x] = j.seats[x], n.seat
		j.unrelay()
		j.work.Go(func() { j.watch(ctx, n.seat) })
		j.step(ctx, join.Input{Note: join.Fetched})
	}
}

// settle lets the old leg go, whose place the new one has.
func (j *joint) settle(ctx context.Context) {
	m, old, why := j.move, j.old, Normal
	j.move, j.old = nil, nil
	if old.info.Phase < Up {
		why = Elsewhere // another one has picked the call up
	}
	j.work.Go(func() {
		m.wish.Done(nil)
		hangup(ctx, old.leg, why)
	})
}

// giveBack ends a replacement that has failed.
func (j *joint) giveBack(ctx context.Context, x int, why Cause) {
	m := j.move
	fresh := m.wish.By
	j.move = nil
	m.stop()
	if j.old != nil {
		s := j.seats[x]
		if fresh = s.leg; s.end != nil {
			m.err = s.end
		}
		j.seats[x], j.old = j.old, nil
		j.unrelay()
	}
	end, ok := errors.AsType[*EndError](m.err)
	if !ok || end.Cause != why {
		end = &EndError{Cause: why, Err: m.err}
	}
	if s := j.seats[x]; s.info.Phase == Over {
		s.end = end // it has gone meanwhile: this is what ends the call
	}
	if m.late {
		return
	}
	j.work.Go(func() {
		m.wish.Done(end)
		if fresh != nil {
			hangup(ctx, fresh, why)
		}
	})
}

// refuse refuses the wish of a far side.
func (j *joint) refuse(ctx context.Context, x int) {
	s := j.seats[x]
	t, end := s.info.Transfer, &EndError{Cause: Declined, Err: errNoTransfers}
	switch s.taken = t; {
	case s.end != nil: // there is nothing to be replaced any more
		end = s.end
	case j.rules.Transfers:
		end = &EndError{Cause: Busy, Err: errTransferring}
	}
	j.work.Go(func() {
		t.Done(end)
		if t.By != nil && !t.Same {
			hangup(ctx, t.By, end.Cause)
		}
	})
}

// leave ends what is under way, since both legs are left as they are.
func (j *joint) leave(ctx context.Context) {
	if j.move != nil {
		j.move.err = context.Cause(ctx)
		j.step(ctx, join.Input{Note: join.Leave, Cause: uint8(Cancelled)})
	}
}
