package main_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 40 * time.Second

// within returns a context that ends the test's waiting.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until ok, which is asked again and again.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not in time: %s", what)
		}
	}
}

// output is what a program has printed so far. It is safe for concurrent use.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// process is a program that a test has started.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr output
	exited         chan struct{} // closed once it has ended and all its output is there
}

// start starts a program in a folder of its own, which ends with the test at the latest.
func start(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	return startReading(t, nil, env, name, args...)
}

// startReading is start for a program that reads what is typed.
func startReading(t *testing.T, keys io.Reader, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(name, args...), exited: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stdin = env, t.TempDir(), keys
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.WaitDelay = 2 * time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // the status is in ProcessState
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("%s %s: %s\n%s%s", filepath.Base(name), strings.Join(args, " "), p.cmd.ProcessState, &p.stdout, &p.stderr)
		}
	})
	return p
}

// interrupt is Ctrl-C.
func (p *process) interrupt(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
}

// wait waits until the program has ended and returns its exit status, -1 if a signal has ended it.
func (p *process) wait(t *testing.T, no time.Duration) int {
	t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(no):
		t.Fatalf("%s still runs after %v", filepath.Base(p.cmd.Path), no)
		return -1
	}
}

// ended reports whether the program has ended.
func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// await waits until the program has printed what the pattern says, on standard output, and returns the groups of the match. It returns
// nil if the program ends without it.
func (p *process) await(t *testing.T, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var m []string
	eventually(t, pattern, func() bool {
		over := p.ended() // first, so that its last words count
		m = re.FindStringSubmatch(p.stdout.String())
		return m != nil || over
	})
	return m
}
