package main_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

// storyTable is what must be printed of the signalling of one simulated call, in this order; other lines may stand between. What happens at
// two places at a time is not in it.
var storyTable = map[string][]string{
	"echo": {
		"call|from echo", "alexa -> skill|InitiateOutboundCall", "desk phone|<- INVITE (SDP)", "desk phone|-> 180 Ringing to INVITE",
		"skill -> alexa|CallRinging", "desk phone|-> 200 OK to INVITE (SDP)", "skill -> alexa|CallAccepted", "alexa -> skill|CallAcceptedAck",
		"alexa -> skill|CallEnded", "desk phone|<- BYE", "desk phone|-> 200 OK to BYE",
	},
	"phone": {
		"call|from phone", "desk phone|-> INVITE (SDP)", "skill -> alexa|InitiateInboundCall", "alexa -> skill|CallRinging",
		"alexa -> skill|CallInProgress", "alexa -> skill|CallAccepted", "desk phone|<- 200 OK to INVITE (SDP)", "desk phone|-> ACK",
		"desk phone|-> BYE", "skill -> alexa|CallEnded",
	},
}

// TestSimulation runs the program ten times, three at a time, and looks at everything that each run leaves.
func TestSimulation(t *testing.T) {
	t.Parallel()
	var started atomic.Int32
	var workers sync.WaitGroup
	for range 3 {
		workers.Go(func() {
			for n := started.Add(1); n <= 10; n = started.Add(1) {
				t.Run(fmt.Sprint(n), func(t *testing.T) { checkSimulation(t, run(t, "-json"), 1) })
			}
		})
	}
	workers.Wait()
}

// TestSimulationRepeats has one run place its two calls twice.
func TestSimulationRepeats(t *testing.T) {
	t.Parallel()
	checkSimulation(t, run(t, "-json", "-calls", "2"), 2)
}

// checkSimulation checks a run in which nothing is spoilt.
func checkSimulation(t *testing.T, o outcome, rounds int) {
	t.Helper()
	if o.status != 0 {
		t.Errorf("exit status %d", o.status)
	}
	o.quiet(t)
	v := o.verdict(t)
	if len(v.Calls) != 2*rounds {
		t.Fatalf("%d calls, want %d", len(v.Calls), 2*rounds)
	}
	steps, files := o.steps(t), o.recordings(t)
	for i, c := range v.Calls {
		from := []string{"echo", "phone"}[i%2]
		if c.From != from || !c.EchoHeard || c.PhoneHeard == nil || !*c.PhoneHeard || c.Ended != "normal" {
			t.Errorf("call %d is %+v, want one from %s that was heard on both sides and ended normally", i, c, from)
		}
		if c.SetupMS < 250 || c.SetupMS > 8000 { // the called side answers after a quarter of a second
			t.Errorf("call %d was set up within %v ms", i, c.SetupMS)
		}
		for _, step := range storyTable[from] {
			at := slices.Index(steps, step)
			if at < 0 {
				t.Fatalf("call %d from %s has no step %q in its turn:\n%s", i, from, step, o.stdout)
			}
			steps = steps[at+1:]
		}
		row := fmt.Sprintf(`(?m)^%s +true +true +%v ms +normal$`, from, c.SetupMS)
		if !regexp.MustCompile(row).MatchString(o.stdout) {
			t.Errorf("the table has no row %s", row)
		}
	}
	if len(files) != 4*rounds {
		t.Fatalf("recordings %q, want %d", files, 4*rounds)
	}
	for i, file := range files {
		checkRecording(t, file, []string{"echo-heard-by-echo", "echo-heard-by-phone", "phone-heard-by-echo", "phone-heard-by-phone"}[i%4])
	}
}

