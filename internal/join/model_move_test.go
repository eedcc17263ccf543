package join_test

import "github.com/alexacall/alexacall/internal/join"

// stage is how far the one replacement of a run has come, as bridge.Join sees it.
type stage uint8

const (
	unasked stage = iota
	fetching
	aside   // third is the old leg
	settled // the far side was told that it is replaced
	refused // it was told that it is not
)

// moves takes the steps of a replacement.
func (r worldRules) moves(w world, emit func(string, world)) {
	x := w.join.Moved
	switch w.move {
	case fetching:
		n := w
		n.third, n.legs[x], n.move = w.legs[x], w.third, aside
		if l := &n.legs[x]; !w.join.By {
			l.offered = w.legs[1-x].seen.far
		}
		n.legs[x].seen = n.legs[x].view()
		emit("new leg comes", r.take(n, join.Fetched, 0))
		if !w.join.By || w.legs[x].may == join.WishSame { // which may have given up
			emit("new leg does not come", r.take(w, join.NotFetched, 0))
		}
	case aside:
		l := w.third
		put := func(label string, l leg) {
			n := w
			n.third = l
			emit("old "+label, n)
		}
		if l.phase != join.Over {
			put("far hangs up", l.end(causeNormal))
		}
		l.perform(put)
		if l.act.is && l.act.at >= done {
			note := join.Done
			if l.act.at == failed {
				note = join.Failed
			}
			n := w
			n.third.seen, n.third.act = l.act.view, action{}
			emit("old note", r.take(n, note, join.Old))
		} else if l.seen != l.view() {
			n := w
			n.third.seen = l.view()
			emit("old look", r.take(n, join.Look, join.Old))
		}
	case unasked, settled, refused:
	}
}

// checkMove holds a step of a replacement against what has gone before.
func (r worldRules) checkMove(w world, a join.Action) fault {
	me := w.legs[a.Side]
	switch moving := w.move == fetching || w.move == aside; {
	case (a.Do == join.DoSettle || a.Do == join.DoReturn) && !moving:
		return movedTwice
	case a.Do == join.DoSettle && (w.move != aside || me.seen.phase != join.Up):
		return settledTooSoon
	case (a.Do == join.DoFetch || a.Do == join.DoRefuse) && (!me.seen.wish || me.taken), a.Do == join.DoFetch && (moving || r.forbids && me.may != join.WishSame || w.legs[1-a.Side].seen.phase == join.Over):
		return movedNothing
	case a.Do == join.DoRefuse && me.may == join.WishSame && !moving && !w.join.Ended && w.legs[1-a.Side].seen.phase != join.Over:
		return refusedSame
	}
	return noFault
}

// changes performs a step of a replacement.
func (w world) changes(a join.Action) world {
	l := &w.legs[a.Side]
	switch a.Do {
	case join.DoFetch:
		w.move, l.taken = fetching, true
		if l.seen.phase == join.Over {
			w.end = 0 // it has asked before it went: the call goes on
		}
	case join.DoRefuse:
		l.taken = true
	case join.DoSettle:
		w.move, w.third = settled, leg{}
	default:
		if w.move == aside {
			*l = w.third
			w.hang[a.Side] = notHung
		}
		w.move, w.third = refused, leg{}
		if l.seen.phase == join.Over && w.end == 0 {
			l.cause, w.end = a.Cause, 1+a.Cause
		}
	}
	return w
}
