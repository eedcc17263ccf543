package measured_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/bench/measured"
)

// TestMain is the program that is measured, where it is told to serve.
func TestMain(m *testing.M) {
	switch os.Args[len(os.Args)-1] {
	case "serve":
		fmt.Println("192.0.2.1:5060")
		fmt.Println("processors:", os.Getenv("GOMAXPROCS"))
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "fail":
	default:
		os.Exit(m.Run())
	}
}

func TestStartSelf(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, under := range [][]string{nil, {"env", "ANYTHING=1"}} {
		p, err := measured.StartSelf(ctx, under, "-a", "serve")
		if err != nil {
			t.Fatal(err)
		}
		if !p.Out.Scan() || p.Addr != "192.0.2.1:5060" || p.Out.Text() != "processors: 1" {
			t.Errorf("it says %q, then %q", p.Addr, p.Out.Text())
		}
		p.Stop()
		if state := p.Cmd.ProcessState; state == nil || !state.Success() {
			t.Errorf("it ends with %v", state)
		}
	}
	if p, err := measured.StartSelf(ctx, nil, "fail"); err == nil || !strings.Contains(err.Error(), "did not start") {
		t.Errorf("%v, %v", p, err)
	}
}
