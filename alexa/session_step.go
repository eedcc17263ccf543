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
		if m.ours && !now.Before(m.deadline) {
			m.dropUpdate(false)
		}
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
		m.answered = true
		m.send(progress, ev.sdp)
	case evAccept:
		m.ring()
		m.answered, m.accepted = true, true
		m.send(accepted, ev.sdp)
	case evUpdate:
		m.offer(ev)
	case evRespond:
		if m.theirs {
			m.theirs = false
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
	if m.ours || m.theirs {
		m.do(action{do: doNotUpdated, glare: true})
		return
	}
	m.ours, m.deadline = true, m.now.Add(updateLimit)
	m.send(update, ev.sdp)
}

func (m *machine) dropUpdate(glare bool) {
	if m.ours {
		m.ours, m.deadline = false, time.Time{}
		m.do(action{do: doNotUpdated, glare: glare})
	}
}

// message takes one message of Alexa's.
func (m *machine) message(ev event) {
	if m.stage == stageEnded {
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
			m.dropUpdate(true)
			m.theirs = true
			m.do(action{do: doOffer, sdp: ev.sdp})
		}
	case updateResponse:
		if m.ours {
			m.ours, m.deadline = false, time.Time{}
			m.send(updateAck, 0)
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
}

func (m *machine) up() {
	if m.stage < stageUp {
		m.stage = stageUp
		m.do(action{do: doUp})
	}
}

// ended takes Alexa's CallEnded, to which there is no acknowledgement.
func (m *machine) ended(ev event) {
	cause := ev.cause
	if cause == bridge.Normal && m.stage < stageUp {
		cause = bridge.Cancelled
		if m.called {
			cause = bridge.Declined
		}
	}
	m.finish(cause, true)
	m.stop()
}

// end ends the call from our side.
func (m *machine) end(cause bridge.Cause, remote bool) {
	if m.stage == stageEnded {
		return
	}
	m.finish(cause, remote)
	m.stop()
	if m.taken || m.flying.kind == inviteIn {
		m.ending = true
		m.send(over, 0)
	}
}

// finish makes the end known.
func (m *machine) finish(cause bridge.Cause, remote bool) {
	m.dropUpdate(false)
	m.stage, m.theirs = stageEnded, false
	m.do(action{do: doOver, cause: cause, remote: remote})
}

// send queues a message.
func (m *machine) send(k kind, sdp int) {
	if m.queued < maxQueue {
		m.queue[m.queued] = post{k, sdp}
		m.queued++
	}
}

// stop gives up what waits and what is on its way.
func (m *machine) stop() {
	m.clear()
	if m.flying.kind != none {
		m.do(action{do: doAbort})
	}
}

func (m *machine) clear() { m.queue, m.queued = [maxQueue]post{}, 0 }

// pump puts the next message on its way: one at a time, for Alexa refuses two of one call (409). When the call has ended and nothing
// is left to send, the session is done.
func (m *machine) pump() {
	switch {
	case m.flying.kind != none:
	case m.queued > 0:
		m.flying = m.queue[0]
		copy(m.queue[:], m.queue[1:])
		m.queued--
		m.queue[m.queued] = post{}
		m.do(action{do: doPost, post: m.flying})
	case m.stage == stageEnded:
		m.do(action{do: doFinish})
	}
}

// sent takes the news that our message has been taken.
func (m *machine) sent() {
	k := m.flying.kind
	m.flying = post{}
	switch k {
	case inviteIn:
		m.taken = true
	case accepted:
		if m.stage != stageEnded {
			m.up()
		}
	default:
	}
}

// unsent takes the news that it has not. An acknowledgement that did not arrive is Alexa's to miss; all else ends the call, and if
// Alexa may know of it, with CallEnded.
func (m *machine) unsent(ev event) {
	k := m.flying.kind
	m.flying = post{}
	m.taken = m.taken || ev.maybe
	switch {
	case m.stage == stageEnded:
		if m.queued > 0 && (!m.taken || ev.dead) {
			m.clear() // there is nothing to end
		}
	case ev.dead:
		m.taken = false
		m.end(ev.cause, true)
	case !k.isAck():
		m.end(ev.cause, true)
	}
}
