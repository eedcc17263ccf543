package alexatest

import (
	"fmt"
	"net/http"
)

// job is what follows from an accepted request.
type job struct {
	call *Call
	turn turn
	do   func() // nil: nothing
}

// turn is a place in the queue of what a call does one after the other.
type turn struct{ before, done chan struct{} }

// follow makes the job of a request. Its place in the queue is taken while k.mu is held for what the request changes: nobody can see the
// change and come before it.
func (k *Call) follow(do func()) job { return job{k, k.nextTurn(), do} }

// nextTurn takes the next place in the queue. k.mu is held.
func (k *Call) nextTurn() turn {
	t := turn{before: k.tail, done: make(chan struct{})}
	k.tail = t.done
	return t
}

// start has the job done in its turn. Unless it is to run at once, it waits until the request was answered. The channel is closed when
// it is done; nil when there is nothing to do.
func (j job) start(answered <-chan struct{}, atOnce bool) <-chan struct{} {
	if j.do == nil {
		return nil
	}
	return j.call.inTurn(j.turn, func() {
		if !atOnce {
			select {
			case <-answered:
			case <-j.call.cloud.ctx.Done():
			}
		}
		j.do()
	})
}

// enqueue runs f in a goroutine after everything that was queued before.
func (k *Call) enqueue(f func()) <-chan struct{} {
	k.mu.Lock()
	t := k.nextTurn()
	k.mu.Unlock()
	return k.inTurn(t, f)
}

func (k *Call) inTurn(t turn, f func()) <-chan struct{} {
	if !k.cloud.run(func() {
		defer close(t.done)
		if t.before != nil {
			<-t.before
		}
		f()
	}) {
		close(t.done)
	}
	return t.done
}

func malformed(format string, args ...any) *refusal {
	return refused(http.StatusBadRequest, fmt.Sprintf(format, args...), true)
}

func wrongState(m *message, s State) *refusal {
	return refused(http.StatusBadRequest, fmt.Sprintf("%s does not fit a call that is %v", m.name, s), false)
}

