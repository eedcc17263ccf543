// Package join holds the rules of two joined legs, apart from the legs: which phase and which offer of one side is told to the other,
// in which order, how one leg is replaced by a third, and how the end of one becomes the end of both. It is pure: no I/O, no clock, no
// goroutine, and its state is comparable, so that a model checker can walk through all of it together with a protocol's own machine.
// bridge.Join performs what it says.
package join
