package main_test

import (
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/sip/siptest"
)

const kitchenTone = 800 // Hz

// TestInteropHotelTransfer has each phone transfer its call with the Echo to the kitchen, blind: a call that it has placed and one that
// the Echo has. The Echo's own call stays what it was.
func TestInteropHotelTransfer(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, l *lobby, h handset, echo *alexatest.Call) {
		kitchen := newPhone(t, &siptest.PhoneOptions{User: "kitchen", Play: siptest.Tone(kitchenTone)})
		h.talks(t, echo)
		h.transfers(t, kitchen.URI())
		third, err := kitchen.NextCall(program.Within(t))
		if err != nil {
			t.Fatal(err)
		}
		talk(t, echo, third, kitchenTone)
		h.told(t, 200)
		h.idle(t)
		if n := len(l.room.Calls()); n != 1 {
			t.Errorf("the Echo has %d calls, want the one", n)
		}
		if err := third.Hangup(program.Within(t)); err != nil {
			t.Fatal(err)
		}
		ended(t, echo, "SUCCESS", third, false)
	})
}

// TestInteropHotelTransferRefused has each phone transfer its call to somebody who is busy.
func TestInteropHotelTransferRefused(t *testing.T) {
	t.Parallel()
	transfersInVain(t, 486, func(t *testing.T) string {
		return newPhone(t, &siptest.PhoneOptions{User: "kitchen", Reject: 486}).URI()
	})
}

// TestInteropHotelTransferForbidden has each phone transfer its call where no call may go. That nobody is asked there shows in that it
// takes no time.
func TestInteropHotelTransferForbidden(t *testing.T) {
	t.Parallel()
	transfersInVain(t, 404, func(*testing.T) string { return "sip:stranger@198.51.100.1" })
}

// transfersInVain has each phone try a transfer. The phone is told why, and the call stands: that baresip 1.0 hangs up when a transfer has
// failed is its own doing.
func transfersInVain(t *testing.T, status int, to func(*testing.T) string) {
	t.Helper()
	eachWay(t, func(t *testing.T, _ *lobby, h handset, echo *alexatest.Call) {
		h.talks(t, echo)
		h.transfers(t, to(t))
		h.told(t, status)
		if _, ok := h.(*linphone); ok {
			h.talks(t, echo)
			h.hangsUp(t)
		}
		if err := echo.WaitState(program.Within(t), alexatest.StateEnded); err != nil {
			t.Fatal(err)
		}
		if code, _ := echo.Ended(); code != "SUCCESS" {
			t.Errorf("the call ended with %s, want it hung up", code)
		}
		h.idle(t)
	})
}
