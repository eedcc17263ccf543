// Package bridge joins the two legs of a call, whatever protocols they speak.
//
// # Usage
//
// A [Leg] is one side of a call; a protocol's server hands each that comes in to a [Bridge], which decides what becomes of it, as an
// http.Handler does of a request. [To] dials somewhere and joins the two; [Join] is the joint itself, for programs that decide more:
//
//	server.Bridge = bridge.Func(func(ctx context.Context, in bridge.Leg) error {
//		if !allowed(in.Info().From) {
//			return &bridge.EndError{Cause: bridge.Forbidden}
//		}
//		return bridge.To(pbx, "sip:100@pbx.example.com", nil).Handle(ctx, in)
//	})
//
// A [Router] chooses among bridges and dialers by the parties' URIs. [Pipe] is a call in memory. Who writes a protocol builds its legs
// on [State] and its server on [Intake].
//
// # Ownership
//
// Who receives a leg hangs it up when the outermost Handle returns. Who dials hangs up what it dialled. Join and every Bridge return
// when their context ends and leave the legs up.
//
// # Concurrency
//
// Legs, states, intakes and routers are safe for concurrent use. Join owns its state in the caller's goroutine; it starts one that watches
// each leg, one for each action while it runs, and one that dials for a transfer, and waits for them before it returns. An Intake has one
// goroutine for each call, which Drain waits for. An offer that waits in a leg of a Pipe has a timer.
//
// # Limitations
//
// Join carries out one transfer at a time, and refuses another one meanwhile with Busy. Who is being transferred and was held hears the
// early media of the new party, and is held no more once that has accepted.
package bridge
