package alexa

import "github.com/alexacall/alexacall/internal/join"

// stageOf says how far an action on a leg has come.
type stageOf uint8

const (
	begun   stageOf = iota
	telling         // the wish waits for the session
	waiting         // for what comes of it
	lost            // Alexa changes the call too
	pausing         // after that
	done            // Join is not told yet
	failed
)

// legAct is the action that runs on a leg; the zero legAct is none.
type legAct struct {
	is   bool
	do   join.Do
	want plan
	at   stageOf
}

// wish is what a leg has for its session. There is one at a time, as Leg.op has it.
type wish struct {
	is    bool
	kind  eventKind
	sdp   plan
	offer uint8 // of evRespond
	timer bool  // of the timer; else of the action
}

// view is what Join knows of a leg.
type view struct {
	phase   join.Phase
	far     plan
	pending bool
}

// echoLeg is what Leg and session keep of a call beside the machine.
type echoLeg struct {
	phase    join.Phase
	cause    uint8
	far      plan
	pending  bool
	offered  plan  // Alexa's offer, while it waits for us
	offer    uint8 // its number
	answered bool  // the first offer has its answer
	want     plan  // what stands
	next     plan  // what our CallUpdate wants
	agreed   plan
	stand    bool // what waits is about to be answered with what stands
	audible  bool // the first sound is waited for
	broken   bool // the answer could not be used
	failed   bool // the media has failed, and the session is not told yet
	overs    uint8
	finished bool
	wish     wish
	act      legAct
}

func (l echoLeg) view() view { return view{l.phase, l.far, l.pending} }

// perform does what session.perform does.
func (r rules) perform(w world, a action) world {
	l := &w.echo
	switch a.do {
	case doPost:
		return w.post(a.post)
	case doAbort:
		w.aborted = true
	case doAlerting:
		l.phase = max(l.phase, join.Alerting)
	case doAnswer:
		l.broken = !plan(a.sdp).usable()
		if l.failed = l.failed || l.broken; !l.broken {
			l.accept(plan(a.sdp), l.want)
			l.audible = true
		}
	case doUp:
		if !l.broken {
			l.phase, l.audible = max(l.phase, join.Up), false
		}
	case doOffer:
		l.offered, l.offer, l.far, l.pending = plan(a.sdp), a.offer, plan(a.sdp), true
		l.settle(lost)
	case doStand:
		l.stand = true
	case doUpdated:
		if !l.act.is || l.act.do != join.DoUpdate || l.act.at != waiting && l.act.at != telling {
			return w.spoil(believedNothing)
		}
		if !plan(a.sdp).usable() {
			l.settle(failed)
			break
		}
		l.accept(plan(a.sdp), l.next)
		l.settle(done)
	case doNotUpdated:
		if a.glare {
			l.settle(lost)
			break
		}
		l.settle(failed)
	case doOver:
		*l = echoLeg{phase: join.Over, cause: uint8(a.cause), overs: l.overs + 1, far: l.far, agreed: l.agreed, wish: l.wish, act: l.act}
	case doFinish:
		l.finished = true
	}
	return w
}

// accept takes the answer to an offer of ours. Where the far side cannot say all that it means, what it said before stands.
func (l *echoLeg) accept(answer, want plan) {
	d := answer.dir()
	if l.far != 0 {
		d = l.far.dir()
	}
	l.agreed, l.far, l.want = answer.turn(join.SendRecv), answer.turn(d), want
}

// settle ends the wait of an Update.
func (l *echoLeg) settle(at stageOf) {
	if l.act.is && l.act.do == join.DoUpdate && l.act.at == waiting {
		l.act.at = at
	}
}

// answer answers Alexa's offer, or reports that there is no common codec.
func (l *echoLeg) answer(want plan) bool {
	agreed := l.offered.common(want)
	if !agreed.usable() {
		return false
	}
	l.answered, l.want, l.agreed, l.offered, l.pending = true, want, agreed, 0, false
	return true
}

// says is the answer that was made: what is agreed, and how the phone stands.
func (l *echoLeg) says() plan { return l.agreed.turn(l.want.dir()) }

// stands reports whether want asks for nothing beyond what stands.
func (l *echoLeg) stands(want plan) bool {
	return l.agreed != 0 && l.want.dir() == want.dir() && want.covers(l.agreed)
}

