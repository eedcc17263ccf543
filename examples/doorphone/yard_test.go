package main_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/sip/siptest"
)

const doorID = "front-door"

// yard is what stands around a program that serves: Alexa, the Echo Show in the kitchen and the phone at the front door.
type yard struct {
	home     *alexatest.Home
	show     *alexatest.Show
	door     *siptest.Phone
	settings map[string]string // of the program, by flag
	secrets  []string          // what only the environment may hold, NAME=value

	*program.Process        // once it serves
	skill            string // where it takes directives
	sip              string // its address
}

// newYard starts everything but the program.
func newYard(t *testing.T, phone siptest.PhoneOptions) *yard {
	t.Helper()
	home, err := alexatest.NewHome(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(home.Close)
	show, err := home.NewShow(&alexatest.ShowOptions{Play: alexatest.Tone(showTone), Codecs: []string{alexatest.CodecPCMU}})
	if err != nil {
		t.Fatal(err)
	}
	phone.User, phone.Play = "door", siptest.Tone(doorTone)
	if phone.Video == nil {
		phone.Video = &siptest.VideoOptions{Feedback: []string{"nack pli"}}
	}
	door, err := siptest.NewPhone(&phone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = door.Close() })
	return &yard{
		home: home, show: show, door: door,
		settings: map[string]string{
			"skill-addr": "127.0.0.1:0", "sip-addr": "127.0.0.1:0", "media-addr": "127.0.0.1:0", "public-ip": "127.0.0.1",
			"alexa-endpoint": home.URL(), "lwa-url": home.TokenURL(), "grants": filepath.Join(t.TempDir(), "grants.json"),
			"door": doorID + "=Front door=" + door.URI(),
		},
		secrets: []string{"LWA_CLIENT_ID=" + home.ClientID(), "LWA_CLIENT_SECRET=" + home.ClientSecret(), "SKILL_TOKEN=" + home.Token()},
	}
}

// open starts the program with its settings as flags, or from the environment, and waits until it serves.
func (y *yard) open(t *testing.T, fromEnvironment bool) {
	t.Helper()
	args, env := []string{"-serve"}, slices.Clone(y.secrets)
	for _, name := range slices.Sorted(maps.Keys(y.settings)) {
		if fromEnvironment {
			env = append(env, "DOORPHONE_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+y.settings[name])
		} else {
			args = append(args, "-"+name, y.settings[name])
		}
	}
	y.Process = underTest.Start(t, env, args...)
	at := y.Await(t, `(?m)^directives on (\S+), SIP on (\S+)$`)
	if at == nil {
		t.Fatal("the program does not serve")
	}
	y.skill, y.sip = at[1], at[2]
}

// shut is Ctrl-C and what must come of it: the program ends soon and well. Nobody has broken a rule by then, and no secret has come out.
func (y *yard) shut(t *testing.T) {
	t.Helper()
	y.Interrupt(t)
	if status := y.Wait(t, program.Patience); status != 0 {
		t.Errorf("exit status %d after an interrupt", status)
	}
	if !strings.Contains(y.Stdout(), "\ndraining\n") {
		t.Error("the program does not say that it drains")
	}
	y.home.Report(t)
	said := y.Stdout() + y.Stderr()
	for _, secret := range append(slices.Clone(y.secrets[1:]), "x=a=ice-pwd", "x=a=fingerprint", "x=Bearer") { // the first is an id
		if _, value, _ := strings.Cut(secret, "="); strings.Contains(said, value) {
			t.Errorf("the program prints %.12s…", secret)
		}
	}
}

// rings has a visitor ring, and somebody in the house answer, until both are up.
func (y *yard) rings(t *testing.T) (*alexatest.Session, *siptest.Call) {
	t.Helper()
	visitor, err := y.door.Call(program.Within(t), "sip:"+doorID+"@"+y.sip, nil)
	if err != nil {
		t.Fatal(err)
	}
	press, err := y.home.NextPress(program.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	if press.EndpointID != doorID {
		t.Errorf("%q rings", press.EndpointID)
	}
	session, err := y.show.Talk(program.Within(t), press.EndpointID)
	if err != nil {
		t.Fatal(err)
	}
	return session, up(t, visitor)
}

// calls has somebody in the house talk to the door, until both are up.
func (y *yard) calls(t *testing.T) (*alexatest.Session, *siptest.Call) {
	t.Helper()
	session, err := y.show.Talk(program.Within(t), doorID)
	if err != nil {
		t.Fatal(err)
	}
	visitor, err := y.door.NextCall(program.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	return session, up(t, visitor)
}

// up waits until a call is answered.
func up(t *testing.T, c *siptest.Call) *siptest.Call {
	t.Helper()
	if err := c.WaitState(program.Within(t), siptest.Up); err != nil {
		t.Fatal(err)
	}
	return c
}

// showHears waits until the people in the house hear and see the visitor.
func showHears(t *testing.T, k *alexatest.Session) {
	t.Helper()
	if err := k.WaitSeen(program.Within(t), 10); err != nil {
		t.Fatal(err)
	}
	program.Eventually(t, "the visitor is heard", func() bool { return k.Heard().ToneShare(doorTone) > 0.9 })
}

// doorHears waits until the visitor hears the people in the house.
func doorHears(t *testing.T, c *siptest.Call) {
	t.Helper()
	program.Eventually(t, "the house is heard", func() bool {
		return len(c.Heard().PCM) >= 2000 && c.Heard().ToneShare(showTone, 250*time.Millisecond) > 0.9
	})
}

// over checks that a talk has ended on both sides.
func over(t *testing.T, k *alexatest.Session, c *siptest.Call) {
	t.Helper()
	if _, err := k.WaitEnd(program.Within(t)); err != nil {
		t.Error(err)
	}
	if err := c.WaitState(program.Within(t), siptest.Ended); err != nil {
		t.Error(err)
	}
	if status, reason, _ := c.Ended(); status != 200 {
		t.Errorf("the call ended with %d %s", status, reason)
	}
}

// grant has the user enable the skill.
func (y *yard) grant(t *testing.T) {
	t.Helper()
	if err := y.home.Grant(program.Within(t)); err != nil {
		t.Fatal(err)
	}
}
