package codec_test

import "testing"

// alone skips a long test of one goroutine under the race detector, which makes it ten times as long and has nothing to find.
func alone(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("one goroutine, which computes: not under the race detector")
	}
}
