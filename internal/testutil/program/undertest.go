package program

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// UnderTest is the program whose tests these are: the main package in the current folder. It is built when it is first asked for, once for
// all tests, and with the race detector where the tests are.
type UnderTest struct {
	// Settings are what the variables that set the program begin with, such as "HOTEL_" or "SIP_PASSWORD=". Those of the tests' own
	// environment are not passed on.
	Settings []string

	once   sync.Once
	dir    string // of the binary; "" if it is not built
	binary string
	err    error
}

// Start starts the program, in the way of the function [Start], with no settings but those given, NAME=value. Its temporary files go with
// the test.
func (u *UnderTest) Start(t testing.TB, settings []string, args ...string) *Process {
	t.Helper()
	u.once.Do(u.build)
	if u.err != nil {
		t.Fatal(u.err)
	}
	return Start(t, u.environ(t.TempDir(), settings), u.binary, args...)
}

// Remove removes what was built. No test may run any more.
func (u *UnderTest) Remove() {
	if u.dir != "" {
		_ = os.RemoveAll(u.dir)
	}
}

func (u *UnderTest) build() {
	here, errHere := os.Getwd()
	dir, errDir := os.MkdirTemp("", "program-test-")
	if u.err = errors.Join(errHere, errDir); u.err != nil {
		return
	}
	u.dir, u.binary = dir, filepath.Join(dir, filepath.Base(here)+".exe") // the ending matters to Windows alone
	args := []string{"build", "-o", u.binary, "."}
	if raceDetector {
		args = []string{"build", "-race", "-o", u.binary, "."}
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		u.err = fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
}

// environ returns the environment for a program that leaves its files in dir.
func (u *UnderTest) environ(dir string, settings []string) []string {
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return slices.ContainsFunc(u.Settings, func(name string) bool { return strings.HasPrefix(variable, name) })
	})
	return append(append(env, "TMPDIR="+dir, "TMP="+dir), settings...)
}
