package program

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// lastWords is how long the output of a program that has ended is waited for, where others hold it open.
const lastWords = 2 * time.Second

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

// A Process is a program that a test has started.
type Process struct {
	cmd            *exec.Cmd
	stdout, stderr output
	exited         chan struct{} // closed once it has ended and all its output is there
}

// Start starts a program with an environment, in a folder of its own. It ends with the test at the latest; if the test has failed, what it
// has printed is logged then.
func Start(t testing.TB, env []string, name string, args ...string) *Process {
	t.Helper()
	return StartReading(t, nil, env, name, args...)
}

// StartReading is [Start] for a program that reads what is typed; nil: nothing.
func StartReading(t testing.TB, keys io.Reader, env []string, name string, args ...string) *Process {
	t.Helper()
	p := &Process{cmd: exec.Command(name, args...), exited: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stdin = env, t.TempDir(), keys
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.WaitDelay = lastWords
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

// Stdout returns what the program has printed so far on standard output.
func (p *Process) Stdout() string { return p.stdout.String() }

// Stderr returns what the program has printed so far on standard error.
func (p *Process) Stderr() string { return p.stderr.String() }

// Interruptible skips a test where a program cannot be sent Ctrl-C.
func Interruptible(t testing.TB) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no interrupts on Windows")
	}
}

// Interrupt is Ctrl-C.
func (p *Process) Interrupt(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
}

// Stop is Ctrl-C for a program that may have ended, and waits until it has, or [Patience] is over.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.exited:
	case <-time.After(Patience):
	}
}

// Kill ends the program at once, which it does not notice, and waits until it has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// Wait waits until the program has ended and returns its exit status, -1 if a signal has ended it. It fails the test of a program that takes
// longer than limit.
func (p *Process) Wait(t testing.TB, limit time.Duration) int {
	t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		t.Fatalf("%s still runs after %v", filepath.Base(p.cmd.Path), limit)
		return -1
	}
}

// Ended reports whether the program has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// Await waits until the program has printed what the pattern says, on standard output, and returns the groups of the match. It returns
// nil if the program ends without it.
func (p *Process) Await(t testing.TB, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var m []string
	Eventually(t, pattern, func() bool {
		over := p.Ended() // first, so that its last words count
		m = re.FindStringSubmatch(p.Stdout())
		return m != nil || over
	})
	return m
}
