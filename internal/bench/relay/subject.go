//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"

	"github.com/alexacall/alexacall/internal/bench/measured"
)

// starter starts a program that calls go through, on a core of its own. Its address is that of its control protocol.
type starter func(ctx context.Context, p *plan, o opus) (*measured.Process, error)

// programs are all that can be measured, in the order in which a round has them.
func programs() ([]string, map[string]starter) {
	return []string{"engine", "rtpengine", "simple"},
		map[string]starter{"engine": goProgram("engine"), "rtpengine": rtpengine, "simple": goProgram("simple")}
}

// tied are the words that tie a command to the core of the subjects, where there is one.
func (p *plan) tied() []string {
	if p.pinned {
		return []string{"taskset", "-c", strconv.Itoa(p.core)}
	}
	return nil
}

// goProgram starts this program again, as one of those that are measured.
func goProgram(name string) starter {
	return func(ctx context.Context, p *plan, o opus) (*measured.Process, error) {
		return measured.StartSelf(ctx, p.tied(), "-serve", name, "-profile", p.profile, "-opus", strconv.Itoa(int(o)))
	}
}

// rtpengine starts rtpengine without its kernel module and without the configuration of the machine. On one core one worker costs it a fifth less
// than as many as the machine has cores, which is its own choice.
func rtpengine(ctx context.Context, p *plan, _ opus) (*measured.Process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	words := append(p.tied(), "rtpengine", "--config-file=none", "--foreground", "--table=-1", "--interface=127.0.0.1", "--listen-ng="+addr,
		"--port-min="+strconv.Itoa(lastPort+1000), "--port-max=62000", "--log-level=2", "--log-stderr", "--delete-delay=0")
	if p.workers > 0 {
		words = append(words, "--num-threads="+strconv.Itoa(p.workers))
	}
	s := &measured.Process{Addr: addr, Cmd: exec.CommandContext(ctx, words[0], words[1:]...)}
	s.Cmd.Stderr = os.Stderr
	if err := s.Cmd.Start(); err != nil {
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
