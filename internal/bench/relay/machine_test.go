//go:build linux && (amd64 || arm64)

package main

import (
	"math"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestProcessTime compares our own processor time with what getrusage says before and after.
func TestProcessTime(t *testing.T) {
	own := func() time.Duration {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	for before := own(); own() < before+50*time.Millisecond; { // something to count
	}
	const rounding = 20 * time.Millisecond
	least := own()
	got, err := processTime(os.Getpid())
	most := own()
	if err != nil || got < least-rounding || got > most+rounding {
		t.Errorf("got %v, %v, want %v to %v", got, err, least, most)
	}
	if _, err := processTime(1 << 22); err == nil {
		t.Error("no error for a process that cannot be: there are no more than 4,194,304")
	}
}

func TestMachineTime(t *testing.T) {
	busy, steal, err := machineTime("cpu  100 10 20 1000 50 3 7 9 80 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
	if err != nil || busy != 1400*time.Millisecond || steal != 90*time.Millisecond {
		t.Errorf("got %v busy, %v stolen, %v, want 1.4 s without idle and waiting, and 90 ms", busy, steal, err)
	}
	for _, text := range []string{"", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3"} {
		if _, _, err := machineTime(text); err == nil {
			t.Errorf("%q: want an error", text)
		}
	}
}

func TestSince(t *testing.T) {
	at := time.Now()
	before := usage{at: at, subject: 1, self: 2, busy: 3, steal: 4}
	after := usage{at: at.Add(2 * time.Second), subject: 1 + time.Second, self: 2 + time.Second, busy: 3 + 3*time.Second, steal: 4 + time.Second}
	foreign, stolen := after.since(before)
	if math.Abs(foreign-0.5) > 1e-9 || math.Abs(stolen-0.5) > 1e-9 {
		t.Errorf("got %v and %v, want 0.5 each: in 2 s a second of others and one that was stolen", foreign, stolen)
	}
	after.busy = before.busy // by ticks less than by the programs' own clocks
	if foreign, _ := after.since(before); foreign != 0 {
		t.Errorf("got %v, want 0", foreign)
	}
}

func TestParseDrops(t *testing.T) {
	const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1194: 00000000:2710 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 71434 2 0000000000000000 12
 1195: 0100007F:2711 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 71435 2 0000000000000000 5
 1196: 0100007F:2712 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 71436 2 0000000000000000 100
`
	if got := parseDrops(table, 0x2710, 0x2711); got != 17 {
		t.Errorf("got %d, want 17", got)
	}
}

func TestParseBacklog(t *testing.T) {
	const table = `0d2f3c5a 0000001f 00000120 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
0c112233 00000100 000000ff 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000001
`
	if got := parseBacklog(table); got != 0x11f {
		t.Errorf("got %d, want 287", got)
	}
}
