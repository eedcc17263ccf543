//go:build !race

package audio_test

// raced says that the race detector is on, under which allocations are counted that are none of ours.
const raced = false
