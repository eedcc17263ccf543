package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/alexacall/alexacall/internal/testutil/program"
)

// What is played in a simulation, in hertz.
const (
	echoTone         = 440
	receptionTone    = 620
	housekeepingTone = 1150
)

// underTest is the program, without the settings of whoever runs the tests.
var underTest = program.UnderTest{Settings: []string{"IVR_", "LWA_", "SIP_"}}

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
	isStep    = regexp.MustCompile(`(?m)^ *[0-9.]+ ms  (.*)$`)
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

// call is one of those that -json prints.
type call struct {
	Pressed    string  `json:"pressed"`
	Reached    string  `json:"reached"`
	Greeted    bool    `json:"greeted"`
	EchoHeard  bool    `json:"echo_heard"`
	PhoneHeard bool    `json:"phone_heard"`
	SetupMS    float64 `json:"setup_ms"`
	Ended      string  `json:"ended"`
}

// verdict parses the last line, which must be a JSON object of known members alone, and must fit the exit status. It returns the calls, of
// which there must be so many, with a session each.
func (o outcome) verdict(t *testing.T, calls int) []call {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(o.stdout, "\n"), "\n")
	last := lines[len(lines)-1]
	d := json.NewDecoder(strings.NewReader(last))
	d.DisallowUnknownFields()
	var v struct {
		Calls     []call `json:"calls"`
		Completed int    `json:"completed"`
		OK        bool   `json:"ok"`
	}
	if err := d.Decode(&v); err != nil || d.More() {
		t.Fatalf("the last line is not the verdict: %v: %q", err, last)
	}
	if v.OK != (o.status == 0) {
		t.Errorf("exit status %d, but the verdict is ok: %t", o.status, v.OK)
	}
	if len(v.Calls) != calls || v.Completed != calls || calls != strings.Count(o.stdout, "session completed") {
		t.Fatalf("%d calls, %d sessions completed, want %d:\n%s", len(v.Calls), v.Completed, calls, o.stdout)
	}
	return v.Calls
}

// steps returns who does what, as the lines of signalling steps have it.
func (o outcome) steps() []string {
	var steps []string
	for _, m := range isStep.FindAllStringSubmatch(o.stdout, -1) {
		steps = append(steps, someSpace.ReplaceAllString(strings.TrimSpace(m[1]), "|"))
	}
	return steps
}

// recording returns the path of what one side has heard in the call with a department.
func (o outcome) recording(t *testing.T, department, side string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(o.dir, "*-with-"+department+"-heard-by-"+side+".wav"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %q of the call with %s for the %s, %v", files, department, side, err)
	}
	return files[0]
}

// quiet checks that nothing is said on standard error.
func (o outcome) quiet(t *testing.T) {
	t.Helper()
	if s := strings.TrimSpace(o.stderr); s != "" {
		t.Errorf("on standard error:\n%s", s)
	}
}
