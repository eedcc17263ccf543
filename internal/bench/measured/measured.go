// Package measured connects the benchmarks to the programs that they measure: each is a process of its own.
package measured

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// stopLimit is how long a program may take to end.
const stopLimit = 10 * time.Second

// A Process is a program that is measured. It is used by one goroutine.
type Process struct {
	Cmd  *exec.Cmd
	Addr string         // where it is reached
	In   io.WriteCloser // nil of a program that does not end with its input
	Out  *bufio.Scanner // what it says after its address; nil likewise
}

// errSilent means that a program has ended before it has said its address.
var errSilent = errors.New("it did not start")

// StartSelf starts this program again with one processor, after the words of a command that are given first, such as "taskset -c 0". It says
// its address in its first line, and ends with its input.
func StartSelf(ctx context.Context, under []string, args ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("measured: %w", err)
	}
	words := append(append(append([]string(nil), under...), self), args...)
	p := &Process{Cmd: exec.CommandContext(ctx, words[0], words[1:]...)}
	p.Cmd.Env, p.Cmd.Stderr = append(os.Environ(), "GOMAXPROCS=1"), os.Stderr
	out, err := p.Cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("measured: %w", err)
	}
	if p.In, err = p.Cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("measured: %w", err)
	}
	if err := p.Cmd.Start(); err != nil {
		return nil, fmt.Errorf("measured: %w", err)
	}
	p.Out = bufio.NewScanner(out)
	if !p.Out.Scan() {
		p.Stop()
		return nil, fmt.Errorf("measured: %v: %w", args, errSilent)
	}
	p.Addr = p.Out.Text()
	return p, nil
}

// Stop ends the program, and waits for it.
func (p *Process) Stop() {
	if p.In != nil {
		_ = p.In.Close()
	} else {
		_ = p.Cmd.Process.Signal(syscall.SIGTERM)
	}
	late := time.AfterFunc(stopLimit, func() { _ = p.Cmd.Process.Kill() })
	defer late.Stop()
	_ = p.Cmd.Wait()
}
