package alexa_test

import (
	"errors"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/bridge"
)

// FuzzAddress holds what goes from one world to the other against the rules of both, and against another reader of SIP URIs.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{
		"7201", profile101, "sip:7201@pbx.example.com", "sip:+1-206-555-0100;ext=7@pbx.example.com;user=phone", "tel:+1-206-555-0100;isub=1",
		"tel:7201;phone-context=pbx.example.com", "sips:a%20b@[2001:db8::1]:5061;transport=tls", "a@b?c;d:e/f%", "+1 (206) 555-0100", "*21#",
		"sip:a\r\nVia: x@b", "sip:a%0d%0a@b", "Empfänger", "sip:a@b?Replaces=c", "sip:a:b@c", "pipe:far", "sip:cafe@x;user=phone",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, domain := range []string{"", "pbx.example.com:5070;transport=tcp"} {
			a := &alexa.Addressing{Domain: domain, Known: []alexa.KnownAddress{{rawID("old"), bridge.Party{URI: "sip:new@pbx.example.com"}}}}
			for _, back := range []func() (alexa.ParticipantID, error){
				func() (alexa.ParticipantID, error) { return a.Callee(s) },
				func() (alexa.ParticipantID, error) { return a.Caller(bridge.Party{URI: s}) },
			} {
				if id, err := back(); err == nil {
					fitsMessage(t, id)
				} else if _, ok := errors.AsType[*alexa.AddressError](err); !ok {
					t.Fatalf("error %T", err)
				}
			}
			for _, kind := range []alexa.ParticipantIDType{alexa.RawAddress, alexa.PhoneNumber, alexa.CommunicationProfileID, "OTHER"} {
				p, err := a.Party(alexa.ParticipantID{Type: kind, Value: s})
				if err == nil {
					fitsURI(t, a, s, p.URI)
				}
			}
		}
	})
}

// fitsMessage checks that Alexa may be sent an id.
func fitsMessage(t *testing.T, id alexa.ParticipantID) {
	t.Helper()
	m := requests()[alexa.InitiateInboundCall]
	m.Participants = []alexa.Participant{{ID: rawID("desk"), Originator: true}, {ID: id}}
	if err := m.ValidateRequest(); err != nil {
		t.Fatalf("%s %q: %v", id.Type, id.Value, err)
	}
	if id.Type == alexa.PhoneNumber && (!strings.HasPrefix(id.Value, "+") || strings.Trim(id.Value[1:], "0123456789") != "" || len(id.Value) < 2 || len(id.Value) > 16) {
		t.Fatalf("%q is not in E.164 form", id.Value)
	}
}

// fitsURI checks that uri may be written into a SIP message, and means value.
func fitsURI(t *testing.T, a *alexa.Addressing, value, uri string) {
	t.Helper()
	if uri == "" || len(uri) > 1024 || strings.ContainsFunc(uri, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Fatalf("%q is no URI", uri)
	}
	if a.Domain == "" || !strings.HasSuffix(uri, "@"+a.Domain) && !strings.HasSuffix(uri, "@"+a.Domain+";user=phone") {
		return
	}
	var u sipmsg.Uri
	if err := sipmsg.ParseUri(uri, &u); err != nil || u.Host != pbx || u.Port != 5070 {
		t.Fatalf("another reader takes %q for %+v, %v", uri, u, err)
	}
	id, err := a.Callee(uri)
	if err != nil {
		t.Fatalf("%q leads to nobody: %v", uri, err)
	}
	if id.Value == value {
		return
	}
	// Numbers lose what people write between the digits, and URIs what is around their user.
	digits := strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "").Replace(value)
	if !strings.Contains(digits, id.Value) && !strings.Contains(value, "%") {
		t.Fatalf("%q came back from %q as %s %q", value, uri, id.Type, id.Value)
	}
}
