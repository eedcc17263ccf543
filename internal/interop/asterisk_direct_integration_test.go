package interop

import (
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/sip"
)

// directTable has Asterisk take itself out of the way of the media: it sends both sides re-INVITEs with each other's address, and its own back
// when it needs the sound again.
var directTable = [...]string{"direct_media=yes", passesHold}

// Asterisk has a phone and us send to each other, and the sound goes on.
func TestInteropAsteriskDirectMedia(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	bob := newPhone(t, "bob", bobTone)
	h := newHouse(t, startAsterisk(t, exchange(bob, nil, directTable[:]...)), sip.Options{})
	call := h.calls("bob")
	phone := next(t, bob)
	eventually(t, "the phone is told our address", func() bool { return h.isOurs(phone.RemoteSDP()) })
	hearAgain(t, call, phone)

	must(t, phone.Hold(within(t)))
	eventually(t, "the Echo is held", func() bool { return held(call.RemoteSDP()) })
	must(t, phone.Resume(within(t)))
	eventually(t, "the phone is told our address again", func() bool { return h.isOurs(phone.RemoteSDP()) })
	hearAgain(t, call, phone)

	must(t, call.Update(within(t), alexatest.Hold))
	eventually(t, "the phone is held", func() bool { return held(phone.RemoteSDP()) })
	must(t, call.Update(within(t), alexatest.Resume))
	eventually(t, "the phone is taken up again, by us", func() bool { return !held(phone.RemoteSDP()) && h.isOurs(phone.RemoteSDP()) })
	hearAgain(t, call, phone)
	must(t, phone.Hangup(within(t)))
	over(t, call, phone, true)
	h.close()
}

// The other way round, a phone calls the Echo.
func TestInteropAsteriskDirectMediaIn(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	bob := newPhone(t, "bob", bobTone)
	h := newHouse(t, startAsterisk(t, exchange(bob, nil, directTable[:]...)), sip.Options{})
	call, phone := h.isCalled(bob)
	eventually(t, "the phone is told our address", func() bool { return h.isOurs(phone.RemoteSDP()) })
	hearAgain(t, call, phone)
	must(t, call.Hangup(within(t)))
	over(t, call, phone, false)
	h.close()
}
