package alexa

import (
	"fmt"
	"slices"
	"testing"

	"github.com/alexacall/alexacall/bridge"
)

// fate is what Alexa makes of our messages.
type fate struct {
	name   string
	prompt bool // it shows at once; else when everything else has happened
	fails  kind // the message that has it; none: every one
	ev     event
}

// fates are all that may become of a message, of each kind.
func fates() []fate {
	var all []fate
	for _, prompt := range []bool{true, false} {
		all = append(all, fate{"taken", prompt, none, event{kind: evSent}})
		for name, ev := range map[string]event{
			"fails": {}, "may have been taken": {maybe: true}, "is refused": {refused: true}, "is refused when sent again": {refused: true, maybe: true},
			"is of no call": {dead: true}, "is of no call when sent again": {dead: true, maybe: true}, "in conflict": {busy: true},
		} {
			ev.kind, ev.cause = evUnsent, bridge.Internal
			for _, k := range []kind{inviteIn, ringingAck, ringing, progress, accepted, update, updateResponse, over} {
				all = append(all, fate{name, prompt, k, ev})
			}
		}
	}
	return all
}

// befits reports whether a call may see the fate: whether it sends such a message, and none while it is in a state that comes after.
func (f fate) befits(s state) bool {
	switch f.fails {
	case inviteIn:
		return s.called && !s.taken
	case ringingAck:
		return s.called && s.stage < stageUp
	case ringing, progress, accepted:
		return !s.called && s.stage < stageUp
	default:
		return true
	}
}

func (f fate) of(k kind) event {
	if f.fails == none || f.fails == k {
		return f.ev
	}
	return event{kind: evSent}
}

// merges calls f with every way to mix two rows of events, each of which keeps its order.
func merges(a, b []event, f func([]event)) {
	var walk func(done, a, b []event)
	walk = func(done, a, b []event) {
		if len(a)+len(b) == 0 {
			f(done)
			return
		}
		if len(a) > 0 {
			walk(append(slices.Clip(done), a[0]), a[1:], b)
		}
		if len(b) > 0 {
			walk(append(slices.Clip(done), b[0]), a, b[1:])
		}
	}
	walk(nil, a, b)
}

// outcomes are what the other side of a call may do, ending with one of the causes or not at all.
func outcomes(called bool, causes ...bridge.Cause) [][]event {
	ways := [][]event{
		{},
		{{kind: evRing}},
		{{kind: evRing}, {kind: evProgress, sdp: 2}},
		{{kind: evAccept, sdp: 2}},
		{{kind: evRing}, {kind: evProgress, sdp: 2}, {kind: evAccept}},
		{{kind: evAccept, sdp: 2}, {kind: evUpdate, sdp: 4}},
	}
	if called {
		ways = [][]event{{}, {{kind: evUpdate, sdp: 4}}, {{kind: evRespond, sdp: 5, offer: 1}}}
	}
	out := slices.Clone(ways)
	for _, c := range causes {
		for _, w := range ways {
			out = append(out, append(slices.Clone(w), event{kind: evEnd, cause: c}))
		}
	}
	return out
}

// drama is a call in which both sides and the network do what they do, and what came of it.
type drama struct {
	s     state
	fate  fate
	ours  bool // we were the first to end the call
	why   bridge.Cause
	overs []action
	posts []kind
	ups   int
	wrong string // what must not be
	done  bool
}

func (d *drama) step(ev event) {
	if d.done {
		return // the session takes nothing any more
	}
	before := d.s
	s, acts := d.s.step(modelBegin, ev)
	d.s = s
	if before.stage != stageEnded && s.stage == stageEnded {
		d.ours, d.why = ev.kind == evEnd, ev.cause
	}
	for _, a := range acts {
		d.take(a)
	}
	if d.fate.prompt && d.s.flying.kind != none {
		d.step(d.fate.of(d.s.flying.kind))
	}
}

func (d *drama) take(a action) {
	switch a.do {
	case doPost:
		if slices.Contains(d.posts, over) {
			d.wrong = "a message after CallEnded"
		}
		d.posts = append(d.posts, a.post.kind)
	case doOver:
		d.overs = append(d.overs, a)
	case doUp:
		if d.ups++; len(d.overs) > 0 {
			d.wrong = "up after the end"
		}
	case doFinish:
		if d.done = true; d.s.flying.kind != none {
			d.wrong = "finished with a message on its way"
		}
	case doAbort, doAlerting, doAnswer, doOffer, doStand, doUpdated, doNotUpdated:
	}
}

