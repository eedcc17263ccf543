package alexa_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
)

// TestInvitationWithAddresses looks at who calls whom in InitiateInboundCall, where the caller is one of SIP.
func TestInvitationWithAddresses(t *testing.T) {
	addresses := &alexa.Addressing{Domain: pbx, Known: []alexa.KnownAddress{
		{rawID("7201"), bridge.Party{Name: "Room 101"}},
		{rawID("reception"), bridge.Party{URI: "sip:100@pbx.example.com", Name: "Reception"}},
	}}
	strange, long := "A\r\nnn\u202e\xff ", "x"+strings.Repeat("ä", 100)
	phone := func(user, name string) bridge.Party { return bridge.Party{URI: "sip:" + user, Name: name} }
	for _, tt := range []struct {
		name   string
		from   bridge.Party
		id     alexa.ParticipantID
		caller string // as Alexa is told
		info   bridge.Party
	}{
		{"nobody", bridge.Party{}, rawID("contact"), "", bridge.Party{URI: "contact"}},
		{"a name alone", bridge.Party{Name: "Ann"}, rawID("contact"), "Ann", bridge.Party{URI: "contact", Name: "Ann"}},
		{"an extension", phone("205@pbx.example.com", "Ann"), rawID("205"), "Ann", phone("205@pbx.example.com", "Ann")},
		{"a known one", phone("100@pbx.example.com", ""), rawID("reception"), "Reception", phone("100@pbx.example.com", "Reception")},
		{"a number", phone("+12065550100@trunk.example", ""), numberID("+12065550100"), "", phone("+12065550100@trunk.example", "")},
		{"a stranger", phone("eve@elsewhere.example", "Eve"), rawID("contact"), "Eve", phone("eve@elsewhere.example", "Eve")},
		{"a strange name", phone("205@pbx.example.com", strange), rawID("205"), "A  nn", phone("205@pbx.example.com", strange)},
		{"a long name", phone("205@pbx.example.com", long), rawID("205"), long[:127], phone("205@pbx.example.com", long)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			skill := func(k *alexa.Skill) { k.Addresses, k.SendCallerName, k.Contact = addresses, true, "contact" }
			play(t, props{echo: alexatest.EchoOptions{RingOnly: true}, skill: skill}, func(t *testing.T, s *stage) {
				leg, err := s.skill.Dial(t.Context(), "sip:7201@pbx.example.com", &bridge.DialOptions{From: tt.from})
				must(t, err)
				m := s.wire.message(alexa.InitiateInboundCall)
				caller, _ := m.Caller()
				callee, _ := m.Callee()
				if !same(caller.ID, tt.id) || !same(callee.ID, rawID("7201")) {
					t.Errorf("%v %q calls %v %q", caller.ID.Type, caller.ID.Value, callee.ID.Type, callee.ID.Value)
				}
				if got := m.CustomParams; (got != nil) != (tt.caller != "") || got != nil && got.CallerName != tt.caller {
					t.Errorf("caller's name: %#v", got)
				}
				to := bridge.Party{URI: "sip:7201@pbx.example.com", Name: "Room 101"}
				if info := leg.Info(); info.From != tt.info || info.To != to {
					t.Errorf("info: from %+v to %+v", info.From, info.To)
				}
				if p := leg.(*alexa.Leg).Participants(); len(p) != 2 || !p[0].Originator || !same(p[0].ID, tt.id) || !same(p[1].ID, rawID("7201")) {
					t.Errorf("participants %v", p)
				}
				must(t, leg.Hangup(t.Context(), bridge.Normal))
			})
		})
	}
}

