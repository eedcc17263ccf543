package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed uac.xml uas.xml
var scenarios embed.FS

const (
	hold      = 100 * time.Millisecond // of a call, in uac.xml
	startFor  = 10 * time.Second       // for a program to open its socket
	statEvery = time.Second            // at which SIPp writes what it has counted
)

// load is what SIPp has counted.
type load struct{ calls, failed, repeated, rate int }

// callee is the SIPp that is called.
type callee struct {
	addr string
	cmd  *exec.Cmd
	stat string // file with its counts
}

// sipp returns the command that runs a scenario on an address of its own.
func sipp(ctx context.Context, dir, scenario, addr, media string, args ...string) (*exec.Cmd, string, error) {
	text, err := scenarios.ReadFile(scenario + ".xml")
	if err != nil {
		return nil, "", fmt.Errorf("callrate: %w", err)
	}
	file, stat := filepath.Join(dir, scenario+".xml"), filepath.Join(dir, scenario+".csv")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, "", fmt.Errorf("callrate: %w", err)
	}
	if err := os.Remove(stat); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, "", fmt.Errorf("callrate: %w", err)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, "", fmt.Errorf("callrate: %w", err)
	}
	args = append([]string{
		"-c", sippCore, "sipp", "-sf", file, "-i", host, "-p", port, "-mp", media, "-nostdin", "-buff_size", strconv.Itoa(readBuffer),
		"-trace_stat", "-stf", stat, "-fd", strconv.Itoa(int(statEvery.Seconds())),
	}, args...)
	cmd := exec.CommandContext(ctx, "taskset", args...)
	cmd.Dir = dir
	return cmd, stat, nil
}

// answer starts the SIPp that is called.
func answer(ctx context.Context, dir string) (*callee, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	u := &callee{addr: addr}
	if u.cmd, u.stat, err = sipp(ctx, dir, "uas", addr, "20000"); err != nil {
		return nil, err
	}
	if err := u.cmd.Start(); err != nil {
		return nil, fmt.Errorf("callrate: %w", err)
	}
	if err := awaitUDP(ctx, addr); err != nil {
		u.stop()
		return nil, fmt.Errorf("callrate: sipp: %w", err)
	}
	return u, nil
}

func (u *callee) stop() {
	_ = u.cmd.Process.Kill()
	_ = u.cmd.Wait()
}

// call has SIPp call, and waits for the end of the calls. What the called one counts as failed counts too.
func call(ctx context.Context, dir, to string, u *callee, p plan) (load, error) {
	var l load
	addr, err := freeAddr()
	if err != nil {
		return l, err
	}
	before, err := readStat(u.stat)
	if err != nil {
		return l, err
	}
	calls := p.rate * p.seconds
	cmd, stat, err := sipp(ctx, dir, "uac", addr, "10000", "-r", strconv.Itoa(p.rate), "-m", strconv.Itoa(calls), "-l", strconv.Itoa(calls+1),
		"-timeout", strconv.Itoa(p.seconds+60)+"s", to)
	if err != nil {
		return l, err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	failed := cmd.Run()     // with some calls, or altogether
	pause(ctx, 2*statEvery) // for the other to write
	caller, err := readStat(stat)
	if err != nil {
		return l, err
	}
	if failed != nil && caller.calls == 0 {
		return l, fmt.Errorf("callrate: sipp: %w\n%s", failed, out.Bytes()[max(0, out.Len()-2000):])
	}
	called, err := readStat(u.stat)
	if err != nil {
		return l, err
	}
	l.calls = caller.calls
	l.failed = max(calls-caller.calls, called.failed-before.failed)
	l.repeated = caller.repeated + called.repeated - before.repeated
	l.rate = int(float64(l.calls)/(caller.elapsed-hold).Seconds() + 0.5)
	return l, nil
}

// counts are those of a SIPp since it was started.
type counts struct {
	calls, failed, repeated int
	elapsed                 time.Duration
}

// readStat reads the last line that SIPp has written; there may be none yet.
func readStat(name string) (counts, error) {
	var c counts
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("callrate: %w", err)
	}
	r := csv.NewReader(bytes.NewReader(text[:bytes.LastIndexByte(text, '\n')+1]))
	r.Comma, r.FieldsPerRecord = ';', -1
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 {
		return c, err
	}
	last := rows[len(rows)-1]
	var started, now float64
	for i, name := range rows[0][:min(len(rows[0]), len(last))] {
		switch name {
		case "SuccessfulCall(C)":
			c.calls, err = strconv.Atoi(last[i])
		case "FailedCall(C)":
			c.failed, err = strconv.Atoi(last[i])
		case "Retransmissions(C)":
			c.repeated, err = strconv.Atoi(last[i])
		case "StartTime":
			started, err = readTime(last[i])
		case "CurrentTime":
			now, err = readTime(last[i])
		}
		if err != nil {
			return c, fmt.Errorf("callrate: %s: %w", name, err)
		}
	}
	c.elapsed = time.Duration((now - started) * float64(time.Second))
	return c, nil
}

// readTime reads a time as SIPp writes it, which ends with the seconds since 1970.
func readTime(s string) (float64, error) {
	return strconv.ParseFloat(s[strings.LastIndexByte(s, '\t')+1:], 64)
}

// freeAddr returns an address that was free a moment ago: neither SIPp nor Kamailio finds one for itself.
func freeAddr() (string, error) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("callrate: %w", err)
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().String(), nil
}

var errNoSocket = errors.New("it has opened no socket")

// awaitUDP waits until somebody has a socket on a port.
func awaitUDP(ctx context.Context, addr string) error {
	_, port, _ := net.SplitHostPort(addr)
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startFor)
	defer cancel()
	for ctx.Err() == nil {
		table, err := os.ReadFile("/proc/net/udp")
		if err != nil {
			return err
		}
		if strings.Contains(string(table), fmt.Sprintf(":%04X 00000000:0000", n)) {
			return nil
		}
		pause(ctx, 20*time.Millisecond)
	}
	return errNoSocket
}
