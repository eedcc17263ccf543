package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/alexacall/alexacall/internal/testutil/program"
)

// What each side of a simulated call plays, in hertz, and what the phone plays where -break tone spoils it.
const (
	echoTone    = 440
	phoneTone   = 620
	spoiledTone = 720
)

// underTest is the program, without the settings of whoever runs the tests.
var underTest = program.UnderTest{Settings: []string{"HOTEL_", "LWA_", "SIP_"}}

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

// run runs the program until it ends. What it leaves goes with the test.
func run(t *testing.T, args ...string) outcome {
	t.Helper()
	p := underTest.Start(t, nil, args...)
	o := outcome{status: p.Wait(t, program.Patience), stdout: p.Stdout(), stderr: p.Stderr()}
	if m := namesDir.FindStringSubmatch(o.stdout); m != nil {
		o.dir = m[1]
	}
	return o
}

// verdict is what -json prints.
type verdict struct {
	Calls []struct {
		From       string  `json:"from"`
		EchoHeard  bool    `json:"echo_heard"`
		PhoneHeard *bool   `json:"phone_heard"` // nil: not there
		SetupMS    float64 `json:"setup_ms"`
		Ended      string  `json:"ended"`
	} `json:"calls"`
	OK bool `json:"ok"`
}

// verdict parses the last line, which must be a JSON object of known members alone, and must fit the exit status.
func (o outcome) verdict(t *testing.T) verdict {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(o.stdout, "\n"), "\n")
	last := lines[len(lines)-1]
	d := json.NewDecoder(strings.NewReader(last))
	d.DisallowUnknownFields()
	var v verdict
	if err := d.Decode(&v); err != nil || d.More() {
		t.Fatalf("the last line is not the verdict: %v: %q", err, last)
	}
	if v.OK != (o.status == 0) {
		t.Errorf("exit status %d, but the verdict is ok: %t", o.status, v.OK)
	}
	return v
}

// steps returns who does what, as the lines of signalling steps have it, and checks that their times never go back.
func (o outcome) steps(t *testing.T) []string {
	t.Helper()
	var steps []string
	var before float64
	for line := range strings.Lines(o.stdout) {
		var at float64
		if n, _ := fmt.Sscanf(line, "%f ms", &at); n != 1 {
			continue
		}
		if at < before {
			t.Errorf("a step goes back in time: %q", line)
		}
		before = at
		_, what, _ := strings.Cut(line, " ms  ")
		steps = append(steps, someSpace.ReplaceAllString(strings.TrimSpace(what), "|"))
	}
	return steps
}

// recordings returns the paths of the saved files, in the order of the calls: what the Echo heard, then what the phone heard.
func (o outcome) recordings(t *testing.T) []string {
	t.Helper()
	if o.dir == "" {
		t.Fatalf("no directory of recordings is named:\n%s", o.stdout)
	}
	files, err := filepath.Glob(filepath.Join(o.dir, "*.wav")) // sorted
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// quiet checks that nothing is said on standard error.
func (o outcome) quiet(t *testing.T) {
	t.Helper()
	if s := bytes.TrimSpace([]byte(o.stderr)); len(s) > 0 {
		t.Errorf("on standard error:\n%s", s)
	}
}
