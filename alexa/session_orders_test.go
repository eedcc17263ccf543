package alexa

import (
	"fmt"
	"slices"
	"testing"

	"github.com/alexacall/alexacall/bridge"
)

// orders calls f with every order of events, each of which may be there more than once.
func orders(events []event, f func([]event)) {
	var walk func(done, left []event)
	walk = func(done, left []event) {
		if len(left) == 0 {
			f(done)
			return
		}
		for i := range left {
			if i > 0 && left[i] == left[i-1] {
				continue // the same order once more
			}
			rest := append(append([]event(nil), left[:i]...), left[i+1:]...)
			walk(append(slices.Clip(done), left[i]), rest)
		}
	}
	walk(nil, events)
}

// run is one order of events, and what came of it.
type run struct {
	s      state
	prompt bool // Alexa takes each message of ours at once; else only when all events have come
	posts  map[kind]int
	done   map[do]int
}

func (r *run) step(ev event) {
	var acts []action
	r.s, acts = r.s.step(modelBegin, ev)
	for _, a := range acts {
		r.done[a.do]++
		if a.do == doPost {
			r.posts[a.post.kind]++
		}
	}
	if r.prompt && r.s.flying.kind != none {
		r.step(event{kind: evSent})
	}
}

func (r *run) all(order []event) {
	for _, ev := range order {
		r.step(ev)
	}
	for r.s.flying.kind != none {
		r.step(event{kind: evSent})
	}
}

// news counts what a device has to say, up to its CallEnded.
type news struct {
	came     map[kind]int
	answer   bool
	accepted bool
}

func newsOf(order []event) news {
	n := news{came: map[kind]int{}}
	for _, ev := range order {
		if n.came[ev.message]++; ev.message == over {
			break
		}
		n.answer = n.answer || (ev.message == progress || ev.message == accepted) && ev.sdp != 0
		n.accepted = n.accepted || ev.message == accepted
	}
	return n
}

// deviceEvents are what a called device may say, with its answer in CallAccepted too, or not.
func deviceEvents(answerAgain bool) []event {
	last := gets(accepted, 0)
	if answerAgain {
		last.sdp = 3
	}
	return []event{gets(ringing, 0), gets(progress, 2), last, gets(update, 4), gets(over, 0)}
}

// doubled returns the events with those of one kind twice; the kind none leaves them as they are.
func doubled(events []event, k kind) []event {
	var out []event
	for _, ev := range events {
		if out = append(out, ev); ev.message == k {
			out = append(out, ev)
		}
	}
	return out
}

// TestEveryOrderOfEvents hands a call to a device all that the device can say, in every order, with one of it twice, in each state that
// the call may be in, and with the answers to our own messages early or late.
func TestEveryOrderOfEvents(t *testing.T) {
	count := 0
	for name, s := range map[string]state{
		"the invitation is on its way": phoneCalls(),
		"the invitation was taken":     {called: true, taken: true},
		"ringing":                      phoneRings(),
		"in progress":                  phoneRings().with(func(s *state) { s.answered = true }),
		"accepted, not answered":       phoneRings().with(func(s *state) { s.accepted = true }),
		"up":                           phoneUp(),
		"up, we change it":             phoneUp().changing().sends(update, 1),
		"up, Alexa changes it":         phoneUp().changed(),
		"we have ended it":             phoneUp().ended().sends(over, 0),
		"Alexa has ended it":           phoneUp().ended(),
	} {
		for _, answerAgain := range []bool{true, false} {
			for _, twice := range []kind{none, ringing, progress, accepted, update, over} {
				for _, prompt := range []bool{true, false} {
					orders(doubled(deviceEvents(answerAgain), twice), func(order []event) {
						count++
						r := &run{s: s, prompt: prompt, posts: map[kind]int{}, done: map[do]int{}}
						r.all(order)
						if err := r.check(s, newsOf(order)); err != nil && !t.Failed() {
							t.Errorf("%s, prompt %v, %+v: %v: %v, posts %v", name, prompt, order, err, r.done, r.posts)
						}
					})
				}
			}
		}
	}
	t.Log(count, "orders")
}

