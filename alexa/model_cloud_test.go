package alexa

import (
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/join"
)

// way says where our message on its way is.
type way uint8

const (
	idle     way = iota
	going        // Alexa has not got it yet
	acted        // it has, and its answer is on the way
	refused      // it has no such call, and its answer is on the way
	conflict     // it has another update in hand, likewise
)

// updating says whose CallUpdate is in hand at Alexa.
type updating uint8

const (
	nobody updating = iota
	device          // until our response
	skill           // until the device's response
	agreed          // until our acknowledgement
)

// message is one of Alexa's on its way to the skill.
type message struct {
	kind  kind
	sdp   plan
	again bool // it may be delivered twice
}

// cloud is Alexa with the device.
type cloud struct {
	known    bool // it has the call
	stage    stage
	answered bool // the offer that began the call has its answer
	accepted bool // by the device, or by us
	sent     uint8
	owed     uint8 // the acknowledgements that we owe
	update   updating
	twice    bool // a CallUpdate was delivered twice, so it may be answered twice
	budget   uint8
	said     plan // by the device, of itself
	told     plan // the direction that the device has from us
	asked    plan // that of our change, until it is answered
	stale    bool // a CallUpdate came again after it had its answer: nothing tells it from a new one
	ended    bool // we have ended the call
	flight   [3]message
}

func ackBit(k kind) uint8 {
	switch k {
	case ringing, ringingAck:
		return 1
	case progress, progressAck:
		return 2
	case accepted, acceptedAck:
		return 4
	case updateResponse, updateAck:
		return 8
	default:
		return 0
	}
}

// post puts a message of ours on its way.
func (w world) post(p post) world {
	switch {
	case w.way != idle:
		return w.spoil(postedTwo)
	case w.ended:
		return w.spoil(postedAfterEnd)
	}
	w.way, w.aborted, w.ended = going, false, p.kind == over
	return w
}

// posts takes every way in which our message may get on.
func (r rules) posts(w world, emit func(string, world)) {
	p := w.machine.flying.open()
	switch w.way {
	case idle:
		return
	case going:
		emit("alexa takes post", r.takes(w, p))
		if r.crosses && p.kind == update && w.cloud.update == device {
			n := r.takes(w, p)
			n.cloud.told = p.plan()
			if c, ok := n.cloud.say(updateResponse, full, r.twice); ok {
				n.cloud = c
				emit("alexa takes post, and answers beside her own change", n)
			}
		}
		if w.aborted {
			emit("post is given up", r.unsent(w, p, event{maybe: true}))
		}
		if w.failures > 0 {
			n := w
			n.failures--
			emit("post fails", r.unsent(n, p, event{}))
			emit("post fails, perhaps", r.unsent(n, p, event{maybe: true}))
		}
		return
	case acted:
		emit("post is answered", r.answeredPost(w, event{kind: evSent}))
		if w.aborted || w.failures > 0 {
			n := w
			if !w.aborted {
				n.failures--
			}
			emit("post's answer is lost", r.unsent(n, p, event{maybe: true}))
			if p.kind == inviteIn {
				emit("post is repeated, and refused", r.unsent(n, p, event{maybe: true, refused: true}))
				emit("post is repeated, and the call is gone", r.unsent(n, p, event{maybe: true, dead: true}))
			}
		}
	case refused:
		emit("post is refused", r.unsent(w, p, event{refused: true}))
		emit("post is refused, the call is gone", r.unsent(w, p, event{dead: true}))
	case conflict:
		emit("post is in conflict", r.unsent(w, p, event{busy: true}))
	}
}

// unsent tells the machine that a post has failed.
func (r rules) unsent(w world, p post, ev event) world {
	w.endFailed = w.endFailed || p.kind == over
	w.deaf = w.deaf || p.kind == update && w.way != conflict && !w.aborted
	w.cloud.owed &^= ackBit(p.kind) * b2u(p.kind.isAck()) // what could not be sent is not missed
	if p.kind == updateAck && w.cloud.update == agreed {
		w.cloud.update = nobody
	}
	ev.kind, ev.cause = evUnsent, bridge.Internal
	return r.answeredPost(w, ev)
}

