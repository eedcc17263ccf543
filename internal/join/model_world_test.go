package join_test

import (
	"fmt"

	"github.com/alexacall/alexacall/internal/join"
)

// stepFunc is Rules.Step, or a spoilt copy of it.
type stepFunc func(join.State, join.Input) (join.State, []join.Action)

// fault is a rule that Join broke as it acted.
type fault uint8

const (
	noFault fault = iota
	actedTwice
	actedAfterEnd
	hungUpTwice
	hungUpOver
	hungUpStaying
	wrongCause
	answeredTooSoon
	toldTooSoon
	updatedTooSoon
	toldNothing
	pingPong
	endedForNothing
	movedTwice
	settledTooSoon
	movedNothing
	refusedSame
	timedTwice
	timedTooSoon
)

func (f fault) String() string {
	return [...]string{
		"none", "a second action on a side", "an action after the end", "a side is hung up twice", "a side that is over is hung up",
		"a side that is to stay is hung up", "a side is hung up with another cause than the other's",
		"a caller is answered before the other side", "a caller is told what is not so", "an update before acceptance",
		"an action without a plan", "updates without end", "the call is ended and nobody has ended it",
		"a far side that asked to be replaced is told twice, or was not to be told", "it is told that it is replaced and it is not",
		"a leg is to be replaced that nobody wants to be", "a party on a new leg is refused",
		"the call's time is begun twice", "the call's time is begun before both sides are up",
	}[f]
}

// maxUpdates is how many offers of ours one act of a far side may lead to.
const maxUpdates = 8

type hanging uint8

const (
	notHung hanging = iota
	hangup          // Join has asked for it
	hungUp
)

// clock is the timer of the call.
type clock uint8

const (
	stopped clock = iota
	ticking
	expired
)

// world is the joint and both legs, as bridge.Join puts them together.
type world struct {
	join    join.State
	legs    [2]leg
	hang    [2]hanging
	asking  bool  // the timer of a question runs
	end     uint8 // the cause of the call's end, plus one; 0: it has not ended
	updates uint8 // since a far side last acted
	time    clock
	fault   fault
	third   leg // the leg of a replacement: before it has come, or the old one while that stands aside
	move    stage
}

// worldRules are what does not change in a run.
type worldRules struct {
	step    stepFunc
	stay    bool
	patient bool // far sides do not hang up
	slow    bool // watchers hold a look in hand for a while before Join takes it
	forbids bool // Join does not replace legs
	limited bool // the call may last for some time only
}

// returned reports whether Join has returned.
func (r worldRules) returned(w world) bool {
	over := 0
	for _, l := range w.legs {
		if l.seen.phase == join.Over {
			over++
		}
	}
	return w.end != 0 && (over == 2 || over == 1 && r.stay)
}

func (r worldRules) next(w world, emit func(string, world)) {
	if r.returned(w) {
		return
	}
	r.moves(w, emit)
	for x := range w.legs {
		r.ours(w, x, emit)
		if w.legs[1-x].phase == join.Over {
			w.legs[x].budget = 0 // an offer that comes after the end is of no interest
		}
		w.legs[x].farActs(func(label string, l leg) {
			if r.patient && l.phase == join.Over {
				return
			}
			n := w
			n.legs[x], n.updates = l, 0
			emit(name(x, label), n)
		})
	}
	if w.end == 0 && (w.legs[0].seen.phase < join.Up || w.legs[1].seen.phase < join.Up) {
		emit("rung out", r.take(w, join.RingTimeout, 0))
	}
	if w.asking {
		n := w
		n.asking = false
		emit("question over", r.take(n, join.AskTimeout, 0))
	}
	if w.time == ticking {
		n := w
		n.time = expired
		emit("time is up", r.take(n, join.TimeUp, 0))
	}
}

// ours takes the steps of the joint on one side.
func (r worldRules) ours(w world, x int, emit func(string, world)) {
	l := w.legs[x]
	if l.holding {
		emit(name(x, "look"), r.take(w.looked(x), join.Look, x))
	} else if l.news() {
		n := w
		n.legs[x].looked, n.legs[x].holding, n.legs[x].hand = true, true, l.view()
		if r.slow {
			emit(name(x, "watch"), n)
		} else {
			emit(name(x, "look"), r.take(n.looked(x), join.Look, x))
		}
	}
	if l.act.is && l.act.at >= done {
		note := join.Done
		if l.act.at == failed {
			note = join.Failed
		}
		emit(name(x, "note"), r.take(w.acted(x), note, x))
	}
	l.perform(func(label string, l leg) {
		n := w
		n.legs[x] = l
		emit(name(x, label), n)
	})
	if w.hang[x] == hangup {
		n := w
		n.hang[x] = hungUp
		if l.phase != join.Over {
			n.legs[x] = l.end(n.end - 1)
		}
		emit(name(x, "is hung up"), n)
	}
}

// looked hands Join the look that the watcher has in hand. A look older than what Join knows is not taken.
func (w world) looked(x int) world {
	l := &w.legs[x]
	v, stale := l.hand, l.stale
	l.holding, l.hand, l.stale = false, view{}, false
	if stale && !l.act.is {
		return w
	}
	if !stale && l.act.is && l.act.at >= done {
		l.act.view = v // newer than that of the action's end
	}
	return w.see(x, v)
}

// acted hands Join the end of an action, with the look at the leg that came with it.
func (w world) acted(x int) world {
	v := w.legs[x].act.view
	w.legs[x].act = action{}
	return w.see(x, v)
}

