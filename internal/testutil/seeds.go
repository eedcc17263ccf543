package testutil

import (
	"iter"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// SeedEnv is the environment variable that repeats one run of a random test: set it to the seed that the
// test printed when it failed.
const SeedEnv = "ALEXACALL_SEED"

// Seeds returns the seeds of n runs, which chance picks, or the one that [SeedEnv] names. It ends at the
// first run that fails the test, and prints its seed. Every run draws all its chance from its seed.
func Seeds(t testing.TB, n uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		t.Helper()
		first := rand.Uint64N(1 << 40)
		if text := os.Getenv(SeedEnv); text != "" {
			seed, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				t.Fatalf("%s: %v", SeedEnv, err)
			}
			first, n = seed, 1
		}
		seed, running := first, false
		defer func() {
			if running || t.Failed() { // running: it has panicked, or called FailNow
				t.Logf("repeat with %s=%d", SeedEnv, seed)
			}
		}()
		for ; seed-first < n; seed++ {
			running = true
			more := yield(seed)
			if running = false; !more || t.Failed() {
				return
			}
		}
	}
}
