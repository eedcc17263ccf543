package sip

import (
	"reflect"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
)

// FuzzIdentity reads identities of any kind. What is read can be sent, and is read again as it was.
func FuzzIdentity(f *testing.F) {
	for _, seed := range []string{
		`"Ann \"A\"" <sip:+4670123@example.com>, <tel:+4670123>`, `<sip:desk@example.com>;reason=no-answer;counter=2;privacy="full"`, "00c8;encoding=hex;purpose=isdn-uui",
		`"hello, world";x="y;z"`, "id;user", "<", `"`, `"\`, "sip:a@b;x", ",,,", "tel:1", "a;b=", "\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\r\n") || len(text) > 20_000 {
			return // the parser of messages has no such header fields
		}
		req := sipmsg.NewRequest(sipmsg.INVITE, sipmsg.Uri{Scheme: "sip", Host: "example.com"})
		for _, name := range []string{"P-Asserted-Identity", "P-Preferred-Identity", "Diversion", "User-to-User", "Privacy"} {
			req.AppendHeader(sipmsg.NewHeader(name, text))
		}
		i := readIdentity(req, true)
		if err := i.check(); err != nil {
			t.Fatalf("%q is read as %+v, which cannot be sent: %v", text, i, err)
		}
		again := sipmsg.NewRequest(sipmsg.INVITE, sipmsg.Uri{Scheme: "sip", Host: "example.com"})
		for _, h := range i.fields(true) {
			if hasControl(h.Value()) {
				t.Fatalf("%q is sent as %q", text, h.Value())
			}
			again.AppendHeader(h)
		}
		if got := readIdentity(again, true); !reflect.DeepEqual(got, i) {
			t.Fatalf("%q is read as %+v, sent, and read as %+v", text, i, got)
		}
		if untrusted := readIdentity(req, false); untrusted.Asserted != nil || untrusted.Diversion != nil {
			t.Fatal("believed though it is not trusted")
		}
	})
}
