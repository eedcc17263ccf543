package rtc

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/join"
	"github.com/alexacall/alexacall/internal/testutil/model"
)

// The model is an endpoint with one session, two, or a bell and a session: the machine of each and Join's rules, all as they are, and around
// them in small what moves them. Of ours that is Leg and session (model_session_test.go), bridge.To, Join and another Bridge
// (model_join_test.go); of others Alexa, the way of her directives and of the answers, and a door. Directives arrive in any order, each may
// come twice, and answers are lost; functions, the engine and the door take as long as they like, so that each deadline of the machine may
// pass before what it waits for; and where a scenario says so, one of them fails.
//
// In every state:
//   - an offer has one answer at most, which was made, and nothing else is answered;
//   - a leg is told over at most once, no phase shrinks, and a leg that is up has media or an offer that waits;
//   - one answer is made at a time;
//   - a leg has one owner: what Join takes in another one's place goes to no Bridge, and what has gone to one is not taken.
//
// Wherever nothing moves any more unless a party acts:
//   - every offer has its answer, and who has said SessionDisconnected has no leg;
//   - a session whose answer nobody has got is over;
//   - a leg that stands has an owner, and a call that is over for one is over for all;
//   - the device and the door have a codec in common.
//
// From every state one of those is in reach, and nothing stops short of one.

// scenario is a kind of session, with what may happen in it.
type scenario struct {
	name   string
	rules  rules
	budget uint8 // what may fail
	small  bool  // also with the race detector
	huge   bool  // only where there is time
}

func scenarios() []scenario {
	return []scenario{
		{name: "one session", rules: rules{again: true, eager: true}, small: true},
		{name: "one session, and Join looks late", rules: rules{again: true}, huge: true},
		{name: "one session, failures", rules: rules{again: true, eager: true}, budget: 2},
		{name: "one session, the door has all the time", rules: rules{never: true}, budget: 1, small: true},
		{name: "two sessions", rules: rules{twice: true, eager: true}, huge: true},
		{name: "two sessions, nobody leaves", rules: rules{twice: true, patient: true, eager: true}},
		{name: "two sessions, and Join looks late", rules: rules{twice: true, patient: true}, huge: true},
		{name: "two sessions, something happens", rules: rules{twice: true, patient: true, eager: true}, budget: 1, huge: true},
		{name: "a bell", rules: rules{bell: true, twice: true, again: true, eager: true}, small: true},
		{name: "a bell, failures", rules: rules{bell: true, twice: true, eager: true}, budget: 2},
		{name: "a bell, and Join looks late", rules: rules{bell: true, twice: true}},
	}
}

func (s scenario) check() model.Result {
	r := s.rules
	if r.rtc == nil {
		r.rtc = state.step
	}
	if r.join == nil {
		r.join = join.Rules{Fits: codecsFit, NoAnswer: uint8(bridge.NoAnswer), NoMedia: uint8(bridge.Media)}.Step
	}
	return model.Check(model.Options[world]{
		Init: []world{r.begin(s.budget)}, Next: r.next, Invariant: r.invariant, Final: r.final, Progress: r.resting, Format: format,
	})
}

func TestModel(t *testing.T) {
	for _, s := range scenarios() {
		if s.huge {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			if raceEnabled && !s.small {
				t.Skip("too many states for the race detector")
			}
			t.Parallel()
			r := s.check()
			t.Log(r)
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		})
	}
}

// TestModelSoak is TestModel with the largest scenarios.
func TestModelSoak(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") == "" {
		t.Skip("ALEXACALL_SOAK is not set")
	}
	for _, s := range scenarios() {
		if !s.huge {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			r := s.check()
			t.Log(r)
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		})
	}
}

// invariant holds in every state.
func (r rules) invariant(w world) error {
	if w.fault != noFault {
		return errors.New(w.fault.String())
	}
	if !r.resting(w) {
		return nil
	}
	for i := range w.s {
		if err := r.rests(w, i); err != nil {
			return fmt.Errorf("session %d: %w", i+1, err)
		}
	}
	echo := w.s[w.seat]
	switch {
	case w.to == returned && w.door.phase != join.Over:
		return errors.New("the call is over, and the door is not told")
	case w.to != joined:
		return nil
	case (w.door.phase == join.Over) != (echo.phase == join.Over):
		return errors.New("the end is not passed on")
	case w.door.phase == join.Up && echo.phase != join.Up:
		return errors.New("the door has answered, and the leg is not up")
	case w.door.caller && echo.phase == join.Up && w.door.phase != join.Up:
		return errors.New("the bell is answered, and the visitor is not")
	case w.door.phase == join.Up && echo.agreed&w.door.agreed == 0:
		return errors.New("no common codec")
	}
	return nil
}

// rests checks a session where nothing moves.
func (r rules) rests(w world, i int) error {
	l := w.s[i]
	switch {
	case l.come && l.replies == 0:
		return errors.New("the offer is not answered")
	case l.left && !l.passed && l.leg && l.phase != join.Over, l.left && l.passed && w.s[0].phase != join.Over:
		return errors.New("Alexa has ended it, and the leg stands")
	case r.bell && i == 0 && l.phase == join.Placed:
		return errors.New("the bell rings nowhere, and the visitor waits")
	case !l.leg || l.phase == join.Over:
		return nil
	case l.m.stage != stageRinging && !l.m.open().told:
		return errors.New("nobody has got the answer, and the leg stands")
	case !l.handed && (i != int(w.seat) || w.to == returned || w.to == idle):
		return errors.New("the leg is left to itself")
	}
	return nil
}

// resting reports whether nothing happens any more unless Alexa, the door or an owner acts.
func (r rules) resting(w world) bool {
	for i, l := range w.s {
		if l.admitting || l.opening || l.making || l.pressing || l.yielding || w.gone[i] || l.act.is && l.act.at != waiting ||
			l.waiting > 0 && l.replies > 0 || l.m.stage != stageEnded && l.m.open().deadline() != 0 {
			return false
		}
	}
	if w.door.act.is || w.hang != [2]bool{} || w.asking || w.join.Move == join.Fetching {
		return false
	}
	switch w.to {
	case joined:
		return w.seen == [2]view{r.view(w, 0), r.view(w, 1)} && (w.seen[0].phase != join.Over || w.seen[1].phase != join.Over)
	case dialling:
		return w.s[0].phase != join.Over && w.door.phase != join.Over && (!r.bell || w.s[0].phase < join.Alerting)
	case idle, returned:
	}
	return true
}

// final is asked of states in which nothing can happen.
func (r rules) final(w world) error {
	if !r.resting(w) {
		return errors.New("stuck")
	}
	return nil
}
