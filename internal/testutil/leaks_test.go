package testutil_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
)

func TestLeftBehind(t *testing.T) {
	before := testutil.GoroutineIDs(testutil.Goroutines())
	release, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		<-release
	}()
	left := testutil.LeftBehind(before, 0)
	if len(left) != 1 || !strings.Contains(left[0], "TestLeftBehind") {
		t.Errorf("got %d stacks, want that of the waiting goroutine alone:\n%s", len(left), strings.Join(left, "\n\n"))
	}
	close(release)
	<-done
	if left := testutil.LeftBehind(before, time.Minute); len(left) > 0 {
		t.Errorf("after it ended:\n%s", strings.Join(left, "\n\n"))
	}
}

// leakEnv makes TestLeaksChild leave a goroutine behind, in the process that TestLeaks starts.
const leakEnv = "TESTUTIL_LEAK"

func TestLeaksChild(t *testing.T) {
	switch os.Getenv(leakEnv) {
	case "leak":
		go func() { select {} }()
	case "fail":
		t.Fatal("as asked")
	case "":
		t.Skip("only in the process that TestLeaks starts")
	}
}

func TestLeaks(t *testing.T) {
	for _, c := range []struct {
		name, mode string
		status     int
		output     string
	}{
		{"a clean test passes", "clean", 0, "PASS"},
		{"a goroutine left behind fails the run", "leak", 1, "1 goroutines left behind"},
		{"a failed test stays failed", "fail", 1, "as asked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // the one that leaks takes its five seconds
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestLeaksChild$", "-test.v")
			cmd.Env = append(os.Environ(), leakEnv+"="+c.mode)
			out, err := cmd.CombinedOutput()
			if cmd.ProcessState == nil {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != c.status || !strings.Contains(string(out), c.output) {
				t.Errorf("got status %d, want %d with %q in:\n%s", got, c.status, c.output, out)
			}
		})
	}
}