// check holds what was done against what has come.
func (r *run) check(from state, n news) error {
	want := map[do]int{}
	if from.stage != stageEnded {
		want[doOver] = 1
		if from.stage < stageUp && (n.answer || from.answered) && (n.accepted || from.accepted) {
			want[doUp] = 1
		}
		if from.stage < stageRinging && n.came[ringing]+n.came[progress]+n.came[accepted] > 0 {
			want[doAlerting] = 1
		}
		if !from.answered && n.answer {
			want[doAnswer] = 1
		}
	}
	for d, name := range map[do]string{doUp: "up", doOver: "over", doAlerting: "alerting", doAnswer: "answer"} {
		if r.done[d] != want[d] {
			return fmt.Errorf("%s %d times, want %d", name, r.done[d], want[d])
		}
	}
	switch offers := r.done[doOffer]; {
	case from.stage == stageEnded && offers > 0:
		return fmt.Errorf("a change of a call that is over")
	case from.stage != stageEnded && (n.came[update] > 0 && (n.answer || from.answered)) != (offers > 0):
		return fmt.Errorf("%d changes for %d CallUpdates", offers, n.came[update])
	case r.posts[over] > 0:
		return fmt.Errorf("CallEnded for a call that Alexa has ended")
	case r.done[doFinish] == 0:
		return fmt.Errorf("the session goes on")
	}
	for k, ack := range map[kind]kind{ringing: ringingAck, progress: progressAck, accepted: acceptedAck} {
		came := n.came[k]
		if from.stage == stageEnded {
			came = 0
		}
		if got := r.posts[ack]; got > came || r.prompt && got != came {
			return fmt.Errorf("%d acknowledgements for %d messages of kind %d", got, came, k)
		}
	}
	return nil
}

// TestEveryOrderOfEventsOfACaller hands a call from a device what belongs to calls to a device: only CallUpdate and CallEnded mean
// anything.
func TestEveryOrderOfEventsOfACaller(t *testing.T) {
	for name, s := range map[string]state{
		"offered": deviceCalls(), "up": deviceUp(),
		"ringing": deviceCalls().with(func(s *state) { s.rang, s.stage = true, stageRinging }).sends(ringing, 0),
	} {
		for _, twice := range []kind{none, ringing, progress, accepted, update, over} {
			orders(doubled(deviceEvents(true), twice), func(order []event) {
				r := &run{s: s, prompt: true, posts: map[kind]int{}, done: map[do]int{}}
				r.all(order)
				offers := 0
				if s.answered {
					offers = newsOf(order).came[update]
				}
				if r.done[doOver] != 1 || r.done[doUp]+r.done[doAnswer]+r.done[doAlerting] > 0 || r.done[doOffer] != offers || len(r.posts) > 0 {
					t.Fatalf("%s, %+v: %v, posts %v", name, order, r.done, r.posts)
				}
			})
		}
	}
}

// TestQueueHasRoom repeats every event of a call many times while a message of ours does not get through.
func TestQueueHasRoom(t *testing.T) {
	r := &run{s: phoneUp().sends(ringingAck, 0), posts: map[kind]int{}, done: map[do]int{}}
	for range 20 {
		for _, ev := range []event{gets(ringing, 0), gets(progress, 2), gets(accepted, 0), gets(updateResponse, 3)} {
			r.step(ev)
		}
	}
	r.step(event{kind: evUpdate, sdp: 4})
	r.step(gets(update, 5))
	r.step(event{kind: evRespond, sdp: 6, offer: 1})
	if r.s.queued >= maxQueue {
		t.Fatalf("%d messages wait", r.s.queued)
	}
	for r.s.flying.kind != none {
		r.step(event{kind: evSent})
	}
	for _, k := range []kind{ringingAck, progressAck, acceptedAck, updateAck, updateResponse} {
		if r.posts[k] != 1 {
			t.Errorf("%s was sent %d times", kindTable[k], r.posts[k])
		}
	}
	r.step(event{kind: evEnd, cause: bridge.Normal})
	if r.posts[over] != 1 {
		t.Error("no CallEnded")
	}
}

func TestKindsAreMessageTypes(t *testing.T) {
	seen := map[kind]bool{}
	for m := range messageTable {
		k := kindOf(m)
		if k == none || seen[k] || kindTable[k] != m {
			t.Errorf("%s has kind %d", m, k)
		}
		seen[k] = true
		if k.isAck() != (m == CallRingingAck || m == CallInProgressAck || m == CallAcceptedAck || m == CallUpdateAck) {
			t.Errorf("%s: isAck is %v", m, k.isAck())
		}
		if ack := m.Ack(); ack != "" && m != CallUpdateResponse && kindOf(ack) != k+(ringingAck-ringing) {
			t.Errorf("%s is acknowledged by kind %d", m, kindOf(ack))
		}
	}
	for _, m := range []MessageType{"", "x", messagePrefix, messagePrefix + "CallHeld"} {
		if kindOf(m) != none {
			t.Errorf("%q has kind %d", m, kindOf(m))
		}
	}
}
