package main_test

import (
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
)

// TestInteropHotelAttendedTransfer has linphonec put its call with the Echo through to the kitchen, which it has called first: the hotel's
// call to the kitchen, another linphonec, takes the place of the one that linphonec had with it. Baresip 1.0 can do nothing of the kind:
// of transfers, its help knows "/transfer .. Transfer call" alone. The kitchen is on the port that goes without saying, for linphonec leaves
// ports out of what it transfers to.
func TestInteropHotelAttendedTransfer(t *testing.T) {
	testutil.Need(t, "linphonec")
	t.Parallel()
	for _, placed := range []bool{false, true} {
		t.Run(map[bool]string{false: "is called", true: "calls"}[placed], func(t *testing.T) {
			t.Parallel()
			desk, kitchen, l := startLinphone(t), startLinphoneOn(t, ownAddress(t), sipPort), newLobby(t, nil)
			kitchen.plays(t, kitchenTone)
			l.settings["pbx"] = desk.uri()
			l.open(t, false)
			echo := l.meet(t, desk, placed)
			desk.talks(t, echo)
			desk.consults(t, kitchen.uri())
			hearsNow(t, echo, linphoneMusic, aWhile)
			desk.transfersTo(t)
			kitchen.talks(t, echo)
			desk.told(t, 200)
			desk.idle(t)
			if err := echo.Hangup(program.Within(t)); err != nil {
				t.Fatal(err)
			}
			kitchen.idle(t)
			l.shut(t)
			l.quiet(t)
		})
	}
}

// TestInteropHotelAttendedTransferBetweenRooms has linphonec put one guest through to another: both its calls are with the hotel, which
// joins the two Echos.
func TestInteropHotelAttendedTransferBetweenRooms(t *testing.T) {
	testutil.Need(t, "linphonec")
	t.Parallel()
	const otherTone = 530
	desk, l := startLinphone(t), newLobby(t, nil)
	other, err := l.cloud.NewEcho("102", &alexatest.EchoOptions{Play: alexatest.Tone(otherTone)})
	if err != nil {
		t.Fatal(err)
	}
	l.settings["device"], l.settings["pbx"] = "room-101=101,room-102=102", desk.uri()
	l.open(t, true)
	echo := l.meet(t, desk, false)
	desk.talks(t, echo)
	desk.consults(t, "sip:room-102@"+l.sip)
	second, err := other.NextCall(program.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	desk.transfersTo(t)
	hearsNow(t, echo, otherTone, aWhile)
	hearsNow(t, second, echoTone, aWhile)
	desk.told(t, 200)
	desk.idle(t)
	if err := echo.Hangup(program.Within(t)); err != nil {
		t.Fatal(err)
	}
	if err := second.WaitState(program.Within(t), alexatest.StateEnded); err != nil {
		t.Fatal(err)
	}
	l.shut(t)
	l.quiet(t)
}
