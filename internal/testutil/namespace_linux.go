package testutil

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// ownEnv names the test that runs in a process of its own.
const ownEnv = "ALEXACALL_TEST_OWN"

// own runs the test anew in a process with namespaces of its own, by their clone flags, and returns true there. In the first process it
// returns false once that has ended; the test has failed, or is skipped, if it has been there. What says what the namespaces are for.
func own(t *testing.T, flags uintptr, what string) bool {
	t.Helper()
	if os.Getenv(ownEnv) == t.Name() {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^")+"$", "-test.v")
	OwnGroup(cmd)
	cmd.Env = append(os.Environ(), ownEnv+"="+t.Name())
	cmd.SysProcAttr.Cloneflags = flags
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case denied(err):
		lacking(t, "this process may not make "+what+" of its own")
	case err != nil:
		t.Fatalf("in %s of its own: %v\n%s", what, err, out)
	case strings.Contains(string(out), "--- SKIP: "+t.Name()):
		t.Skipf("in %s of its own:\n%s", what, out)
	case !strings.Contains(string(out), "--- PASS: "+t.Name()):
		t.Fatalf("in %s of its own it has not run:\n%s", what, out)
	}
	return false
}

// denied reports whether an error is that this process may not do something with namespaces, or that there may be no more of them.
func denied(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC)
}
