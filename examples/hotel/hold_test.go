package main_test

import (
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil/program"
)

// TestInteropHotelHold has each phone hold its call with the Echo and take it up again.
func TestInteropHotelHold(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, l *lobby, h handset, echo *alexatest.Call) {
		l.holdAndResume(t, echo, h)
		h.hangsUp(t)
		if err := echo.WaitState(program.Within(t), alexatest.StateEnded); err != nil {
			t.Fatal(err)
		}
		h.idle(t)
	})
}

// updates returns how many changes of calls the hotel has told Alexa.
func (l *lobby) updates() int {
	n := 0
	for _, e := range l.cloud.Transcript() {
		if e.Direction == alexatest.FromSkill && e.Type == "CallUpdate" && e.Status == 200 {
			n++
		}
	}
	return n
}

// holdAndResume has a phone hold the call twice. The Echo is told by Alexa's own signalling each time, and neither hears the other
// meanwhile.
func (l *lobby) holdAndResume(t *testing.T, echo *alexatest.Call, h handset) {
	t.Helper()
	h.talks(t, echo)
	for n := range 2 {
		h.holds(t)
		program.Eventually(t, "the Echo is held", func() bool { return !strings.Contains(echo.RemoteSDP(), "a=sendrecv") })
		program.Eventually(t, "the Echo agrees", func() bool {
			return strings.Contains(echo.LocalSDP(), "a=recvonly") || strings.Contains(echo.LocalSDP(), "a=inactive")
		})
		h.silent(t, echo)
		h.resumes(t)
		program.Eventually(t, "the Echo is taken up again", func() bool { return strings.Contains(echo.RemoteSDP(), "a=sendrecv") })
		h.talks(t, echo)
		if got := l.updates(); got != 2*(n+1) {
			t.Errorf("Alexa is told %d changes after %d times on hold, want two each", got, n+1)
		}
	}
}

// TestInteropHotelHeld has the Echo hold its call with each phone and take it up again: the phone is told by a re-INVITE, and neither hears
// the other meanwhile.
func TestInteropHotelHeld(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, _ *lobby, h handset, echo *alexatest.Call) {
		h.talks(t, echo)
		if err := echo.Update(program.Within(t), alexatest.Hold); err != nil {
			t.Fatal(err)
		}
		h.isHeld(t, echo)
		if err := echo.Update(program.Within(t), alexatest.Resume); err != nil {
			t.Fatal(err)
		}
		h.talks(t, echo)
		if err := echo.Hangup(program.Within(t)); err != nil {
			t.Fatal(err)
		}
		h.idle(t)
	})
}
