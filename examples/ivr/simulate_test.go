package main_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

// storyTable is what must be printed of the signalling of a call with a department, in this order; other lines may stand between. What happens
// at two places at a time is not in it.
var storyTable = map[string][]string{
	"housekeeping": {
		`call|with key "2"`, "alexa -> skill|InitiateOutboundCall", "skill -> alexa|CallAccepted", "pbx|INVITE housekeeping 407", "pbx|INVITE housekeeping 0",
		"housekeeping|<- INVITE (SDP)", "housekeeping|-> 180 Ringing to INVITE", "housekeeping|-> 200 OK to INVITE (SDP)",
		"alexa -> skill|CallEnded", "housekeeping|<- BYE",
	},
	"reception": {
		`call|with key ""`, "alexa -> skill|InitiateOutboundCall", "skill -> alexa|CallAccepted", "pbx|INVITE reception 407", "pbx|INVITE reception 0",
		"reception|<- INVITE (SDP)", "reception|-> 180 Ringing to INVITE", "reception|-> 200 OK to INVITE (SDP)", "reception|-> BYE", "skill -> alexa|CallEnded",
	},
}

// spoiltTable says what is wrong with each call when one thing is spoilt.
var spoiltTable = map[string]func(c call) bool{
	"one-way":  func(c call) bool { return c.Greeted && !c.EchoHeard && c.PhoneHeard && c.Ended == "normal" },
	"tone":     func(c call) bool { return c.Greeted && !c.EchoHeard && c.PhoneHeard && c.Ended == "normal" },
	"hangup":   func(c call) bool { return c.Greeted && strings.Contains(c.Ended, "ended") },
	"digits":   func(c call) bool { return c.Greeted && c.Reached == "reception" && c.EchoHeard && c.Ended == "normal" },
	"greeting": func(c call) bool { return !c.Greeted && c.Reached != "" && c.EchoHeard && c.Ended == "normal" },
}

// TestSimulation runs the program, and once with each thing spoilt, which must show where it should and in the exit status. Most of their time
// the programs wait, so they run all at once.
func TestSimulation(t *testing.T) {
	t.Parallel()
	whole, words, spoilt := simulate(t, "-json"), simulate(t, "-break", "hangup", "-calls", "2"), map[string]simulation{}
	for spoil := range spoiltTable {
		spoilt[spoil] = simulate(t, "-json", "-break", spoil)
	}
	t.Run("whole", func(t *testing.T) { checkWhole(t, whole.outcome(t)) })
	t.Run("in words", func(t *testing.T) { checkWords(t, words.outcome(t)) })
	for spoil, wrong := range spoiltTable {
		t.Run(spoil, func(t *testing.T) {
			o := spoilt[spoil].outcome(t)
			calls := o.verdict(t, 2)
			if o.status != 1 || !wrong(calls[0]) || !wrong(calls[1]) {
				t.Errorf("exit status %d: %+v", o.status, calls)
			}
		})
	}
}

// checkWhole looks at everything that a run leaves in which nothing is spoilt.
func checkWhole(t *testing.T, o outcome) {
	t.Helper()
	o.quiet(t)
	steps := o.steps()
	if steps[0] != "pbx|REGISTER hotel 401" || steps[1] != "pbx|REGISTER hotel 200" || steps[len(steps)-1] != "pbx|REGISTER hotel 200" {
		t.Errorf("the trunk is not registered first, with a password, and last: %q", steps)
	}
	if slices.Contains(steps, "skill -> alexa|CallUpdate") {
		t.Error("the Echo is told of another codec when a phone answers that has the same")
	}
	for i, want := range []call{{Pressed: "2", Reached: "housekeeping"}, {Pressed: "", Reached: "reception"}} {
		c := o.verdict(t, 2)[i]
		want.Greeted, want.EchoHeard, want.PhoneHeard, want.SetupMS, want.Ended = true, true, true, c.SetupMS, "normal"
		if c != want || c.SetupMS < 850 { // for most of the greeting, and a quarter of a second at the phone
			t.Errorf("call %d is %+v, want %+v", i, c, want)
		}
		for _, step := range storyTable[c.Reached] {
			at := slices.Index(steps, step)
			if at < 0 {
				t.Fatalf("the call with %s has no step %q in its turn:\n%s", c.Reached, step, o.stdout)
			}
			steps = steps[at+1:]
		}
		if row := fmt.Sprintf(`(?m)^%s +%s +true +true +true +%v ms +normal$`, c.Pressed, c.Reached, c.SetupMS); !regexp.MustCompile(row).MatchString(o.stdout) {
			t.Errorf("the table has no row %s:\n%s", row, o.stdout)
		}
	}
	checkRecordings(t, o, "housekeeping", housekeepingTone)
	checkRecordings(t, o, "reception", receptionTone)
	if o.status != 0 {
		t.Errorf("exit status %d", o.status)
	}
}

// checkWords looks at a run as a person has it, without -json, in which phones hang up too early and every call is placed twice.
func checkWords(t *testing.T, o outcome) {
	t.Helper()
	if o.status != 1 {
		t.Errorf("exit status %d, want 1", o.status)
	}
	if strings.Contains(o.stdout, "{") {
		t.Errorf("JSON nobody asked for:\n%s", o.stdout)
	}
	if rows := regexp.MustCompile(`(?m)^2? +(housekeeping|reception) +true .* ended`).FindAllString(o.stdout, -1); len(rows) != 4 {
		t.Errorf("the table does not say what went wrong:\n%s", o.stdout)
	}
}

// checkRecordings checks that what each side heard at the end is the other side's tone.
func checkRecordings(t *testing.T, o outcome, department string, tone float64) {
	t.Helper()
	for side, hz := range map[string]float64{"echo": tone, "phone": echoTone} {
		rate, samples, err := testutil.ReadWAV(o.recording(t, department, side))
		if err != nil || len(samples) < rate/2 {
			t.Fatalf("the %s has heard %d samples at %d Hz, %v", side, len(samples), rate, err)
		}
		if share := testutil.ToneShare(samples[len(samples)-rate/2:], rate, hz); share <= 0.8 {
			t.Errorf("the %s has heard %v Hz with a share of %.3f at the end", side, hz, share)
		}
	}
}
