//go:build linux && (amd64 || arm64)

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// subject is a program that calls go through: a process of its own, on a core of its own.
type subject struct {
	cmd  *exec.Cmd
	in   io.WriteCloser // nil of a program that does not end with its input
	addr string         // of its control protocol
}

// starter starts such a program.
type starter func(ctx context.Context, p *plan) (*subject, error)

// programs are all that can be measured, in the order in which a round has them.
func programs() ([]string, map[string]starter) {
	return []string{"engine", "rtpengine", "simple"},
		map[string]starter{"engine": goProgram("engine"), "rtpengine": rtpengine, "simple": goProgram("simple")}
}

// command makes a command that is tied to the core of the subjects, where there is one.
func command(ctx context.Context, p *plan, name string, args ...string) *exec.Cmd {
	if p.pinned {
		name, args = "taskset", append([]string{"-c", strconv.Itoa(p.core), name}, args...)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = os.Stderr
	return cmd
}

// goProgram starts this program again, as one of those that are measured.
func goProgram(name string) starter {
	return func(ctx context.Context, p *plan) (*subject, error) {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("relay: %w", err)
		}
		s := &subject{cmd: command(ctx, p, self, "-serve", name, "-profile", p.profile)}
		s.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		out, err := s.cmd.StdoutPipe()
		if err != nil {
			return nil, fmt.Errorf("relay: %w", err)
		}
		if s.in, err = s.cmd.StdinPipe(); err != nil {
			return nil, fmt.Errorf("relay: %w", err)
		}
		if err := s.cmd.Start(); err != nil {
			return nil, fmt.Errorf("relay: %w", err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() {
			s.stop()
			return nil, fmt.Errorf("relay: %s did not start", name)
		}
		s.addr = lines.Text()
		return s, nil
	}
}

// rtpengine starts rtpengine without its kernel module and without the configuration of the machine. On one core one worker costs it a fifth less
// than as many as the machine has cores, which is its own choice.
func rtpengine(ctx context.Context, p *plan) (*subject, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	s := &subject{addr: addr}
	s.cmd = command(ctx, p, "rtpengine", "--config-file=none", "--foreground", "--table=-1", "--interface=127.0.0.1", "--listen-ng="+addr,
		"--port-min="+strconv.Itoa(lastPort+1000), "--port-max=62000", "--log-level=2", "--log-stderr", "--delete-delay=0")
	if p.workers > 0 {
		s.cmd.Args = append(s.cmd.Args, "--num-threads="+strconv.Itoa(p.workers))
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	return s, nil
}

// freeAddr returns an address that was free a moment ago: rtpengine finds none for itself.
func freeAddr() (string, error) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("relay: %w", err)
	}
	return c.LocalAddr().String(), c.Close()
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
