package alexa

import (
	"fmt"
	"regexp"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/join"
)

// fault is a rule that was broken in a step.
type fault uint8

const (
	noFault fault = iota
	postedTwo
	postedAfterEnd
	queueFull
	phaseShrank
	toldTwice
	wrongMessage
	acknowledgedNothing
	answeredTwice
	answeredNothing
	acceptedAlone
	respondedTwice
	updatedTooSoon
	upAlone
	upWithoutMedia
	answeredAlone
	finishedEarly
	unpacked
	bothChange
	believedNothing
)

func (f fault) String() string {
	return [...]string{
		"none", "two messages on their way at a time", "a message after CallEnded", "the queue is full", "a phase shrank",
		"a leg was told over twice", "a message that does not belong here", "an acknowledgement of nothing", "the answer twice",
		"CallAccepted without any answer", "CallAccepted though the phone had not answered", "a CallUpdate answered twice",
		"a CallUpdate before acceptance", "the device's leg is up and was not accepted", "the device's leg is up without media",
		"the phone was answered though the device had not accepted", "the session finished with a message on its way",
		"a state that cannot be packed", "a change of ours waits beside Alexa's", "an answer to no change of ours was believed",
	}[f]
}

// attempt says how far bridge.To has come.
type attempt uint8

const (
	dialling attempt = iota
	joined
	returned
)

type hanging uint8

const (
	notHung hanging = iota
	hangup
	hungUp
)

// world is one call: Alexa and the device, our session, bridge.To with Join, and a phone.
type world struct {
	machine   packedState
	cloud     cloud
	echo      echoLeg
	phone     phone
	to        attempt
	join      join.State
	seen      [2]view
	hang      [2]hanging
	asking    bool
	end       uint8 // the cause with which the call ended for Join, plus one; 0: it has not
	way       way
	aborted   bool
	ended     bool // CallEnded has gone or come
	endFailed bool // CallEnded could not be sent
	deaf      bool // the device leaves a CallUpdate of ours unanswered
	failures  uint8
	fault     fault
}

func (w world) spoil(f fault) world {
	if w.fault == noFault {
		w.fault = f
	}
	return w
}

// rules are what does not change in a run.
type rules struct {
	alexa func(state, time.Time, event) (state, []action)
	join  func(join.State, join.Input) (join.State, []join.Action)

	called  bool // a phone calls the device; else the device calls a phone
	patient bool // nobody hangs up
	eager   bool // Join looks at once; else it may be late
	twice   bool // events may be delivered twice
	hasty   bool // the device may change a call before it is accepted
	deaf    bool // it may leave a CallUpdate unanswered
	broken  bool // its answer may be of no use
	codecs  bool // it may change the codec
	failing bool // our posts may fail
	crosses bool // Alexa takes a change of ours though hers is on its way, and hers may come though she has ours
}

// calm reports whether nobody but the clock has a reason to end the call.
func (r rules) calm() bool { return r.patient && !r.broken && !r.codecs && !r.failing }

func (r rules) echoSide() int {
	if r.called {
		return 1
	}
	return 0
}

// machine makes one step of the session's machine, and performs what it says.
func (r rules) machine(w world, ev event) world {
	if w.echo.finished {
		return w
	}
	now := modelBegin
	if ev.kind == evTimeout {
		now = now.Add(updateLimit)
	}
	before := w.echo.phase
	s, acts := r.alexa(w.machine.open(), now, ev)
	w.machine = packState(s)
	switch {
	case w.machine.open() != s:
		w = w.spoil(unpacked)
	case s.queued == maxQueue:
		w = w.spoil(queueFull)
	case s.ours && s.theirs != 0:
		w = w.spoil(bothChange)
	}
	if ev.kind == evMessage && ev.message == over {
		w.ended = true
	}
	for _, a := range acts {
		w = r.perform(w, a)
	}
	return r.check(w, before)
}

// check looks at the device's leg after a step.
func (r rules) check(w world, before join.Phase) world {
	l := &w.echo
	switch {
	case l.phase < before:
		return w.spoil(phaseShrank)
	case l.overs > 1:
		return w.spoil(toldTwice)
	case l.finished && w.way != idle:
		return w.spoil(finishedEarly)
	case l.phase == join.Up && !w.cloud.accepted:
		return w.spoil(upAlone)
	case l.phase == join.Up && l.agreed == 0:
		return w.spoil(upWithoutMedia)
	}
	return w
}

func (r rules) next(w world, emit func(string, world)) {
	put := func(label string, n world) { emit(label, r.settle(n, w)) }
	r.acts(w, put)
	r.posts(w, put)
	r.lives(w, put)
	r.deliver(w, put)
	r.calls(w, put)
	if s := w.machine.open(); !s.deadline.IsZero() && (s.theirs != 0 || w.deaf) {
		put("time is up", r.machine(w, event{kind: evTimeout}))
	}
	switch w.to {
	case dialling:
		r.dials(w, put)
	case joined:
		r.joins(w, put)
	case returned:
	}
}

// settle lets Join look at once if it is eager, and checks what must hold whoever acted.
func (r rules) settle(n, before world) world {
	for x := range 2 {
		for r.eager && n.to == joined && r.news(n, x) {
			n = r.look(n, x)
		}
	}
	if n.echo.phase < before.echo.phase || n.phone.phase < before.phone.phase {
		n = n.spoil(phaseShrank)
	}
	if r.called && n.phone.phase == join.Up && !n.cloud.accepted {
		n = n.spoil(answeredAlone)
	}
	return n
}

func (r rules) view(w world, x int) view {
	if x == r.echoSide() {
		return w.echo.view()
	}
	return w.phone.view()
}

func (r rules) actOf(w world, x int) legAct {
	if x == r.echoSide() {
		return w.echo.act
	}
	return w.phone.act
}

// format writes a state in a trace, without what is zero in it.
func format(w world) string {
	text := fmt.Sprintf("%+v cloud:%+v echo:%+v phone:%+v", w.machine.open(), w.cloud, w.echo, w.phone)
	w.machine, w.cloud, w.echo, w.phone = packedState{}, cloud{}, echoLeg{}, phone{}
	text += fmt.Sprintf("\n      %+v", w)
	zero := regexp.MustCompile(`\w+:(0|false|none|<nil>|0001-01-01 00:00:00 \+0000 UTC|\{\}|\[[{} ]*\]|\[(0|false|\{0 0 false\}) ?(0|false|\{0 0 false\})\]) ?| \{\}`)
	for n := -1; n != len(text); {
		n, text = len(text), zero.ReplaceAllString(text, "")
	}
	return text
}

// deliver hands one of Alexa's messages on its way to the session, which may be over by then.
func (r rules) deliver(w world, emit func(string, world)) {
	for i, m := range w.cloud.flight {
		if m.kind == none || i > 0 && w.cloud.flight[i-1] == m {
			continue
		}
		n := w
		copy(n.cloud.flight[i:], w.cloud.flight[i+1:])
		n.cloud.flight[len(n.cloud.flight)-1] = message{}
		n.cloud.stale = n.cloud.stale || m.kind == update && w.cloud.update != device
		ev := event{kind: evMessage, message: m.kind, sdp: int(m.sdp), cause: bridge.Normal}
		emit("event arrives", r.machine(n, ev))
		if m.again {
			n = w
			n.cloud.flight[i].again = false
			n.cloud.twice = n.cloud.twice || m.kind == update
			n.cloud.stale = n.cloud.stale || m.kind == update && w.cloud.update != device
			emit("event arrives, and will again", r.machine(n, ev))
		}
	}
}
