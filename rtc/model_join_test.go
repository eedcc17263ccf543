package rtc

import (
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/join"
)

// phone is a door's leg as the contract of bridge.Leg describes it, with the door itself. Its actions end at once; what comes of their
// delays is checked in package join.
type phone struct {
	caller  bool // a visitor, who has rung; else we call
	phase   join.Phase
	cause   uint8
	far     plan
	pending bool
	agreed  plan
	act     legAct
}

func (l phone) view() view { return view{l.phase, l.far, l.pending, false} }

func (l phone) end(c bridge.Cause) phone {
	return phone{caller: l.caller, phase: join.Over, cause: uint8(c), far: l.far, agreed: l.agreed, act: l.act}
}

// perform does the action of Join's.
func (l phone) perform() phone {
	want := l.act.want
	do := l.act.do
	l.act = legAct{is: true, at: done}
	switch {
	case l.phase == join.Over:
		l.act.at = failed
		return l
	case !l.caller && l.phase < join.Up:
		return l
	case do == join.DoRing:
		l.phase = max(l.phase, join.Alerting)
		return l
	case l.pending:
		if l.far&want == 0 {
			l.act.at = failed
			return l
		}
		l.agreed, l.pending = l.far&want, false
	case do == join.DoUpdate && l.agreed&^want != 0: // it has both codecs
		l.agreed = want
	}
	switch do {
	case join.DoEarly:
		l.phase = max(l.phase, join.Early)
	case join.DoAnswer:
		l.phase = join.Up
	default:
	}
	return l
}

// answersDoor lets the door do what it likes.
func (r rules) answersDoor(w world, put func(string, world)) {
	l := w.door
	set := func(label string, l phone) {
		n := w
		n.door = l
		put(label, n)
	}
	if l.act.is && l.act.at == begun {
		set("door's leg acts", l.perform())
	}
	x := 1 - r.echoSide()
	if w.hang[x] {
		n := w
		n.hang[x] = false
		if l.phase != join.Over {
			n.door = l.end(bridge.Cause(w.end - 1))
		}
		put("door is hung up", n)
	}
	if l.phase == join.Over || w.to == idle || w.to == dialling && !r.bell {
		return
	}
	ends := func(label string, c bridge.Cause) {
		r.parts(w, put, label, func(n world) world {
			n.door = l.end(c)
			return n
		})
	}
	if l.phase == join.Up || l.caller {
		ends("visitor leaves", bridge.Normal)
	}
	if l.caller || l.phase == join.Up {
		return
	}
	ends("door is busy", bridge.Busy)
	for _, codecs := range [...]plan{codecX, codecY} {
		n := l
		if n.agreed == 0 {
			n.agreed, n.far, n.phase = codecs, codecs, join.Early
			set("door has early media", n)
		}
		n.phase = join.Up
		set("door answers", n)
	}
}

// dials takes the steps of bridge.To before Join begins.
func (r rules) dials(w world, put func(string, world)) {
	n := w
	echo := w.s[0]
	switch {
	case r.bell && echo.phase == join.Over:
		n.to, n.end = returned, 1+echo.cause
		n.hang[0] = n.door.phase != join.Over
		put("nobody can be rung at", n)
		return
	case r.bell && w.door.phase == join.Over:
		n.to, n.end, n.gone[0], n.why = returned, 1+w.door.cause, true, uint8(bridge.Cancelled)
		put("ringing is given up", n)
		return
	case r.bell && echo.phase >= join.Alerting:
		n.to = joined
		put("joined", n)
		return
	case r.bell:
		return
	case echo.phase == join.Over:
		n.to, n.door = returned, w.door.end(bridge.Cancelled)
		put("dialling is given up", n)
		return
	}
	n.to, n.door.phase = joined, join.Alerting
	put("door rings", n)
	r.parts(w, put, "door cannot be reached", func(n world) world {
		n.to, n.door, n.gone[0], n.why = returned, w.door.end(bridge.Unreachable), true, uint8(bridge.Unreachable)
		return n
	})
}

// joins takes the steps of bridge.Join.
func (r rules) joins(w world, put func(string, world)) {
	if w.seen[0].phase == join.Over && w.seen[1].phase == join.Over && w.move != aside {
		w.to, w.join, w.asking, w.door.act, w.hang = returned, join.State{}, false, legAct{}, [2]bool{}
		for i := range w.s {
			w.s[i].act = legAct{}
		}
		put("join returns", w)
		return
	}
	for x := range 2 {
		if !r.eager && r.news(w, x) {
			put("join looks", r.look(w, x))
		}
	}
	if i := int(w.seat); w.s[i].act.is && w.s[i].act.at == begun {
		put("echo's leg acts", r.acts(w, i))
	}
	if w.move == aside && w.s[0].act.is {
		if w.s[0].act.at == begun {
			put("old leg acts", r.acts(w, 0))
		} else if w.s[0].act.at >= done {
			n := w
			note := noteOf(w.s[0].act)
			n.s[0].act = legAct{}
			put("old note", r.tell(n, note, join.Old))
		}
	}
	if x := r.echoSide(); w.hang[x] {
		n := w
		n.hang[x] = false
		put("echo's leg is hung up", r.sends(n, int(w.seat), event{kind: evEnd, cause: bridge.Cause(w.end - 1)}))
	}
	if w.end == 0 && (w.seen[0].phase < join.Up || w.seen[1].phase < join.Up) && w.move != claimed && w.move != aside {
		n := w
		n.end = 1 + uint8(bridge.NoAnswer)
		put("rung out", r.tell(n, join.RingTimeout, 0))
	}
	if w.asking {
		n := w
		n.asking = false
		put("question is over", r.tell(n, join.AskTimeout, 0))
	}
	r.moves(w, put)
}

