package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/alexacall/alexacall/internal/bench/measured"
)

const (
	subjectCore = "0"
	sippCore    = "1"
	tick        = 10 * time.Millisecond // of /proc/PID/stat
)

// starter starts a program that sends calls on to an address.
type starter func(ctx context.Context, dir, to string, p plan) (*subject, error)

// subject is a program that calls go through, on a core of its own.
type subject struct {
	*measured.Process
	name string
}

// goProgram starts this program again, as one of those that are measured.
func goProgram(name string) starter {
	return func(ctx context.Context, _, to string, p plan) (*subject, error) {
		args := []string{"-serve", name, "-to", to}
		if p.profile != "" {
			args = append(args, "-profile", p.profile)
		}
		s, err := measured.StartSelf(ctx, []string{"taskset", "-c", subjectCore}, args...)
		if err != nil {
			return nil, err
		}
		return &subject{s, name}, nil
	}
}

// report asks the program what it keeps. One that cannot be asked keeps nothing that we know of.
func (s *subject) report() (report, error) {
	var r report
	if s.In == nil {
		return r, nil
	}
	if _, err := io.WriteString(s.In, "\n"); err != nil {
		return r, fmt.Errorf("callrate: %s: %w", s.name, err)
	}
	if !s.Out.Scan() {
		return r, fmt.Errorf("callrate: %s is gone", s.name)
	}
	if err := json.Unmarshal(s.Out.Bytes(), &r); err != nil {
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
		if len(f) < 13 || pid != s.Cmd.Process.Pid && f[1] != strconv.Itoa(s.Cmd.Process.Pid) {
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
