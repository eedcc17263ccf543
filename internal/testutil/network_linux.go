package testutil

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// networkEnv says that a test runs in a network of its own.
const networkEnv = "ALEXACALL_TEST_NETWORK"

// OwnNetwork runs the test in a network namespace of its own, with 127.0.0.1 and addr and nothing else, for programs that leave loopback
// devices out: a process of its own runs it anew there, in which OwnNetwork returns true. In the first process it returns false once that
// has ended, and the test has failed if it has there. The ports of that network are all free.
func OwnNetwork(t *testing.T, addr string) bool {
	t.Helper()
	Need(t, "ip")
	if os.Getenv(networkEnv) == t.Name() {
		for _, args := range []string{"link set lo up", "link add own0 type veth peer name own1", "addr add " + addr + "/24 dev own0", "link set own0 up", "link set own1 up"} {
			if out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(args)...).CombinedOutput(); err != nil {
				t.Fatalf("ip %s: %v: %s", args, err, out)
			}
		}
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^")+"$", "-test.v")
	OwnGroup(cmd)
	cmd.Env = append(os.Environ(), networkEnv+"="+t.Name())
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM):
		t.Skip("this process may not make a network of its own")
	case err != nil:
		t.Fatalf("in a network of its own: %v\n%s", err, out)
	case !strings.Contains(string(out), "--- PASS: "+t.Name()):
		t.Fatalf("in a network of its own it has not run:\n%s", out)
	}
	return false
}
