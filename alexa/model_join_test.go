package alexa

import (
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/join"
)

// dials takes the steps of bridge.To before Join begins.
func (r rules) dials(w world, emit func(string, world)) {
	in := r.view(w, 0).phase
	if !r.called {
		if in == join.Over {
			w.to, w.phone = returned, w.phone.end(bridge.Cancelled)
			emit("dialling is given up", w)
			return
		}
		n := w
		n.to, n.phone.phase = joined, join.Alerting
		emit("phone rings", n)
		if !r.patient {
			n.to, n.phone, n.end, n.hang[0] = returned, w.phone.end(bridge.Busy), 1+uint8(bridge.Busy), hangup
			emit("phone cannot be reached", n)
		}
		return
	}
	if w.echo.wish.is || w.machine == packState(state{called: true}) {
		return // the session has just begun
	}
	n := w
	switch {
	case w.echo.phase == join.Over:
		n.to, n.end = returned, 1+w.echo.cause
		if n.phone.phase != join.Over {
			n.hang[0] = hangup
		}
		emit("dialling has failed", n)
	case in == join.Over:
		n.to, n.end, n.hang[1] = returned, 1+w.phone.cause, hangup
		emit("dialling is given up", n)
	}
	if w.echo.phase >= join.Alerting && w.echo.phase != join.Over {
		n = w
		n.to = joined
		emit("dialled", n)
	}
}

// joins takes the steps of bridge.Join.
func (r rules) joins(w world, emit func(string, world)) {
	if w.seen[0].phase == join.Over && w.seen[1].phase == join.Over {
		w.to, w.join, w.asking, w.echo.act, w.phone.act = returned, join.State{}, false, legAct{}, legAct{}
		emit("join returns", w)
		return
	}
	for x := range 2 {
		if !r.eager && r.news(w, x) {
			emit("join looks", r.look(w, x))
		}
	}
	if w.end == 0 && (w.seen[0].phase < join.Up || w.seen[1].phase < join.Up) {
		n := w
		n.end = 1 + uint8(bridge.NoAnswer)
		emit("rung out", r.step(n, join.RingTimeout, 0))
	}
	if w.asking {
		n := w
		n.asking = false
		emit("question is over", r.step(n, join.AskTimeout, 0))
	}
}

// news reports whether there is something of a side that Join has not seen.
func (r rules) news(w world, x int) bool {
	a := r.actOf(w, x)
	return a.is && a.at >= done || w.seen[x] != r.view(w, x)
}

// look lets Join see a side, and the end of the action on it.
func (r rules) look(w world, x int) world {
	a := r.actOf(w, x)
	note := join.Look
	if a.is && a.at >= done {
		if note = join.Done; a.at == failed {
			note = join.Failed
		}
		if x == r.echoSide() {
			w.echo.act = legAct{}
		} else {
			w.phone.act = legAct{}
		}
	}
	w.seen[x] = r.view(w, x)
	if w.seen[x].phase == join.Over && w.end == 0 {
		w.end = 1 + w.phone.cause
		if x == r.echoSide() {
			w.end = 1 + w.echo.cause
		}
	}
	return r.step(w, note, x)
}

// step makes one step of Join's rules, and starts what they ask for.
func (r rules) step(w world, note join.Note, x int) world {
	in := join.Input{Note: note, Side: x}
	for i := range 2 {
		agreed := w.phone.agreed
		if i == r.echoSide() {
			agreed = w.echo.agreed
		}
		v := w.seen[i]
		in.Sides[i] = join.Side{Phase: v.phase, Far: v.far.open(), Agreed: agreed.open(), Pending: v.pending}
		if v.phase == join.Over {
			in.Sides[i].Cause = w.end - 1
		}
	}
	var acts []join.Action
	w.join, acts = r.join(w.join, in)
	for _, a := range acts {
		do := legAct{is: true, do: a.Do, want: packPlan(a.Want)}
		switch {
		case a.Do == join.DoHangup:
			w.hang[a.Side] = hangup
			if w.end == 0 {
				w.end = 1 + a.Cause
			}
		case a.Do == join.DoAsk:
			w.asking = true
		case a.Side == r.echoSide():
			w.echo.act = do
		default:
			w.phone.act = do
		}
	}
	w.asking = w.asking && w.join.Asking != [2]bool{}
	return w
}
