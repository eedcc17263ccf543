package rtc

import (
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// step is the whole protocol of one session: "Alexa.RTCSessionController Interface". There is one answer to the offer, and there are no
// other messages of ours; hers may come in any order, any number of times, or never. A session that has ended takes no step: inbox.send
// says so to who has something for it.
func (s state) step(at time.Duration, ev event) (state, []action) {
	m := machine{state: s, at: at}
	switch ev.kind {
	case evAdmitted, evPassed, evFree, evOpened, evFirst, evAgain:
		m.begin(ev)
	case evRang, evUnrung, evOffer:
		m.ringing(ev)
	case evWant, evMade, evUnmade:
		m.answering(ev)
	case evTake, evUntaken:
		m.replacing(ev)
	case evTimeout:
		m.timeout()
	case evTold, evConnected:
		m.told, m.tellBy = true, 0
	case evDisconnected:
		m.end(bridge.Normal, true)
	case evEnd:
		m.end(ev.cause, false)
	}
	return m.state, m.acts
}

type machine struct {
	state
	at   time.Duration
	acts []action
}

func (m *machine) do(a action) { m.acts = append(m.acts, a) }

// start begins the time of an offer that came a while ago.
func (m *machine) start(ago time.Duration) {
	came := m.at - ago
	m.owed, m.answerBy, m.tellBy = true, came+AnswerTime, came+AnswerLimit
	if m.door >= 0 {
		m.aloneAt = max(came+m.door, 1)
	}
}

// asked returns the state of a session that an offer begins.
func asked(door time.Duration) state {
	m := machine{state: state{door: door}}
	m.start(0)
	return m.state
}

// rung returns the state of a session that a bell of ours begins.
func rung(door time.Duration) state { return state{door: door, stage: stageRinging, bell: true} }

// begin takes an offer from its coming to its leg.
func (m *machine) begin(ev event) {
	switch {
	case ev.kind == evAdmitted && m.stage == stageAsked:
		m.do(action{do: doPlace})
	case ev.kind == evPassed && m.stage == stageAsked:
		*m = machine{state: state{door: m.door, stage: stageEnded}}
	case ev.kind == evFree && m.stage == stageAsked:
		m.stage = stageOpening
		m.do(action{do: doOpen})
	case ev.kind == evOpened && m.stage == stageOpening:
		m.stage = stageOffered
		m.do(action{do: doAppear})
	case ev.kind == evFirst:
		m.do(action{do: doHand})
	case ev.kind == evAgain:
		m.wish, m.yieldAt = wishOpen, m.at+replaceTime
		m.do(action{do: doWish})
	}
}

// ringing takes what becomes of a bell of ours.
func (m *machine) ringing(ev event) {
	switch ev.kind {
	case evRang:
		if m.stage == stageRinging && !m.rang {
			m.rang = true
			m.do(action{do: doAlerting})
		}
	case evUnrung:
		if m.stage == stageRinging && !m.rang { // else somebody has come all the same
			m.end(ev.cause, false)
		}
	default:
		if m.stage == stageRinging {
			m.stage = stageOffered
			m.start(ev.ago)
			m.do(action{do: doOffered})
		}
	}
}

// answering takes what the owner of the leg wants, and what comes of it.
func (m *machine) answering(ev event) {
	switch ev.kind {
	case evWant:
		m.want(ev)
	case evMade:
		if m.stage == stageMaking {
			m.made()
		}
	default:
		switch {
		case m.stage != stageMaking:
		case m.alone:
			m.end(ev.cause, false)
		default:
			m.stage, m.accept = stageOffered, false
			m.do(action{do: doUnmade})
		}
	}
}

// want takes a wish of the owner's. An answer that is being made is the answer to it too: there is one only.
func (m *machine) want(ev event) {
	switch m.stage {
	case stageOffered:
		m.make(ev.plan, ev.accept, false)
	case stageMaking:
		m.accept = m.accept || ev.accept
	case stageEarly:
		if ev.accept {
			m.stage = stageUp
			m.do(action{do: doUp})
		}
	default:
	}
}

func (m *machine) make(plan int, accept, alone bool) {
	m.stage, m.accept, m.alone = stageMaking, accept, alone
	m.do(action{do: doMake, plan: plan})
}

// made answers Alexa. What we answer ourselves is accepted, for there is nothing to be said later.
func (m *machine) made() {
	m.reply(action{do: doReply, made: true})
	if m.accept || m.bell {
		m.stage = stageUp
		m.do(action{do: doUp})
	} else {
		m.stage = stageEarly
		m.do(action{do: doEarly})
	}
}

// reply answers Alexa, once.
func (m *machine) reply(a action) {
	if m.owed {
		m.owed, m.answerBy, m.aloneAt = false, 0, 0
		m.do(a)
	}
}

// replacing takes what becomes of the wish to take the first leg's place.
func (m *machine) replacing(ev event) {
	if ev.kind == evTake {
		m.do(action{do: doClaim, claim: m.wish == wishOpen})
		if m.wish == wishOpen {
			m.wish, m.yieldAt = wishTaken, 0
		}
		return
	}
	m.yield()
}

// yield has the first leg make room, since nobody joins the new one in its place.
func (m *machine) yield() {
	if m.wish == wishOpen {
		m.wish, m.yieldAt = noWish, 0
		m.do(action{do: doUnwish})
		m.do(action{do: doYield})
	}
}

// timeout takes the time that has passed.
func (m *machine) timeout() {
	past := func(t time.Duration) bool { return t != 0 && m.at >= t }
	switch {
	case past(m.answerBy):
		m.end(bridge.NoAnswer, false)
	case past(m.tellBy) && !m.owed:
		m.end(bridge.Cancelled, true) // she has left before the answer was there
	case past(m.yieldAt):
		m.yield()
	case past(m.aloneDue()):
		m.make(0, true, true)
	}
}

// end ends the session. An answer that is owed says why.
func (m *machine) end(cause bridge.Cause, remote bool) {
	if remote && m.owed {
		cause = bridge.Cancelled
	}
	m.reply(action{do: doReply, cause: cause})
	if m.wish == wishOpen {
		m.do(action{do: doUnwish})
	}
	m.stage, m.wish, m.answerBy, m.aloneAt, m.tellBy, m.yieldAt = stageEnded, noWish, 0, 0, 0, 0
	m.do(action{do: doOver, cause: cause, remote: remote})
}
