package main_test

import (
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/sip/siptest"
)

// handset is a real phone that a test works by its commands. It answers calls by itself.
type handset interface {
	uri() string
	calls(t *testing.T, uri string)
	talks(t *testing.T, echo *alexatest.Call) // returns once the phone and the Echo hear each other, from now on
	holds(t *testing.T)
	silent(t *testing.T, echo *alexatest.Call) // returns once neither hears the other any more, on hold
	resumes(t *testing.T)
	isHeld(t *testing.T, echo *alexatest.Call) // returns once the phone knows that the Echo holds, and neither hears the other
	transfers(t *testing.T, uri string)        // blind
	told(t *testing.T, status int)             // returns once the phone is told what has come of its transfer
	hangsUp(t *testing.T)
	idle(t *testing.T) // returns once the phone has no call
}

// handsets are the phones, by the program's name.
var handsets = map[string]func(t *testing.T) handset{
	"baresip":   func(t *testing.T) handset { return startBaresip(t, "") },
	"linphonec": func(t *testing.T) handset { return startLinphone(t) },
}

// eachWay does something with each phone, the front desk, in a call with the Echo: one that the Echo has placed and one that the phone has.
func eachWay(t *testing.T, do func(*testing.T, *lobby, handset, *alexatest.Call)) {
	t.Helper()
	for name, begin := range handsets {
		for _, placed := range []bool{false, true} {
			title := name + " is called"
			if placed {
				title = name + " calls"
			}
			t.Run(title, func(t *testing.T) {
				testutil.Need(t, name)
				t.Parallel()
				h, l := begin(t), newLobby(t, nil)
				l.settings["pbx"] = h.uri()
				l.open(t, false)
				do(t, l, h, l.meet(t, h, placed))
				l.shut(t)
				l.quiet(t)
			})
		}
	}
}

// meet has the front desk call the room, or the other way about.
func (l *lobby) meet(t *testing.T, h handset, placed bool) *alexatest.Call {
	t.Helper()
	var echo *alexatest.Call
	var err error
	if placed {
		h.calls(t, "sip:room-101@"+l.sip)
		echo, err = l.room.NextCall(program.Within(t))
	} else {
		echo, err = l.room.Call(program.Within(t), "reception")
	}
	if err != nil {
		t.Fatal(err)
	}
	return echo
}

// keyboard is what is typed into a program.
type keyboard struct{ keys io.Writer }

// newKeyboard returns a keyboard, and what the program is to read.
func newKeyboard(t *testing.T) (keyboard, *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = write.Close(), read.Close() })
	return keyboard{write}, read
}

// enters types commands.
func (k keyboard) enters(t *testing.T, commands ...string) {
	t.Helper()
	for _, c := range commands {
		if _, err := fmt.Fprintln(k.keys, c); err != nil {
			t.Fatal(err)
		}
	}
}

// asks types a command and returns what the program shows of it: the first group of the pattern in what is on the screen from then on.
func (k keyboard) asks(t *testing.T, screen func() string, command string, pattern *regexp.Regexp) string {
	t.Helper()
	seen := len(screen())
	k.enters(t, command)
	var m []string
	program.Eventually(t, "an answer to "+command, func() bool {
		m = pattern.FindStringSubmatch(screen()[seen:])
		return m != nil
	})
	return m[1]
}

// writeTone writes a minute of a tone.
func writeTone(t *testing.T, file string, hz float64) {
	t.Helper()
	pcm := make([]int16, 60*8000)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	if err := (siptest.Recording{PCM: pcm}).WriteWAV(file); err != nil {
		t.Fatal(err)
	}
}

// aWhile is how long somebody has to hear a tone for the tests to believe it.
const aWhile = 300 * time.Millisecond

func samplesIn(d time.Duration, rate int) int { return int(d * time.Duration(rate) / time.Second) }

// hearsNow waits until the Echo hears a tone and nothing else for a while, in what it hears from now on.
func hearsNow(t *testing.T, echo *alexatest.Call, hz float64, while time.Duration) {
	t.Helper()
	before, window := len(echo.Heard().Samples), samplesIn(while, 8000)
	program.Eventually(t, fmt.Sprintf("the Echo hears %v Hz", hz), func() bool {
		now := echo.Heard().Samples
		return len(now) >= before+window && testutil.ToneShare(now[len(now)-window:], 8000, hz) > 0.95
	})
}

// hearsNoMore waits until the Echo has heard nothing of a tone for a while.
func hearsNoMore(t *testing.T, echo *alexatest.Call, hz float64) {
	t.Helper()
	past, last := len(echo.Heard().Samples), time.Now()
	program.Eventually(t, fmt.Sprintf("the Echo hears %v Hz no more", hz), func() bool {
		if now := echo.Heard().Samples; len(now) > past {
			if testutil.ToneShare(now[past:], 8000, hz) > 0.1 {
				last = time.Now()
			}
			past = len(now)
		}
		return time.Since(last) > aWhile
	})
}

// talk waits until the Echo and a simulated phone hear each other, from now on.
func talk(t *testing.T, echo *alexatest.Call, phone *siptest.Call, hz float64) {
	t.Helper()
	hearsNow(t, echo, hz, aWhile)
	program.Eventually(t, "the phone hears the Echo", func() bool { return phone.Heard().ToneShare(echoTone, aWhile) > 0.95 })
}
