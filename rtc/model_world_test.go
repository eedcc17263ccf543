package rtc

import (
	"fmt"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/join"
)

// fault is a rule that was broken in a step.
type fault uint8

const (
	noFault fault = iota
	repliedTwice
	repliedToNothing
	answeredNothing
	upWithoutMedia
	phaseShrank
	toldTwice
	ownedTwice
	unpacked
	madeTwice
	endedForNothing
	steppedAfter
)

func (f fault) String() string {
	return [...]string{
		"none", "Alexa is answered twice", "Alexa is answered and has not asked", "an answer that was not made", "a leg is up without media",
		"a phase shrank", "a leg was told over twice", "a leg has two owners", "a state that cannot be packed", "two answers are made at a time",
		"the call has ended by itself", "a session takes a step after its end",
	}[f]
}

// codec sets of the model: an offer has both, and what is answered alone is one.
const (
	codecX plan = 1 << iota
	codecY
	both = codecX | codecY
)

// plan is a set of codecs, and the number under which it stands in the machine; 0 says nothing.
type plan uint8

func (p plan) open() join.Plan {
	if p == 0 {
		return join.Plan{}
	}
	return join.Plan{{Dir: join.SendRecv, Codecs: uint16(p)}}
}

func packPlan(p join.Plan) plan        { return plan(p[0].Codecs) }
func codecsFit(have, want uint16) bool { return have&^want == 0 }

// packed is a state in few bytes, since a model has millions. Times in it are the only ones that a time may have.
type packed struct {
	stage stage
	wish  wish
	flags uint8
	times uint8
	door  bool // DoorTime is negative
}

const modelDoor = time.Second

func flagsOf(s *state) [6]*bool {
	return [...]*bool{&s.bell, &s.rang, &s.owed, &s.told, &s.accept, &s.alone}
}

func timesOf(s *state) [4]*time.Duration {
	return [...]*time.Duration{&s.answerBy, &s.aloneAt, &s.tellBy, &s.yieldAt}
}

var modelTimeTable = [4]time.Duration{AnswerTime, modelDoor, AnswerLimit, replaceTime}

func pack(s state) packed {
	p := packed{stage: s.stage, wish: s.wish, door: s.door < 0}
	for i, f := range flagsOf(&s) {
		if *f {
			p.flags |= 1 << i
		}
	}
	for i, t := range timesOf(&s) {
		if *t != 0 {
			p.times |= 1 << i
		}
	}
	return p
}

func (p packed) open() state {
	s := state{stage: p.stage, wish: p.wish, door: modelDoor}
	if p.door {
		s.door = -1
	}
	for i, f := range flagsOf(&s) {
		*f = p.flags&(1<<i) != 0
	}
	for i, t := range timesOf(&s) {
		if p.times&(1<<i) != 0 {
			*t = modelTimeTable[i]
		}
	}
	return s
}

// attempt says how far bridge.To has come.
type attempt uint8

const (
	idle attempt = iota
	dialling
	joined
	returned
)

// moving says how far bridge.Join has come with a leg that wishes to take a place.
type moving uint8

const (
	unmoved moving = iota
	claimed        // the wish is ours
	late           // it has been given up
	aside          // the new leg is in its place
	settled
)

// world is two sessions with an endpoint, bridge.To with Join, and a door.
type world struct {
	s    [2]sess
	door phone

	to     attempt
	join   join.State
	seen   [2]view
	asking bool
	hang   [2]bool // Join hangs a side up
	end    uint8   // the cause with which the call ended for Join, plus one
	seat   uint8   // whose leg is the Echo's side of it
	move   moving  // of the second's into the place of the first's
	gone   [2]bool // who is to be hung up by Join besides
	why    uint8   // with which cause
	budget uint8   // what may still fail
	fault  fault
}

func (w world) spoil(f fault) world {
	if w.fault == noFault {
		w.fault = f
	}
	return w
}

