package alexa

import (
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/join"
)

// phone is the leg of a SIP phone, as the contract of bridge.Leg describes it, with the phone itself. Its actions end at once; what
// comes of their delays is checked in package join.
type phone struct {
	budget  uint8
	phase   join.Phase
	wasUp   bool
	cause   uint8
	far     plan
	pending bool
	agreed  plan
	want    plan
	act     legAct
}

func (l phone) view() view { return view{l.phase, l.far, l.pending} }

func (l phone) end(cause bridge.Cause) phone {
	return phone{phase: join.Over, wasUp: l.wasUp, cause: uint8(cause), far: l.far, agreed: l.agreed, act: l.act}
}

// perform does the action of Join's.
func (l phone) perform() phone {
	want := l.act.want
	l.act.at = done
	switch {
	case l.phase == join.Over:
		l.act.at = failed
		return l
	case l.act.do == join.DoRing:
		l.phase = max(l.phase, join.Alerting)
	case l.pending:
		common := l.far.common(want)
		if !common.usable() {
			l.act.at = failed
			return l
		}
		l.agreed, l.want, l.pending = common, want, false
	case l.act.do == join.DoUpdate:
		if common := want.common(full); !l.stands(want) {
			l.agreed, l.want = common, want
		}
	}
	switch l.act.do {
	case join.DoEarly:
		l.phase = max(l.phase, join.Early)
	case join.DoAnswer:
		l.phase, l.wasUp = join.Up, true
	default:
	}
	l.act.do, l.act.want = 0, 0
	return l
}

func (l phone) stands(want plan) bool {
	return l.agreed != 0 && l.want.dir() == want.dir() && want.covers(l.agreed)
}

// calls lets the phone do what it likes.
func (r rules) calls(w world, emit func(string, world)) {
	l := w.phone
	put := func(label string, l phone) {
		n := w
		n.phone = l
		emit(label, n)
	}
	if l.act.is && l.act.at == begun {
		put("phone's leg acts", l.perform())
	}
	if w.hang[1-r.echoSide()] == hangup {
		n := w
		n.hang[1-r.echoSide()] = hungUp
		if l.phase != join.Over {
			n.phone = l.end(bridge.Cause(w.end - 1))
		}
		emit("phone's leg is hung up", n)
	}
	if l.phase == join.Over || w.to == dialling && !r.called {
		return
	}
	if !r.patient && l.phase == join.Up {
		put("phone hangs up", l.end(bridge.Normal))
	}
	if !r.patient && r.called && l.phase < join.Up {
		put("caller gives up", l.end(bridge.Cancelled))
	}
	if !r.called && l.phase < join.Up {
		r.answers(l, put)
	}
	if l.phase == join.Up && l.budget > 0 && !l.pending && w.end == 0 {
		l.budget--
		l.pending = true
		if l.far = l.far.turn(join.SendRecv); w.phone.far.dir() == join.SendRecv {
			l.far = l.far.turn(join.Inactive)
		}
		put("phone changes the call", l)
	}
}

// answers lets a called phone get on.
func (r rules) answers(l phone, put func(string, phone)) {
	if !r.patient {
		put("phone is busy", l.end(bridge.Busy))
	}
	if l.phase < join.Early {
		n := l
		n.phase = join.Early
		put("phone has news", n)
	}
	n := l
	if l.agreed == 0 {
		n.agreed, n.far, n.want = full, full, full
		n.phase = join.Early
		put("phone has early media", n)
	}
	n.phase, n.wasUp = join.Up, true
	put("phone answers", n)
}
