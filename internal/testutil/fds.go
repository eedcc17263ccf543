package testutil

import (
	"os"
	"runtime"
	"testing"
)

// OpenFDs returns how many file descriptors the process has open, by /proc/self/fd. It skips the
// test on systems other than Linux.
func OpenFDs(t testing.TB) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skipf("open file descriptors cannot be counted on %s", runtime.GOOS)
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatalf("count open file descriptors: %v", err)
	}
	return len(entries) - 1 // the folder itself is open while it is read
}