// rules are what does not change in a run.
type rules struct {
	rtc  func(state, time.Duration, event) (state, []action)
	join func(join.State, join.Input) (join.State, []join.Action)

	bell    bool // the first session is a bell that a visitor rings
	twice   bool // there is a second offer
	patient bool // nobody leaves, and nothing is lost, but for what the budget allows
	never   bool // DoorTime is negative
	eager   bool // Join looks at once; else it may be late
	again   bool // directives come twice, and SessionConnected at all
}

// echoSide is the Echo's side of the Join.
func (r rules) echoSide() int {
	if r.bell {
		return 1
	}
	return 0
}

func (r rules) begin(budget uint8) world {
	w := world{budget: budget}
	w.s[0] = r.comes()
	w.s[1].waiting = 0
	if r.bell {
		w.s[0] = sess{m: pack(rung(r.doorTime())), leg: true, bell: true, pressing: true}
		w.door = phone{caller: true, far: both, pending: true}
		w.to = dialling
	}
	return w
}

func (r rules) doorTime() time.Duration {
	if r.never {
		return -1
	}
	return modelDoor
}

// comes returns a session whose offer has just come.
func (r rules) comes() sess {
	s := sess{m: pack(asked(r.doorTime())), come: true, admitting: true, waiting: 1, news: [2]uint8{0, 1}}
	if r.again {
		s.waiting, s.news = 2, [2]uint8{1, 2}
	}
	return s
}

// send does what inbox.send does: it hands an event to a session, and reports false when that is over.
func (r rules) send(w world, i int, ev event) (world, bool) {
	if w.s[i].m.stage == stageEnded {
		return w, false
	}
	return r.step(w, i, 0, ev), true
}

// sends is send for who does not care.
func (r rules) sends(w world, i int, ev event) world {
	w, _ = r.send(w, i, ev)
	return w
}

// step makes one step of a session's machine, and performs what it says.
func (r rules) step(w world, i int, at time.Duration, ev event) world {
	if w.s[i].m.stage == stageEnded {
		return w.spoil(steppedAfter)
	}
	before := w.s[i].phase
	s, acts := r.rtc(w.s[i].m.open(), at, ev)
	w.s[i].m = pack(s)
	if w.s[i].m.open() != s {
		w = w.spoil(unpacked)
	}
	for _, a := range acts {
		w = r.perform(w, i, a)
	}
	l := &w.s[i]
	l.settle()
	switch {
	case l.phase < before:
		w = w.spoil(phaseShrank)
	case l.overs > 1:
		w = w.spoil(toldTwice)
	case l.phase == join.Up && l.agreed == 0 && !l.pending:
		w = w.spoil(upWithoutMedia)
	}
	return w
}

func (r rules) next(w world, emit func(string, world)) {
	put := func(label string, n world) {
		for x := range 2 {
			for r.eager && n.to == joined && r.news(n, x) {
				n = r.look(n, x)
			}
		}
		emit(label, n)
	}
	for i := range w.s {
		r.lives(w, i, put)
		r.network(w, i, put)
	}
	if r.twice && !w.s[1].come && (r.bell || w.s[0].come) {
		n := w
		n.s[1] = r.comes()
		put("second offer", n)
	}
	r.answersDoor(w, put)
	switch w.to {
	case dialling:
		r.dials(w, put)
	case joined:
		r.joins(w, put)
	case idle, returned:
	}
	for i := range w.gone {
		if w.gone[i] {
			n := w
			n.gone[i] = false
			put("let go", r.sends(n, i, event{kind: evEnd, cause: bridge.Cause(w.why)}))
		}
	}
}

// format writes a state in a trace.
func format(w world) string {
	return fmt.Sprintf("1: %+v\n      2: %+v\n      door: %+v to=%d join=%+v seen=%+v hang=%v end=%d seat=%d move=%d",
		w.s[0], w.s[1], w.door, w.to, w.join, w.seen, w.hang, w.end, w.seat, w.move)
}
