package interop

import (
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

// The line to the hotel may be other than the phone's: another codec, which Asterisk transcodes, another transport, keys for the sound.
func TestInteropAsteriskLines(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	keys, id := media.Phone(), newIdentity(t)
	keys.Security = media.SDES
	for name, test := range map[string]struct {
		settings  []string
		digest    string
		transport string
		policy    *media.Policy
		says      string // in what Asterisk has said
	}{
		"PCMA":       {settings: []string{"disallow=all", "allow=alaw"}, says: "PCMA/8000"},
		"TCP":        {transport: "tcp", says: "from TCP:"},
		"SDES":       {settings: []string{"media_encryption=sdes"}, policy: keys, says: "a=crypto:"},
		"TLS":        {transport: "tls", says: "from TLS:"},
		"SDES, TLS":  {settings: []string{"media_encryption=sdes"}, policy: keys, transport: "tls", says: "a=crypto:"},
		"SHA-256":    {digest: "SHA-256,MD5", says: "algorithm=SHA-256, cnonce="},
		"identities": {settings: []string{"send_pai=yes", "trust_id_outbound=yes", "trust_id_inbound=yes"}, says: "P-Asserted-Identity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bob := newPhone(t, "bob", bobTone)
			p := exchange(bob, nil)
			p.transport, p.tls, p.lines[0].settings, p.lines[0].digest = test.transport, id.pem, append(test.settings, passesHold), test.digest
			p.lines[1].settings = []string{passesHold}
			a := startAsterisk(t, p)
			h := newHouse(t, a, sip.Options{Policy: test.policy, TLS: id.config})
			for _, called := range [...]bool{false, true} {
				call, phone := h.connect(bob, called)
				hear(t, call, phone, bobTone)
				must(t, phone.Hold(within(t)))
				eventually(t, "the Echo is held", func() bool { return held(call.RemoteSDP()) })
				must(t, phone.Resume(within(t)))
				hearAgain(t, call, phone)
				must(t, call.Hangup(within(t)))
				over(t, call, phone, false)
			}
			if !strings.Contains(a.said.String(), test.says) {
				t.Errorf("nothing of %q: the test does not test", test.says)
			}
			h.close()
		})
	}
}

// Digits go from a phone through Asterisk to us, through our bridge, and by Asterisk to another phone, as events in the sound or as INFO.
func TestInteropAsteriskDigits(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	for _, mode := range [...]string{"rfc4733", "info"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			bob, carol := newPhone(t, "bob", bobTone), newPhone(t, "carol", carolTone)
			p := transfers(bob, carol)
			desk := slices.IndexFunc(p.lines, func(l line) bool { return l.name == "desk" })
			p.lines[desk].settings = []string{"dtmf_mode=" + mode}
			a := startAsterisk(t, p)
			newForwarder(t, a, "carol")
			out, err := bob.Call(within(t), a.uri("desk"), nil)
			must(t, err)
			in := next(t, carol)
			eventually(t, "bob hears carol", func() bool { return out.Heard().ToneShare(carolTone, lately) > 0.95 })
			must(t, out.WaitState(within(t), siptest.Up))
			must(t, out.SendDigits(within(t), "42#"))
			eventually(t, "carol has got the digits", func() bool { return in.Digits() == "42#" })
			if infos := a.requests(toAsterisk, "INFO"); (infos == 3) != (mode == "info") {
				t.Errorf("%d digits went as INFO", infos)
			}
			must(t, out.Hangup(within(t)))
			must(t, in.WaitState(within(t), siptest.Ended))
		})
	}
}

// What Asterisk plays before anybody answers is heard by the Echo, with and without reliable responses.
func TestInteropAsteriskEarlyMedia(t *testing.T) {
	needAsterisk(t)
	t.Parallel()
	for _, reliable := range [...]string{"no", "yes", "required"} {
		t.Run(reliable, func(t *testing.T) {
			t.Parallel()
			p := exchange(nil, nil)
			p.lines[0].settings = []string{"100rel=" + reliable}
			p.plan += `
exten => announces,1,Progress()
 same => n,Playtones(980)
 same => n,Wait(4)
 same => n,Hangup(17)
`
			a := startAsterisk(t, p)
			h := newHouse(t, a, sip.Options{})
			call := h.calls("announces")
			echoHears(t, call, carolTone)
			must(t, call.WaitState(within(t), alexatest.StateEnded))
			if code, _ := call.Ended(); code != "DEVICE_BUSY" {
				t.Errorf("ended with %s", code)
			}
			if n := a.requests(toAsterisk, "PRACK"); (n > 0) != (reliable == "required") {
				t.Errorf("%d PRACKs", n)
			}
			h.close()
		})
	}
}
