package model

import (
	"errors"
	"fmt"
	"strings"
)

// ErrTooManyStates is wrapped by [Result.Err] where the limit of states was met before the end.
var ErrTooManyStates = errors.New("too many states")

// ErrNoProgress is wrapped by a [Violation] of the rule [Progress].
var ErrNoProgress = errors.New("no good state can be reached any more")

// Result says how much of a model was visited and what was found.
type Result struct {
	States      int   // different states reached
	Transitions int   // steps taken
	Depth       int   // steps from an initial state to the farthest state that was visited
	Err         error // nil: every rule holds in every state; else a *Violation, or wraps ErrTooManyStates
}

// String returns the figures, as "states=10 transitions=12 depth=6".
func (r Result) String() string {
	return fmt.Sprintf("states=%d transitions=%d depth=%d", r.States, r.Transitions, r.Depth)
}

// Rule is a kind of rule that a model can break.
type Rule uint8

// The rules are those of [Options].
const (
	Invariant Rule = iota + 1
	Final
	Progress
)

// String returns the rule's name in lower case.
func (r Rule) String() string {
	switch r {
	case Invariant:
		return "invariant"
	case Final:
		return "final"
	case Progress:
		return "progress"
	}
	return fmt.Sprintf("rule %d", uint8(r))
}

// Step is one step of a trace: what happened, and the state it led to. The first has no label.
type Step struct{ Label, State string }

// Violation is a broken rule.
type Violation struct {
	Rule  Rule
	Err   error  // as Options.Invariant or Options.Final returned it, or ErrNoProgress
	Trace []Step // a shortest way to the state that breaks the rule, which comes last
}

// Error returns the rule, the reason and the whole trace, a line for each step.
func (v *Violation) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "model: %s broken after %d steps: %v", v.Rule, len(v.Trace)-1, v.Err)
	for i, s := range v.Trace {
		label := s.Label
		if i == 0 {
			label = "(initial)"
		}
		fmt.Fprintf(&b, "\n%4d  %s\n      %s", i, label, s.State)
	}
	return b.String()
}

// Unwrap returns Err.
func (v *Violation) Unwrap() error { return v.Err }