func b2u(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

func (r rules) answeredPost(w world, ev event) world {
	w.way, w.aborted = idle, false
	return r.machine(w, ev)
}

// plan is the direction in a message, for the device takes every codec.
func (p post) plan() plan { return sound(plan(p.sdp).dir(), 0) }

// act lets Alexa take our message.
func (r rules) takes(w world, p post) world {
	c := &w.cloud
	if p.kind == inviteIn && !c.known {
		c.known, c.told, w.way = true, p.plan(), acted
		return w
	}
	if !c.known || c.stage == stageEnded {
		w.way = refused
		return w
	}
	w.way = acted
	if p.kind.isAck() {
		return w.acknowledge(p.kind)
	}
	switch p.kind {
	case ringing:
		c.stage = max(c.stage, stageRinging)
	case progress, accepted:
		return w.answerOf(p)
	case over:
		c.stage, c.ended, c.owed, c.update, c.budget = stageEnded, true, 0, nobody, 0
	case update:
		switch {
		case c.stage != stageUp:
			return w.spoil(updatedTooSoon)
		case c.update == device && r.crosses: // hers is on its way: ours is forgotten, unless it is answered at once
		case c.update != nobody:
			w.way = conflict
		default:
			c.update, c.asked = skill, p.plan()
		}
	case updateResponse:
		if c.update != device && !c.twice {
			return w.spoil(respondedTwice)
		}
		if c.update == device {
			c.update = nobody
		}
		c.told = p.plan()
	default:
		return w.spoil(wrongMessage)
	}
	return w
}

func (w world) acknowledge(k kind) world {
	c := &w.cloud
	if c.sent&ackBit(k) == 0 {
		return w.spoil(acknowledgedNothing)
	}
	c.owed &^= ackBit(k)
	if k == updateAck && c.update == agreed {
		c.update = nobody
	}
	return w
}

// answerOf takes CallInProgress and CallAccepted.
func (w world) answerOf(p post) world {
	c := &w.cloud
	switch {
	case w.machine.open().called:
		return w.spoil(wrongMessage)
	case c.answered && p.sdp != 0 || c.accepted:
		return w.spoil(answeredTwice)
	case !c.answered && p.sdp == 0:
		return w.spoil(answeredNothing)
	}
	if p.sdp != 0 {
		c.told = p.plan()
	}
	c.answered = true
	if p.kind == accepted {
		c.accepted, c.stage = true, stageUp
		if !w.phone.wasUp {
			return w.spoil(acceptedAlone)
		}
	}
	return w
}

// say sends an event of the device's, if there is room for it.
func (c cloud) say(k kind, sdp plan, twice bool) (cloud, bool) {
	at := -1
	for i, m := range c.flight {
		if m.kind == none {
			at = i
			break
		}
	}
	if at < 0 {
		return c, false
	}
	bit := ackBit(k)
	c.sent |= bit
	c.owed |= bit
	// The order of messages on their way is of no matter, so they stand sorted: fewer states.
	m := message{k, sdp, twice}
	for at > 0 && c.flight[at-1].kind > k {
		c.flight[at] = c.flight[at-1]
		at--
	}
	c.flight[at] = m
	return c, true
}

// lives lets the device and its user do what they like.
func (r rules) lives(w world, emit func(string, world)) {
	c := w.cloud
	if !c.known || c.stage == stageEnded || w.echo.finished {
		return
	}
	say := func(label string, c cloud, k kind, sdp plan) {
		if c, ok := c.say(k, sdp, r.twice); ok {
			n := w
			n.cloud = c
			emit(label, n)
		}
	}
	if r.called && c.stage < stageUp {
		r.rings(c, say)
	}
	if !r.patient {
		n := c
		n.stage, n.owed, n.update, n.budget = stageEnded, 0, nobody, 0
		say("echo hangs up", n, over, 0)
	}
	up := c.stage == stageUp || r.hasty && (c.answered || !r.called)
	if up && (c.update == nobody || r.crosses && c.update == skill) && c.budget > 0 {
		n := c
		n.update, n.asked, n.budget = device, 0, c.budget-1
		for _, p := range r.changes(c.said) {
			n.said = p
			say("echo changes the call", n, update, p)
		}
	}
	if c.update == skill {
		n := c
		n.update, n.told, n.asked = agreed, c.asked, 0
		say("echo answers change", n, updateResponse, full)
		if r.deaf {
			n = c
			n.update, n.asked = nobody, 0
			m := w
			m.cloud, m.deaf = n, true
			emit("echo does not answer change", m)
		}
	}
}

// changes are what the device may offer next.
func (r rules) changes(said plan) []plan {
	next := []plan{said.turn(join.SendRecv)}
	if said.dir() == join.SendRecv {
		next[0] = said.turn(join.Inactive)
	}
	if r.codecs {
		next = append(next, sound(said.dir(), codecY))
	}
	return next
}

// rings lets a called device get on. It may leave steps out, and its answer may come with any step but the first.
func (r rules) rings(c cloud, say func(string, cloud, kind, plan)) {
	answer := full
	if r.codecs {
		answer = narrow
	}
	if c.stage == stageOffered {
		n := c
		n.stage = stageRinging
		say("echo rings", n, ringing, 0)
	}
	if !c.answered {
		n := c
		n.stage, n.answered = stageRinging, true
		say("echo answers early", n, progress, answer)
		if r.broken {
			say("echo answers with nonsense", n, progress, useless)
		}
	}
	n := c
	n.stage, n.answered, n.accepted = stageUp, true, true
	if c.answered {
		say("echo accepts", n, accepted, 0)
	}
	say("echo accepts with its answer", n, accepted, answer)
	if !c.answered && r.broken {
		say("echo accepts with nonsense", n, accepted, useless)
	}
}
