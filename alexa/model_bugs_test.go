package alexa

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/join"
	"github.com/alexacall/alexacall/internal/testutil/model"
)

// bug is a spoilt copy of one of the two machines, in a scenario where the checker must find it.
type bug struct {
	name  string
	in    string // the scenario
	says  string // part of what is found
	alexa func(state, time.Time, event) (state, []action)
	join  func(join.State, join.Input) (join.State, []join.Action)
}

// without makes a step that takes no notice of some events.
func without(lost func(state, event) bool) func(state, time.Time, event) (state, []action) {
	return func(s state, now time.Time, ev event) (state, []action) {
		if lost(s, ev) {
			return s, nil
		}
		return s.step(now, ev)
	}
}

// changed makes a step that understands some events in another way.
func changed(f func(*state, *event)) func(state, time.Time, event) (state, []action) {
	return func(s state, now time.Time, ev event) (state, []action) {
		f(&s, &ev)
		return s.step(now, ev)
	}
}

// afterwards makes a step whose result is spoilt.
func afterwards(f func(before state, ev event, s *machine)) func(state, time.Time, event) (state, []action) {
	return func(s state, now time.Time, ev event) (state, []action) {
		m := machine{now: now}
		m.state, m.acts = s.step(now, ev)
		f(s, ev, &m)
		return m.state, m.acts
	}
}

func is(ev event, k kind) bool { return ev.kind == evMessage && ev.message == k }

func bugs() []bug {
	rules := join.Rules{Fits: codecsFit, NoAnswer: uint8(bridge.NoAnswer), NoMedia: uint8(bridge.Media)}
	return slices.Concat(bugsOfEvents(), bugsOfActions(), bugsOfChanges(), []bug{
		{name: "a caller who gives up is forgotten", in: "phone calls", says: "not passed on", join: func(s join.State, in join.Input) (join.State, []join.Action) {
			s, acts := rules.Step(s, in)
			return s, slices.DeleteFunc(acts, func(a join.Action) bool { return a.Do == join.DoHangup && in.Note == join.Look })
		}},
		{name: "early media is taken for an answer", in: "phone calls", says: "the device had not accepted", join: func(s join.State, in join.Input) (join.State, []join.Action) {
			if in.Sides[1].Phase == join.Early && in.Sides[1].Agreed.Said() {
				in.Sides[1].Phase = join.Up
			}
			return rules.Step(s, in)
		}},
		{name: "early media is taken for an answer", in: "device calls", says: "the phone had not answered", join: func(s join.State, in join.Input) (join.State, []join.Action) {
			if in.Sides[1].Phase == join.Early && in.Sides[1].Agreed.Said() {
				in.Sides[1].Phase = join.Up
			}
			return rules.Step(s, in)
		}},
		{name: "a hold is not passed on", in: "phone calls, changes", says: "not told how the phone stands", join: func(s join.State, in join.Input) (join.State, []join.Action) {
			in.Sides[0].Far[0].Dir = join.SendRecv
			return rules.Step(s, in)
		}},
	})
}

// bugsOfEvents lose or misunderstand what happens.
func bugsOfEvents() []bug {
	return []bug{
		{name: "an event before the answer to the post is lost", in: "phone calls", says: "missing", alexa: without(func(s state, ev event) bool {
			return is(ev, ringing) && s.flying.kind == inviteIn
		})},
		{name: "ringing is not told", in: "device calls", says: "the device is not told", alexa: without(func(_ state, ev event) bool {
			return ev.kind == evRing
		})},
		{name: "the device's hang-up is lost", in: "device calls", says: "after CallEnded", alexa: without(func(_ state, ev event) bool {
			return is(ev, over)
		})},
		{name: "our hang-up is lost", in: "device calls", says: "not passed on", alexa: without(func(_ state, ev event) bool {
			return ev.kind == evEnd
		})},
		{name: "a CallUpdate is not answered", in: "phone calls, changes", says: "stuck", alexa: without(func(_ state, ev event) bool {
			return ev.kind == evRespond
		})},
		{name: "a CallUpdate that overtakes the answer is lost", in: "phone calls, changes", says: "not answered", alexa: without(func(s state, ev event) bool {
			return is(ev, update) && !s.answered
		})},
		{name: "glare is ignored", in: "phone calls, changes", says: "not answered", alexa: without(func(s state, ev event) bool {
			return is(ev, update) && s.ours
		})},
		{name: "time does not pass", in: "phone calls, changes", says: "stuck", alexa: without(func(_ state, ev event) bool {
			return ev.kind == evTimeout
		})},
		{name: "an uncertain invitation is taken for none", in: "phone calls, posts fail", says: "the device is not told", alexa: changed(func(s *state, ev *event) {
			ev.maybe = ev.maybe && s.flying.kind != inviteIn
		})},
		{name: "the refusal of a repeated invitation is believed", in: "phone calls, posts fail", says: "the device is not told", alexa: changed(func(s *state, ev *event) {
			ev.maybe = ev.maybe && !ev.dead
		})},
		{name: "a conflict ends the call", in: "phone calls, changes", says: "the call is over", alexa: changed(func(s *state, ev *event) {
			if ev.busy {
				ev.dead = true
			}
		})},
		{name: "CallAccepted repeats the answer", in: "device calls", says: "the answer twice", alexa: changed(func(s *state, ev *event) {
			if ev.kind == evAccept {
				ev.sdp = int(full)
			}
		})},
		{name: "CallAccepted lacks the answer", in: "device calls", says: "without any answer", alexa: changed(func(_ *state, ev *event) {
			if ev.kind == evAccept {
				ev.sdp = 0
			}
		})},
		{name: "a call is accepted twice", in: "device calls, all at once", says: "the answer twice", alexa: changed(func(s *state, ev *event) {
			if ev.kind == evRespond {
				s.accepted, ev.kind = false, evAccept
			}
		})},
		{name: "CallAccepted without an answer is enough", in: "phone calls", says: "without media", alexa: changed(func(s *state, ev *event) {
			s.answered = s.answered || is(*ev, accepted)
		})},
		{name: "a CallUpdate is answered twice", in: "device calls, changes", says: "answered twice", alexa: func(s state, now time.Time, ev event) (state, []action) {
			s, acts := s.step(now, ev)
			if ev.kind != evRespond {
				return s, acts
			}
			s.theirs = ev.offer
			s, more := s.step(now, ev)
			return s, append(acts, more...)
		}},
	}
}

