package join

// Phase is how far a side has come, as in bridge.
type Phase uint8

// The phases.
const (
	Placed Phase = iota
	Alerting
	Early
	Up
	Over
)

// Side is what is known of one leg.
type Side struct {
	Phase   Phase
	Far     Plan  // what its far side last said
	Agreed  Plan  // what is agreed with it
	Pending bool  // Far is an offer that waits
	Cause   uint8 // why it is over
	Wish    Wish  // of its far side; NoWish again once it has been taken up
}

// Note is what came back from an action or a timer.
type Note uint8

// The notes.
const (
	Look        Note = iota // the sides may have changed; nothing else
	Done                    // the action that ran on a side has ended well
	Failed                  // it has not
	RingTimeout             // the call was not answered in time
	AskTimeout              // the other side has been asked for too long
	Fetched                 // the new leg of a replacement has come, and is in the place of the old one
	NotFetched              // it will not come
	Leave                   // the join is given up and both sides stay as they are
	TimeUp                  // the call has lasted as long as it may
)

// Input is one step's input: both sides as they are now, and a note about one of them.
type Input struct {
	Sides [2]Side
	Old   Side // the leg that stands aside, while there is one
	Note  Note
	Side  int   // of Done, Failed
	Cause uint8 // of NotFetched, Leave
}

// Do is a kind of action.
type Do uint8

// The actions.
const (
	DoRing   Do = iota // tell the caller on this side that the called party is being told
	DoEarly            // give it early media
	DoAnswer           // accept the call of this side, or answer its offer
	DoUpdate           // offer it a change
	DoHangup           // end it
	DoAsk              // start the timer of a question
	DoFetch            // get the leg that is to take the place of this side's: ends in Fetched or NotFetched
	DoSettle           // tell the old leg that it is replaced, and end it
	DoReturn           // stop the replacement and tell the old leg why, end the new one if there is one, and put the old one in its place
	DoRefuse           // refuse the wish of this side
	DoTime             // start the timer of the call, which ends in TimeUp
)

// Action is one thing to do, in this order. At most one of DoRing, DoEarly, DoAnswer and DoUpdate runs on a side at a time; each ends in
// Done or Failed.
type Action struct {
	Do    Do
	Side  int
	Want  Plan  // of DoEarly, DoAnswer, DoUpdate; the zero Plan leaves it to the leg
	Cause uint8 // of DoHangup, DoReturn
}

// State is what Join keeps in mind. The zero State is the beginning.
type State struct {
	Busy   [2]bool  // an action runs on the side
	Shown  [2]Phase // the phase of the other side that the side was told
	Told   [2]Plan  // what the side was last offered that the other says; the zero Plan: nothing, or something before that
	Failed [2]bool  // the last action on the side failed: it did not take what it was offered
	Asking [2]bool  // the side's offer has been passed on, and its answer waits for what comes of it
	Ended  bool     // both sides are told to end
	Move   Move     // how far the replacement of a leg has come
	Moved  uint8    // the side that is replaced
	By     bool     // the new leg has come by itself: it is answered whatever the other side is
	Kept   Kept     // of the leg that stands aside
	Timed  bool     // the timer of the call has been started: it runs on through replacements
}

// Rules are what does not change during a join.
type Rules struct {
	Fits      Fits
	Stay      bool  // leave a side up when the other ends
	Mixed     bool  // sides without a common codec serve too
	Transfers bool  // legs may be replaced by another party's
	Limited   bool  // the call may last for some time only
	NoAnswer  uint8 // the cause of a call that nobody answered
	NoMedia   uint8 // the cause of a call without a common codec
	TooLong   uint8 // the cause of a call that has lasted as long as it may
}

// Step takes one input and returns the next state and what to do. The join is over once one side is Over and, unless it is to stay,
// the other one too.
func (r Rules) Step(s State, in Input) (State, []Action) {
	m := machine{Rules: r, State: s, sides: in.Sides, old: in.Old}
	switch in.Note {
	case Done, Failed:
		m.returned(in)
	case RingTimeout:
		m.giveBack(r.NoAnswer)
		if m.sides[0].Phase < Up || m.sides[1].Phase < Up {
			m.end(r.NoAnswer)
		}
	case AskTimeout:
		m.Asking = [2]bool{}
	case Fetched:
		m.try()
	case NotFetched:
		m.giveBack(in.Cause)
	case Leave:
		m.giveBack(in.Cause)
		return m.State, m.acts
	case TimeUp:
		m.end(r.TooLong) // both sides, also where one is to stay: that is for who is left by the other
	case Look:
	}
	if !m.over() {
		m.settle()
		m.time()
		m.wishes()
		for x := range m.sides {
			m.serve(x)
		}
		if m.apart() {
			m.end(r.NoMedia)
		}
	}
	return m.State, m.acts
}

// machine is one step at work.
type machine struct {
	Rules
	State
	sides [2]Side
	old   Side
	acts  []Action
}

// over passes the end of one side to the other and reports whether there is one, or none of them is to be served now.
func (m *machine) over() bool {
	m.lastWishes()
	if m.waits() {
		return true
	}
	for x := range m.sides {
		cause := m.sides[x].Cause
		if m.sides[x].Phase == Over && m.Move == Trying && x == int(m.Moved) {
			m.giveBack(cause)
		}
		if m.sides[x].Phase == Over {
			m.giveBack(cause)
			if !m.Stay {
				m.end(cause)
			}
			return true
		}
	}
	return m.Ended
}

