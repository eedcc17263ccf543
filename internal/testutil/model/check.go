package model

import (
	"errors"
	"fmt"
)

// DefaultMaxStates is the value of [Options.MaxStates] that 0 stands for.
const DefaultMaxStates = 20_000_000

// Options describes a model and what must hold in it. Init and Next are required; a nil rule holds.
type Options[S comparable] struct {
	// Init are the states that the model may start in.
	Init []S

	// Next calls emit for each step that is possible in s, with the step's name and the state it
	// leads to. It must depend on s alone. A step that leads back to s is counted but changes nothing.
	Next func(s S, emit func(label string, next S))

	// Invariant returns an error for a state that must never be reached.
	Invariant func(s S) error

	// Final returns an error for a state in which the model must not stop for ever. It is asked
	// about each state that no step leaves.
	Final func(s S) error

	// Progress reports whether s is a good state, such as one where a call is over. From each reachable
	// state a good one must be reachable in turn; a good state may be left again.
	Progress func(s S) bool

	// Format writes a state in a trace. nil: as fmt's %+v.
	Format func(s S) string

	// MaxStates is how many states are visited before the check gives up with [ErrTooManyStates].
	MaxStates int // 0: DefaultMaxStates
}

// Check visits every reachable state once, breadth first, until a rule is broken, and then returns a
// shortest trace to that state in [Result.Err]. Progress is judged after all states were visited.
func Check[S comparable](o Options[S]) Result {
	if len(o.Init) == 0 || o.Next == nil {
		return Result{Err: errors.New("model: Options.Init and Options.Next are required")}
	}
	if o.MaxStates <= 0 {
		o.MaxStates = DefaultMaxStates
	}
	c := &checker[S]{o: o, set: newStateSet[S]()}
	err := c.run()
	return Result{States: len(c.set.states), Transitions: c.transitions, Depth: c.depth, Err: err}
}

// noParent is the parent of an initial state.
const noParent = -1

// checker is one run of Check. States are known by their index in set.states, in the order they
// were found.
type checker[S comparable] struct {
	o           Options[S]
	set         *stateSet[S]
	parents     []int32 // by state, where it was first reached from
	transitions int
	depth       int
	graph       edges // only where Progress is to be judged
}

func (c *checker[S]) run() error {
	for _, s := range c.o.Init {
		if err := c.add(s, noParent, ""); err != nil {
			return err
		}
	}
	levelEnd := len(c.set.states) // where the states of the present depth end
	for i := 0; i < len(c.set.states); i++ {
		if i == levelEnd {
			c.depth++
			levelEnd = len(c.set.states)
		}
		if err := c.expand(int32(i)); err != nil {
			return err
		}
	}
	if c.o.Progress == nil {
		return nil
	}
	return c.checkProgress()
}

// add takes in a state that was reached, if it is new.
func (c *checker[S]) add(s S, parent int32, label string) error {
	index, isNew := c.set.add(s)
	if parent != noParent && c.o.Progress != nil {
		c.graph.add(parent, index)
	}
	if !isNew {
		return nil
	}
	c.parents = append(c.parents, parent)
	if c.o.Invariant != nil {
		if err := c.o.Invariant(s); err != nil {
			return &Violation{Rule: Invariant, Err: err, Trace: c.traceVia(parent, label, s)}
		}
	}
	if len(c.set.states) > c.o.MaxStates {
		return fmt.Errorf("model: more than %d: %w", c.o.MaxStates, ErrTooManyStates)
	}
	return nil
}

// expand takes every step that state i allows.
func (c *checker[S]) expand(i int32) error {
	s := c.set.states[i]
	var err error
	stuck := true
	c.o.Next(s, func(label string, next S) {
		if err != nil {
			return
		}
		c.transitions++
		if next == s {
			return
		}
		stuck = false
		err = c.add(next, i, label)
	})
	if err != nil || !stuck || c.o.Final == nil {
		return err
	}
	if err := c.o.Final(s); err != nil {
		return &Violation{Rule: Final, Err: err, Trace: c.trace(i)}
	}
	return nil
}

// checkProgress looks backwards from the good states; what it does not meet can reach none of them.
func (c *checker[S]) checkProgress() error {
	total := len(c.set.states)
	reaches := make([]bool, total)
	var queue []int32
	for i, s := range c.set.states {
		if c.o.Progress(s) {
			reaches[i] = true
			queue = append(queue, int32(i))
		}
	}
	start, sources := c.graph.reversed(total)
	for len(queue) > 0 {
		i := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, from := range sources[start[i]:start[i+1]] {
			if !reaches[from] {
				reaches[from] = true
				queue = append(queue, from)
			}
		}
	}
	for i, ok := range reaches {
		if !ok { // states are in breadth-first order: the first has a shortest trace
			return &Violation{Rule: Progress, Err: ErrNoProgress, Trace: c.trace(int32(i))}
		}
	}
	return nil
}

// trace returns the steps from an initial state to state i. Labels are not kept: they are found again
// by asking Next.
func (c *checker[S]) trace(i int32) []Step {
	parent := c.parents[i]
	if parent == noParent {
		return []Step{{State: c.format(c.set.states[i])}}
	}
	want := c.set.states[i]
	label, found := "(Next gave this step before, but does not now)", false
	c.o.Next(c.set.states[parent], func(l string, next S) {
		if !found && next == want {
			label, found = l, true
		}
	})
	return append(c.trace(parent), Step{Label: label, State: c.format(want)})
}

// traceVia returns the trace to s, reached from parent by the step label.
func (c *checker[S]) traceVia(parent int32, label string, s S) []Step {
	if parent == noParent {
		return []Step{{State: c.format(s)}}
	}
	return append(c.trace(parent), Step{Label: label, State: c.format(s)})
}

func (c *checker[S]) format(s S) string {
	if c.o.Format != nil {
		return c.o.Format(s)
	}
	return fmt.Sprintf("%+v", s)
}
