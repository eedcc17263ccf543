package main_test

import (
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

// What is played, in hertz, and what the operator has to know.
const (
	operatorTone, echoTone, phoneTone, otherTone, musicTone = 440, 620, 1150, 1500, 880

	operatorPassword, consoleToken, trunkPassword = "hush-phone", "hush-console", "hush-line"
)

// house is a switchboard that serves, with what is around it.
type house struct {
	*program.Process
	console, sip string // addresses
	cloud        *alexatest.Cloud
	echo         *alexatest.Echo // of room 101
	phone, other *siptest.Phone  // of rooms 102 and 103
	operator     *siptest.Phone
}

// TestServe has a real operator and a real skill, as far as the program can tell: the phone with its password, the console with its token, the
// events of an Echo.
func TestServe(t *testing.T) {
	program.Interruptible(t)
	t.Parallel()
	h := openHouse(t)
	stranger := newPhone(t, &siptest.PhoneOptions{User: "operator", Username: "operator", Password: "guess"})
	refused, err := stranger.Call(program.Within(t), "sip:101@"+h.sip, nil)
	must(t, err)
	must(t, refused.WaitState(program.Within(t), siptest.Ended))
	if status, _, _ := refused.Ended(); status != 401 {
		t.Errorf("a stranger's call ended with %d, want 401", status)
	}
	h.press(t, "talk/102", "guess", http.StatusUnauthorized)
	h.press(t, "talk/102", consoleToken, http.StatusConflict)

	h.guestCalls(t)
	call, guest, phone := h.operatorCalls(t)
	h.Interrupt(t)
	if status := h.Wait(t, 8*time.Second); status != 0 || !strings.Contains(h.Stdout(), "\ndraining\n") {
		t.Errorf("exit status %d after an interrupt", status)
	}
	must(t, guest.WaitState(program.Within(t), alexatest.StateEnded))
	for _, c := range []*siptest.Call{call, phone} {
		must(t, c.WaitState(program.Within(t), siptest.Ended))
	}
	for _, v := range h.cloud.Violations() {
		t.Error("violation:", v)
	}
	said := h.Stdout() + h.Stderr()
	if strings.Contains(said, "hush") || strings.Contains(said, h.cloud.ClientSecret()) || strings.TrimSpace(h.Stderr()) != "" {
		t.Errorf("the switchboard says on standard error, or a secret anywhere: %s", h.Stderr())
	}
}

// guestCalls has an Echo call, which is parked and taken back, while the operator talks to another room. With the operator all leave.
func (h *house) guestCalls(t *testing.T) {
	t.Helper()
	guest, err := h.echo.Call(program.Within(t), "anything")
	must(t, err)
	call, err := h.operator.NextCall(program.Within(t))
	must(t, err)
	if from := call.Header("From"); !strings.Contains(from, `"room 101"`) {
		t.Errorf("the operator's phone shows %s", from)
	}
	hears(t, "operator", call.Heard, echoTone)
	hears(t, "101", echoHears(guest), operatorTone)
	h.press(t, "talk/102", consoleToken, http.StatusOK)
	phone, err := h.phone.NextCall(program.Within(t))
	must(t, err)
	hears(t, "operator", call.Heard, phoneTone)
	hears(t, "101", echoHears(guest), musicTone)
	h.press(t, "talk/101", consoleToken, http.StatusOK)
	hears(t, "operator", call.Heard, echoTone)
	hears(t, "101", echoHears(guest), operatorTone)
	hears(t, "102", phone.Heard, musicTone)
	must(t, call.Hangup(program.Within(t)))
	must(t, guest.WaitState(program.Within(t), alexatest.StateEnded))
	must(t, phone.WaitState(program.Within(t), siptest.Ended))
}

// operatorCalls has the operator call a phone and an Echo, which leaves, call the Echo again, take the phone back, and confer with both.
func (h *house) operatorCalls(t *testing.T) (call *siptest.Call, guest *alexatest.Call, phone *siptest.Call) {
	t.Helper()
	program.Eventually(t, "the operator is in no session any more", func() bool {
		var err error
		call, err = h.operator.Call(program.Within(t), "sip:103@"+h.sip, nil)
		must(t, err)
		return call.WaitState(program.Within(t), siptest.Up) == nil && call.State() == siptest.Up
	})
	phone, err := h.other.NextCall(program.Within(t))
	must(t, err)
	hears(t, "operator", call.Heard, otherTone)
	second, err := h.echo.Call(program.Within(t), "anything")
	must(t, err)
	must(t, second.WaitState(program.Within(t), alexatest.StateEnded)) // the operator is busy

	for _, leaves := range []bool{true, false} {
		h.press(t, "talk/101", consoleToken, http.StatusOK)
		guest, err = h.echo.NextCall(program.Within(t))
		must(t, err)
		hears(t, "operator", call.Heard, echoTone)
		hears(t, "103", phone.Heard, musicTone)
		if leaves {
			must(t, guest.Hangup(program.Within(t)))
			hears(t, "operator", call.Heard, otherTone)
		}
	}
	h.press(t, "talk/103", consoleToken, http.StatusOK)
	hears(t, "operator", call.Heard, otherTone)
	hears(t, "101", echoHears(guest), musicTone)
	h.press(t, "confer", consoleToken, http.StatusOK)
	hears(t, "operator", call.Heard, echoTone, otherTone)
	hears(t, "101", echoHears(guest), operatorTone, otherTone)
	hears(t, "103", phone.Heard, operatorTone, echoTone)
	h.press(t, "confer", consoleToken, http.StatusConflict)
	return call, guest, phone
}

// openHouse starts everything.
func openHouse(t *testing.T) *house {
	t.Helper()
	h := &house{
		phone: newPhone(t, &siptest.PhoneOptions{User: "102", Play: siptest.Tone(phoneTone)}),
		other: newPhone(t, &siptest.PhoneOptions{User: "103", Play: siptest.Tone(otherTone)}),
		operator: newPhone(t, &siptest.PhoneOptions{
			User: "operator", Play: siptest.Tone(operatorTone), Username: "operator", Password: operatorPassword,
		}),
	}
	var err error
	h.cloud, err = alexatest.NewCloud(nil)
	must(t, err)
	t.Cleanup(h.cloud.Close)
	h.echo, err = h.cloud.NewEcho("first-floor-left", &alexatest.EchoOptions{Play: alexatest.Tone(echoTone)})
	must(t, err)
	pbx, err := siptest.NewPBX(&siptest.PBXOptions{
		Users:      map[string]string{"hotel": trunkPassword},
		Extensions: map[string]string{"operator": h.operator.URI(), "102": h.phone.URI(), "103": h.other.URI()},
	})
	must(t, err)
	t.Cleanup(func() { must(t, pbx.Close()) })
	roots := filepath.Join(t.TempDir(), "roots.pem")
	must(t, os.WriteFile(roots, h.cloud.RootPEM(), 0o600))
	args, settings := []string{"-serve"}, map[string]string{
		"pbx": strings.TrimPrefix(pbx.URI(""), "sip:@"), "sip-addr": "127.0.0.1:0", "media-addr": "127.0.0.1:0", "public-ip": "127.0.0.1",
		"control-addr": "127.0.0.1:0", "skill-addr": "127.0.0.1:0", "skill-id": h.cloud.SkillID(), "skill-root-ca": roots,
		"skill-chain-addr": h.cloud.ChainAddr(), "alexa-endpoint": h.cloud.URL(), "lwa-url": h.cloud.TokenURL(),
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-"+name, settings[name])
	}
	h.Process = underTest.Start(t, []string{
		"OPERATOR_PASSWORD=" + operatorPassword, "CONTROL_TOKEN=" + consoleToken, "SIP_PASSWORD=" + trunkPassword, "CONFERENCE_REGISTER=" + pbx.URI("hotel"),
		"LWA_CLIENT_ID=" + h.cloud.ClientID(), "LWA_CLIENT_SECRET=" + h.cloud.ClientSecret(), "LWA_REFRESH_TOKEN=" + h.cloud.RefreshToken(),
		"CONFERENCE_DEVICE=101=" + h.echo.ProfileID(),
	}, args...)
	at := h.Await(t, `(?m)^console on (\S+), events on (\S+), SIP on (\S+)$`)
	if at == nil {
		t.Fatal("the switchboard has not opened")
	}
	h.console, h.sip = at[1], at[3]
	h.cloud.SetSkillURL("http://" + at[2])
	return h
}

// press presses a button of the console.
func (h *house) press(t *testing.T, button, token string, want int) {
	t.Helper()
	r, err := http.NewRequestWithContext(program.Within(t), http.MethodPost, "http://"+h.console+"/"+button, http.NoBody)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Close = true
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	must(t, answer.Body.Close())
	if answer.StatusCode != want {
		t.Errorf("%s: %s, want %d", button, answer.Status, want)
	}
}

// echoHears returns what the Echo of a call hears, like that of a phone.
func echoHears(c *alexatest.Call) func() siptest.Recording {
	return func() siptest.Recording { return siptest.Recording{PCM: c.Heard().Samples} }
}

// hears waits until somebody hears these tones and nothing else.
func hears(t *testing.T, who string, listen func() siptest.Recording, tones ...float64) {
	t.Helper()
	program.Eventually(t, who+" hears the others", func() bool {
		heard, sum := listen(), 0.0
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
