package model_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil/model"
)

func ExampleCheck() {
	type state struct{ sent, got uint8 }
	r := model.Check(model.Options[state]{
		Init: []state{{}},
		Next: func(s state, emit func(string, state)) {
			if s.sent < 3 {
				emit("send", state{s.sent + 1, s.got})
			}
			if s.got < s.sent {
				emit("receive", state{s.sent, s.got + 1})
			}
		},
		Invariant: func(s state) error {
			if s.sent-s.got > 2 {
				return errors.New("three messages in flight")
			}
			return nil
		},
	})
	fmt.Println(r.Err)
	// Output:
	// model: invariant broken after 3 steps: three messages in flight
	//    0  (initial)
	//       {sent:0 got:0}
	//    1  send
	//       {sent:1 got:0}
	//    2  send
	//       {sent:2 got:0}
	//    3  send
	//       {sent:3 got:0}
}

// eightPuzzle is the sliding puzzle on a board of 3 by 3. Its numbers are known: half of 9! positions
// can be reached, the farthest in 31 moves, and each free square allows 2, 3 or 4 moves.
func eightPuzzle() model.Options[[9]uint8] {
	return model.Options[[9]uint8]{
		Init: [][9]uint8{{1, 2, 3, 4, 5, 6, 7, 8, 0}},
		Next: func(s [9]uint8, emit func(string, [9]uint8)) {
			free := slices.Index(s[:], 0)
			for _, d := range []struct {
				name   string
				dx, dy int
			}{{"left", -1, 0}, {"right", 1, 0}, {"up", 0, -1}, {"down", 0, 1}} {
				x, y := free%3+d.dx, free/3+d.dy
				if x < 0 || x > 2 || y < 0 || y > 2 {
					continue
				}
				next := s
				next[free], next[3*y+x] = s[3*y+x], 0
				emit(d.name, next)
			}
		},
	}
}

func TestCheckVisitsEveryStateOnce(t *testing.T) {
	o := eightPuzzle()
	o.Progress = func(s [9]uint8) bool { return s == o.Init[0] }
	r := model.Check(o)
	t.Log(r)
	if r.Err != nil {
		t.Fatalf("every position can be led back: %v", r.Err)
	}
	want := model.Result{States: 181_440, Transitions: 483_840, Depth: 31}
	if r != want {
		t.Errorf("got %v, want %v", r, want)
	}
}

func TestCheckFindsAShortestTrace(t *testing.T) {
	// Three and five litres, four wanted: the least is six pourings.
	type jugs struct{ three, five int }
	r := model.Check(model.Options[jugs]{
		Init: []jugs{{}},
		Next: func(s jugs, emit func(string, jugs)) {
			emit("fill three", jugs{3, s.five})
			emit("fill five", jugs{s.three, 5})
			emit("empty three", jugs{0, s.five})
			emit("empty five", jugs{s.three, 0})
			n := min(s.three, 5-s.five)
			emit("three to five", jugs{s.three - n, s.five + n})
			n = min(s.five, 3-s.three)
			emit("five to three", jugs{s.three + n, s.five - n})
		},
		Invariant: func(s jugs) error {
			if s.five == 4 {
				return errors.New("four litres")
			}
			return nil
		},
		Format: func(s jugs) string { return fmt.Sprintf("%d+%d", s.three, s.five) },
	})
	var v *model.Violation
	if !errors.As(r.Err, &v) || v.Rule != model.Invariant {
		t.Fatalf("got %v, want a broken invariant", r.Err)
	}
	var labels, states []string
	for _, s := range v.Trace {
		labels, states = append(labels, s.Label), append(states, s.State)
	}
	wantLabels := []string{"", "fill five", "five to three", "empty three", "five to three", "fill five", "five to three"}
	wantStates := []string{"0+0", "0+5", "3+2", "0+2", "2+0", "2+5", "3+4"}
	if !slices.Equal(labels, wantLabels) || !slices.Equal(states, wantStates) {
		t.Errorf("got %q by %q, want %q by %q", states, labels, wantStates, wantLabels)
	}
}

func TestCheckJudgesInitialStates(t *testing.T) {
	r := model.Check(model.Options[int]{
		Init:      []int{1, 2, 2},
		Next:      func(int, func(string, int)) {},
		Invariant: func(s int) error { return oddOnly(s) },
	})
	var v *model.Violation
	if !errors.As(r.Err, &v) || len(v.Trace) != 1 || v.Trace[0].State != "2" {
		t.Errorf("got %v, want a trace of the initial state 2 alone", r.Err)
	}
}

func oddOnly(s int) error {
	if s%2 == 0 {
		return errors.New("even")
	}
	return nil
}

func TestCheckGivesUpAtTheLimit(t *testing.T) {
	o := eightPuzzle()
	o.MaxStates = 1000
	r := model.Check(o)
	if !errors.Is(r.Err, model.ErrTooManyStates) {
		t.Errorf("got %v, want ErrTooManyStates", r.Err)
	}
	if r.States != 1001 {
		t.Errorf("got %d states, want to stop at the first too many", r.States)
	}
	o.MaxStates = 181_440
	if r := model.Check(o); r.Err != nil {
		t.Errorf("a limit that is just enough: %v", r.Err)
	}
}

func TestCheckRefusesAModelWithoutStart(t *testing.T) {
	if r := model.Check(model.Options[int]{Next: func(int, func(string, int)) {}}); r.Err == nil {
		t.Error("a model without initial states passed")
	}
	if r := model.Check(model.Options[int]{Init: []int{1}}); r.Err == nil {
		t.Error("a model without Next passed")
	}
}

func TestCheckSaysWhenNextIsNotAFunction(t *testing.T) {
	calls := 0
	r := model.Check(model.Options[int]{
		Init: []int{0},
		Next: func(s int, emit func(string, int)) {
			if calls++; s == 0 && calls == 1 {
				emit("once", 1)
			}
		},
		Final: func(s int) error {
			if s == 1 {
				return errors.New("one")
			}
			return nil
		},
	})
	if r.Err == nil || !strings.Contains(r.Err.Error(), "does not now") {
		t.Errorf("got %v, want a trace that says that Next changed its mind", r.Err)
	}
}

func BenchmarkCheck(b *testing.B) {
	b.ReportAllocs()
	states := 0
	for b.Loop() {
		states += model.Check(eightPuzzle()).States
	}
	b.ReportMetric(float64(states)/b.Elapsed().Seconds(), "states/s")
}
