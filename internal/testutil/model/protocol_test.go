package model_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil/model"
)

// The models below are right and wrong forms of the same small protocol. The checker must pass the
// right ones and find the fault planted in the wrong ones.

// wantHolds fails the test unless every rule held.
func wantHolds(t *testing.T, r model.Result) {
	t.Helper()
	t.Log(r)
	if r.Err != nil {
		t.Fatalf("a right protocol was refused: %v", r.Err)
	}
}

// wantBroken fails the test unless the rule was broken, in a trace of so many steps.
func wantBroken(t *testing.T, r model.Result, rule model.Rule, steps int) *model.Violation {
	t.Helper()
	t.Log(r)
	var v *model.Violation
	if !errors.As(r.Err, &v) {
		t.Fatalf("got %v, want a violation of %v", r.Err, rule)
	}
	if v.Rule != rule || len(v.Trace)-1 != steps {
		t.Fatalf("got %v after %d steps, want %v after %d:\n%v", v.Rule, len(v.Trace)-1, rule, steps, v)
	}
	return v
}

// mutex is the state of two processes that share a critical section.
type mutex struct {
	at   [2]uint8 // 0 outside, 1 has raised its flag, 2 waits, 3 inside
	flag [2]bool
	turn uint8
}

// mutualExclusion is Peterson's algorithm; without the turn variable it is the well-known wrong try
// in which a process looks at the other's flag before it raises its own.
func mutualExclusion(peterson bool) model.Options[mutex] {
	return model.Options[mutex]{
		Init: []mutex{{}},
		Next: func(s mutex, emit func(string, mutex)) {
			for me := range uint8(2) {
				emit2 := func(label string, n mutex) { emit([]string{"A ", "B "}[me]+label, n) }
				if peterson {
					petersonStep(s, me, emit2)
				} else {
					naiveStep(s, me, emit2)
				}
			}
		},
		Invariant: func(s mutex) error {
			if s.at[0] == 3 && s.at[1] == 3 {
				return errors.New("both are inside")
			}
			return nil
		},
		Final:    func(mutex) error { return errors.New("deadlock") },
		Progress: func(s mutex) bool { return s.at[0] == 3 },
	}
}

func petersonStep(s mutex, me uint8, emit func(string, mutex)) {
	other := 1 - me
	n := s
	switch s.at[me] {
	case 0:
		n.at[me], n.flag[me] = 1, true
		emit("raises its flag", n)
	case 1:
		n.at[me], n.turn = 2, other
		emit("gives the turn away", n)
	case 2:
		if !s.flag[other] || s.turn == me {
			n.at[me] = 3
			emit("enters", n)
		}
	case 3:
		n.at[me], n.flag[me] = 0, false
		emit("leaves", n)
	}
}

func naiveStep(s mutex, me uint8, emit func(string, mutex)) {
	n := s
	switch s.at[me] {
	case 0:
		if !s.flag[1-me] {
			n.at[me] = 2
			emit("sees no flag", n)
		}
	case 2:
		n.at[me], n.flag[me] = 3, true
		emit("enters", n)
	case 3:
		n.at[me], n.flag[me] = 0, false
		emit("leaves", n)
	}
}

func TestMutualExclusion(t *testing.T) {
	wantHolds(t, model.Check(mutualExclusion(true)))
	v := wantBroken(t, model.Check(mutualExclusion(false)), model.Invariant, 4)
	if got := v.Error(); !strings.Contains(got, "A sees no flag") || !strings.Contains(got, "B sees no flag") {
		t.Errorf("the trace does not show the race:\n%s", got)
	}
}

// transfer is a message that is sent until it is acknowledged, over a channel that loses.
type transfer struct {
	asking, done   bool // the sender waits for the acknowledgement; has it
	message, reply bool // on the way
	got            bool // the receiver has it
	losses         uint8
}

