package alexa_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/bridge"
)

const (
	profile101 = "amzn1.alexa.communications.profile.did.AB1"
	pbx        = "pbx.example.com"
)

func rawID(v string) alexa.ParticipantID {
	return alexa.ParticipantID{Type: alexa.RawAddress, Value: v}
}

func numberID(v string) alexa.ParticipantID {
	return alexa.ParticipantID{Type: alexa.PhoneNumber, Value: v}
}

func profileID(v string) alexa.ParticipantID {
	return alexa.ParticipantID{Type: alexa.CommunicationProfileID, Value: v}
}

// same reports whether two ids are the same but for Extra.
func same(a, b alexa.ParticipantID) bool { return a.Type == b.Type && a.Value == b.Value }

// TestPartyOfParticipant is the way from Alexa.
func TestPartyOfParticipant(t *testing.T) {
	for _, tt := range []struct {
		id             alexa.ParticipantID
		bare, inDomain string // "": an error
	}{
		{rawID("7201"), "7201", "sip:7201@pbx.example.com"},
		{rawID("reception"), "reception", "sip:reception@pbx.example.com"},
		{rawID("Front Desk"), "Front Desk", "sip:Front%20Desk@pbx.example.com"},
		{rawID("*21#"), "*21#", "sip:*21%23@pbx.example.com"},
		{rawID("a@b?c;d:e/f%"), "a@b?c;d:e/f%", "sip:a%40b%3Fc%3Bd%3Ae%2Ff%25@pbx.example.com"},
		{rawID("Empfänger"), "Empfänger", "sip:Empf%C3%A4nger@pbx.example.com"},
		{rawID("room:101"), "room:101", "sip:room%3A101@pbx.example.com"},
		{rawID("+12065550100"), "+12065550100", "sip:+12065550100@pbx.example.com"},
		{rawID("sip:100@trunk.example;transport=tls"), "sip:100@trunk.example;transport=tls", "sip:100@trunk.example;transport=tls"},
		{rawID("SIPS:100@trunk.example"), "SIPS:100@trunk.example", "SIPS:100@trunk.example"},
		{rawID("tel:+1-206-555-0100"), "tel:+12065550100", "sip:+12065550100@pbx.example.com;user=phone"},
		{rawID("tel:7201;phone-context=pbx.example.com"), "tel:7201;phone-context=pbx.example.com", "tel:7201;phone-context=pbx.example.com"},
		{numberID("+12065550100"), "tel:+12065550100", "sip:+12065550100@pbx.example.com;user=phone"},
		{numberID("+1 (206) 555-0100"), "tel:+12065550100", "sip:+12065550100@pbx.example.com;user=phone"},
		{numberID("tel:+12065550100"), "tel:+12065550100", "sip:+12065550100@pbx.example.com;user=phone"},
		{numberID("911"), "911", "sip:911@pbx.example.com"},
		{numberID("555-0100"), "5550100", "sip:5550100@pbx.example.com"},
		{profileID(profile101), profile101, "sip:" + profile101 + "@pbx.example.com"},
		{alexa.ParticipantID{Type: "NEW_KIND", Value: "x"}, "x", "sip:x@pbx.example.com"},

		{rawID(""), "", ""},
		{rawID("a\r\nVia: x"), "", ""},
		{rawID("a\x00"), "", ""},
		{rawID("a\x7f"), "", ""},
		{rawID("\xff"), "", ""},
		{rawID(strings.Repeat("1", 1025)), "", ""},
		{rawID(strings.Repeat("1", 1024)), strings.Repeat("1", 1024), ""}, // no room for the rest of a URI
		{rawID("sip:a@b\r\nVia: x"), "", ""},
		{rawID("sip:a b@c"), "", ""},
		{rawID("sip:"), "", ""},
		{rawID("sip:a:secret@b"), "", ""},
		{rawID("sip:a@b?Replaces=c"), "", ""},
		{rawID("tel:12"), "", ""},
		{numberID("+1\n2"), "", ""},
	} {
		for _, side := range []struct{ domain, want string }{{"", tt.bare}, {pbx, tt.inDomain}} {
			a := &alexa.Addressing{Domain: side.domain}
			got, err := a.Party(tt.id)
			if got.URI != side.want || got.Name != "" || (err != nil) != (side.want == "") {
				t.Errorf("%s %q with domain %q is %q, %v; want %q", tt.id.Type, tt.id.Value, side.domain, got.URI, err, side.want)
			}
			wantAddressError(t, err, tt.id.Value)
		}
	}
}

func wantAddressError(t *testing.T, err error, secret string) {
	t.Helper()
	if err == nil {
		return
	}
	if _, ok := errors.AsType[*alexa.AddressError](err); !ok {
		t.Errorf("error is %T", err)
	}
	if len(secret) > 3 && strings.Contains(err.Error(), secret) || !strings.HasPrefix(err.Error(), "alexa: cannot use ") {
		t.Errorf("error says %q", err)
	}
}

