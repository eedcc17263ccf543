package interop

import (
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// held reports whether a description is that of a side which wants to hear nothing.
func held(sdp string) bool {
	return strings.Contains(sdp, "a=sendonly") || strings.Contains(sdp, "a=inactive")
}

// passesHold has Asterisk hand holds on, where it would play music itself.
const passesHold = "moh_passthrough=yes"

// A phone holds the Echo and takes it up again, through Asterisk.
func TestInteropAsteriskPhoneHolds(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	bob := newPhone(t, "bob", bobTone)
	h := newHouse(t, startAsterisk(t, exchange(bob, nil, passesHold)), sip.Options{})
	call, phone := h.isCalled(bob)
	hear(t, call, phone, bobTone)
	for range 2 {
		must(t, phone.Hold(within(t)))
		eventually(t, "the Echo is held", func() bool { return held(call.RemoteSDP()) })
		must(t, phone.Resume(within(t)))
		eventually(t, "the Echo is taken up again", func() bool { return strings.Contains(call.RemoteSDP(), "a=sendrecv") })
		hearAgain(t, call, phone)
	}
	must(t, phone.Hangup(within(t)))
	over(t, call, phone, true)
	h.close()
}

// The Echo holds a phone, which is told by Asterisk, and takes it up again.
func TestInteropAsteriskEchoHolds(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	bob := newPhone(t, "bob", bobTone)
	h := newHouse(t, startAsterisk(t, exchange(bob, nil, passesHold)), sip.Options{})
	call := h.calls("bob")
	phone := next(t, bob)
	hear(t, call, phone, bobTone)
	for range 2 {
		must(t, call.Update(within(t), alexatest.Hold))
		eventually(t, "the phone is held", func() bool { return held(phone.RemoteSDP()) })
		must(t, call.Update(within(t), alexatest.Resume))
		eventually(t, "the phone is taken up again", func() bool { return strings.Contains(phone.RemoteSDP(), "a=sendrecv") })
		hearAgain(t, call, phone)
	}
	must(t, call.Hangup(within(t)))
	over(t, call, phone, false)
	h.close()
}

// hearAgain waits until both have heard each other for a while after what they have heard up to now.
func hearAgain(t *testing.T, echo *alexatest.Call, phone *siptest.Call) {
	t.Helper()
	before := phone.Heard().Packets
	must(t, echo.WaitHeard(within(t), echo.Heard().Duration()+2*lately))
	eventually(t, "the phone has heard more", func() bool { return phone.Heard().Packets > before+50 })
	hear(t, echo, phone, bobTone)
}
