package main_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/sip/siptest"
)

// underTest is the program, without the settings of whoever runs the tests.
var underTest = program.UnderTest{Settings: []string{"CONFERENCE_", "SIP_", "OPERATOR_", "CONTROL_"}}

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
				"with 103: operator", "conference: 101", "conference: 102", "conference: operator",
				"without 101: 102", "without 101: operator",
			}) && v.Ended == "normal"
		},
		"tone": func(v verdict) bool {
			return slices.Contains(v.deaf(), "conference: 102") && !slices.Contains(v.deaf(), "conference: 103") && v.Ended == "normal"
		},
		"hangup": func(v verdict) bool { return v.Ended != "normal" },
		"music": func(v verdict) bool {
			return slices.Equal(v.deaf(), []string{"with 102: 101", "with 103: 101", "with 103: 102"}) && v.Ended == "normal"
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
		if !slices.Equal(moments, []string{"with 101", "with 102", "with 103", "conference", "without 101"}) || len(v.Moments[3].Hears) != 4 {
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

// TestServe has a real operator, as far as the program can tell: the phone with its password, and the console with its token.
func TestServe(t *testing.T) {
	program.Interruptible(t)
	t.Parallel()
	operator := newPhone(t, &siptest.PhoneOptions{User: "operator", Play: siptest.Tone(440), Username: "operator", Password: "hush-phone"})
	stranger := newPhone(t, &siptest.PhoneOptions{User: "operator", Username: "operator", Password: "guess"})
	rooms, tones := map[string]*siptest.Phone{}, map[string]float64{"101": 620, "102": 1150}
	extensions := map[string]string{}
	for room, hz := range tones {
		rooms[room] = newPhone(t, &siptest.PhoneOptions{User: room, Play: siptest.Tone(hz)})
		extensions[room] = rooms[room].URI()
	}
	pbx, err := siptest.NewPBX(&siptest.PBXOptions{Users: map[string]string{"hotel": "hush-line"}, Extensions: extensions})
	must(t, err)
	defer func() { must(t, pbx.Close()) }()
	p := underTest.Start(t, []string{
		"OPERATOR_PASSWORD=hush-phone", "CONTROL_TOKEN=hush-console", "SIP_PASSWORD=hush-line", "CONFERENCE_REGISTER=" + pbx.URI("hotel"),
	}, "-serve", "-pbx", strings.TrimPrefix(pbx.URI(""), "sip:@"), "-sip-addr", "127.0.0.1:0", "-media-addr", "127.0.0.1:0", "-public-ip", "127.0.0.1",
		"-control-addr", "127.0.0.1:0")
	at := p.Await(t, `(?m)^console on (\S+), SIP on (\S+)$`)
	if at == nil {
		t.Fatal("the switchboard has not opened")
	}
	refused, err := stranger.Call(program.Within(t), "sip:101@"+at[2], nil)
	must(t, err)
	must(t, refused.WaitState(program.Within(t), siptest.Ended))
	if status, _, _ := refused.Ended(); status != 401 {
		t.Errorf("a stranger's call ended with %d, want 401", status)
	}

	call, err := operator.Call(program.Within(t), "sip:101@"+at[2], nil)
	must(t, err)
	first, err := rooms["101"].NextCall(program.Within(t))
	must(t, err)
	hears(t, "operator", call, 620)
	press(t, "http://"+at[1]+"/add/102", "guess", http.StatusUnauthorized)
	press(t, "http://"+at[1]+"/add/102", "hush-console", http.StatusOK)
	second, err := rooms["102"].NextCall(program.Within(t))
	must(t, err)
	hears(t, "operator", call, 1150)
	press(t, "http://"+at[1]+"/confer", "hush-console", http.StatusOK)
	hears(t, "operator", call, 620, 1150)
	hears(t, "101", first, 440, 1150)
	hears(t, "102", second, 440, 620)
	press(t, "http://"+at[1]+"/confer", "hush-console", http.StatusConflict)

	p.Interrupt(t)
	if status := p.Wait(t, 8*time.Second); status != 0 || !strings.Contains(p.Stdout(), "\ndraining\n") {
		t.Errorf("exit status %d after an interrupt", status)
	}
	for _, c := range []*siptest.Call{call, first, second} {
		must(t, c.WaitState(program.Within(t), siptest.Ended))
	}
	if said := p.Stdout() + p.Stderr(); strings.Contains(said, "hush") || strings.TrimSpace(p.Stderr()) != "" {
		t.Errorf("the switchboard says on standard error, or a secret anywhere: %s", p.Stderr())
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
		"nothing":       {[]string{"-serve"}, `-pbx, \$OPERATOR_PASSWORD and \$CONTROL_TOKEN are needed`},
		"stray word":    {[]string{"all"}, `"all" is not a flag`},
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

// press presses a button of the console.
func press(t *testing.T, url, token string, want int) {
	t.Helper()
	r, err := http.NewRequestWithContext(program.Within(t), http.MethodPost, url, http.NoBody)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Close = true
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	must(t, answer.Body.Close())
	if answer.StatusCode != want {
		t.Errorf("%s: %s, want %d", url, answer.Status, want)
	}
}

// hears waits until a call hears these tones and nothing else.
func hears(t *testing.T, who string, c *siptest.Call, tones ...float64) {
	t.Helper()
	program.Eventually(t, who+" hears the others", func() bool {
		heard, sum := c.Heard(), 0.0
		for _, hz := range tones {
			share := heard.ToneShare(hz, time.Second/2)
			if sum += share; share < 0.2 {
				return false
			}
		}
		return sum > 0.8
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newPhone(t *testing.T, o *siptest.PhoneOptions) *siptest.Phone {
	t.Helper()
	phone, err := siptest.NewPhone(o)
	must(t, err)
	t.Cleanup(func() { _ = phone.Close() })
	return phone
}