// TestCallee is the way of a call to a device.
func TestCallee(t *testing.T) {
	none := alexa.ParticipantID{}
	for _, tt := range []struct {
		to             string
		bare, inDomain alexa.ParticipantID
	}{
		{"7201", rawID("7201"), rawID("7201")},
		{"room:101", rawID("room:101"), rawID("room:101")},
		{"+12065550100", rawID("+12065550100"), rawID("+12065550100")},
		{profile101, profileID(profile101), profileID(profile101)},

		{"sip:7201@pbx.example.com", rawID("7201"), rawID("7201")},
		{"SIPS:7201@PBX.example.COM:5061;transport=tls", rawID("7201"), rawID("7201")},
		{"sip:7201@elsewhere.example", rawID("7201"), none},
		{"sip:7201@[2001:db8::1]:5060", rawID("7201"), none},
		{"sip:Front%20Desk@pbx.example.com", rawID("Front Desk"), rawID("Front Desk")},
		{"sip:" + profile101 + "@pbx.example.com", profileID(profile101), profileID(profile101)},
		{"sip:+12065550100@pbx.example.com;user=phone", numberID("+12065550100"), numberID("+12065550100")},
		{"sip:+1-206-555-0100;ext=7@pbx.example.com;user=phone", numberID("+12065550100"), numberID("+12065550100")},
		{"sip:+12065550100@pbx.example.com", numberID("+12065550100"), numberID("+12065550100")},
		{"sip:+1-206@pbx.example.com", rawID("+1-206"), rawID("+1-206")}, // no number without user=phone
		{"sip:7201@pbx.example.com;user=phone", rawID("7201"), rawID("7201")},
		{"sip:72-01;phone-context=pbx.example.com@pbx.example.com;user=phone", none, rawID("7201")},
		{"sip:*21#@pbx.example.com", rawID("*21#"), rawID("*21#")},

		{"tel:+12065550100", numberID("+12065550100"), numberID("+12065550100")},
		{"TEL:+1-(206)-555.0100;isub=1;ext=22", numberID("+12065550100"), numberID("+12065550100")},
		{"tel:7201;phone-context=PBX.example.com", none, rawID("7201")},
		{"tel:7201;phone-context=other.example", none, none},
		{"tel:7201;phone-context=+1206555", none, none},
		{"tel:+123456789012345", numberID("+123456789012345"), numberID("+123456789012345")},

		{"", none, none},
		{"a\r\nb", none, none},
		{strings.Repeat("1", 1025), none, none},
		{"tel:7201", none, none},
		{"tel:", none, none},
		{"tel:+", none, none},
		{"tel:+1234567890123456", none, none}, // more than E.164 has
		{"tel:+1206;phone-context=x", none, none},
		{"tel:+1206;ext=1;ext=2", none, none},
		{"tel:+1206;", none, none},
		{"tel:++1206", none, none},
		{"tel:+1 206", none, none},
		{"tel:+12a", none, none},
		{"sip:@pbx.example.com", none, none},
		{"sip:pbx.example.com", none, none},
		{"sip:a@", none, none},
		{"sip:a@b@c", none, none},
		{"sip:a@pbx.example.com:0", none, none},
		{"sip:a@pbx.example.com:65536", none, none},
		{"sip:a@pbx.example.com:", none, none},
		{"sip:a@pbx.example.com:5060x", none, none},
		{"sip:a@[::1", none, none},
		{"sip:a@[pbx]", none, none},
		{"sip:a@[::1%25eth0]", none, none},
		{"sip:a@[::1]5060", none, none},
		{"sip:a@x[::1]", none, none},
		{"sip:a:b@pbx.example.com", none, none},
		{"sip:a@pbx.example.com?Subject=x", none, none},
		{"sip:a@pbx.example.com;x?Subject=x", none, none},
		{"sip:a@pbx.example.com;;", none, none},
		{"sip:a@pbx.example.com;user=phone", rawID("a"), rawID("a")}, // RFC 3966 has the letters A to F as local digits
		{"sip:xyz@pbx.example.com;user=phone", none, none},
		{"sip:a@pbx.example.com;x=<", none, none},
		{"sip:a%0d%0aVia:x@pbx.example.com", none, none},
		{"sip:a%0d%0aVia@pbx.example.com", none, none},
		{"sip:a%00@pbx.example.com", none, none},
		{"sip:a%ff@pbx.example.com", none, none},
		{"sip:a%4@pbx.example.com", none, none},
		{"sip:a%zz@pbx.example.com", none, none},
		{"sip:a<b@pbx.example.com", none, none},
		{"sip:ä@pbx.example.com", none, none},
		{"sip:a@pbx.example.com>", none, none},
		{"sip:a@pbx.example.com\r\nX: y", none, none},
		{"sip:a@" + strings.Repeat("a", 256), none, none},
		{"sip:a@b" + strings.Repeat(";x", 2000), none, none},
		{"sip:a@pbx.example.com;a;b;c;d;e;f;g;h;i;j;k;l;m;n;o;p;q", none, none},
	} {
		for _, side := range []struct {
			domain string
			want   alexa.ParticipantID
		}{{"", tt.bare}, {pbx + ":5061;transport=tls", tt.inDomain}} {
			a := &alexa.Addressing{Domain: side.domain}
			got, err := a.Callee(tt.to)
			if !same(got, side.want) || (err != nil) != same(side.want, none) {
				t.Errorf("%q with domain %q is %s %q, %v; want %s %q", tt.to, side.domain, got.Type, got.Value, err, side.want.Type, side.want.Value)
			}
			wantAddressError(t, err, tt.to)
		}
	}
}

