package rtc

import (
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/join"
)

// progress says how far an action on a leg has come.
type progress uint8

const (
	begun progress = iota
	waiting
	done // Join is not told yet
	failed
)

// legAct is the action of Join's that runs on a leg; the zero legAct is none.
type legAct struct {
	is   bool
	do   join.Do
	want plan
	at   progress
}

// view is what Join knows of a leg.
type view struct {
	phase   join.Phase
	far     plan
	pending bool
	wish    bool
}

// sess is what Leg and session keep beside the machine, and the offer that it has come with, as Alexa sees it.
type sess struct {
	m packed

	admitting, opening, making, pressing, yielding bool
	want                                           plan // that is being made; 0: what we answer alone

	leg     bool
	bell    bool
	phase   join.Phase
	cause   uint8
	overs   uint8
	far     plan
	pending bool
	agreed  plan
	wish    bool // of the second's, to take the place of this one
	act     legAct
	handed  bool // to a Bridge that is not Join
	wanted  bool // whose owner has answered

	come    bool     // the offer has
	passed  bool     // to the bell
	replies uint8    // it has got
	success bool     // and they were an answer
	waiting uint8    // deliveries that wait for it
	news    [2]uint8 // what Alexa may still say: SessionConnected, SessionDisconnected
	left    bool     // she has said SessionDisconnected
}

func (l sess) view() view { return view{l.phase, l.far, l.pending, l.wish} }

// settle does what session.settle does.
func (l *sess) settle() {
	if !l.act.is || l.act.at != waiting {
		return
	}
	switch l.m.stage {
	case stageMaking:
	case stageEarly, stageUp:
		l.act = legAct{is: true, at: done}
	default:
		l.act = legAct{is: true, at: failed}
	}
}

// perform does what session.perform does.
func (r rules) perform(w world, i int, a action) world {
	l := &w.s[i]
	switch a.do {
	case doPlace:
		if r.bell && i == 1 && w.s[0].phase < join.Up {
			l.passed = true
			w = r.sends(w, 0, event{kind: evOffer})
			return r.step(w, 1, 0, event{kind: evPassed})
		}
		return r.step(w, i, 0, event{kind: evFree})
	case doOpen:
		l.opening = true
	case doAppear:
		l.leg, l.far, l.pending = true, both, true
		if i == 1 && w.s[0].leg && w.s[0].phase != join.Over {
			return r.step(w, i, 0, event{kind: evAgain})
		}
		return r.step(w, i, 0, event{kind: evFirst})
	case doHand:
		return w.hand(i)
	case doWish:
		if w.s[0].phase == join.Over {
			return r.step(w, i, 0, event{kind: evUntaken})
		}
		w.s[0].wish = true
	case doUnwish:
		w.s[0].wish = w.s[0].wish && w.s[0].phase == join.Over // a leg that is over is not changed any more
	case doClaim:
		if w.move = late; a.claim {
			w.move = claimed
		}
	case doYield:
		l.yielding = true
	case doAlerting:
		l.phase = max(l.phase, join.Alerting)
	case doOffered:
		l.phase, l.far, l.pending = max(l.phase, join.Up), both, true
	case doMake:
		if l.making {
			return w.spoil(madeTwice)
		}
		l.making, l.want = true, plan(a.plan)
	case doReply:
		return r.replies(w, i, a)
	case doEarly:
		l.phase, l.pending = max(l.phase, join.Early), false
	case doUp:
		l.phase, l.pending = max(l.phase, join.Up), false
	case doUnmade:
	case doOver:
		l.overs++
		if l.leg {
			l.phase, l.pending, l.cause = join.Over, false, uint8(a.cause)
		}
	}
	return w
}

// replies answers Alexa: the offer that the session has come with, or that was passed to the bell.
func (r rules) replies(w world, i int, a action) world {
	o := &w.s[i]
	if r.bell && i == 0 {
		o = &w.s[1]
	}
	switch {
	case !o.come || r.bell && i == 0 && !o.passed || i == 1 && o.passed:
		return w.spoil(repliedToNothing)
	case o.replies > 0:
		return w.spoil(repliedTwice)
	case a.made && w.s[i].agreed == 0:
		return w.spoil(answeredNothing)
	}
	o.replies, o.success = 1, a.made
	return w
}

// hand gives a leg to the Bridge: of the first to bridge.To, of the second to another one.
func (w world) hand(i int) world {
	if w.s[i].handed || i == 1 && (w.move == claimed || w.move == aside) {
		return w.spoil(ownedTwice)
	}
	if i == 0 {
		w.to = dialling
		return w
	}
	w.s[i].handed = true
	return w
}

