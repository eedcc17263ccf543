package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

// storyTable is what must be printed of the signalling of one simulated talk, in this order; other lines may stand between. What happens
// at two places at a time is not in it.
var storyTable = map[string][]string{
	"door": {
		"talk|from door", "door|-> INVITE (SDP)", "alexa|event DoorbellPress 202", "alexa|directive InitiateSessionWithOffer",
		"alexa|answer AnswerGeneratedForSession", "door|-> BYE", "door|<- 200 OK to BYE",
	},
	"show": {
		"talk|from show", "alexa|directive InitiateSessionWithOffer", "door|<- INVITE (SDP)", "door|-> 200 OK to INVITE (SDP)",
		"alexa|answer AnswerGeneratedForSession", "alexa|directive SessionConnected", "alexa|directive SessionDisconnected", "alexa|answer SessionDisconnected",
	},
}

// TestSimulation runs the program a few times and looks at everything that each run leaves.
func TestSimulation(t *testing.T) {
	t.Parallel()
	var runs [3]simulation
	for n := range runs {
		runs[n] = simulate(t, "-json")
	}
	for n, p := range runs {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			o := p.outcome(t)
			o.quiet(t)
			door, show := o.verdict(t)
			steps := o.steps()
			for _, k := range []talk{door, show} {
				if !k.ShowHeard || !k.DoorHeard || k.Frames < 15 || k.KeyFrames < 1 || k.Lost != 0 || k.Ended != "normal" {
					t.Errorf("talk %+v, want one that was heard on both sides, seen and ended normally", k)
				}
				if k.AnswerMS <= 0 || k.AnswerMS > 6000 {
					t.Errorf("the offer was answered within %v ms", k.AnswerMS)
				}
				for _, step := range storyTable[k.From] {
					at := slices.IndexFunc(steps, func(s string) bool { return strings.HasPrefix(s, step) })
					if at < 0 {
						t.Fatalf("the talk from %s has no step %q in its turn:\n%s", k.From, step, o.stdout)
					}
					steps = steps[at+1:]
				}
				row := fmt.Sprintf(`(?m)^%s +true +true +%d frames +0 +%v ms +normal$`, k.From, k.Frames, k.AnswerMS)
				if !regexp.MustCompile(row).MatchString(o.stdout) {
					t.Errorf("the table has no row %s:\n%s", row, o.stdout)
				}
				checkRecordings(t, o.dir, k)
			}
			if o.status != 0 {
				t.Errorf("exit status %d", o.status)
			}
		})
	}
}

// checkRecordings checks what a talk has left: the other side's tone, and pictures.
func checkRecordings(t *testing.T, dir string, k talk) {
	t.Helper()
	for side, tones := range map[string][2]float64{"heard-by-show": {doorTone, showTone}, "heard-by-door": {showTone, doorTone}} {
		rate, samples, err := testutil.ReadWAV(recording(t, dir, k.From, side+".wav"))
		if err != nil || len(samples) < rate/4 { // of two seconds; a busy machine takes its time for the keys
			t.Fatalf("%s: %d samples at %d Hz, %v", side, len(samples), rate, err)
		}
		if testutil.ToneShare(samples, rate, tones[0]) < 0.95 || testutil.ToneShare(samples, rate, tones[1]) > 0.01 {
			t.Errorf("%s holds the tone of %v Hz with a share of %.3f, its own with %.3f", side, tones[0],
				testutil.ToneShare(samples, rate, tones[0]), testutil.ToneShare(samples, rate, tones[1]))
		}
	}
	if k.Frames > 0 {
		b, err := os.ReadFile(recording(t, dir, k.From, "seen-by-show.h264"))
		if err != nil || len(b) < 128*96*3/2 || !strings.HasPrefix(string(b), "\x00\x00\x00\x01") { // one key frame, not compressed
			t.Errorf("%d bytes of pictures, %v", len(b), err)
		}
	}
}

// recording returns the path of a file that a talk has left.
func recording(t *testing.T, dir, from, name string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*-from-"+from+"-"+name))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %q of the talk from %s for %s, %v", files, from, name, err)
	}
	return files[0]
}

// TestLoss loses pictures on both ways: what is lost is asked for again, and the Echo Show goes on showing.
func TestLoss(t *testing.T) {
	t.Parallel()
	o := simulate(t, "-json", "-loss", "5").outcome(t)
	o.quiet(t)
	door, show := o.verdict(t)
	for _, k := range []talk{door, show} {
		if k.AtDoor == 0 || k.Repaired == 0 || k.LostLast == 0 || k.Lost <= k.LostLast {
			t.Errorf("talk %+v, want packets that were lost on both ways, and came again", k)
		}
	}
	if o.status != 0 {
		t.Errorf("exit status %d: %+v, %+v", o.status, door, show)
	}
}

// TestHalfDuplex has one side heard at a time: the visitor, and then the people in the house.
func TestHalfDuplex(t *testing.T) {
	t.Parallel()
	o := simulate(t, "-json", "-half-duplex").outcome(t)
	o.quiet(t)
	if door, show := o.verdict(t); o.status != 0 {
		t.Errorf("exit status %d: %+v, %+v", o.status, door, show)
	}
}

// TestSpoilt spoils one thing at a time, which shows where it should, and in the exit status.
func TestSpoilt(t *testing.T) {
	t.Parallel()
	wrongTable := map[string]func(k talk) bool{
		"one-way": func(k talk) bool { return !k.ShowHeard && k.DoorHeard && k.Frames > 0 && k.Ended == "normal" },
		"deaf":    func(k talk) bool { return k.ShowHeard && !k.DoorHeard && k.Frames > 0 && k.Ended == "normal" },
		"tone":    func(k talk) bool { return !k.ShowHeard && k.DoorHeard && k.Frames > 0 && k.Ended == "normal" },
		"video":   func(k talk) bool { return k.ShowHeard && k.DoorHeard && k.Frames == 0 && k.Ended == "normal" },
		"hangup":  func(k talk) bool { return strings.Contains(k.Ended, "ended") },
		"late":    func(k talk) bool { return strings.Contains(k.Ended, "did not answer in time") },
		"absent":  func(k talk) bool { return k.From == "door" || k.Ended != "normal" },
	}
	runs := map[string]simulation{} // most of their time they wait
	for spoil := range wrongTable {
		runs[spoil] = simulate(t, "-json", "-break", spoil)
	}
	for spoil, wrong := range wrongTable {
		t.Run(spoil, func(t *testing.T) {
			o := runs[spoil].outcome(t)
			door, show := o.verdict(t)
			if o.status != 1 || !wrong(door) || !wrong(show) {
				t.Errorf("exit status %d: %+v, %+v", o.status, door, show)
			}
		})
	}
}

// TestSpoiltInWords runs the program as a person does, without -json.
func TestSpoiltInWords(t *testing.T) {
	t.Parallel()
	o := simulate(t, "-break", "one-way").outcome(t)
	if o.status != 1 {
		t.Errorf("exit status %d, want 1", o.status)
	}
	if strings.Contains(o.stdout, "{") {
		t.Errorf("JSON nobody asked for:\n%s", o.stdout)
	}
	if rows := regexp.MustCompile(`(?m)^(door|show) +false +true `).FindAllString(o.stdout, -1); len(rows) != 2 {
		t.Errorf("the table does not say what went wrong:\n%s", o.stdout)
	}
}
