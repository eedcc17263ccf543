package main_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
)

const (
	deskPassword = "open-the-desk"
	ownTone      = 880 // of the greeting, where there is no file
)

// newExtension returns a baresip that is registered at a PBX, answers by itself and plays a tone.
func newExtension(t *testing.T, pbx *testutil.Kamailio, user, password string, tone int) *testutil.Baresip {
	t.Helper()
	b, aor := testutil.StartBaresip(t, testutil.BaresipOptions{Tone: tone}), fmt.Sprintf("sip:%s@%s", user, pbx.Addr)
	b.Do("uanew", fmt.Sprintf("<%s>;auth_pass=%s;regint=600;answermode=auto;dtmfmode=rtpevent;audio_codecs=pcmu", aor, password))
	b.Do("uafind", aor)
	pbx.Tells("registered " + user)
	return b
}

// TestInteropIVRRegistered has the hotel and two real phones registered at a PBX, which asks all of them for passwords, also when they call,
// and stays in the path: one calls the hotel, hears the greeting and presses a key, and talks to the other.
func TestInteropIVRRegistered(t *testing.T) {
	testutil.Need(t, "kamailio", "baresip")
	t.Parallel()
	pbx := testutil.StartPBX(t, map[string]string{"hotel": trunkPassword, "102": guestPassword, "desk": deskPassword})
	guest := newExtension(t, pbx, "102", guestPassword, guestTone)
	desk := newExtension(t, pbx, "desk", deskPassword, housekeepingTone)
	hotel := underTest.Start(t, []string{"LWA_CLIENT_ID=a", "LWA_CLIENT_SECRET=b", "LWA_REFRESH_TOKEN=c", "SIP_PASSWORD=" + trunkPassword},
		"-serve", "-patience", "30s", "-skill-id", "x", "-pbx", "sip:nobody@"+pbx.Addr, "-housekeeping", "sip:desk@"+pbx.Addr,
		"-register", "sip:hotel@"+pbx.Addr, "-public-ip", "127.0.0.1", "-skill-addr", "127.0.0.1:0", "-sip-addr", "127.0.0.1:0", "-media-addr", "127.0.0.1:0")
	pbx.Tells("registered hotel")
	if hotel.Await(t, "events on") == nil {
		t.Fatal("the hotel has not opened")
	}

	guest.Do("dial", "sip:hotel@"+pbx.Addr)
	guest.Hears(ownTone)
	guest.Do("sndcode", "2")
	guest.Hears(housekeepingTone)
	desk.Hears(guestTone)
	guest.Do("hangup", "")
	pbx.Tells("passed BYE of 102")
	pbx.Tells("passed BYE of hotel")
	for _, from := range []string{"102", "hotel"} {
		pbx.Tells("asked INVITE of " + from)
		pbx.Tells("passed INVITE of " + from)
	}
	hotel.Interrupt(t)
	if status := hotel.Wait(t, program.Patience); status != 0 {
		t.Errorf("exit status %d after an interrupt", status)
	}
	pbx.Tells("forgotten hotel")
	outcome{stderr: hotel.Stderr()}.quiet(t)
	if strings.Contains(hotel.Stdout()+hotel.Stderr()+pbx.Said(), trunkPassword) {
		t.Error("a password is told")
	}
}