// TestDialNobody does not begin a call that leads to nobody.
func TestDialNobody(t *testing.T) {
	skill := func(k *alexa.Skill) { k.Addresses = refusing{&alexa.Addressing{Domain: pbx}} }
	play(t, props{skill: skill}, func(t *testing.T, s *stage) {
		for to, cause := range map[string]bridge.Cause{
			"": bridge.NotFound, "sip:7201@elsewhere.example": bridge.NotFound, "a\r\nb": bridge.NotFound, "tel:12": bridge.NotFound,
			"forbidden": bridge.Forbidden,
		} {
			leg, err := s.skill.Dial(t.Context(), to, nil)
			end, ok := errors.AsType[*bridge.EndError](err)
			if leg != nil || !ok || end.Cause != cause || end.Remote {
				t.Errorf("%q: %v", to, err)
			}
		}
		s.wantStats(alexa.SkillStats{})
	})
}

// refusing is a program's own mapping.
type refusing struct{ *alexa.Addressing }

func (r refusing) Callee(to string) (alexa.ParticipantID, error) {
	if to == "forbidden" {
		return alexa.ParticipantID{}, &bridge.EndError{Cause: bridge.Forbidden}
	}
	return r.Addressing.Callee(to)
}

func (r refusing) Party(id alexa.ParticipantID) (bridge.Party, error) {
	if id.Value == "forbidden" {
		return bridge.Party{}, &bridge.EndError{Cause: bridge.Forbidden}
	}
	return r.Addressing.Party(id)
}

// TestDeviceCallsASIPURI has the called contact of a device become what a phone is dialled by.
func TestDeviceCallsASIPURI(t *testing.T) {
	seen := make(chan bridge.Leg, 1)
	handler := bridge.Func(func(_ context.Context, in bridge.Leg) error {
		seen <- in
		return &bridge.EndError{Cause: bridge.Declined}
	})
	play(t, props{bridge: handler, skill: func(k *alexa.Skill) {
		k.Addresses = refusing{&alexa.Addressing{Domain: pbx}}
	}}, func(t *testing.T, s *stage) {
		k := s.skill.Addresses.(refusing)
		k.Known = []alexa.KnownAddress{{profileID(s.echo.ProfileID()), bridge.Party{URI: "sip:101@rooms.example", Name: "Room 101"}}}
		call, err := s.echo.Call(t.Context(), "Front Desk")
		must(t, err)
		leg := <-seen
		info := leg.Info()
		if info.To.URI != "sip:Front%20Desk@pbx.example.com" || info.From != (bridge.Party{URI: "sip:101@rooms.example", Name: "Room 101"}) {
			t.Errorf("from %+v to %+v", info.From, info.To)
		}
		p := leg.(*alexa.Leg).Participants()
		if len(p) != 2 || !same(p[0].ID, profileID(s.echo.ProfileID())) || !same(p[1].ID, rawID("Front Desk")) {
			t.Errorf("participants %v", p)
		}
		s.wantEnded(call, "DEVICE_BUSY")
	})
}

// TestDeviceCallsNobody ends a call to what is no address, and lets an anonymous one through.
func TestDeviceCallsNobody(t *testing.T) {
	seen := make(chan bridge.Info, 1)
	handler := bridge.Func(func(_ context.Context, in bridge.Leg) error {
		seen <- in.Info()
		return &bridge.EndError{Cause: bridge.Declined}
	})
	play(t, props{bridge: handler, skill: func(k *alexa.Skill) {
		k.Addresses = refusing{&alexa.Addressing{Domain: pbx}}
	}}, func(t *testing.T, s *stage) {
		for callee, code := range map[string]string{
			"sip:a@b\r\nVia: x": "INTERNAL_ERROR", "tel:12": "INTERNAL_ERROR", "forbidden": "UNAUTHORIZED",
		} {
			call, err := s.echo.Call(t.Context(), callee)
			must(t, err)
			s.wantEnded(call, code)
		}
		m := invitation("anonymous", dtlsSDP)
		m["participants"].([]any)[0].(map[string]any)["id"] = map[string]any{"type": "RAW_ADDRESS", "value": "a\r\nb"}
		s.send(m)
		if info := <-seen; info.From != (bridge.Party{}) || info.To.URI != "sip:desk@pbx.example.com" {
			t.Errorf("from %+v to %+v", info.From, info.To)
		}
	})
}
