package join_test

import "github.com/alexacall/alexacall/internal/join"

// Causes of the model.
const (
	causeNormal = iota
	causeBusy
	causeCancelled
	causeNoAnswer
	causeNoMedia
	causeTooLong
)

// emitLeg names a step of a leg and what becomes of the leg.
type emitLeg func(label string, next leg)

// perform takes every way in which the action of a leg may go on.
func (l leg) perform(emit emitLeg) {
	if !l.act.is || l.act.at == done || l.act.at == failed {
		return
	}
	if l.phase == join.Over {
		emit("fails, over", l.finish(false))
		return
	}
	switch l.act.do {
	case join.DoRing:
		if l.came {
			l.phase = max(l.phase, join.Alerting)
		}
		emit("rings", l.finish(true))
	case join.DoEarly:
		l.early(emit)
	case join.DoAnswer:
		l.accept(emit)
	case join.DoUpdate:
		l.update(emit)
	case join.DoHangup, join.DoAsk, join.DoFetch, join.DoSettle, join.DoReturn, join.DoRefuse, join.DoTime:
	}
}

func (l leg) early(emit emitLeg) {
	if !l.came || l.phase >= join.Up {
		emit("early: nothing", l.finish(true))
		return
	}
	if !l.pending {
		l.phase = max(l.phase, join.Alerting)
		emit("early without an offer", l.finish(true))
		return
	}
	n, ok := l.answer(l.act.want)
	if ok {
		n.phase = join.Early
	}
	emit("early", n.finish(ok))
}

func (l leg) accept(emit emitLeg) {
	if l.act.want == 0 { // left to the leg
		l.act.want = l.policy()
	}
	switch {
	case !l.came && l.phase < join.Up:
		emit("answer: nothing", l.finish(true))
	case l.pending:
		n, ok := l.answer(l.act.want)
		if ok {
			n.phase = join.Up
		} else if l.phase == join.Up {
			n = l.refuse()
		}
		emit("answers", n.finish(ok))
	case l.agreed == 0 && l.offered == 0:
		l.phase, l.offered = join.Up, l.act.want
		emit("accepts with an offer", l.finish(true))
	default:
		l.phase = join.Up
		emit("accepts", l.finish(true))
	}
}

// update offers the far side a change. An offer of the far side's that waits is answered first.
func (l leg) update(emit emitLeg) {
	want := l.act.want
	switch {
	case l.act.at == silent:
		emit("update times out", l.finish(false))
	case l.pending:
		n, ok := l.answer(want)
		if !ok {
			n = l.refuse()
		}
		emit("update answers the far side's offer", n)
	case l.offered != 0:
	case l.stands(want):
		l.wanted, l.heard, l.tried = want.directions(), want.directions(), 0
		emit("update: nothing", l.finish(true))
	default:
		for _, p := range l.answers(l.common(l.policy(), want)) {
			emit("update taken", l.answered(want, p).finish(true))
		}
		l.tried = want
		emit("update refused", l.finish(false))
		l.act.at = silent
		emit("update not answered", l)
	}
}

// policy is all that a leg allows.
func (l leg) policy() plan {
	p := sound(join.SendRecv, both)
	if l.video {
		p = p.with(video, join.Media{Dir: join.SendRecv, Codecs: codecX})
	}
	return p
}

// act lets the far side do what it likes.
func (l leg) farActs(emit emitLeg) {
	if l.may != join.NoWish && !l.wish && l.phase != join.Over && (l.phase == join.Up || l.may == join.WishBy && l.phase == join.Alerting || l.may == join.WishSame) {
		n := l
		n.wish = true
		emit("far asks to be replaced", n)
	}
	switch {
	case l.phase == join.Over:
		return
	case l.phase == join.Up:
		emit("far hangs up", l.end(causeNormal))
		l.afterwards(emit)
	case l.came:
		emit("far gives up", l.end(causeCancelled))
	default:
		emit("far rejects", l.end(causeBusy))
		l.getsOn(emit)
	}
}

// getsOn lets the far side of a dialled leg ring and accept. Another device of it may accept than gave early media, with another
// answer.
func (l leg) getsOn(emit emitLeg) {
	if l.phase < join.Early {
		n := l
		n.phase = join.Early
		emit("far: early without media", n)
	}
	if l.offered == 0 {
		n := l
		n.phase, n.far, n.pending = join.Up, sound(join.SendRecv, both), true
		emit("far accepts with an offer", n)
		return
	}
	for _, p := range l.answers(l.offered) {
		n := l.answered(l.offered, p)
		if l.agreed == 0 {
			n.phase = join.Early
			emit("far: early media", n)
		}
		n.phase, n.offered = join.Up, 0
		emit("far accepts", n)
	}
}

// afterwards lets the far side of an accepted call answer what it was offered on acceptance, or make offers.
func (l leg) afterwards(emit emitLeg) {
	if l.offered != 0 {
		for _, p := range l.answers(l.common(l.policy(), l.offered)) {
			n := l.answered(l.offered, p)
			n.offered = 0
			emit("far answers", n)
		}
		return
	}
	if l.pending || l.budget == 0 || l.act.at == silent {
		return
	}
	said := l.far.at(audio)
	for _, c := range [...]uint16{codecX, codecY, both} {
		if c != said.Codecs {
			l.offer("far: other codecs", audio, join.Media{Dir: said.Dir, Codecs: c}, emit)
		}
	}
	switch said.Dir {
	case join.SendRecv:
		l.offer("far holds", audio, join.Media{Dir: join.SendOnly, Codecs: said.Codecs}, emit)
		l.offer("far mutes", audio, join.Media{Dir: join.RecvOnly, Codecs: said.Codecs}, emit)
	default:
		l.offer("far resumes", audio, join.Media{Dir: join.SendRecv, Codecs: said.Codecs}, emit)
	}
	if l.far.at(video).Dir == join.Absent {
		l.offer("far adds video", video, join.Media{Dir: join.SendRecv, Codecs: codecX}, emit)
	} else {
		l.offer("far drops video", video, join.Media{}, emit)
	}
}

func (l leg) offer(label string, k int, m join.Media, emit emitLeg) {
	l.stood, l.far, l.pending = l.far, l.far.with(k, m), true
	l.budget--
	emit(label, l)
}
