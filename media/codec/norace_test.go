//go:build !race

package codec_test

// raced says that the race detector is on.
const raced = false
