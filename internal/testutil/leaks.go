package testutil

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

const (
	leakPatience = 5 * time.Second       // how long goroutines may take to wind down after the last test
	leakInterval = 20 * time.Millisecond // between two looks
	maxStackDump = 64 << 20              // bytes of stack text that are looked at
)

// Leaks runs the tests of m and exits with their status, or with 1 where the tests passed but left
// goroutines behind: those that were not there before and are still there five seconds after the last
// test. Their stacks go to standard error. It does not return, and so must be TestMain's last call.
//
// While fuzzing only the tests' own status counts, because the fuzzing engine has goroutines of its own.
func Leaks(m *testing.M) {
	before := goroutineIDs(goroutines())
	status := m.Run()
	if status == 0 && !fuzzing() {
		if left := leftBehind(before, leakPatience); len(left) > 0 {
			fmt.Fprintf(os.Stderr, "testutil: %d goroutines left behind:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
			status = 1
		}
	}
	os.Exit(status)
}

// leftBehind returns the stacks of goroutines that are not in before, once none is left or patience has run out.
func leftBehind(before map[string]bool, patience time.Duration) []string {
	deadline := time.Now().Add(patience)
	for {
		var left []string
		for _, stack := range goroutines() {
			if !before[goroutineID(stack)] && !harmless(stack) {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		<-time.After(leakInterval)
	}
}

// goroutines returns the stack of every goroutine but the calling one, each beginning with "goroutine N [".
func goroutines() []string {
	for size := 256 << 10; ; size *= 2 {
		buf := make([]byte, size)
		n := runtime.Stack(buf, true)
		if n == size && size < maxStackDump {
			continue // cut off
		}
		stacks := strings.Split(strings.TrimSpace(string(buf[:n])), "\n\n")
		return stacks[1:] // the caller's own comes first
	}
}

func goroutineIDs(stacks []string) map[string]bool {
	ids := make(map[string]bool, len(stacks))
	for _, stack := range stacks {
		ids[goroutineID(stack)] = true
	}
	return ids
}

// goroutineID returns the number in "goroutine 12 [running]:". Numbers are never used twice in one process.
func goroutineID(stack string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
	return id
}

// harmless reports whether a goroutine belongs to the runtime or to os/signal, which start theirs when
// first needed and keep them.
func harmless(stack string) bool {
	for _, owner := range []string{
		"\nos/signal.signal_recv(",
		"\nos/signal.loop(",
		"\nruntime.ensureSigM",
		"\nruntime.ReadTrace(",
	} {
		if strings.Contains(stack, owner) {
			return true
		}
	}
	return false
}

// fuzzing reports whether this process fuzzes, as the one that leads or as a worker.
func fuzzing() bool {
	if f := flag.Lookup("test.fuzz"); f != nil && f.Value.String() != "" {
		return true
	}
	f := flag.Lookup("test.fuzzworker")
	return f != nil && f.Value.String() == "true"
}