// bugsOfActions do the wrong thing.
func bugsOfActions() []bug {
	return []bug{
		{name: "an acknowledgement is dropped", in: "phone calls", says: "an acknowledgement is missing", alexa: func(s state, now time.Time, ev event) (state, []action) {
			if is(ev, progress) && s.flying.kind == none {
				t, acts := s.step(now, ev)
				t.flying = post{}
				return t, slices.DeleteFunc(acts, func(a action) bool { return a.do == doPost })
			}
			return s.step(now, ev)
		}},
		{name: "a leg is told over twice", in: "device calls", says: "told over twice", alexa: afterwards(func(_ state, _ event, m *machine) {
			if i := slices.IndexFunc(m.acts, func(a action) bool { return a.do == doOver }); i >= 0 {
				m.do(m.acts[i])
			}
		})},
		{name: "CallEnded goes twice", in: "device calls", says: "a message after CallEnded", alexa: afterwards(func(s state, ev event, m *machine) {
			if s.flying.kind == over && ev.kind == evSent {
				m.acts = nil
				m.send(over, 0)
				m.pump()
			}
		})},
		{name: "a session that is over acknowledges", in: "phone calls", says: "a message after CallEnded", alexa: afterwards(func(s state, ev event, m *machine) {
			if is(ev, ringing) && s.stage == stageEnded {
				m.send(ringingAck, 0)
			}
		})},
		{name: "accepted is told before Alexa has taken it", in: "device calls", says: "was not accepted", alexa: afterwards(func(_ state, ev event, m *machine) {
			if ev.kind == evAccept {
				m.up()
			}
		})},
		{name: "a CallUpdate is taken for acceptance", in: "device calls, early changes", says: "was not accepted", alexa: afterwards(func(s state, ev event, m *machine) {
			if is(ev, update) && s.stage < stageUp {
				m.up()
			}
		})},
		{name: "two messages go at a time", in: "phone calls", says: "two messages", alexa: afterwards(func(_ state, _ event, m *machine) {
			if m.queued > 0 && m.flying.kind != none {
				m.flying = post{}
				m.pump()
			}
		})},
		{name: "the failure of one CallUpdate is taken for that of the next", in: "phone calls, changes", says: "not told how the phone stands", alexa: afterwards(func(s state, ev event, m *machine) {
			if ev.kind == evUnsent && s.flying.kind == update && (&machine{state: s}).queues(update) {
				m.dropUpdate(false)
			}
		})},
		{name: "the answer is lost", in: "phone calls", says: "without media", alexa: afterwards(func(_ state, _ event, m *machine) {
			m.acts = slices.DeleteFunc(m.acts, func(a action) bool { return a.do == doAnswer })
		})},
	}
}

// TestModelFindsBugs plants bugs and wants each found.
func TestModelFindsBugs(t *testing.T) {
	for _, b := range bugs() {
		t.Run(b.name+", "+b.in, func(t *testing.T) {
			if raceEnabled {
				t.Skip("too many states for the race detector, which has nothing to find in them")
			}
			t.Parallel()
			at := slices.IndexFunc(scenarios(), func(s scenario) bool { return s.name == b.in })
			if at < 0 {
				t.Fatal("no such scenario")
			}
			s := scenarios()[at]
			s.rules.alexa, s.rules.join = b.alexa, b.join
			r := s.check()
			t.Log(r)
			var v *model.Violation
			if !errors.As(r.Err, &v) || !strings.Contains(v.Err.Error(), b.says) {
				t.Fatalf("not found: %v", r.Err)
			}
		})
	}
}
