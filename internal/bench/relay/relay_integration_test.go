//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test be what the program is too: what it measures.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-serve") {
		main()
		return
	}
	os.Exit(m.Run())
}

// small is a plan that any machine can carry out, however busy: nothing is pinned, and the last packets may take their time.
func small() *plan {
	return &plan{
		calls: 3, rounds: 1, warm: 60 * time.Millisecond, length: 240 * time.Millisecond, drain: 30 * time.Second,
		modes: []string{"plain"}, without: []string{"rtpengine"},
	}
}

// TestPrograms sends some packets of each mode through our engine and through the simple relay, each in a process of its own.
func TestPrograms(t *testing.T) {
	needsLoopback(t)
	_, starters := programs()
	for _, mode := range []string{"cm80", "gcm", "h264"} { // plain is what TestReport has
		for _, name := range []string{"engine", "simple"} {
			t.Run(mode+" "+name, func(t *testing.T) {
				t.Parallel()
				p := small()
				f, err := p.once(t.Context(), starters[name], modes()[mode], p.calls)
				if err != nil {
					t.Fatal(err)
				}
				want := 2 * p.calls * 12 // two ways, 12 times 20 ms
				if mode == "h264" {
					want = 2 * p.calls * 6 * 4 // 6 times 40 ms; the key frame came before
				}
				if name == "simple" {
					f.wrong = 0 // it passes on whatever comes to its ports, from other programs too
				}
				if f.sent != want || f.lost > 0 || f.twice > 0 || f.wrong > 0 || f.delay.n != want {
					t.Errorf("%d sent, %d lost, %d twice, %d wrong, %d delays, want %d sent and nothing amiss", f.sent, f.lost, f.twice, f.wrong, f.delay.n, want)
				}
				if f.cost <= 0 {
					t.Errorf("got %v us a packet, want more than none", f.cost)
				}
			})
		}
	}
}

// TestTranscodes has two phones talk that have no codec in common, through our engine in a process of its own, and compares what they hear
// with what was said.
func TestTranscodes(t *testing.T) {
	needsLoopback(t)
	t.Parallel()
	p := small()
	p.sound, p.length = true, 600*time.Millisecond
	m, err := p.mode("g722")
	if err != nil {
		t.Fatal(err)
	}
	_, starters := programs()
	f, err := p.once(t.Context(), starters["engine"], m, p.calls)
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 * p.calls * 30; f.sent != want || f.lost > 0 || f.twice > 0 || f.wrong > 0 {
		t.Errorf("%d sent, %d lost, %d twice, %d wrong, want %d sent and nothing amiss", f.sent, f.lost, f.twice, f.wrong, want)
	}
	for side, d := range f.distance {
		if d <= 0 || d > 6 {
			t.Errorf("side %d hears what was said at a distance of %.1f dB", side, d)
		}
	}
	if _, err := p.mode("no such mode"); !errors.Is(err, errNoMode) {
		t.Errorf("got %v", err)
	}
}

// TestCommon has a caller offer what would have to be transcoded, and PCMU: then nothing is, and every packet comes as it was sent.
func TestCommon(t *testing.T) {
	needsLoopback(t)
	t.Parallel()
	p := small()
	p.sound, p.modes, p.without = true, []string{"common", "plain"}, append(p.without, "simple")
	var out bytes.Buffer
	if err := p.run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`(?m)^common +engine +3 .+ 72 +0 +0 +\d+ +0 `,
		`(?m)^engine, a packet of a call with a codec in common: \d+\.\d\d .+ \(0 of 72 not as it was sent\)$`,
		`ratio opus_same=0.00 opus_default=0.00 g722=0.00 common=0.00\n$`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("want %s in\n%s", want, out.String())
		}
	}
}

// TestReport has the program write what it measures.
func TestReport(t *testing.T) {
	needsLoopback(t)
	t.Parallel()
	p := small()
	var out bytes.Buffer
	if err := p.run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range []string{
		`^mode +program +calls +us a packet +of rtpengine's +packets +lost +twice +late +wrong +p50 us +p99 us +rounds with load of others, of the host$`,
		`^plain +engine +3 +\d+\.\d\d \(\d+\.\d\d-\d+\.\d\d\) +- +72 +0 +0 +\d+ +0 +\d+ +\d+ +\d of 1 \(up to \d+, \d+ %; \d+ lost by the system\)$`,
		`^plain +simple +3 +\d+\.\d\d \(\d+\.\d\d-\d+\.\d\d\) +- +72 +0 +0 +\d+ +\d+ +\d+ +\d+ +\d of 1 \(up to \d+, \d+ %; \d+ lost by the system\)$`,
		`^0 runs were repeated for foreign load, \d+ s in all$`,
		`^ratio plain=0\.00 cm80=0\.00 gcm=0\.00 calls=0\.0$`,
	} {
		if i >= len(lines) || !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Fatalf("line %d: want %s in\n%s", i+1, want, out.String())
		}
	}
}

// needsLoopback skips a test where a socket may not be tied to the loopback interface.
func needsLoopback(t *testing.T) {
	t.Helper()
	_, rtp, rtcp, err := openPair(firstPort)
	if errors.Is(err, unix.EPERM) {
		t.Skip("needs a socket on the loopback interface alone: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, _ = unix.Close(rtp), unix.Close(rtcp)
}
