package main_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
)

// Who is known to the PBX, and with which password.
const (
	deskPassword  = "open-the-desk"
	hotelPassword = "open-the-hotel"
)

// startPBX starts the PBX of both.
func startPBX(t *testing.T) *testutil.Kamailio {
	t.Helper()
	return testutil.StartPBX(t, map[string]string{"desk": deskPassword, "hotel": hotelPassword})
}

// extension is a phone that can be registered at a PBX as the desk's.
type extension interface {
	handset
	registers(t *testing.T, at *testutil.Kamailio)
}

func (b *baresip) registers(t *testing.T, at *testutil.Kamailio) {
	t.Helper()
	account := fmt.Sprintf("<sip:desk@%s>;auth_pass=%s;regint=600;answermode=auto;audio_codecs=pcmu", at.Addr, deskPassword)
	b.enters(t, "/uanew "+account, "/uafind sip:desk@"+at.Addr)
}

func (l *linphone) registers(t *testing.T, at *testutil.Kamailio) {
	t.Helper()
	l.enters(t, fmt.Sprintf("register sip:desk@%s sip:%s %s", at.Addr, at.Addr, deskPassword))
}

// TestInteropHotelRegistered has the hotel and each phone registered at a PBX, which asks both for passwords, also when they call, and stays
// in the path: the Echo calls the phone and hangs up, then the phone calls the Echo and hangs up.
func TestInteropHotelRegistered(t *testing.T) {
	t.Parallel()
	for name, begin := range handsets {
		t.Run(name, func(t *testing.T) {
			testutil.Need(t, name)
			testutil.Need(t, "kamailio")
			t.Parallel()
			p := startPBX(t)
			phone, ok := begin(t).(extension)
			if !ok {
				t.Fatal("a phone that cannot be registered")
			}
			phone.registers(t, p)
			p.Tells("registered desk")
			l := newLobby(t, nil)
			l.settings["pbx"], l.settings["register"], l.sipPassword = "sip:desk@"+p.Addr, "sip:hotel@"+p.Addr, hotelPassword
			l.open(t, false)
			p.Tells("registered hotel")

			echo, err := l.room.Call(program.Within(t), "reception")
			if err != nil {
				t.Fatal(err)
			}
			phone.talks(t, echo)
			if err := echo.Hangup(program.Within(t)); err != nil {
				t.Fatal(err)
			}
			p.Tells("passed BYE of hotel")
			phone.idle(t)
			endedWell(t, echo)

			phone.calls(t, "sip:room-101@"+p.Addr)
			if echo, err = l.room.NextCall(program.Within(t)); err != nil {
				t.Fatal(err)
			}
			phone.talks(t, echo)
			phone.hangsUp(t)
			p.Tells("passed BYE of desk")
			phone.idle(t)
			endedWell(t, echo)

			for _, from := range []string{"hotel", "desk"} {
				p.Tells("asked INVITE of " + from)
				p.Tells("passed INVITE of " + from)
			}
			l.shut(t)
			l.quiet(t)
			p.Tells("forgotten hotel")
		})
	}
}

// TestInteropHotelTurnedAway has the hotel try the PBX with a wrong password: it says so and does not go on.
func TestInteropHotelTurnedAway(t *testing.T) {
	testutil.Need(t, "kamailio")
	t.Parallel()
	p := startPBX(t)
	env := []string{"LWA_CLIENT_ID=a", "LWA_CLIENT_SECRET=b", "LWA_REFRESH_TOKEN=c", "SIP_PASSWORD=" + deskPassword}
	h := underTest.Start(t, env, "-serve", "-skill-id", "x", "-pbx", "sip:desk@"+p.Addr, "-register", "sip:hotel@"+p.Addr, "-public-ip", "127.0.0.1",
		"-skill-addr", "127.0.0.1:0", "-sip-addr", "127.0.0.1:0", "-media-addr", "127.0.0.1:0")
	if status := h.Wait(t, program.Patience); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	if said := h.Stderr(); !strings.Contains(said, "401") || strings.Contains(said, deskPassword) {
		t.Errorf("the hotel says %q, want that it is a 401, and no password", said)
	}
	if strings.Contains(p.Said(), "registered") {
		t.Error("the hotel is registered")
	}
}

// endedWell waits until a call has ended at the Echo, as calls do.
func endedWell(t *testing.T, echo *alexatest.Call) {
	t.Helper()
	if err := echo.WaitState(program.Within(t), alexatest.StateEnded); err != nil {
		t.Fatal(err)
	}
	if code, _ := echo.Ended(); code != "SUCCESS" {
		t.Errorf("ended with code %q at the Echo", code)
	}
}