// check holds what must be true of every call.
func (d *drama) check(from state, order []event) error {
	for range 2 * maxQueue {
		if d.s.flying.kind != none {
			d.step(d.fate.of(d.s.flying.kind))
		}
	}
	ended := d.s.stage == stageEnded
	hung := slices.ContainsFunc(order, func(ev event) bool { return ev.kind == evEnd || ev.message == over })
	ends := 0
	for _, k := range d.posts {
		if k == over {
			ends++
		}
	}
	switch {
	case d.wrong != "":
		return fmt.Errorf("%s", d.wrong)
	case d.s.flying.kind != none:
		return fmt.Errorf("messages without end")
	case hung && !ended && from.stage != stageEnded:
		return fmt.Errorf("the call has ended, and its leg has not")
	case ended && from.stage != stageEnded && len(d.overs) != 1, !ended && len(d.overs) > 0:
		return fmt.Errorf("the leg has ended %d times", len(d.overs))
	case ended != d.done:
		return fmt.Errorf("the session is over: %v, the call: %v", d.done, ended)
	case d.ups > 1:
		return fmt.Errorf("up %d times", d.ups)
	case ends > 1:
		return fmt.Errorf("CallEnded goes %d times", ends)
	case d.ours && d.overs[0].cause != d.why:
		return fmt.Errorf("ended with %v, want %v", d.overs[0].cause, d.why)
	case d.ours && ends == 0 && d.mustTell(from, order):
		return fmt.Errorf("Alexa is not told of the end")
	}
	return nil
}

// mustTell reports whether Alexa has the call for certain: she had it, no message has shown that she has it no more, and she has not
// ended it.
func (d *drama) mustTell(from state, order []event) bool {
	over := slices.ContainsFunc(order, func(ev event) bool { return ev.message == over })
	return from.taken && !over && !d.fate.ev.dead && !d.fate.ev.refused
}

// subsets calls f with every order of every subset of events.
func subsets(events []event, f func([]event)) {
	for set := range 1 << len(events) {
		var some []event
		for i, ev := range events {
			if set&(1<<i) != 0 {
				some = append(some, ev)
			}
		}
		orders(some, f)
	}
}

// TestEveryOutcome mixes every order of what a device may say with everything that the other side of the call may do, with every cause
// that it may end with, in every state of a call, whatever becomes of our messages: each leg ends once, and Alexa is told once.
func TestEveryOutcome(t *testing.T) {
	hers := map[bool][]event{
		false: {gets(update, 6), gets(over, 0)},
		true:  {gets(ringing, 0), gets(progress, 2), gets(accepted, 0), gets(over, 0)},
	}
	states := map[string]state{
		"a device calls": deviceCalls(), "a device calls, up": deviceUp(), "a device calls, up, and is changed": deviceUp().changing().sends(update, 1),
		"the invitation is on its way": phoneCalls(), "the invitation was taken": {called: true, taken: true}, "ringing": phoneRings(),
		"in progress": phoneRings().with(func(s *state) { s.answered = true }), "up": phoneUp(), "up, Alexa changes it": phoneUp().changed(),
		"we have ended it": phoneUp().ended().sends(over, 0),
	}
	count := 0
	for _, f := range fates() {
		causes := []bridge.Cause{bridge.Busy}
		if f.fails == none {
			causes = nil
			for c := bridge.Normal; c <= bridge.Internal; c++ {
				causes = append(causes, c)
			}
		} else if raceEnabled {
			continue // the race detector has nothing to find in them
		}
		for name, s := range states {
			if !f.befits(s) {
				continue
			}
			for _, theirs := range outcomes(s.called, causes...) {
				subsets(hers[s.called], func(order []event) {
					merges(order, theirs, func(all []event) {
						count++
						d := &drama{s: s, fate: f}
						for _, ev := range all {
							d.step(ev)
						}
						if err := d.check(s, all); err != nil && !t.Failed() {
							t.Errorf("%s, %s %s, prompt %v, %+v: %v; posts %v", name, kindTable[f.fails], f.name, f.prompt, all, err, d.posts)
						}
					})
				})
			}
		}
	}
	t.Log(count, "calls")
}