// lives takes the steps of a session: what runs aside comes back, and time passes.
func (r rules) lives(w world, i int, put func(string, world)) {
	l := w.s[i]
	change := func(f func(*sess)) world {
		n := w
		f(&n.s[i])
		return n
	}
	if l.admitting {
		n := change(func(l *sess) { l.admitting = false })
		put("admitted", r.sends(n, i, event{kind: evAdmitted}))
		r.breaks(n, put, "admission hangs", same)
		r.breaks(n, put, "refused", func(n world) world { return r.sends(n, i, event{kind: evEnd, cause: bridge.Forbidden}) })
	}
	if l.opening {
		n := change(func(l *sess) { l.opening = false })
		put("opened", r.sends(n, i, event{kind: evOpened}))
		r.breaks(n, put, "opening hangs", same)
		r.breaks(n, put, "not opened", func(n world) world { return r.sends(n, i, event{kind: evEnd, cause: bridge.Overload}) })
	}
	if l.pressing {
		n := change(func(l *sess) { l.pressing = false })
		put("bell rings", r.sends(n, i, event{kind: evRang}))
		r.breaks(n, put, "bell does not ring", func(n world) world {
			return r.sends(n, i, event{kind: evUnrung, cause: bridge.Unreachable})
		})
	}
	if l.making {
		n := change(func(l *sess) { l.making = false })
		want := l.want
		if want == 0 {
			want = codecX
		}
		if m := n; l.m.stage == stageMaking {
			m.s[i].agreed = want & both
			put("answer made", r.sends(m, i, event{kind: evMade}))
		} else {
			put("answer made too late", r.sends(n, i, event{kind: evMade}))
		}
		r.breaks(n, put, "making hangs", same)
		r.breaks(n, put, "answer not made", func(n world) world { return r.sends(n, i, event{kind: evUnmade, cause: bridge.Media}) })
	}
	if l.yielding {
		n := change(func(l *sess) { l.yielding = false })
		n = r.sends(n, 0, event{kind: evEnd, cause: bridge.Normal})
		if n.s[i].phase != join.Over {
			n = n.hand(i)
		}
		put("the first makes room", n)
	}
	if at := l.m.open().deadline(); at != 0 && l.m.stage != stageEnded {
		put("time is up", r.step(w, i, at, event{kind: evTimeout}))
	}
	if l.leg && l.phase != join.Over {
		r.breaks(w, put, "media fail", func(n world) world { return r.sends(n, i, event{kind: evEnd, cause: bridge.Media}) })
	}
	r.owner(w, i, put)
}

func same(w world) world { return w }

// breaks lets something fail, as long as the budget lasts.
func (r rules) breaks(w world, put func(string, world), label string, f func(world) world) {
	if w.budget > 0 {
		w.budget--
		put(label, f(w))
	}
}

// parts lets somebody leave, or something be lost.
func (r rules) parts(w world, put func(string, world), label string, f func(world) world) {
	if r.patient {
		r.breaks(w, put, label, f)
		return
	}
	put(label, f(w))
}

// owner is a Bridge that is not Join: it answers, or leaves the leg to itself, and ends it.
func (r rules) owner(w world, i int, put func(string, world)) {
	l := w.s[i]
	if !l.handed || l.phase == join.Over {
		return
	}
	if !l.wanted {
		n := w
		n.s[i].wanted = true
		put("owner answers", r.sends(n, i, event{kind: evWant, accept: true, plan: int(codecY)}))
	}
	r.parts(w, put, "owner hangs up", func(n world) world { return r.sends(n, i, event{kind: evEnd, cause: bridge.Busy}) })
}

// network brings what Alexa says to the skill, and the answers back; either may be lost.
func (r rules) network(w world, i int, put func(string, world)) {
	l := w.s[i]
	if !l.come {
		return
	}
	to := i
	if l.passed {
		to = 0
	}
	if l.waiting > 0 {
		n := w
		n.s[i].waiting--
		if l.replies > 0 {
			put("answer arrives", r.sends(n, to, event{kind: evTold}))
		}
		r.parts(n, put, "answer is lost", same)
	}
	if l.news[0] > 0 {
		n := w
		n.s[i].news[0]--
		put("SessionConnected", r.sends(n, to, event{kind: evConnected}))
	}
	if l.news[1] > 0 && (l.leg || l.passed) {
		r.parts(w, put, "SessionDisconnected", func(n world) world {
			n.s[i].news[1]--
			n.s[i].left = true
			return r.sends(n, to, event{kind: evDisconnected})
		})
	}
}
