package interop

import (
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// transfers is an exchange with a desk, which can transfer calls, and Asterisk's own ways to do so.
func transfers(bob, carol *siptest.Phone, settings ...string) *pbx {
	p := exchange(bob, carol, settings...)
	p.lines = append(p.lines, line{name: "desk", settings: settings})
	p.plan += `
exten => desk,1,Dial(PJSIP/desk,30)
exten => refers,1,Answer()
 same => n,Transfer(PJSIP/sip:carol@@PBX@)
 same => n,Hangup()
exten => assisted,1,Dial(PJSIP/bob,30,t)
exten => 102,1,Dial(PJSIP/carol,30)
exten => external_replaces,1,Dial(PJSIP/hotel,30)
`
	return p
}

// talksToCarol checks that the Echo's call goes on with carol, and ends it.
func (h *house) talksToCarol(call *alexatest.Call, phone *siptest.Call) {
	h.t.Helper()
	hear(h.t, call, phone, carolTone)
	must(h.t, call.Hangup(within(h.t)))
	over(h.t, call, phone, false)
	h.close()
}

// Asterisk's Transfer() sends us a REFER: Join dials who is named there.
func TestInteropAsteriskRefers(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	carol := newPhone(t, "carol", carolTone)
	a := startAsterisk(t, transfers(nil, carol))
	h := newHouse(t, a, sip.Options{})
	call := h.calls("refers")
	h.talksToCarol(call, next(t, carol))
	if a.requests(fromAsterisk, "REFER") != 1 || a.requests(toAsterisk, "NOTIFY") == 0 {
		t.Error("there was no REFER, or Asterisk was not told what came of it")
	}
}

// waysTable has how Asterisk may be set up where calls are transferred: it stays in the way of the media or does not, and may tell us by
// UPDATE with whom we are connected.
var waysTable = map[string][]string{
	"through Asterisk": nil,
	"direct media":     directTable[:],
	"told by whom":     {"send_pai=yes", "trust_id_outbound=yes", "connected_line_method=update"},
}

// newTransfer opens such an exchange with a house, its desk, and carol, to whom calls are transferred.
func newTransfer(t *testing.T, settings ...string) (a *asterisk, h *house, d *desk, carol *siptest.Phone) {
	t.Helper()
	carol = newPhone(t, "carol", carolTone)
	a = startAsterisk(t, transfers(nil, carol, settings...))
	return a, newHouse(t, a, sip.Options{}), newDesk(t, a), carol
}

// The desk transfers the Echo's call blindly, by REFER to Asterisk, which keeps our leg.
func TestInteropAsteriskBlindTransfer(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	for name, settings := range waysTable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, h, d, carol := newTransfer(t, settings...)
			call := h.calls("desk")
			leg := d.next()
			a.joins(2)
			must(t, leg.Refer(within(t), a.uri("carol")))
			must(t, leg.Hangup(within(t), bridge.Normal))
			h.talksToCarol(call, next(t, carol))
		})
	}
}

// The desk calls carol, and transfers the Echo's call to her: REFER with Replaces.
func TestInteropAsteriskAttendedTransfer(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	for name, settings := range waysTable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, h, d, carol := newTransfer(t, settings...)
			call := h.calls("desk")
			first := d.next()
			second := d.calls(a.uri("carol"))
			a.joins(4)
			must(t, first.ReferTo(within(t), second))
			must(t, first.Hangup(within(t), bridge.Normal))
			wantOver(t, second)
			h.talksToCarol(call, next(t, carol))
		})
	}
}

// The desk has called the room itself, and transfers the Echo to carol.
func TestInteropAsteriskTransferOfCalled(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	a, h, d, carol := newTransfer(t)
	leg := d.calls(a.uri("room"))
	call, err := h.echo.NextCall(within(t))
	must(t, err)
	a.joins(2)
	must(t, leg.Refer(within(t), a.uri("carol")))
	must(t, leg.Hangup(within(t), bridge.Normal))
	h.talksToCarol(call, next(t, carol))
}

// The desk has called carol by way of Asterisk and the room directly, and joins them: Asterisk sends us an INVITE with Replaces.
func TestInteropAsteriskReplaces(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	a, h, d, carol := newTransfer(t)
	first := d.calls(a.uri("carol"))
	a.joins(2)
	second := d.calls("sip:room@" + h.sip.Addr().String())
	call, err := h.echo.NextCall(within(t))
	must(t, err)
	must(t, first.ReferTo(within(t), second))
	wantOver(t, second)
	must(t, first.Hangup(within(t), bridge.Normal))
	h.talksToCarol(call, next(t, carol))
}

// Bob presses the digits of Asterisk's own transfer.
func TestInteropAsteriskTransferByDigits(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	bob, carol := newPhone(t, "bob", bobTone), newPhone(t, "carol", carolTone)
	h := newHouse(t, startAsterisk(t, transfers(bob, carol)), sip.Options{})
	call := h.calls("assisted")
	phone := next(t, bob)
	hear(t, call, phone, bobTone)
	must(t, phone.SendDigits(within(t), "#1"))
	_ = phone.SendDigits(within(t), "102") // Asterisk hangs up at the beginning of the last one
	h.talksToCarol(call, next(t, carol))
}
