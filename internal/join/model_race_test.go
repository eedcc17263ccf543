//go:build race

package join_test

// raceEnabled says that the race detector slows everything down, so that models are kept smaller.
const raceEnabled = true