func (w world) see(x int, v view) world {
	w.legs[x].seen = v
	moving := w.join.Move != join.NoMove && x == int(w.join.Moved)
	if v.phase == join.Over && w.end == 0 && (!moving || w.move == aside && w.third.seen.phase == join.Over) {
		w.end = 1 + w.legs[x].cause
	}
	return w
}

// side returns what Join knows of a leg.
func (l leg) side() join.Side {
	s := join.Side{Phase: l.seen.phase, Far: l.seen.far.open(), Agreed: l.agreed.open(), Pending: l.seen.pending, Cause: l.cause}
	if l.seen.wish && !l.taken {
		s.Wish = l.may
	}
	return s
}

// take makes a step of the rules, as bridge.Join does, and starts what they ask for.
func (r worldRules) take(w world, note join.Note, x int) world {
	in := join.Input{Note: note, Side: x, Cause: causeBusy, Sides: [2]join.Side{w.legs[0].side(), w.legs[1].side()}}
	if w.move == aside {
		in.Old = w.third.side()
	}
	before := w.join
	stood := [2]join.Phase{w.legs[0].seen.phase, w.legs[1].seen.phase} // without the replacement
	if before.Move == join.Trying {
		stood[before.Moved] = w.third.seen.phase
	}
	if note == join.RingTimeout && min(stood[0], stood[1]) < join.Up {
		w.end = 1 + causeNoAnswer
	}
	if note == join.TimeUp && w.end == 0 {
		w.end = 1 + causeTooLong
	}
	var acts []join.Action
	w.join, acts = r.step(w.join, in)
	for _, a := range acts {
		if w.fault == noFault {
			w.fault = r.check(w, a, before)
		}
		w = w.do(a)
	}
	w.asking = w.asking && w.join.Asking != [2]bool{}
	return w.settled(r)
}

// settled forgets what no longer matters once the call has ended, which keeps the number of states down.
func (w world) settled(r worldRules) world {
	if w.end == 0 || r.stay {
		return w
	}
	w.updates = 0
	for x, l := range w.legs {
		if l.phase != join.Over {
			l.phase, l.pending, l.budget = join.Up, false, 0
			l.far, l.stood, l.offered, l.agreed, l.wanted, l.heard = 0, 0, 0, 0, 0, 0
			l.seen, l.holding, l.hand, l.stale, l.act = l.view(), false, view{}, false, action{}
			w.legs[x] = l
		}
	}
	return w
}

// check holds an action against what the sides are known to be.
func (r worldRules) check(w world, a join.Action, before join.State) fault {
	me, other := w.legs[a.Side], w.legs[1-a.Side]
	switch a.Do {
	case join.DoFetch, join.DoRefuse, join.DoSettle, join.DoReturn:
		return r.checkMove(w, a)
	case join.DoTime:
		return r.checkTime(w, before)
	default:
	}
	if a.Do == join.DoHangup {
		switch {
		case w.hang[a.Side] != notHung:
			return hungUpTwice
		case me.seen.phase == join.Over:
			return hungUpOver
		case r.stay && other.seen.phase == join.Over:
			return hungUpStaying
		case w.end != 0 && w.end != 1+a.Cause:
			return wrongCause
		case w.end == 0 && a.Cause != causeNoMedia:
			return endedForNothing
		}
		return noFault
	}
	if before.Ended || me.seen.phase == join.Over || other.seen.phase == join.Over {
		return actedAfterEnd
	}
	if a.Do != join.DoAsk && me.act.is {
		return actedTwice
	}
	early := me.seen.phase < join.Up
	switch {
	case a.Do == join.DoAnswer && early && me.came && other.seen.phase != join.Up && (!w.join.By || a.Side != int(w.join.Moved)):
		return answeredTooSoon
	case a.Do == join.DoEarly && other.seen.phase != join.Early, a.Do == join.DoRing && other.seen.phase < join.Alerting:
		return toldTooSoon
	case a.Do == join.DoUpdate && early:
		return updatedTooSoon
	case (a.Do == join.DoUpdate || a.Do == join.DoEarly || a.Do == join.DoAnswer) && pack(a.Want) == 0 && (!w.join.By || other.seen.far != 0):
		return toldNothing
	case a.Do == join.DoUpdate && w.updates == maxUpdates:
		return pingPong
	}
	return noFault
}

// checkTime holds the beginning of the call's time against what has gone before.
func (r worldRules) checkTime(w world, before join.State) fault {
	switch {
	case before.Ended:
		return actedAfterEnd
	case w.time != stopped:
		return timedTwice
	case !r.limited || w.legs[0].seen.phase != join.Up || w.legs[1].seen.phase != join.Up:
		return timedTooSoon
	}
	return noFault
}

func (w world) do(a join.Action) world {
	switch a.Do {
	case join.DoFetch, join.DoRefuse, join.DoSettle, join.DoReturn:
		return w.changes(a)
	case join.DoHangup:
		w.hang[a.Side] = hangup
		if w.end == 0 {
			w.end = 1 + a.Cause
		}
	case join.DoAsk:
		w.asking = true
	case join.DoTime:
		w.time = ticking
	case join.DoUpdate:
		w.updates++
		w.legs[a.Side].act = action{is: true, do: a.Do, want: pack(a.Want)}
	case join.DoRing, join.DoEarly, join.DoAnswer:
		w.legs[a.Side].act = action{is: true, do: a.Do, want: pack(a.Want)}
	}
	return w
}

func name(x int, label string) string { return fmt.Sprintf("%c %s", 'A'+x, label) }