// lossyTransfer may lose two packets. Without retries a single loss stops everything.
func lossyTransfer(retries bool) model.Options[transfer] {
	return model.Options[transfer]{
		Init: []transfer{{}},
		Next: func(s transfer, emit func(string, transfer)) {
			step := func(label string, change func(n *transfer)) {
				n := s
				change(&n)
				emit(label, n)
			}
			if !s.asking && !s.done {
				step("send", func(n *transfer) { n.asking, n.message = true, true })
			}
			if retries && s.asking && !s.message && !s.reply {
				step("send again", func(n *transfer) { n.message = true })
			}
			if s.message {
				step("message arrives", func(n *transfer) { n.message, n.got, n.reply = false, true, true })
			}
			if s.reply {
				step("reply arrives", func(n *transfer) { n.reply, n.asking, n.done = false, false, true })
			}
			if s.losses < 2 && s.message {
				step("message lost", func(n *transfer) { n.message = false; n.losses++ })
			}
			if s.losses < 2 && s.reply {
				step("reply lost", func(n *transfer) { n.reply = false; n.losses++ })
			}
		},
		Invariant: func(s transfer) error {
			if s.done && !s.got {
				return errors.New("acknowledged but never received")
			}
			return nil
		},
		Final: func(s transfer) error {
			if !s.done {
				return errors.New("stuck")
			}
			return nil
		},
	}
}

func TestLostMessageDeadlocks(t *testing.T) {
	wantHolds(t, model.Check(lossyTransfer(true)))
	v := wantBroken(t, model.Check(lossyTransfer(false)), model.Final, 2)
	if last := v.Trace[2].Label; last != "message lost" {
		t.Errorf("the trace ends with %q, want the loss", last)
	}
}

// corridor is two people who meet in a corridor. Each stands left or right and, while they block each
// other, steps aside.
type corridor struct {
	side    [2]bool
	stepped [2]bool // has stepped aside, and waits to see what the other does
	through bool
}

// meeting lets both step aside at once for ever; where one of them stays put, they get through.
func meeting(oneStays bool) model.Options[corridor] {
	return model.Options[corridor]{
		Init: []corridor{{}},
		Next: func(s corridor, emit func(string, corridor)) {
			if s.through {
				return
			}
			n := s
			switch {
			case s.stepped[0] && (s.stepped[1] || oneStays) && s.side[0] != s.side[1]:
				n.through = true
				emit("pass", n)
			case s.stepped[0] && (s.stepped[1] || oneStays):
				n.stepped = [2]bool{}
				emit("look", n)
			case !s.stepped[0]:
				n.stepped[0], n.side[0] = true, !s.side[0]
				emit("A steps aside", n)
			default:
				n.stepped[1], n.side[1] = true, !s.side[1]
				emit("B steps aside", n)
			}
		},
		Final: func(s corridor) error {
			if !s.through {
				return errors.New("deadlock")
			}
			return nil
		},
		Progress: func(s corridor) bool { return s.through },
	}
}

func TestLivelock(t *testing.T) {
	wantHolds(t, model.Check(meeting(true)))
	v := wantBroken(t, model.Check(meeting(false)), model.Progress, 0)
	if !errors.Is(v, model.ErrNoProgress) {
		t.Errorf("got %v, want ErrNoProgress", v.Err)
	}

	// Without the liveness rule the same fault goes unseen: no state is a dead end.
	o := meeting(false)
	o.Progress = nil
	wantHolds(t, model.Check(o))
}

func TestProgressTraceLeadsToTheTrap(t *testing.T) {
	// 0 and 1 can reach the good state 2; 3 and 4 circle for ever.
	steps := map[int][]int{0: {1, 2}, 1: {2, 3}, 2: {0}, 3: {4}, 4: {3}}
	r := model.Check(model.Options[int]{
		Init: []int{0},
		Next: func(s int, emit func(string, int)) {
			for _, n := range steps[s] {
				emit("step", n)
			}
		},
		Progress: func(s int) bool { return s == 2 },
	})
	v := wantBroken(t, r, model.Progress, 2)
	if last := v.Trace[2].State; last != "3" {
		t.Errorf("the trace ends in %s, want the trap's entrance 3", last)
	}
}

func TestAStepToItselfIsNoWayOut(t *testing.T) {
	r := model.Check(model.Options[int]{
		Init:  []int{0},
		Next:  func(s int, emit func(string, int)) { emit("tick", min(s+1, 3)) },
		Final: func(s int) error { return errors.New("stopped") },
	})
	if v := wantBroken(t, r, model.Final, 3); v.Err.Error() != "stopped" {
		t.Errorf("got %v, want the rule's own error", v.Err)
	}
	if r.Transitions != 4 {
		t.Errorf("got %d transitions, want 4 with the last tick", r.Transitions)
	}
}