// acts takes the steps of the goroutines around a session: the action of Join's, the timer, and the media.
func (r rules) acts(w world, emit func(string, world)) {
	l := w.echo
	if l.finished {
		r.orphaned(w, emit)
		return
	}
	switch {
	case l.wish.is:
		emit("session takes wish", r.take(w))
	case l.act.is && (l.act.at == begun || l.act.at == lost):
		emit("leg acts", r.begin(w))
	case l.act.is && l.act.at == pausing:
		n := w
		n.echo.act.at = begun
		emit("pause is over", n)
	}
	if l.stand && !l.wish.is {
		n := w
		if n.echo.stand = false; l.pending {
			n = r.stands(n, true)
		}
		emit("pending offer is answered", n)
	}
	if l.failed {
		n := w
		n.echo.failed = false
		emit("media failed", r.machine(n, event{kind: evEnd}))
	}
	if l.audible && l.phase < join.Early {
		n := w
		n.echo.audible, n.echo.phase = false, join.Early
		emit("first sound", n)
	}
	if l.act.is && l.act.at == waiting && l.act.do == join.DoAnswer && l.phase >= join.Up {
		emit("accepted", w.finish(l.phase == join.Up))
	}
	if w.hang[r.echoSide()] == hangup {
		n := w
		n.hang[r.echoSide()] = hungUp
		emit("echo's leg is hung up", r.machine(n, event{kind: evEnd}))
	}
}

// orphaned ends what still runs on a leg whose session is over.
func (r rules) orphaned(w world, emit func(string, world)) {
	n := w
	n.echo.wish = wish{}
	if n.hang[r.echoSide()] == hangup {
		n.hang[r.echoSide()] = hungUp
	}
	if n.echo.act.is && n.echo.act.at < done {
		n = n.finish(false)
	}
	emit("leg is over", n)
}

// finish ends the action on the device's leg.
func (w world) finish(ok bool) world {
	w.echo.act.at = failed
	if ok {
		w.echo.act.at = done
	}
	w.echo.act.do, w.echo.act.want = 0, 0
	return w
}

// tell leaves a wish for the session.
func (w world) tell(k eventKind, sdp plan) world {
	w.echo.wish = wish{is: true, kind: k, sdp: sdp}
	if k == evRespond {
		w.echo.wish.offer, w.echo.offer = w.echo.offer, 0
	}
	w.echo.act.at = telling
	return w
}

// take lets the session take the wish, and the action go on.
func (r rules) take(w world) world {
	said := w.echo.wish
	w.echo.wish = wish{}
	if a := &w.echo.act; !said.timer && a.is && a.at == telling {
		switch {
		case said.kind == evAccept || said.kind == evUpdate:
			a.at = waiting
		case a.do != join.DoUpdate:
			w = w.finish(true)
		case w.echo.stands(a.want):
			w = w.finish(true)
		default: // Alexa's offer has its answer, so now ours
			a.at = pausing
		}
	}
	return r.machine(w, event{kind: said.kind, sdp: int(said.sdp), offer: said.offer})
}

// begin is the part of Ring, Answer and Update before the session is told.
func (r rules) begin(w world) world {
	l := &w.echo
	if l.phase == join.Over {
		return w.finish(false)
	}
	switch l.act.do {
	case join.DoRing, join.DoEarly:
		return r.ringing(w)
	case join.DoAnswer:
		return r.accepting(w)
	case join.DoUpdate:
		switch {
		case l.phase != join.Up:
			return w.finish(false)
		case l.pending:
			return r.responds(w)
		case l.act.at == lost:
			l.act.at = pausing
			return w
		case l.stands(l.act.want):
			return w.finish(true)
		}
		l.next = l.act.want
		return w.tell(evUpdate, l.next)
	case join.DoHangup, join.DoAsk, join.DoFetch, join.DoSettle, join.DoReturn, join.DoRefuse, join.DoTime:
	}
	return w
}

// ringing is the beginning of Leg.Ring.
func (r rules) ringing(w world) world {
	l := &w.echo
	switch {
	case r.called || l.phase >= join.Up:
		return w.finish(true)
	case l.act.do == join.DoRing || l.answered:
		return w.tell(evRing, 0)
	case !l.answer(l.act.want):
		return w.finish(false)
	}
	l.phase = join.Early
	return w.tell(evProgress, l.says())
}

// accepting is the beginning of Leg.Answer.
func (r rules) accepting(w world) world {
	l := &w.echo
	switch {
	case l.phase == join.Up && l.pending:
		return r.responds(w)
	case l.phase == join.Up || r.called:
		return w.finish(true)
	case l.answered:
		return w.tell(evAccept, 0)
	case !l.answer(l.act.want):
		return w.finish(false)
	}
	return w.tell(evAccept, l.says())
}

// responds answers the offer that waits.
func (r rules) responds(w world) world {
	if !w.echo.answer(w.echo.act.want) {
		return r.stands(w, false)
	}
	return w.tell(evRespond, w.echo.says())
}

// stands answers the offer that waits with what stands, or ends the call.
func (r rules) stands(w world, timer bool) world {
	l := &w.echo
	said := wish{is: true, kind: evEnd, timer: timer}
	if l.answer(l.want) {
		said.kind, said.sdp, said.offer, l.offer = evRespond, l.says(), l.offer, 0
	}
	if l.wish = said; !timer {
		l.act.at = telling
	}
	return w
}
