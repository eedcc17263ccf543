package alexa

import (
	"errors"
	"os"
	"testing"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/join"
	"github.com/alexacall/alexacall/internal/testutil/model"
)

// The model is one call: the session's machine and Join's rules, both as they are, and around them in small what moves them. Of ours
// that is Leg and session (model_echo_test.go), bridge.To and Join (model_join_test.go); of others Alexa with a device, the way of our
// messages and of hers (model_cloud_test.go), and a phone (model_phone_test.go). Goroutines that may run at the same time take turns in
// every order. Up to three of Alexa's events are on their way at a time, arrive in any order, and twice where a scenario says so. A
// message of ours is taken, refused because the call is over or because of another change, fails for certain, or fails though Alexa may
// have acted on it. Changes of both sides may cross; then Alexa refuses ours, or takes and forgets it, or answers it beside her own.
//
// In every state:
//   - a leg is told over at most once, and no phase shrinks;
//   - one message of ours is on its way at a time, and the queue has room;
//   - nothing is sent after a CallEnded of ours or Alexa's;
//   - every acknowledgement goes with a message of Alexa's, and every message belongs to its kind of call;
//   - the answer to the first offer goes once, in CallInProgress or CallAccepted, and CallAccepted never goes without it;
//   - the device's leg is up only if the device has accepted, or Alexa has taken our CallAccepted, and media is agreed;
//   - CallAccepted goes only if the phone has answered, and the phone is answered only if the device has accepted;
//   - a CallUpdate of Alexa's is answered at most once, and ours goes only in an accepted call;
//   - of two changes at a time one waits: ours is withdrawn when Alexa's comes, and none of ours goes while hers waits;
//   - what answers no change of ours, such as one that was withdrawn, is acknowledged and changes nothing.
//
// Wherever nothing moves any more unless a party acts:
//   - each side knows how the other stands: ringing, accepted, hung up, and the direction of its sound. The device has it from what of
//     ours it has really taken, so a change that gave way to Alexa's has gone again, unless the answer to hers has said it all;
//   - no acknowledgement is owed, no CallUpdate of either side waits;
//   - a call that is over for one is over for all: both legs, the session, Join and, unless CallEnded could not be sent, the device;
//   - where nobody hangs up and nothing fails, the call stands or has rung out.
//
// From every state one of those is in reach, and nothing stops short of one.

// scenario is a kind of call, with what may happen in it.
type scenario struct {
	name     string
	rules    rules
	failures uint8 // posts that fail
	changes  uint8 // changes of the call by the device
	holds    uint8 // by the phone
	small    bool  // also with the race detector
	large    bool  // only where there is time
}

func scenarios() []scenario {
	return []scenario{
		{name: "device calls", rules: rules{}, small: true},
		{name: "device calls, posts fail", rules: rules{}, failures: 2},
		{name: "device calls, changes", rules: rules{eager: true, patient: true, deaf: true}, changes: 2, holds: 2, small: true},
		{name: "device calls, early changes", rules: rules{hasty: true, eager: true, twice: true}, changes: 1},
		{name: "device calls, codecs change", rules: rules{eager: true, patient: true, codecs: true}, changes: 2, holds: 1},
		{name: "device calls, changes fail", rules: rules{eager: true}, changes: 1, holds: 1, failures: 2},
		{name: "phone calls", rules: rules{called: true}},
		{name: "phone calls, posts fail", rules: rules{called: true, eager: true}, failures: 2},
		{name: "phone calls, events twice", rules: rules{called: true, eager: true, twice: true}, large: true},
		{name: "phone calls, changes", rules: rules{called: true, eager: true, patient: true, deaf: true}, changes: 2, holds: 1},
		{name: "phone calls, changes fail", rules: rules{called: true, eager: true, patient: true}, changes: 1, holds: 1, failures: 2},
		{name: "phone calls, codecs change", rules: rules{called: true, eager: true, patient: true, codecs: true}, changes: 2, large: true},
		{name: "phone calls, all at once", rules: rules{called: true, eager: true, hasty: true}, changes: 1, failures: 1, large: true},
		{name: "device calls, all at once", rules: rules{eager: true, twice: true, deaf: true, hasty: true}, changes: 1, holds: 1, failures: 1, large: true},
		{name: "device calls, changes twice", rules: rules{eager: true, patient: true, twice: true, deaf: true}, changes: 1, holds: 1},
		{name: "phone calls, all but hanging up", rules: rules{called: true, eager: true, patient: true, twice: true, hasty: true}, changes: 1, failures: 1, large: true},
		{name: "device calls, glare", rules: rules{eager: true, patient: true, crosses: true}, changes: 2, holds: 1, small: true},
		{name: "phone calls, glare", rules: rules{called: true, eager: true, patient: true, crosses: true}, changes: 1, holds: 1},
		{name: "device calls, glare and failures", rules: rules{eager: true, patient: true, crosses: true, twice: true}, changes: 1, holds: 1, failures: 1},
		{name: "phone calls, nonsense", rules: rules{called: true, eager: true, broken: true}},
	}
}

