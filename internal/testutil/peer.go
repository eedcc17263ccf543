package testutil

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// peerLimit is how long a program may take to do what is awaited of it. It only ends a hang.
const peerLimit = 30 * time.Second

// startPeer starts a program that ends with the test, and what it starts with it. What it has said is logged if the test fails.
func startPeer(t testing.TB, said *Output, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	OwnGroup(cmd)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = said, said, 5*time.Second
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(name), said)
		}
	})
}

// await waits until ok, which is asked again and again.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(peerLimit); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