// end hangs up what still stands, once.
func (m *machine) end(cause uint8) {
	if m.Ended {
		return
	}
	m.giveBack(cause)
	m.Ended = true
	for x := range m.sides {
		if m.sides[x].Phase != Over {
			m.acts = append(m.acts, Action{Do: DoHangup, Side: x, Cause: cause})
		}
	}
}

// time starts the timer of a call that may last for some time only, once both sides are up.
func (m *machine) time() {
	if m.Limited && !m.Timed && m.sides[0].Phase == Up && m.sides[1].Phase == Up {
		m.Timed = true
		m.acts = append(m.acts, Action{Do: DoTime})
	}
}

// returned takes the end of an action on a side. The call ends if a side could not be answered with what the other has.
func (m *machine) returned(in Input) {
	if in.Side == Old {
		m.Kept.Busy, m.Kept.Failed = false, in.Note == Failed
		return
	}
	x, y := in.Side, 1-in.Side
	m.Busy[x], m.Failed[x] = false, in.Note == Failed
	if m.Asking[y] {
		m.Asking[y] = false // what came of it stands now: the question's offer can be answered
		return
	}
	if in.Note != Failed || m.sides[x].Phase == Over || m.sides[y].Phase == Over && !m.waits() {
		return
	}
	if me := m.sides[x]; m.Shown[x] != Up || me.Phase >= Up && me.Agreed.Said() {
		return
	}
	if m.Move == Trying && x == int(m.Moved) {
		m.giveBack(m.NoMedia)
		return
	}
	m.end(m.NoMedia)
}

// apart reports whether each side has been told all that the other says, and still neither understands what the other sends.
func (m *machine) apart() bool {
	for x, me := range m.sides {
		if me.Phase != Up || me.Pending || m.Busy[x] || !me.Agreed.Said() || m.Told[x] != m.sides[1-x].speaks() {
			return false
		}
	}
	a, b := m.sides[0].Agreed[0], m.sides[1].Agreed[0]
	return !m.Mixed && a.Dir != Absent && b.Dir != Absent && !m.Fits(a.Codecs, b.Codecs) && !m.Fits(b.Codecs, a.Codecs)
}

// serve does the next thing for side x.
func (m *machine) serve(x int) {
	if m.Busy[x] {
		return
	}
	me, other := m.sides[x], m.sides[1-x]
	switch {
	case me.Phase < Up:
		m.setUp(x, me, other)
	case me.Pending:
		m.offered(x, me, other)
	case other.Phase == Up && !other.Pending && !m.Busy[1-x] && other.Agreed.Said() && me.Agreed.Said():
		m.keepTold(x, me, other)
	}
}

// setUp brings side x as far as the other side has come. A side that we dialled takes no notice of it.
func (m *machine) setUp(x int, me, other Side) {
	switch {
	case m.By && m.Move == Trying && x == int(m.Moved) && m.Shown[x] < Up: // it is told at once: it may pick up a call that rings
		want := other.Far
		if other.Agreed.Said() {
			want = other.speaks()
		}
		m.answer(x, want)
	case other.Phase <= m.Shown[x] || other.Phase <= me.Phase:
	case other.Phase == Up && other.Agreed.Said():
		m.answer(x, other.speaks())
	case other.Phase == Up && other.Pending && !me.Far.Said():
		m.answer(x, other.Far) // neither has an answer yet: this side is offered what the other offers
	case other.Phase == Early && other.Agreed.Said():
		m.start(DoEarly, x, other.speaks())
		m.Shown[x] = Early
	case other.Phase == Alerting || other.Phase == Early && m.Shown[x] < Alerting && me.Phase < Alerting:
		m.start(DoRing, x, Plan{})
		m.Shown[x] = Alerting
	}
}

// offered answers the pending offer of a side that is up. What is new in it is asked of the other side first.
func (m *machine) offered(x int, me, other Side) {
	y := 1 - x
	switch {
	case m.Asking[x]:
	case !other.Agreed.Said() && other.Far.Said():
		m.answer(x, other.Far)
	case !other.Agreed.Said():
		// Nothing is known of the other side yet, which is up or will be: it comes first.
	case other.Phase < Up || other.Pending || m.Busy[y] || me.turns(m.Fits) || m.Told[y] == me.asks(m.Fits):
		m.answer(x, m.heard(me, other))
	default:
		m.Asking[x] = true
		m.Told[y] = me.asks(m.Fits)
		m.start(DoUpdate, y, m.Told[y])
		m.acts = append(m.acts, Action{Do: DoAsk, Side: x})
	}
}

// heard is what a side with a new offer is answered: of the other side what is agreed with it, or what it offers itself just now.
func (m *machine) heard(me, other Side) Plan {
	if other.Pending && !me.turns(m.Fits) {
		return other.Far
	}
	return other.speaks()
}

// keepTold tells side x what the other side says now, if that is not what x knows. Only one side is told at a time: two that are told
// at once to take each other's codec would swap them for ever.
func (m *machine) keepTold(x int, me, other Side) {
	p := other.speaks()
	if m.Told[x] == p {
		return
	}
	stands := !m.Failed[x] && me.suits(m.Told[x], p, m.Fits)
	m.Told[x] = p
	if !stands {
		m.start(DoUpdate, x, p)
	}
}

func (m *machine) answer(x int, want Plan) {
	m.Told[x], m.Shown[x] = Plan{}, Up // whether the leg took it is not known, so an update comes after it
	m.start(DoAnswer, x, want)
}

func (m *machine) start(do Do, x int, want Plan) {
	m.Busy[x] = true
	m.acts = append(m.acts, Action{Do: do, Side: x, Want: want})
}
