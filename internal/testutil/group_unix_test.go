//go:build unix

package testutil_test

import (
	"bytes"
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
)

// TestOwnGroup ends a program whose child would hold its output open for an hour.
func TestOwnGroup(t *testing.T) {
	testutil.Need(t, "sh", "sleep")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", "sleep 3600 & echo there; wait")
	testutil.OwnGroup(cmd)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the child holds the output open")
	}
}
