package main_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/sip/siptest"
)

const (
	guestTone     = 500  // of a phone that calls, in Hz
	ownGreeting   = 1000 // that of a file, in Hz
	trunkPassword = "open-the-hotel"
	guestPassword = "open-the-room"
)

// TestServe has an Echo and a phone call a hotel that serves: both hear its own greeting, press a key, and hear whom they reach.
func TestServe(t *testing.T) {
	program.Interruptible(t)
	t.Parallel()
	cloud, err := alexatest.NewCloud(nil)
	must(t, err)
	defer cloud.Close()
	echo, err := cloud.NewEcho("101", &alexatest.EchoOptions{
		Play: alexatest.Tone(echoTone), Codecs: []string{alexatest.CodecPCMU, alexatest.CodecTelephoneEvent},
	})
	must(t, err)
	desk := newPhone(t, &siptest.PhoneOptions{User: "desk", Play: siptest.Tone(receptionTone)})
	maids := newPhone(t, &siptest.PhoneOptions{User: "maids", Play: siptest.Tone(housekeepingTone)})
	pbx, err := siptest.NewPBX(&siptest.PBXOptions{
		Users: map[string]string{"hotel": trunkPassword, "102": guestPassword}, Extensions: map[string]string{"100": desk.URI(), "200": maids.URI()},
	})
	must(t, err)
	defer func() { must(t, pbx.Close()) }()
	guest := newPhone(t, &siptest.PhoneOptions{User: "102", Network: "udp", Play: siptest.Tone(guestTone), Username: "102", Password: guestPassword})

	dir := t.TempDir()
	roots, greeting := filepath.Join(dir, "roots.pem"), filepath.Join(dir, "welcome.WAV")
	must(t, os.WriteFile(roots, cloud.RootPEM(), 0o600))
	must(t, siptest.Recording{PCM: sound.Sine(8000, ownGreeting, 8000, 2*time.Second)}.WriteWAV(greeting))
	args, env := []string{"-serve", "-patience", "10s"}, []string{
		"LWA_CLIENT_ID=" + cloud.ClientID(), "LWA_CLIENT_SECRET=" + cloud.ClientSecret(), "LWA_REFRESH_TOKEN=" + cloud.RefreshToken(),
		"SIP_PASSWORD=" + trunkPassword, "IVR_PBX=" + pbx.URI("100"), "IVR_GREETING=" + greeting,
	}
	settings := map[string]string{
		"skill-addr": "127.0.0.1:0", "skill-id": cloud.SkillID(), "skill-root-ca": roots, "skill-chain-addr": cloud.ChainAddr(),
		"alexa-endpoint": cloud.URL(), "lwa-url": cloud.TokenURL(), "sip-addr": "127.0.0.1:0", "public-ip": "127.0.0.1", "media-addr": "127.0.0.1:0",
		"housekeeping": pbx.URI("200"), "register": pbx.URI("hotel"),
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-"+name, settings[name])
	}
	p := underTest.Start(t, env, args...)
	at := p.Await(t, `(?m)^events on (\S+), SIP on (\S+)$`)
	if at == nil || !pbx.Registered("hotel") {
		t.Fatalf("the hotel has not opened, registered %t", pbx.Registered("hotel"))
	}
	cloud.SetSkillURL("http://" + at[1])

	in, err := echo.Call(program.Within(t), "anything")
	must(t, err)
	program.Eventually(t, "the Echo hears the greeting", func() bool { return in.Heard().ToneShare(ownGreeting) > 0.95 })
	must(t, in.Press(program.Within(t), "2"))
	out, err := maids.NextCall(program.Within(t))
	must(t, err)
	program.Eventually(t, "the Echo hears housekeeping", func() bool { return lately(in).ToneShare(housekeepingTone) > 0.95 })
	program.Eventually(t, "housekeeping hears the Echo", func() bool { return out.Heard().ToneShare(echoTone, time.Second/2) > 0.95 })
	must(t, in.Hangup(program.Within(t)))
	must(t, out.WaitState(program.Within(t), siptest.Ended))

	// A phone calls by the trunk. The concierge is not set up, so that the reception is.
	called, err := guest.Call(program.Within(t), pbx.URI("hotel"), nil)
	must(t, err)
	program.Eventually(t, "the phone hears the greeting", func() bool { return called.Heard().ToneShare(ownGreeting, 0) > 0.95 })
	must(t, called.SendDigits(program.Within(t), "3"))
	out, err = desk.NextCall(program.Within(t))
	must(t, err)
	program.Eventually(t, "the phone hears the reception", func() bool { return called.Heard().ToneShare(receptionTone, time.Second/2) > 0.95 })
	program.Eventually(t, "the reception hears the phone", func() bool { return out.Heard().ToneShare(guestTone, time.Second/2) > 0.95 })

	p.Interrupt(t)
	if status := p.Wait(t, 8*time.Second); status != 0 || !strings.Contains(p.Stdout(), "\ndraining\n") {
		t.Errorf("exit status %d after an interrupt", status)
	}
	must(t, called.WaitState(program.Within(t), siptest.Ended))
	must(t, out.WaitState(program.Within(t), siptest.Ended))
	if pbx.Registered("hotel") {
		t.Error("the hotel is registered still")
	}
	for _, v := range cloud.Violations() {
		t.Error("violation:", v)
	}
	outcome{stderr: p.Stderr()}.quiet(t)
	for _, secret := range []string{cloud.ClientSecret(), cloud.RefreshToken(), trunkPassword} {
		if strings.Contains(p.Stdout()+p.Stderr(), secret) {
			t.Errorf("the hotel prints %.12s…", secret)
		}
	}
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

// lately returns the last half second that an Echo has heard.
func lately(c *alexatest.Call) alexatest.Recording {
	r := c.Heard()
	r.Samples = r.Samples[max(0, len(r.Samples)-4000):]
	return r
}