// moves brings the second leg into the place of the first, or says that it does not come.
func (r rules) moves(w world, put func(string, world)) {
	if w.join.Move != join.Fetching {
		return
	}
	n, x := w, r.echoSide()
	if w.move == claimed && w.s[1].phase != join.Over {
		n.move, n.seat = aside, 1
		if w.s[1].handed {
			n = n.spoil(ownedTwice)
		}
		n.seen[x] = n.s[1].view()
		put("second leg comes", r.tell(n, join.Fetched, 0))
		return
	}
	put("second leg does not come", r.tell(n, join.NotFetched, 0))
}

// acts does an action of Join's on an Echo's leg, as Leg does.
func (r rules) acts(w world, i int) world {
	l := &w.s[i]
	want := l.act.want
	do := l.act.do
	finish := func(at progress) world {
		l.act = legAct{is: true, at: at}
		return w
	}
	switch {
	case l.phase == join.Over:
		return finish(failed)
	case do == join.DoUpdate && l.phase == join.Up && !l.pending:
		if l.agreed&^want == 0 {
			return finish(done)
		}
		return finish(failed) // ErrFixed
	case do == join.DoUpdate && l.phase != join.Up:
		return finish(failed)
	case do == join.DoRing:
		if !l.bell {
			l.phase = max(l.phase, join.Alerting)
		}
		return finish(done)
	case do == join.DoEarly && (l.bell || l.phase >= join.Up), do == join.DoAnswer && (l.phase == join.Up && !l.pending || l.bell && l.phase < join.Up):
		return finish(done)
	}
	l.act.at = waiting
	n, ok := r.send(w, i, event{kind: evWant, accept: do != join.DoEarly, plan: int(want)})
	if !ok {
		return finish(failed)
	}
	return n
}

func (r rules) actOf(w world, x int) legAct {
	if x == r.echoSide() {
		return w.s[w.seat].act
	}
	return w.door.act
}

func (r rules) view(w world, x int) view {
	if x == r.echoSide() {
		return w.s[w.seat].view()
	}
	return w.door.view()
}

func noteOf(a legAct) join.Note {
	if a.at == failed {
		return join.Failed
	}
	return join.Done
}

// news reports whether there is something of a side that Join has not seen.
func (r rules) news(w world, x int) bool {
	a := r.actOf(w, x)
	return a.is && a.at >= done || w.seen[x] != r.view(w, x)
}

// look lets Join see a side, and the end of the action on it.
func (r rules) look(w world, x int) world {
	note := join.Look
	if a := r.actOf(w, x); a.is && a.at >= done {
		note = noteOf(a)
		if x == r.echoSide() {
			w.s[w.seat].act = legAct{}
		} else {
			w.door.act = legAct{}
		}
	}
	w.seen[x] = r.view(w, x)
	return r.tell(w, note, x)
}

// tell makes one step of Join's rules, and starts what they ask for.
func (r rules) tell(w world, note join.Note, x int) world {
	in := join.Input{Note: note, Side: x, Cause: uint8(bridge.Cancelled)}
	for i := range 2 {
		v, agreed, cause := w.seen[i], w.door.agreed, w.door.cause
		if i == r.echoSide() {
			agreed, cause = w.s[w.seat].agreed, w.s[w.seat].cause
		}
		in.Sides[i] = join.Side{Phase: v.phase, Far: v.far.open(), Agreed: agreed.open(), Pending: v.pending, Cause: cause}
		if i == r.echoSide() && v.wish && w.seat == 0 && w.move == unmoved {
			in.Sides[i].Wish = join.WishSame
		}
	}
	if w.move == aside {
		o := w.s[0]
		in.Old = join.Side{Phase: o.phase, Far: o.far.open(), Agreed: o.agreed.open(), Pending: o.pending, Cause: o.cause}
	}
	var acts []join.Action
	w.join, acts = r.join(w.join, in)
	for _, a := range acts {
		w = r.does(w, a)
	}
	w.asking = w.asking && w.join.Asking != [2]bool{}
	return w
}

// does starts what the rules of Join ask for.
func (r rules) does(w world, a join.Action) world {
	echo := a.Side == r.echoSide()
	do := legAct{is: true, do: a.Do, want: packPlan(a.Want)}
	switch {
	case a.Do == join.DoHangup:
		w.hang[a.Side] = true
		if w.end == 0 {
			w.end = 1 + a.Cause
		}
	case a.Do == join.DoAsk:
		w.asking = true
	case a.Do == join.DoFetch:
		return r.claims(w)
	case a.Do == join.DoSettle:
		w.move, w.gone[0], w.why = settled, true, uint8(bridge.Normal)
		w.s[0].act = legAct{}
	case a.Do == join.DoReturn:
		return r.givesBack(w, a)
	case a.Do == join.DoRefuse:
		w.move = late
		return r.sends(w, 1, event{kind: evUntaken})
	case echo:
		w.s[w.seat].act = do
	default:
		w.door.act = do
	}
	return w
}

// claims does what session.claim does.
func (r rules) claims(w world) world {
	n, ok := r.send(w, 1, event{kind: evTake})
	if !ok {
		n.move = late
	}
	return n
}

// givesBack ends a replacement that has failed.
func (r rules) givesBack(w world, a join.Action) world {
	was := w.move
	w.move = settled
	if was == late {
		return w
	}
	if w.s[1].act = (legAct{}); was == aside {
		w.seat = 0
		w.seen[r.echoSide()] = w.s[0].view()
	}
	w.gone[1], w.why = true, a.Cause
	return r.sends(w, 1, event{kind: evUntaken})
}
