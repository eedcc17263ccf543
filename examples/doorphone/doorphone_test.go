package main_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/alexacall/alexacall/internal/testutil/program"
)

// What each side of a simulated talk plays, in hertz, and what the door plays where -break tone spoils it.
const (
	showTone    = 440
	doorTone    = 620
	spoiledTone = 720
)

// underTest is the program, without the settings of whoever runs the tests.
var underTest = program.UnderTest{Settings: []string{"DOORPHONE_", "LWA_", "SKILL_TOKEN=", "FORWARD_KEY=", "SIP_PASSWORD="}}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		underTest.Remove()
		os.Exit(status)
	}))
}

// outcome is how a simulation ended.
type outcome struct {
	status         int
	stdout, stderr string
	dir            string // of the recordings; "" if none is named
}

var (
	namesDir  = regexp.MustCompile(`(?m)^recordings are in (.+)$`)
	someSpace = regexp.MustCompile(` {2,}`)
)

// simulation is a program that simulates.
type simulation struct{ *program.Process }

// simulate starts the program. What it leaves goes with the test.
func simulate(t *testing.T, args ...string) simulation {
	t.Helper()
	return simulation{underTest.Start(t, nil, args...)}
}

// outcome waits until a simulation has ended.
func (p simulation) outcome(t *testing.T) outcome {
	t.Helper()
	o := outcome{status: p.Wait(t, program.Patience), stdout: p.Stdout(), stderr: p.Stderr()}
	if m := namesDir.FindStringSubmatch(o.stdout); m != nil {
		o.dir = m[1]
	}
	return o
}

// talk is one of those that -json prints.
type talk struct {
	From      string  `json:"from"`
	ShowHeard bool    `json:"show_heard"`
	DoorHeard bool    `json:"door_heard"`
	Frames    int     `json:"frames"`
	KeyFrames int     `json:"key_frames"`
	KeyMS     float64 `json:"key_ms"`
	Lost      int     `json:"lost"`
	LostLast  int     `json:"lost_last"`
	AtDoor    int     `json:"at_door"`
	Repaired  int     `json:"repaired"`
	AnswerMS  float64 `json:"answer_ms"`
	Ended     string  `json:"ended"`
}

// verdict parses the last line, which must be a JSON object of known members alone, and must fit the exit status. There must be a talk
// from each side.
func (o outcome) verdict(t *testing.T) (door, show talk) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(o.stdout, "\n"), "\n")
	last := lines[len(lines)-1]
	d := json.NewDecoder(strings.NewReader(last))
	d.DisallowUnknownFields()
	var v struct {
		Talks []talk `json:"talks"`
		OK    bool   `json:"ok"`
	}
	if err := d.Decode(&v); err != nil || d.More() {
		t.Fatalf("the last line is not the verdict: %v: %q", err, last)
	}
	if v.OK != (o.status == 0) {
		t.Errorf("exit status %d, but the verdict is ok: %t", o.status, v.OK)
	}
	if len(v.Talks) != 2 || v.Talks[0].From != "door" || v.Talks[1].From != "show" {
		t.Fatalf("talks %+v, want one from the door and one from the Echo Show", v.Talks)
	}
	return v.Talks[0], v.Talks[1]
}

// steps returns who does what, as the lines of signalling steps have it.
func (o outcome) steps() []string {
	var steps []string
	for line := range strings.Lines(o.stdout) {
		if _, what, ok := strings.Cut(line, " ms  "); ok {
			steps = append(steps, someSpace.ReplaceAllString(strings.TrimSpace(what), "|"))
		}
	}
	return steps
}

// quiet checks that nothing is said on standard error.
func (o outcome) quiet(t *testing.T) {
	t.Helper()
	if s := strings.TrimSpace(o.stderr); s != "" {
		t.Errorf("on standard error:\n%s", s)
	}
}
