package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	subjectCore = "0"
	sippCore    = "1"
	tick        = 10 * time.Millisecond // of /proc/PID/stat
)

// starter starts a program that sends calls on to an address.
type starter func(ctx context.Context, dir, to string, p plan) (*subject, error)

// subject is a program that calls go through: a process of its own, on a core of its own.
type subject struct {
	name, addr string
	cmd        *exec.Cmd
	in         io.WriteCloser // nil of a program that cannot be asked
	out        *bufio.Scanner
}

// goProgram starts this program again, as one of those that are measured.
func goProgram(name string) starter {
	return func(ctx context.Context, _, to string, p plan) (*subject, error) {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("callrate: %w", err)
		}
		args := []string{"-c", subjectCore, self, "-serve", name, "-to", to}
		if p.profile != "" {
			args = append(args, "-profile", p.profile)
		}
		s := &subject{name: name, cmd: exec.CommandContext(ctx, "taskset", args...)}
		s.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		s.cmd.Stderr = os.Stderr
		out, err := s.cmd.StdoutPipe()
		if err != nil {
			return nil, fmt.Errorf("callrate: %w", err)
		}
		if s.in, err = s.cmd.StdinPipe(); err != nil {
			return nil, fmt.Errorf("callrate: %w", err)
		}
		if err := s.cmd.Start(); err != nil {
			return nil, fmt.Errorf("callrate: %w", err)
		}
		s.out = bufio.NewScanner(out)
		if !s.out.Scan() {
			s.stop()
			return nil, fmt.Errorf("callrate: %s did not start", name)
		}
		s.addr = s.out.Text()
		return s, nil
	}
}

// report asks the program what it keeps. One that cannot be asked keeps nothing that we know of.
func (s *subject) report() (report, error) {
	var r report
	if s.in == nil {
		return r, nil
	}
	if _, err := io.WriteString(s.in, "\n"); err != nil {
		return r, fmt.Errorf("callrate: %s: %w", s.name, err)
	}
	if !s.out.Scan() {
		return r, fmt.Errorf("callrate: %s is gone", s.name)
	}
	if err := json.Unmarshal(s.out.Bytes(), &r); err != nil {
		return r, fmt.Errorf("callrate: %s: %w", s.name, err)
	}
	return r, nil
}

// cpu returns the processor time of the program and of its children.
func (s *subject) cpu() (time.Duration, error) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, fmt.Errorf("callrate: %w", err)
	}
	var ticks uint64
	for _, name := range all {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended since
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		f := strings.Fields(rest) // from the state on: field 3 of proc(5)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if len(f) < 13 || pid != s.cmd.Process.Pid && f[1] != strconv.Itoa(s.cmd.Process.Pid) {
			continue
		}
		for _, n := range f[11:13] { // utime, stime
			v, err := strconv.ParseUint(n, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("callrate: %s: %w", name, err)
			}
			ticks += v
		}
	}
	return time.Duration(ticks) * tick, nil
}

// stop ends the program.
func (s *subject) stop() {
	if s.in != nil {
		_ = s.in.Close()
	} else {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
	}
	late := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	_ = s.cmd.Wait()
}
