//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const tick = 10 * time.Millisecond // of /proc/stat

// usage is processor time up to a moment: of a program that is measured, of the generator, of the whole machine, and what the machine was
// not given (steal).
type usage struct {
	at                         time.Time
	subject, self, busy, steal time.Duration
}

// used reads how much processor time has gone where.
func used(pid int) (usage, error) {
	u := usage{at: time.Now()}
	var err error
	if u.subject, err = processTime(pid); err != nil {
		return u, err
	}
	if u.self, err = processTime(os.Getpid()); err != nil {
		return u, err
	}
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u, fmt.Errorf("relay: %w", err)
	}
	u.busy, u.steal, err = machineTime(string(text))
	return u, err
}

// processTime returns what all threads of a process have used (clock_getcpuclockid(3)): what /proc/PID/stat says, without its rounding to 10 ms.
func processTime(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &ts); err != nil {
		return 0, fmt.Errorf("relay: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}

// machineTime returns the time in which the processors have worked, and in which the machine wanted them and was not given them.
func machineTime(text string) (busy, steal time.Duration, err error) {
	line, _, _ := strings.Cut(text, "\n")
	f := strings.Fields(line) // cpu user nice system idle iowait irq softirq steal
	if len(f) < 9 || f[0] != "cpu" {
		return 0, 0, fmt.Errorf("relay: /proc/stat: %q", line)
	}
	if busy, err = ticks([]string{f[1], f[2], f[3], f[6], f[7]}); err == nil {
		steal, err = ticks(f[8:9])
	}
	return busy, steal, err
}

func ticks(fields []string) (time.Duration, error) {
	var sum time.Duration
	for _, s := range fields {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("relay: %w", err)
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

// since returns what other programs have used since an earlier moment, and what the machine was not given, as shares of one processor.
func (u usage) since(before usage) (foreign, stolen float64) {
	of := u.busy - before.busy - (u.subject - before.subject) - (u.self - before.self)
	took := u.at.Sub(before.at).Seconds()
	return max(0, of.Seconds()/took), (u.steal - before.steal).Seconds() / took
}

// drops returns what the kernel had no room for: in its backlogs, before it came to any socket, and at the sockets of some ports
// (proc_net_udp, the last column).
func drops(ports ...uint16) (int, error) {
	backlog, err := os.ReadFile("/proc/net/softnet_stat")
	if err != nil {
		return 0, fmt.Errorf("relay: %w", err)
	}
	text, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return 0, fmt.Errorf("relay: %w", err)
	}
	return parseBacklog(string(backlog)) + parseDrops(string(text), ports...), nil
}

// parseBacklog adds up what the processors' backlogs had no room for: the second number, in hexadecimal, of each line.
func parseBacklog(table string) int {
	sum := 0
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > 1 {
			n, _ := strconv.ParseUint(f[1], 16, 32)
			sum += int(n)
		}
	}
	return sum
}

func parseDrops(table string, ports ...uint16) int {
	n := 0
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		for _, port := range ports {
			if len(f) < 13 || !strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				continue
			}
			lost, _ := strconv.Atoi(f[len(f)-1])
			n += lost
		}
	}
	return n
}

// cores returns the processors for what is measured and for the generator; ok is false where there are not two.
func cores() (subject, generator int, ok bool) {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return 0, 0, false
	}
	var all []int
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			all = append(all, i)
		}
	}
	if len(all) < 2 {
		return 0, 0, false
	}
	return all[0], all[1], true
}

// pin ties every thread of this process to one processor; those that are to come inherit it. With first they go before all other programs.
func pin(core int, first bool) error {
	all, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	var set unix.CPUSet
	set.Set(core)
	for _, t := range all {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("relay: %w", err)
		}
		err = unix.SchedSetaffinity(tid, &set)
		if err == nil && first {
			err = unix.SchedSetAttr(tid, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1}, 0)
		}
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("relay: %w", err)
		}
	}
	return nil
}
