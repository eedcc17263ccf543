// Package model connects the project's pure state machines to an explicit-state model checker: it visits
// every state that a model can reach, breadth first, and finds the shortest way to one that breaks a rule.
//
// Only tests import it. It uses the standard library alone.
//
// # Usage
//
// A state is any comparable value; arrays serve for sets of messages in flight, small numbers for
// things such as session descriptions. Next gives every successor of a state with the name of what
// happened:
//
//	type state struct{ sent, got uint8 }
//	r := model.Check(model.Options[state]{
//		Init: []state{{}},
//		Next: func(s state, emit func(string, state)) {
//			if s.sent < 3 {
//				emit("send", state{s.sent + 1, s.got})
//			}
//			if s.got < s.sent {
//				emit("receive", state{s.sent, s.got + 1})
//			}
//		},
//		Invariant: func(s state) error { ... },
//	})
//	t.Log(r) // states=10 transitions=12 depth=6
//	if r.Err != nil {
//		t.Fatal(r.Err)
//	}
//
// Three kinds of rule can be given. Invariant holds in every state. Final holds in every state that
// cannot be left, and so finds deadlocks and wrong ends. Progress names good states: from every state
// some good one must remain within reach, which finds livelocks.
//
// # Concurrency
//
// Check runs on the calling goroutine alone and starts none. Several may run at once.
//
// # Limitations
//
// All states are kept in memory, each once: the state's own size and about 20 bytes, with Progress 4 more
// for each transition. Progress says that a good state stays possible, not that an unfair scheduler
// reaches one. States that differ only in the names of equal parts are not recognised as one.
package model
