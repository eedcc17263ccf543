package main_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/alexacall/alexacall/internal/testutil/program"
)

// underTest is the program, without the settings of whoever runs the tests.
var underTest = program.UnderTest{Settings: []string{"CONFERENCE_", "LWA_", "SIP_", "OPERATOR_", "CONTROL_"}}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		underTest.Remove()
		os.Exit(status)
	}))
}

// verdict is what -json prints.
type verdict struct {
	Moments []struct {
		Moment string          `json:"moment"`
		Hears  map[string]bool `json:"hears"`
	} `json:"moments"`
	Left      int    `json:"left"`
	Completed int    `json:"completed"`
	Ended     string `json:"ended"`
	OK        bool   `json:"ok"`
}

// verdictOf waits until a simulation has ended, and parses its last line, which must be a JSON object of known members alone, and fit the exit
// status.
func verdictOf(t *testing.T, p *program.Process) verdict {
	t.Helper()
	status := p.Wait(t, program.Patience)
	lines := strings.Split(strings.TrimSuffix(p.Stdout(), "\n"), "\n")
	d := json.NewDecoder(strings.NewReader(lines[len(lines)-1]))
	d.DisallowUnknownFields()
	var v verdict
	if err := d.Decode(&v); err != nil || d.More() {
		t.Fatalf("the last line is not the verdict: %v: %q", err, lines[len(lines)-1])
	}
	if v.OK != (status == 0) {
		t.Errorf("exit status %d, but the verdict is ok: %t", status, v.OK)
	}
	return v
}

// deaf returns who did not hear whom it should, at which moment.
func (v verdict) deaf() []string {
	var deaf []string
	for _, m := range v.Moments {
		for _, name := range slices.Sorted(maps.Keys(m.Hears)) {
			if !m.Hears[name] {
				deaf = append(deaf, m.Moment+": "+name)
			}
		}
	}
	return deaf
}

// TestSimulation runs the program, and once with each thing spoilt, which must show where it should and in the exit status. Most of their time
// the programs wait, so they run all at once.
func TestSimulation(t *testing.T) {
	t.Parallel()
	spoiltTable := map[string]func(v verdict) bool{
		"one-way": func(v verdict) bool {
			return slices.Equal(v.deaf(), []string{
				"with 103: operator", "conference: 101", "conference: 102", "conference: operator", "without 101: 102", "without 101: operator",
			}) && v.Ended == "normal"
		},
		"tone": func(v verdict) bool {
			return slices.Contains(v.deaf(), "conference: 102") && !slices.Contains(v.deaf(), "conference: 103") && v.Ended == "normal"
		},
		"hangup": func(v verdict) bool { return strings.Contains(v.Ended, "103 has ended too early") },
		"music": func(v verdict) bool {
			return slices.Equal(v.deaf(), []string{
				"with 102: 101", "with 103: 101", "with 103: 102", "101 again: 102", "101 again: 103",
			}) && v.Ended == "normal"
		},
		"echo": func(v verdict) bool {
			return slices.Equal(v.deaf(), []string{
				"with 101: operator", "101 again: operator", "conference: 102", "conference: 103", "conference: operator",
			}) && v.Ended == "normal"
		},
	}
	whole, words, spoilt := underTest.Start(t, nil, "-json"), underTest.Start(t, nil, "-break", "hangup"), map[string]*program.Process{}
	for spoil := range spoiltTable {
		spoilt[spoil] = underTest.Start(t, nil, "-json", "-break", spoil)
	}
	t.Run("whole", func(t *testing.T) {
		v := verdictOf(t, whole)
		var moments []string
		for _, m := range v.Moments {
			moments = append(moments, m.Moment)
		}
		if !slices.Equal(moments, []string{"with 101", "with 102", "with 103", "101 again", "conference", "without 101"}) || len(v.Moments[4].Hears) != 4 {
			t.Errorf("moments %+v", v.Moments)
		}
		if !v.OK || v.Left != 4 || v.Completed != 1 || v.Ended != "normal" || v.deaf() != nil {
			t.Errorf("%+v", v)
		}
		if said := strings.TrimSpace(whole.Stderr()); said != "" {
			t.Errorf("on standard error: %s", said)
		}
	})
	t.Run("in words", func(t *testing.T) {
		if status := words.Wait(t, program.Patience); status != 1 || strings.Contains(words.Stdout(), "{") {
			t.Errorf("exit status %d, want 1 and no JSON:\n%s", status, words.Stdout())
		}
	})
	for spoil, wrong := range spoiltTable {
		t.Run(spoil, func(t *testing.T) {
			if v := verdictOf(t, spoilt[spoil]); v.OK || !wrong(v) {
				t.Errorf("%+v", v)
			}
		})
	}
}

// TestBadSettings starts the program with settings that cannot work: it must say which, and not go on.
func TestBadSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want string // on standard error
	}{
		"unknown break": {[]string{"-break", "all"}, `cannot break "all"`},
		"nothing":       {[]string{"-serve"}, `-skill-id, -pbx, \$OPERATOR_PASSWORD and \$CONTROL_TOKEN are needed`},
		"stray word":    {[]string{"all"}, `"all" is not a flag`},
		"half a device": {[]string{"-device", "101="}, `"101=" is not ROOM=COMMUNICATION_PROFILE_ID`},
		"help":          {[]string{"-h"}, `(?s)-control-addr \w+.*\[\$CONFERENCE_CONTROL_ADDR\].*-pbx \w+.*\[\$CONFERENCE_PBX\]`},
	} {
		t.Run(name, func(t *testing.T) {
			p := underTest.Start(t, nil, c.args...)
			if status := p.Wait(t, program.Patience); (status != 0) == (name == "help") {
				t.Errorf("exit status %d", status)
			}
			if !regexp.MustCompile(c.want).MatchString(p.Stderr()) {
				t.Errorf("standard error does not say %q:\n%s", c.want, p.Stderr())
			}
		})
	}
}