// begin is the world before anything has happened.
func (s scenario) begin() world {
	w := world{failures: s.failures}
	w.cloud.budget, w.phone.budget, w.cloud.said = s.changes, s.holds, full
	if s.rules.called {
		w.phone.far, w.phone.pending, w.echo.want = full, true, full
		w.machine = packState(state{called: true})
		w.echo.wish = wish{is: true, kind: evPlace, sdp: full}
		return w
	}
	w.cloud.known = true
	w.echo.far, w.echo.offered, w.echo.pending, w.echo.want = full, full, true, full
	w.machine = packState(state{taken: true})
	return w
}

func (s scenario) check() model.Result {
	r := s.rules
	r.failing = s.failures > 0
	if r.alexa == nil {
		r.alexa = state.step
	}
	if r.join == nil {
		r.join = join.Rules{Fits: codecsFit, NoAnswer: uint8(bridge.NoAnswer), NoMedia: uint8(bridge.Media)}.Step
	}
	return model.Check(model.Options[world]{
		Init: []world{s.begin()}, Next: r.next, Invariant: r.invariant, Final: r.final, Progress: r.resting, Format: format,
	})
}

func TestModel(t *testing.T) { checkModel(t, false) }

// TestModelSoak is TestModel with the largest scenarios.
func TestModelSoak(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") == "" {
		t.Skip("ALEXACALL_SOAK is not set")
	}
	checkModel(t, true)
}

func checkModel(t *testing.T, large bool) {
	for _, s := range scenarios() {
		if s.large != large {
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

// invariant holds in every state.
func (r rules) invariant(w world) error {
	if w.fault != noFault {
		return errors.New(w.fault.String())
	}
	if !r.resting(w) {
		return nil
	}
	if w.to == returned || w.end != 0 {
		return r.over(w)
	}
	return r.goesOn(w)
}

// resting reports whether nothing happens any more unless the device, the phone or one of their users acts.
func (r rules) resting(w world) bool {
	l := w.echo
	moving := l.wish.is || l.act.is || l.stand || w.machine.theirs != 0 || l.failed || w.phone.act.is || w.asking ||
		w.way != idle || w.machine.queue[0] != 0 || w.cloud.flight != [3]message{} || w.cloud.update == skill && !l.finished ||
		w.hang[0] == hangup || w.hang[1] == hangup
	if moving {
		return false
	}
	switch w.to {
	case joined:
		return w.seen == [2]view{r.view(w, 0), r.view(w, 1)} && (w.seen[0].phase != join.Over || w.seen[1].phase != join.Over)
	case dialling:
		return r.called && l.phase < join.Alerting
	default:
		return true
	}
}

// stands checks a call that goes on.
func (r rules) goesOn(w world) error {
	e, p := w.echo, w.phone
	switch {
	case w.cloud.stage == stageEnded:
		return errors.New("the device has hung up, and its leg stands")
	case w.cloud.update == device && w.machine.early == 0: // which waits for our first answer
		return errors.New("the device's CallUpdate is not answered")
	case w.cloud.owed != 0:
		return errors.New("an acknowledgement is missing")
	case w.cloud.accepted && e.phase != join.Up:
		return errors.New("accepted, but the device's leg is not up")
	case r.called && e.phase == join.Up && p.phase != join.Up:
		return errors.New("the device has accepted, but the phone is not answered")
	case !r.called && p.phase == join.Up && e.phase != join.Up:
		return errors.New("the phone has answered, but the device's call is not accepted")
	case r.called && w.cloud.stage >= stageRinging && w.to == joined && p.phase < join.Alerting:
		return errors.New("the device rings, and the caller is not told")
	case !r.called && w.to == joined && w.cloud.stage < stageRinging:
		return errors.New("the phone rings, and the device is not told")
	case w.machine.open().ours:
		return errors.New("a CallUpdate of ours waits for ever")
	case e.phase == join.Up && p.phase == join.Up && !w.deaf && e.want.dir() != p.far.dir():
		return errors.New("the device was not told how the phone stands")
	case e.phase == join.Up && p.phase == join.Up && !w.deaf && !w.cloud.stale && w.cloud.told.dir() != p.far.dir():
		return errors.New("the device does not have how the phone stands")
	case e.phase == join.Up && p.phase == join.Up && p.want.dir() != e.far.dir():
		return errors.New("the phone was not told how the device stands")
	}
	return nil
}

// over checks a call that has ended.
func (r rules) over(w world) error {
	switch {
	case w.echo.phase != join.Over || w.phone.phase != join.Over:
		return errors.New("the end was not passed on")
	case w.echo.overs != 1:
		return errors.New("a leg is over and was not told")
	case !w.echo.finished:
		return errors.New("the call is over and the session is not")
	case w.to != returned:
		return errors.New("the call is over and Join does not return")
	case w.cloud.known && w.cloud.stage != stageEnded && !w.endFailed:
		return errors.New("the call is over and the device is not told")
	case r.calm() && w.end != 1+uint8(bridge.NoAnswer):
		return errors.New("the call has ended by itself")
	}
	return nil
}

// final is asked of states in which nothing can happen: the end, or a call that stands where nobody hangs up.
func (r rules) final(w world) error {
	switch {
	case !r.resting(w):
		return errors.New("stuck")
	case r.patient && w.to == joined && w.end == 0:
		return nil
	}
	return r.over(w)
}
