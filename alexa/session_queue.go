package alexa

import (
	"slices"

	"github.com/alexacall/alexacall/bridge"
)

// send queues a message: an acknowledgement before all that is none, for Alexa waits for it, and once for all deliveries of a message
// that have come while it waits.
func (m *machine) send(k kind, sdp int) {
	if k.isAck() && m.queues(k) || m.queued == maxQueue {
		return
	}
	at := int(m.queued)
	if k.isAck() {
		at = m.acks()
	}
	copy(m.queue[at+1:], m.queue[at:m.queued])
	m.queue[at] = post{k, sdp}
	m.queued++
}

// acks returns how many acknowledgements stand at the head of the queue.
func (m *machine) acks() int {
	for i, p := range m.queue[:m.queued] {
		if !p.kind.isAck() {
			return i
		}
	}
	return int(m.queued)
}

// queues reports whether a message of a kind waits.
func (m *machine) queues(k kind) bool {
	return slices.ContainsFunc(m.queue[:m.queued], func(p post) bool { return p.kind == k })
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

// unsent takes the news that it has not. An acknowledgement that did not arrive is Alexa's to miss, and without our CallUpdate what
// stood stands; all else ends the call, and if Alexa may know of it, with CallEnded.
func (m *machine) unsent(ev event) {
	k := m.flying.kind
	m.flying = post{}
	m.taken = m.taken || ev.maybe
	gone := ev.dead && (k != inviteIn || !ev.maybe) // an invitation that was taken may be refused when it is sent again
	switch {
	case k == inviteIn && m.rang:
		// The device rings, so Alexa has the call, whatever became of the answer to our message.
	case m.stage == stageEnded:
		if gone || !m.taken {
			m.clear() // there is nothing to end
		}
	case gone && k == inviteIn:
		m.taken = false
		m.end(ev.cause, true)
	case gone:
		m.ended(event{cause: bridge.Normal}) // over there; if her CallEnded comes at all, it comes too late to say why
	case k == update:
		if !ev.maybe && !m.queues(update) {
			m.dropUpdate(ev.busy)
		} // else its answer may still come, or it was given up before the one that waits
	case k.isAck():
	case ev.refused && ev.maybe && k != inviteIn:
		if k == accepted { // the first try had arrived and only its answer was lost: what is refused is the repetition
			m.up()
		}
	case ev.refused && k != inviteIn:
		m.end(m.meant(bridge.Normal), true) // most likely it is over, but CallEnded makes sure
	default:
		m.end(ev.cause, true)
	}
}
