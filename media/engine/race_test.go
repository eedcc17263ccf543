//go:build race

package engine_test

// raced says that the race detector is on, under which a sync.Pool gives up what it holds at random.
const raced = true
