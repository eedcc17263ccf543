package interop

import (
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// exchange is an Asterisk with the hotel's line and two phones, and what can be called there.
func exchange(bob, carol *siptest.Phone, settings ...string) *pbx {
	p := &pbx{lines: []line{{name: "hotel", settings: settings}}, plan: `
exten => echo,1,Answer()
 same => n,Echo()
exten => room,1,Dial(PJSIP/hotel,30)
exten => nobody,1,Hangup(1)
exten => engaged,1,Busy(5)
exten => unwilling,1,Hangup(21)
exten => jammed,1,Hangup(34)
exten => away,1,Ringing()
 same => n,Wait(1)
 same => n,Hangup(19)
`}
	for _, phone := range [...]*siptest.Phone{bob, carol} {
		if phone != nil {
			name, _, _ := strings.Cut(strings.TrimPrefix(phone.URI(), "sip:"), "@")
			p.lines = append(p.lines, line{name: name, contact: phone.URI(), settings: settings})
			p.plan += "exten => " + name + ",1,Dial(PJSIP/" + name + ",30)\n"
		}
	}
	return p
}

func TestInteropAsteriskEchoCalls(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	bob := newPhone(t, "bob", bobTone)
	h := newHouse(t, startAsterisk(t, exchange(bob, nil)), sip.Options{})
	call := h.calls("bob")
	phone := next(t, bob)
	hear(t, call, phone, bobTone)
	must(t, call.Hangup(within(t)))
	over(t, call, phone, false)

	call = h.calls("bob")
	phone = next(t, bob)
	hear(t, call, phone, bobTone)
	must(t, phone.Hangup(within(t)))
	over(t, call, phone, true)
	h.close()
}

func TestInteropAsteriskPhoneCalls(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	bob := newPhone(t, "bob", bobTone)
	h := newHouse(t, startAsterisk(t, exchange(bob, nil)), sip.Options{})
	call, phone := h.isCalled(bob)
	hear(t, call, phone, bobTone)
	must(t, phone.Hangup(within(t)))
	over(t, call, phone, true)

	call, phone = h.isCalled(bob)
	hear(t, call, phone, bobTone)
	must(t, call.Hangup(within(t)))
	over(t, call, phone, false)
	h.close()
}

// Asterisk's own Echo() sends back what it hears.
func TestInteropAsteriskEchoes(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	h := newHouse(t, startAsterisk(t, exchange(nil, nil)), sip.Options{})
	call := h.calls("echo")
	echoHears(t, call, echoTone)
	must(t, call.Hangup(within(t)))
	must(t, call.WaitState(within(t), alexatest.StateEnded))
	h.close()
}

// Asterisk says why a call came to nothing by status and by Reason, and the Echo is told as well as Alexa has words for it.
func TestInteropAsteriskRefuses(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	h := newHouse(t, startAsterisk(t, exchange(nil, nil)), sip.Options{})
	for who, want := range map[string]string{
		"nobody": "INTERNAL_ERROR", "no-such-extension": "INTERNAL_ERROR", "engaged": "DEVICE_BUSY", "unwilling": "UNAUTHORIZED", "jammed": "INTERNAL_ERROR",
		"away": "SESSION_TIMEOUT",
	} {
		call := h.calls(who)
		must(t, call.WaitState(within(t), alexatest.StateEnded))
		if code, message := call.Ended(); code != want {
			t.Errorf("%s: ended with %s %q, want %s", who, code, message, want)
		}
	}
	h.close()
}

// A call that is given up before it is answered rings nobody any more.
func TestInteropAsteriskGivesUp(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	bob, err := siptest.NewPhone(&siptest.PhoneOptions{User: "bob", AnswerAfter: -1, Username: "bob", Password: passwordOf("bob")})
	must(t, err)
	t.Cleanup(func() { _ = bob.Close() })
	h := newHouse(t, startAsterisk(t, exchange(bob, nil)), sip.Options{})
	call := h.calls("bob")
	phone := next(t, bob)
	must(t, phone.WaitState(within(t), siptest.Ringing))
	must(t, call.WaitState(within(t), alexatest.StateRinging))
	must(t, call.Hangup(within(t)))
	must(t, phone.WaitState(within(t), siptest.Ended))
	if status, _, _ := phone.Ended(); status != 487 {
		t.Errorf("the phone's call ended with %d, want 487", status)
	}
	h.close()
}

// While the line is registered it can be called; when the registration has ended it cannot.
func TestInteropAsteriskUnregisters(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	bob := newPhone(t, "bob", bobTone)
	a := startAsterisk(t, exchange(bob, nil))
	h := newHouse(t, a, sip.Options{})
	if registered, err := h.line.State(); !registered || err != nil {
		t.Errorf("registered: %t, %v", registered, err)
	}
	must(t, h.line.Close())
	phone, err := bob.Call(within(t), a.uri("room"), nil)
	must(t, err)
	must(t, phone.WaitState(within(t), siptest.Ended))
	if status, reason, _ := phone.Ended(); status < 400 || status > 599 {
		t.Errorf("a call to a line that is not registered ended with %d %s", status, reason)
	}
}
