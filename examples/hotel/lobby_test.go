package main_test

import (
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/sip/siptest"
)

// lobby is what stands around a hotel that serves: Alexa's cloud, the Echo of room 101 and the phone of the front desk.
type lobby struct {
	cloud    *alexatest.Cloud
	room     *alexatest.Echo
	desk     *siptest.Phone
	settings map[string]string // of the program, by flag

	sipPassword string // "": none

	*program.Process        // the hotel, once it is open
	sip              string // its address
}

// newLobby starts everything but the hotel.
func newLobby(t *testing.T, o *alexatest.CloudOptions) *lobby {
	t.Helper()
	cloud, err := alexatest.NewCloud(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	l := &lobby{cloud: cloud, room: newEcho(t, cloud, "101"), desk: newPhone(t, &siptest.PhoneOptions{User: "reception", Play: siptest.Tone(phoneTone)})}
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, cloud.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	l.settings = map[string]string{
		"skill-addr": "127.0.0.1:0", "skill-id": cloud.SkillID(), "skill-root-ca": roots, "skill-chain-addr": cloud.ChainAddr(),
		"alexa-endpoint": cloud.URL(), "lwa-url": cloud.TokenURL(), "sip-addr": "127.0.0.1:0", "pbx": l.desk.URI(),
		"public-ip": "127.0.0.1", "media-addr": "127.0.0.1:0", "device": "room-101=101", "transfer-to": "sip:*@127.*",
	}
	return l
}

func newEcho(t *testing.T, cloud *alexatest.Cloud, id string) *alexatest.Echo {
	t.Helper()
	echo, err := cloud.NewEcho(id, &alexatest.EchoOptions{Play: alexatest.Tone(echoTone)})
	if err != nil {
		t.Fatal(err)
	}
	return echo
}

func newPhone(t *testing.T, o *siptest.PhoneOptions) *siptest.Phone {
	t.Helper()
	phone, err := siptest.NewPhone(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = phone.Close() })
	return phone
}

// secrets is the part of the settings that only the environment may hold.
func (l *lobby) secrets() []string {
	return []string{
		"LWA_CLIENT_ID=" + l.cloud.ClientID(), "LWA_CLIENT_SECRET=" + l.cloud.ClientSecret(), "LWA_REFRESH_TOKEN=" + l.cloud.RefreshToken(),
		"SIP_PASSWORD=" + l.sipPassword,
	}
}

// begin starts the hotel with its settings as flags, or from the environment.
func (l *lobby) begin(t *testing.T, fromEnvironment bool, more ...string) {
	t.Helper()
	args, env := []string{"-serve"}, l.secrets()
	for _, name := range slices.Sorted(maps.Keys(l.settings)) {
		if fromEnvironment {
			env = append(env, "HOTEL_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+l.settings[name])
		} else {
			args = append(args, "-"+name, l.settings[name])
		}
	}
	l.Process = underTest.Start(t, env, append(args, more...)...)
}

// open begins, and waits until the hotel is open.
func (l *lobby) open(t *testing.T, fromEnvironment bool, more ...string) {
	t.Helper()
	l.begin(t, fromEnvironment, more...)
	at := l.Await(t, `(?m)^events on (\S+), SIP on (\S+)$`)
	if at == nil {
		t.Fatal("the hotel has not opened")
	}
	scheme := "http://"
	if l.settings["skill-cert"] != "" {
		scheme = "https://"
	}
	l.cloud.SetSkillURL(scheme + at[1])
	l.sip = at[2]
}

// shut is Ctrl-C and what must come of it: the hotel ends soon and well. Nobody has broken a rule by then, and no secret has come out.
func (l *lobby) shut(t *testing.T) {
	t.Helper()
	l.Interrupt(t)
	l.over(t)
}

func (l *lobby) over(t *testing.T) {
	t.Helper()
	if status := l.Wait(t, 8*time.Second); status != 0 {
		t.Errorf("exit status %d after an interrupt", status)
	}
	if !strings.Contains(l.Stdout(), "\ndraining\n") {
		t.Error("the hotel does not say that it drains")
	}
	for _, v := range l.cloud.Violations() {
		t.Error("violation:", v)
	}
	said := l.Stdout() + l.Stderr()
	for _, secret := range []string{l.cloud.ClientSecret(), l.cloud.RefreshToken(), l.sipPassword, "Bearer", "a=ice-pwd", "a=fingerprint"} {
		if secret != "" && strings.Contains(said, secret) {
			t.Errorf("the hotel prints %.12s…", secret)
		}
	}
}

// quiet checks that nothing was worth a warning.
func (l *lobby) quiet(t *testing.T) {
	t.Helper()
	outcome{stderr: l.Stderr()}.quiet(t)
}

// guestCalls has the Echo call the front desk, until both hear each other.
func (l *lobby) guestCalls(t *testing.T) (*alexatest.Call, *siptest.Call) {
	t.Helper()
	echo, err := l.room.Call(program.Within(t), "reception")
	if err != nil {
		t.Fatal(err)
	}
	phone, err := l.desk.NextCall(program.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	hear(t, echo, phone)
	return echo, phone
}

// deskCalls has the front desk call a room, until both hear each other.
func (l *lobby) deskCalls(t *testing.T, uri string, room *alexatest.Echo) (*alexatest.Call, *siptest.Call) {
	t.Helper()
	phone, err := l.desk.Call(program.Within(t), uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	echo, err := room.NextCall(program.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	hear(t, echo, phone)
	return echo, phone
}

// hear waits until an Echo and a phone are connected, which is not sure while they hear each other early, and each hears the other.
func hear(t *testing.T, echo *alexatest.Call, phone *siptest.Call) {
	t.Helper()
	if err := errors.Join(echo.WaitState(program.Within(t), alexatest.StateConnected), phone.WaitState(program.Within(t), siptest.Up)); err != nil {
		t.Fatal(err)
	}
	program.Eventually(t, "the Echo hears the phone", func() bool { return echo.Heard().ToneShare(phoneTone) > 0.95 })
	program.Eventually(t, "the phone hears the Echo", func() bool { return phone.Heard().ToneShare(echoTone, time.Second/2) > 0.95 })
}

// ended checks that a call is over on both sides, and how. The code "" stands for any that the hotel or the Echo has given.
func ended(t *testing.T, echo *alexatest.Call, code string, phone *siptest.Call, byRemote bool) {
	t.Helper()
	if err := echo.WaitState(program.Within(t), alexatest.StateEnded); err != nil {
		t.Fatal(err)
	}
	if got, _ := echo.Ended(); got == "" || code != "" && got != code {
		t.Errorf("ended with code %q at the Echo, want %q", got, code)
	}
	if err := phone.WaitState(program.Within(t), siptest.Ended); err != nil {
		t.Fatal(err)
	}
	if status, reason, by := phone.Ended(); status != 200 || by != byRemote {
		t.Errorf("ended with %d %s at the phone, by the other side: %t, want 200 and %t", status, reason, by, byRemote)
	}
}

// trusting returns a client for a cloud's events that leaves no connection behind.
func trusting(t *testing.T, transport *http.Transport) *http.Client {
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}