// TestCaller is who is said to call a device.
func TestCaller(t *testing.T) {
	none := alexa.ParticipantID{}
	for _, tt := range []struct {
		from string
		want alexa.ParticipantID // with a domain; without one nobody is named
	}{
		{"sip:reception@pbx.example.com", rawID("reception")},
		{"sip:+12065550100@pbx.example.com", numberID("+12065550100")},
		{"sip:+12065550100@trunk.example", numberID("+12065550100")}, // a number is one everywhere
		{"tel:+12065550100", numberID("+12065550100")},
		{profile101, profileID(profile101)},
		{"sip:reception@elsewhere.example", none},
		{"sip:anonymous@anonymous.invalid", none},
		{"tel:7201;phone-context=elsewhere.example", none},
		{"pipe:far", none},
		{"reception", none},
		{"", none},
		{"sip:a\r\n@pbx.example.com", none},
		{"sip:pbx.example.com", none},
	} {
		in := &alexa.Addressing{Domain: pbx}
		got, err := in.Caller(bridge.Party{URI: tt.from, Name: "Ann"})
		if !same(got, tt.want) || (err != nil) != same(tt.want, none) {
			t.Errorf("%q is %s %q, %v; want %s %q", tt.from, got.Type, got.Value, err, tt.want.Type, tt.want.Value)
		}
		wantAddressError(t, err, tt.from)
		for _, without := range []*alexa.Addressing{nil, {}} {
			if got, err := without.Caller(bridge.Party{URI: tt.from}); err == nil {
				t.Errorf("%q without a domain is %s %q", tt.from, got.Type, got.Value)
			}
		}
	}
}

// TestKnownAddresses goes both ways through the table.
func TestKnownAddresses(t *testing.T) {
	a := &alexa.Addressing{Domain: pbx, Known: []alexa.KnownAddress{
		{profileID(profile101), bridge.Party{URI: "sip:101@rooms.example", Name: "Room 101"}},
		{profileID(profile101), bridge.Party{URI: "sip:second@rooms.example", Name: "the first that fits decides"}},
		{rawID("+12065550100"), bridge.Party{URI: "sip:+12065550100@pbx.example.com"}},
		{rawID("desk"), bridge.Party{Name: "Front Desk"}},
		{rawID("old"), bridge.Party{URI: "legacy:1"}},
	}}
	for _, tt := range []struct {
		id    alexa.ParticipantID
		party bridge.Party
		back  string // a URI that leads back, if another
	}{
		{profileID(profile101), bridge.Party{URI: "sip:101@rooms.example", Name: "Room 101"}, "SIP:101@ROOMS.example:5090;transport=tcp"},
		{rawID("+12065550100"), bridge.Party{URI: "sip:+12065550100@pbx.example.com"}, ""},
		{rawID("desk"), bridge.Party{URI: "sip:desk@pbx.example.com", Name: "Front Desk"}, ""},
		{rawID("old"), bridge.Party{URI: "legacy:1"}, ""},
	} {
		got, err := a.Party(tt.id)
		if err != nil || got != tt.party {
			t.Errorf("%s %q is %+v, %v; want %+v", tt.id.Type, tt.id.Value, got, err, tt.party)
		}
		for _, uri := range []string{tt.party.URI, tt.back} {
			if uri == "" {
				continue
			}
			if id, err := a.Callee(uri); err != nil || !same(id, tt.id) {
				t.Errorf("callee %q is %s %q, %v", uri, id.Type, id.Value, err)
			}
			if id, err := a.Caller(bridge.Party{URI: uri}); err != nil || !same(id, tt.id) {
				t.Errorf("caller %q is %s %q, %v", uri, id.Type, id.Value, err)
			}
		}
	}
	// The number, where it is written with user=phone and where not, is one user.
	if id, err := a.Callee("sip:+12065550100@pbx.example.com;user=phone"); err != nil || id.Type != alexa.RawAddress {
		t.Errorf("the known number is %s, %v", id.Type, err)
	}
	if _, err := a.Callee(""); err == nil {
		t.Error("an empty address is known")
	}
}

// TestBadDomain is a Domain that nothing can be written with.
func TestBadDomain(t *testing.T) {
	for _, domain := range []string{" ", "a b", "a\r\nb", "user@host", "host:99999", "host?x=y", "host;x;x"} {
		a := &alexa.Addressing{Domain: domain}
		if p, err := a.Party(rawID("7201")); err == nil {
			t.Errorf("%q: %q", domain, p.URI)
		}
	}
}
