package rtc

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
	name string
	in   string // the scenario
	says string // part of what is found
	rtc  func(state, time.Duration, event) (state, []action)
	join func(join.State, join.Input) (join.State, []join.Action)
}

// without makes a step that takes no notice of some events.
func without(lost func(state, event) bool) func(state, time.Duration, event) (state, []action) {
	return func(s state, at time.Duration, ev event) (state, []action) {
		if lost(s, ev) {
			return s, nil
		}
		return s.step(at, ev)
	}
}

// afterwards makes a step whose result is spoilt.
func afterwards(f func(before state, ev event, m *machine)) func(state, time.Duration, event) (state, []action) {
	return func(s state, at time.Duration, ev event) (state, []action) {
		m := machine{at: at}
		m.state, m.acts = s.step(at, ev)
		f(s, ev, &m)
		return m.state, m.acts
	}
}

// twice does an action twice.
func twice(d do) func(state, time.Duration, event) (state, []action) {
	return afterwards(func(_ state, _ event, m *machine) {
		if i := slices.IndexFunc(m.acts, func(a action) bool { return a.do == d }); i >= 0 {
			m.do(m.acts[i])
		}
	})
}

func bugs() []bug {
	const one, two, bell = "one session", "two sessions, nobody leaves", "a bell"
	rules := join.Rules{Fits: codecsFit, NoAnswer: uint8(bridge.NoAnswer), NoMedia: uint8(bridge.Media)}
	return []bug{
		{name: "two answers", in: one, says: "answered twice", rtc: twice(doReply)},
		{name: "no answer when it is late", in: one, says: "not answered", rtc: afterwards(func(_ state, ev event, m *machine) {
			m.acts = slices.DeleteFunc(m.acts, func(a action) bool { return a.do == doReply && ev.kind == evTimeout })
		})},
		{name: "an answer that comes late is sent too", in: one, says: "answered twice", rtc: afterwards(func(s state, ev event, m *machine) {
			if ev.kind == evTimeout && s.stage == stageMaking && m.stage == stageEnded { // it waits on
				m.state, m.acts = s, slices.DeleteFunc(m.acts, func(a action) bool { return a.do != doReply })
				m.answerBy = 0
			}
		})},
		{name: "the offer is placed though it has been refused", in: one, says: "after its end", rtc: afterwards(func(_ state, ev event, m *machine) {
			if ev.kind == evAdmitted {
				m.end(bridge.Overload, false)
			}
		})},
		{name: "an answer is sent before it is made", in: one, says: "was not made", rtc: afterwards(func(_ state, ev event, m *machine) {
			if ev.kind == evWant && m.owed {
				m.reply(action{do: doReply, made: true})
			}
		})},
		{name: "time does not pass", in: "one session, failures", says: "stuck", rtc: without(func(_ state, ev event) bool { return ev.kind == evTimeout })},
		{name: "SessionDisconnected is lost", in: one, says: "Alexa has ended it", rtc: without(func(_ state, ev event) bool { return ev.kind == evDisconnected })},
		{name: "a hang-up is lost", in: one, says: "left to itself", rtc: without(func(_ state, ev event) bool { return ev.kind == evEnd })},
		{name: "a lost answer is not missed", in: one, says: "nobody has got the answer", rtc: afterwards(func(_ state, _ event, m *machine) {
			m.tellBy = 0
		})},
		{name: "an answer is made while another one is", in: one, says: "two answers are made", rtc: afterwards(func(s state, ev event, m *machine) {
			if ev.kind == evWant && s.stage == stageMaking {
				m.make(ev.plan, ev.accept, false)
			}
		})},
		{name: "acceptance is lost after early media", in: one, says: "the leg is not up", rtc: without(func(s state, ev event) bool {
			return ev.kind == evWant && s.stage == stageEarly
		})},
		{name: "accepted is told before the answer is made", in: one, says: "without media", rtc: afterwards(func(s state, ev event, m *machine) {
			if ev.kind == evWant && s.stage == stageOffered {
				m.do(action{do: doUp})
			}
		})},
		{name: "over is told twice", in: one, says: "told over twice", rtc: twice(doOver)},
		{name: "the offer does not reach the bell", in: bell, says: "not answered", rtc: without(func(_ state, ev event) bool { return ev.kind == evOffer })},
		{name: "the offer is refused though the bell has it", in: bell, says: "has not asked", rtc: afterwards(func(_ state, ev event, m *machine) {
			if ev.kind == evPassed {
				m.do(action{do: doReply, cause: bridge.Busy})
			}
		})},
		{name: "a bell that rings nowhere rings on", in: "a bell, failures", says: "rings nowhere", rtc: without(func(_ state, ev event) bool { return ev.kind == evUnrung })},
		{name: "a wish is granted that was given up", in: "two sessions, and Join looks late", says: "two owners", rtc: afterwards(func(_ state, ev event, m *machine) {
			for i := range m.acts {
				m.acts[i].claim = m.acts[i].do == doClaim
			}
		})},
		{name: "the first makes room though the wish is taken", in: two, says: "two owners", rtc: afterwards(func(s state, ev event, m *machine) {
			if ev.kind == evTake && s.wish == wishOpen {
				m.do(action{do: doYield})
			}
		})},
		{name: "nobody has the second", in: two, says: "left to itself", rtc: afterwards(func(_ state, _ event, m *machine) {
			m.acts = slices.DeleteFunc(m.acts, func(a action) bool { return a.do == doYield })
		})},
		{name: "the second waits for ever", in: two, says: "left to itself", rtc: afterwards(func(_ state, ev event, m *machine) {
			if ev.kind == evAgain {
				m.yieldAt = 0
			}
		})},
		{name: "Join forgets the door", in: one, says: "not passed on", join: func(s join.State, in join.Input) (join.State, []join.Action) {
			s, acts := rules.Step(s, in)
			return s, slices.DeleteFunc(acts, func(a join.Action) bool { return a.Do == join.DoHangup && a.Side == 1 && in.Note == join.Look })
		}},
		{name: "Join does not tell the door what was agreed", in: one, says: "no common codec", join: func(s join.State, in join.Input) (join.State, []join.Action) {
			n, acts := rules.Step(s, in)
			return n, slices.DeleteFunc(acts, func(a join.Action) bool {
				lost := a.Do == join.DoUpdate && a.Side == 1
				n.Busy[1] = n.Busy[1] && !lost
				return lost
			})
		}},
	}
}

// TestModelFindsBugs plants bugs and wants each found.
func TestModelFindsBugs(t *testing.T) {
	for _, b := range bugs() {
		t.Run(b.name, func(t *testing.T) {
			if raceEnabled {
				t.Skip("too many states for the race detector, which has nothing to find in them")
			}
			t.Parallel()
			at := slices.IndexFunc(scenarios(), func(s scenario) bool { return s.name == b.in })
			if at < 0 {
				t.Fatal("no such scenario")
			}
			s := scenarios()[at]
			s.rules.rtc, s.rules.join = b.rtc, b.join
			r := s.check()
			t.Log(r)
			var v *model.Violation
			if !errors.As(r.Err, &v) || !strings.Contains(v.Err.Error(), b.says) {
				t.Fatalf("not found: %v", r.Err)
			}
		})
	}
}