// dispatch gives a well-formed request to the call that it belongs to.
func (c *Cloud) dispatch(m *message) (job, error) {
	var far *remoteSDP
	if text := m.sdp(); text != "" {
		var err error
		if far, err = readSDP(text, *m.SDP.Type == "OFFER"); err != nil {
			return job{}, malformed("%s: %v", m.name, err)
		}
	}
	if m.name == msgInitiateInboundCall {
		return c.startInbound(m, far)
	}
	c.mu.Lock()
	k := c.calls[*m.SessionID]
	c.mu.Unlock()
	if k == nil {
		return job{}, refused(http.StatusNotFound, "the session was not found", false)
	}
	if m.name == msgCallEnded { // at once, so that whatever follows is refused
		if !k.finish(*m.Result.Code, m.resultMessage()) {
			return job{}, wrongState(m, StateEnded)
		}
		return job{}, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// The Ack of an event that was sent may cross the end of the call.
	if k.state == StateEnded && k.sent[m.name] == 0 {
		return job{}, wrongState(m, k.state)
	}
	switch m.name {
	case msgCallRinging, msgCallInProgress, msgCallAccepted:
		return k.takeProgress(m, far)
	case msgCallUpdate, msgCallUpdateResponse:
		return k.takeUpdate(m, far)
	default:
		return k.takeAck(m)
	}
}

// takeProgress takes what the skill says about a call from the device (Amazon's page "alexa-callsignaling-spi-for-asp"). k.mu is held
// here and in the other take methods.
func (k *Call) takeProgress(m *message, far *remoteSDP) (job, error) {
	next := map[string]State{
		msgCallRinging: StateRinging, msgCallInProgress: StateInProgress, msgCallAccepted: StateConnected,
	}[m.name]
	// CallRinging may be repeated, the others not.
	if k.inbound || k.state > next || k.state == next && next != StateRinging {
		return job{}, wrongState(m, k.state)
	}
	first := k.remote == ""
	switch {
	case next == StateRinging:
	case far == nil && first:
		return job{}, malformed("%s: no SDP, and no CallInProgress brought one before", m.name)
	case far != nil && !first && far.text != k.remote:
		return job{}, malformed("%s: another SDP answer than that of CallInProgress", m.name)
	case far != nil && first:
		if err := k.media.checkAnswer(far); err != nil {
			return job{}, malformed("%s: %v", m.name, err)
		}
		k.remote = far.text
	}
	k.advance(next)
	return k.follow(func() {
		if far != nil && first {
			if err := k.media.accept(far); err != nil {
				k.fail("the answer of "+m.name, err)
				return
			}
		}
		if next == StateConnected {
			k.connected()
		}
		k.ack(m.name + "Ack")
		if next == StateConnected {
			k.reoffer()
		}
	}), nil
}

// takeUpdate takes a re-offer of the skill, or its answer to one of the device.
func (k *Call) takeUpdate(m *message, far *remoteSDP) (job, error) {
	if k.state != StateConnected {
		return job{}, wrongState(m, k.state)
	}
	if m.name == msgCallUpdate {
		if k.update != updateNone {
			return job{}, refused(http.StatusConflict, "another update of the call is in hand", false)
		}
		k.update, k.remote = updateFar, far.text
		return k.follow(func() { k.answerUpdate(far, *m.Renegotiation) }), nil
	}
	if k.update != updateOwnAsk && k.repeats > 0 { // an answer to the same CallUpdate as the one before
		k.repeats--
		return job{}, nil
	}
	if k.update != updateOwnAsk {
		return job{}, refused(http.StatusBadRequest, "CallUpdateResponse without a CallUpdate", false)
	}
	if err := k.media.checkAnswer(far); err != nil {
		return job{}, malformed("%s: %v", m.name, err)
	}
	k.update, k.remote = updateOwnDone, far.text
	return k.follow(func() {
		err := k.media.accept(far)
		if err != nil {
			k.fail("the answer of CallUpdateResponse", err)
		} else {
			k.ack(msgCallUpdateAck)
		}
		k.endUpdate(err)
	}), nil
}

// takeAck takes an Ack of one of the device's events. One too many is harmless: the skill may have received the event twice.
func (k *Call) takeAck(m *message) (job, error) {
	if k.sent[m.name] == 0 {
		return job{}, refused(http.StatusBadRequest, m.name+" for an event that was not sent", false)
	}
	if k.acked[m.name] < k.sent[m.name] {
		k.acked[m.name]++
	}
	if m.name == msgCallUpdateAck && k.update == updateFar {
		k.update = updateNone
	}
	k.notify()
	return job{}, nil
}

// startInbound starts a call to a device.
func (c *Cloud) startInbound(m *message, offer *remoteSDP) (job, error) {
	kind, callee := m.party(false)
	_, caller := m.party(true)
	c.mu.Lock()
	no := c.admitInbound(*m.SessionID)
	e := c.findEcho(kind, callee)
	c.mu.Unlock()
	if no != nil {
		return job{}, no
	}
	if e == nil {
		return job{}, refused(http.StatusNotFound, "the callee was not found", false)
	}
	k := newCall(c, e, *m.SessionID)
	k.inbound, k.caller, k.callee, k.remote = true, caller, callee, offer.text
	if err := k.open(false); err != nil {
		k.cancel()
		return job{}, refused(http.StatusInternalServerError, "internal service error", false)
	}
	k.mu.Lock()
	story := k.follow(func() { c.run(func() { k.storyInbound(offer) }) })
	k.mu.Unlock()
	c.mu.Lock()
	c.draws.know(k.id)
	if no = c.admitInbound(k.id); no == nil {
		c.calls[k.id] = k
	}
	c.mu.Unlock()
	if no != nil { // by another request meanwhile
		k.cancel()
		return job{}, no
	}
	e.add(k)
	return story, nil
}

// admitInbound tells whether a session of that id may begin; c.mu is held.
func (c *Cloud) admitInbound(id string) *refusal {
	k := c.calls[id]
	switch {
	case c.closed:
		return refused(http.StatusInternalServerError, ErrClosed.Error(), false)
	case k != nil && k.State() == StateEnded:
		return refused(http.StatusBadRequest, "the session has ended", false)
	case k != nil:
		return refused(http.StatusConflict, "the session exists", false)
	case c.opts.MaxCalls > 0 && len(c.calls)-len(c.ended) >= c.opts.MaxCalls:
		return refused(http.StatusTooManyRequests, "more calls than the allowed limit", false)
	default:
		return nil
	}
}

// maxEnded is how many ended calls the cloud knows, to answer 400 instead of 404.
const maxEnded = 1000

// forget notes that a call has ended, and drops the oldest such calls.
func (c *Cloud) forget(k *Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[k.id] != k {
		return
	}
	c.ended = append(c.ended, k.id)
	for len(c.ended) > maxEnded {
		delete(c.calls, c.ended[0])
		c.draws.forget(c.ended[0])
		c.ended = c.ended[1:]
	}
}