// checkRecording checks that a file has the name of its call and side, and the other side's tone in it, for as long as a call lasts.
func checkRecording(t *testing.T, file, name string) {
	t.Helper()
	if !strings.HasSuffix(file, "-from-"+name+".wav") {
		t.Errorf("%s stands where %s is expected", file, name)
	}
	tone, other := tonesOf(name)
	rate, samples, err := testutil.ReadWAV(file)
	switch {
	case err != nil:
		t.Error(err)
	case len(samples) < rate/4: // of two seconds; a busy machine takes its time for the keys
		t.Errorf("%s holds %d samples at %d Hz, less than a quarter of a second", file, len(samples), rate)
	case testutil.ToneShare(samples, rate, tone) < 0.95 || testutil.ToneShare(samples, rate, other) > 0.01:
		t.Errorf("%s holds the tone of %v Hz with a share of %.3f, its own with %.3f", filepath.Base(file), tone,
			testutil.ToneShare(samples, rate, tone), testutil.ToneShare(samples, rate, other))
	}
}

// tonesOf returns which tone a recording must hold, and which it must not.
func tonesOf(name string) (tone, other float64) {
	if strings.HasSuffix(strings.TrimSuffix(name, ".wav"), "heard-by-echo") {
		return phoneTone, echoTone
	}
	return echoTone, phoneTone
}

// TestSpoilt spoils what the Echo is to hear.
func TestSpoilt(t *testing.T) {
	t.Parallel()
	for spoil, check := range map[string]func(t *testing.T, samples []int16, rate int){
		"one-way": func(t *testing.T, samples []int16, _ int) {
			if loudest := slices.Max(samples); loudest > 50 {
				t.Errorf("the Echo heard a sample of %d, not silence", loudest)
			}
		},
		"tone": func(t *testing.T, samples []int16, rate int) {
			if share := testutil.ToneShare(samples, rate, spoiledTone); share < 0.95 {
				t.Errorf("the Echo heard the wrong tone with a share of %.3f", share)
			}
		},
	} {
		t.Run(spoil, func(t *testing.T) {
			t.Parallel()
			o := run(t, "-json", "-break", spoil)
			v := o.verdict(t)
			if o.status != 1 || len(v.Calls) != 2 {
				t.Fatalf("exit status %d, %d calls, want 1 and 2", o.status, len(v.Calls))
			}
			for i, c := range v.Calls {
				if c.EchoHeard || c.PhoneHeard == nil || !*c.PhoneHeard || c.Ended != "normal" {
					t.Errorf("call %d is %+v, want phone_heard alone, and a normal end", i, c)
				}
			}
			files := o.recordings(t)
			if len(files) != 4 {
				t.Fatalf("recordings %q, want 4", files)
			}
			for _, file := range files {
				rate, samples, err := testutil.ReadWAV(file)
				if err != nil || len(samples) < rate/4 { // as in checkRecording
					t.Fatalf("%s holds %d samples: %v", file, len(samples), err)
				}
				if strings.HasSuffix(file, "heard-by-echo.wav") {
					check(t, samples, rate)
				}
			}
		})
	}
}

// TestSpoiltHangup has the phone hang up soon after it is up: how much of the call is seen before is a matter of how busy the machine is.
func TestSpoiltHangup(t *testing.T) {
	t.Parallel()
	o := run(t, "-json", "-break", "hangup")
	v := o.verdict(t)
	if o.status != 1 || len(v.Calls) != 2 {
		t.Fatalf("exit status %d, %d calls, want 1 and 2", o.status, len(v.Calls))
	}
	for i, c := range v.Calls {
		if !strings.Contains(c.Ended, "ended") { // "ended too early", or "the call has ended" before it was seen to be up
			t.Errorf("call %d ended %q", i, c.Ended)
		}
	}
}

// TestSpoiltInWords runs the program as a person does, without -json.
func TestSpoiltInWords(t *testing.T) {
	t.Parallel()
	o := run(t, "-break", "hangup")
	if o.status != 1 {
		t.Errorf("exit status %d, want 1", o.status)
	}
	if strings.Contains(o.stdout, "{") {
		t.Errorf("JSON nobody asked for:\n%s", o.stdout)
	}
	if rows := regexp.MustCompile(`(?m)^(echo|phone) .* ended`).FindAllString(o.stdout, -1); len(rows) != 2 {
		t.Errorf("the table does not say what went wrong:\n%s", o.stdout)
	}
}
