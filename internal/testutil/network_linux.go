package testutil

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// OwnNetwork runs the test in a network namespace of its own, with 127.0.0.1 and addr and nothing else, for programs that leave loopback
// devices out: a process of its own runs it anew there, in which OwnNetwork returns true. In the first process it returns false once that
// has ended, and the test has failed if it has there. The ports of that network are all free. Where this process may not make one, that is
// as for [Need].
func OwnNetwork(t *testing.T, addr string) bool {
	t.Helper()
	Need(t, "ip")
	if !own(t, syscall.CLONE_NEWNET, "a network") {
		return false
	}
	for _, args := range []string{"link set lo up", "link add own0 type veth peer name own1", "addr add " + addr + "/24 dev own0", "link set own0 up", "link set own1 up"} {
		if out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", args, err, out)
		}
	}
	return true
}
