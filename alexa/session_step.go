package alexa

import (
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// step is the whole protocol of one call. The order of messages is that of "Alexa.Comms.CallSignaling SPI" and "Requests Exposed by
// Alexa.Comms.CallSignaling Interface"; what comes in another order or twice does no harm: a later message implies the earlier ones.
func (s state) step(now time.Time, ev event) (state, []action) {
	m := machine{state: s, now: now}
	switch ev.kind {
	case evMessage:
		m.message(ev)
	case evSent:
		m.sent()
	case evUnsent:
		m.unsent(ev)
	case evTimeout:
		m.timeout()
	default:
		m.wish(ev)
	}
	m.pump()
	return m.state, m.acts
}

type machine struct {
	state
	now  time.Time
	acts []action
}

func (m *machine) do(a action) { m.acts = append(m.acts, a) }

// wish is what the leg asks for. Once the call has ended there is nothing left to ask.
func (m *machine) wish(ev event) {
	if m.stage == stageEnded {
		return
	}
	switch ev.kind {
	case evPlace:
		m.send(inviteIn, ev.sdp)
	case evRing:
		m.ring()
	case evProgress:
		m.ring()
		if !m.answered {
			m.answered = true
			m.send(progress, ev.sdp)
			m.offerEarly()
		}
	case evAccept:
		m.ring()
		if !m.accepted {
			m.answered, m.accepted = true, true
			m.send(accepted, ev.sdp)
			m.offerEarly()
		}
	case evUpdate:
		m.offer(ev)
	case evRespond:
		if m.theirs != 0 && m.theirs == ev.offer { // else it answers one that another has taken the place of
			m.theirs, m.deadline = 0, time.Time{}
			m.send(updateResponse, ev.sdp)
		}
	case evEnd:
		m.end(ev.cause, false)
	case evMessage, evSent, evUnsent, evTimeout:
	}
}

// ring sends CallRinging, once: the documented sequence has it before everything else.
func (m *machine) ring() {
	if m.called || m.rang {
		return
	}
	m.rang = true
	m.send(ringing, 0)
	m.alerting()
}

func (m *machine) alerting() {
	if m.stage < stageRinging {
		m.stage = stageRinging
		m.do(action{do: doAlerting})
	}
}

// offer sends a CallUpdate of ours. Two offers at a time are one too many: Alexa's goes first.
func (m *machine) offer(ev event) {
	if m.ours || m.theirs != 0 {
		m.do(action{do: doNotUpdated, glare: true})
		return
	}
	m.ours, m.deadline = true, m.now.Add(updateLimit)
	m.send(update, ev.sdp)
}

// withdraw gives our CallUpdate up, wherever it is.
func (m *machine) withdraw() {
	m.ours, m.deadline = false, time.Time{}
	for i, q := range m.queue[:m.queued] {
		if q.kind == update {
			copy(m.queue[i:], m.queue[i+1:])
			m.queued--
			m.queue[m.queued] = post{}
			return
		}
	}
	if m.flying.kind == update {
		m.do(action{do: doAbort})
	}
}

// dropUpdate makes it known that our CallUpdate has no answer.
func (m *machine) dropUpdate(glare bool) {
	if m.ours {
		m.withdraw()
		m.do(action{do: doNotUpdated, glare: glare})
	}
}

// offered takes a CallUpdate of Alexa's. If ours waits too, hers goes first: Alexa refuses ours until she has her answer (409).
func (m *machine) offered(sdp int) {
	if m.ours {
		m.withdraw()
	}
	m.theirs, m.early, m.deadline = max(m.theirs+1, 1), 0, m.now.Add(pendingLimit)
	m.do(action{do: doOffer, sdp: sdp, offer: m.theirs})
}

func (m *machine) timeout() {
	switch {
	case m.deadline.IsZero() || m.now.Before(m.deadline):
	case m.ours:
		m.dropUpdate(false)
	case m.theirs != 0:
		m.deadline = time.Time{}
		m.do(action{do: doStand})
	}
}

// message takes one message of Alexa's.
func (m *machine) message(ev event) {
	if m.stage == stageEnded {
		if ev.message == over {
			m.clear() // then ours is not needed
		}
		return
	}
	m.taken = true
	switch ev.message {
	case ringing, progress, accepted:
		if m.called {
			m.progressed(ev)
		}
	case over:
		m.ended(ev)
	case update:
		if m.answered {
			m.offered(ev.sdp)
		} else {
			m.early = ev.sdp
		}
	case updateResponse:
		m.send(updateAck, 0)
		if m.ours && !m.queues(update) {
			m.ours, m.deadline = false, time.Time{}
			m.do(action{do: doUpdated, sdp: ev.sdp})
		}
	case none, inviteOut, inviteIn, ringingAck, progressAck, acceptedAck, updateAck:
		// Acknowledgements change nothing, and a second invitation is the first one again.
	}
}

// progressed takes the news of a device that we call.
func (m *machine) progressed(ev event) {
	m.send(ev.message+(ringingAck-ringing), 0)
	m.rang = true
	m.accepted = m.accepted || ev.message == accepted
	m.alerting()
	if ev.sdp != 0 && !m.answered {
		m.answered = true
		m.do(action{do: doAnswer, sdp: ev.sdp})
	}
	if m.accepted && m.answered {
		m.up()
	}
	m.offerEarly()
}

// offerEarly takes a CallUpdate that has come before the answer that it builds on.
func (m *machine) offerEarly() {
	if m.answered && m.early != 0 {
		m.offered(m.early)
	}
}

func (m *machine) up() {
	if m.stage < stageUp {
		m.stage = stageUp
		m.do(action{do: doUp})
	}
}

// ended takes Alexa's CallEnded, to which there is no acknowledgement.
func (m *machine) ended(ev event) {
	m.finish(m.meant(ev.cause), true)
	m.stop()
}

// meant returns what the cause of an end over there means. Before acceptance, a normal end is a user who does not want the call.
func (m *machine) meant(cause bridge.Cause) bridge.Cause {
	switch {
	case cause != bridge.Normal || m.stage >= stageUp:
		return cause
	case m.called:
		return bridge.Declined
	default:
		return bridge.Cancelled
	}
}

// end ends the call from our side.
func (m *machine) end(cause bridge.Cause, remote bool) {
	if m.stage == stageEnded {
		return
	}
	m.finish(cause, remote)
	m.stop()
	if m.taken || m.flying.kind == inviteIn {
		m.send(over, 0)
	}
}

// finish makes the end known.
func (m *machine) finish(cause bridge.Cause, remote bool) {
	m.stage, m.theirs, m.early = stageEnded, 0, 0
	m.do(action{do: doOver, cause: cause, remote: remote})
	m.dropUpdate(false)
	m.deadline = time.Time{}
}
