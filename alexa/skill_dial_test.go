package alexa_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
)

// TestInvitationAsSent looks at who calls whom, in InitiateInboundCall.
func TestInvitationAsSent(t *testing.T) {
	const profile = "amzn1.alexa.communications.profile.did.x"
	for _, tt := range []struct {
		name         string
		to           string
		o            *bridge.DialOptions
		skill        func(*alexa.Skill)
		kind         alexa.ParticipantIDType
		callee, from string
		caller       string
	}{
		{"external user id", "7201", nil, nil, alexa.RawAddress, "7201", "alexacall", ""},
		{"profile", profile, nil, nil, alexa.CommunicationProfileID, profile, "alexacall", ""},
		{"number", "tel:+12065550100", nil, nil, alexa.PhoneNumber, "+12065550100", "alexacall", ""},
		{"contact", "7201", nil, func(k *alexa.Skill) { k.Contact = "reception" }, alexa.RawAddress, "7201", "reception", ""},
		{
			"name, not sent", "7201", &bridge.DialOptions{From: bridge.Party{Name: "Front Desk"}}, nil,
			alexa.RawAddress, "7201", "alexacall", "",
		},
		{
			"name", "7201", &bridge.DialOptions{From: bridge.Party{Name: "Front Desk"}}, func(k *alexa.Skill) { k.SendCallerName = true },
			alexa.RawAddress, "7201", "alexacall", "Front Desk",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, props{echo: alexatest.EchoOptions{RingOnly: true}, skill: tt.skill}, func(t *testing.T, s *stage) {
				leg, err := s.skill.Dial(t.Context(), tt.to, tt.o)
				if (err == nil) != (tt.to == "7201") {
					t.Errorf("Dial: %v", err)
				}
				m := s.wire.message(alexa.InitiateInboundCall)
				caller, _ := m.Caller()
				callee, _ := m.Callee()
				if callee.ID.Type != tt.kind || callee.ID.Value != tt.callee || caller.ID.Type != alexa.RawAddress || caller.ID.Value != tt.from {
					t.Errorf("%v %q calls %v %q", caller.ID.Type, caller.ID.Value, callee.ID.Type, callee.ID.Value)
				}
				if got := m.CustomParams; (got != nil) != (tt.caller != "") || got != nil && got.CallerName != tt.caller {
					t.Errorf("caller's name: %#v", got)
				}
				if err == nil {
					must(t, leg.Hangup(t.Context(), bridge.Normal))
				}
			})
		})
	}
}

func TestDialWithAPlan(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		leg, err := s.skill.Dial(t.Context(), "7201", &bridge.DialOptions{Plan: g711(), Attr: map[string]string{"room": "101"}})
		must(t, err)
		info := calltest.WaitPhase(t, leg, bridge.Up)
		synctest.Wait()
		if p := leg.Media().Plan(); len(p) != 1 || len(p[0].Codecs) != 1 || p[0].Codecs[0] != media.PCMU() {
			t.Errorf("agreed: %v", p)
		}
		if info.Attr["room"] != "101" || info.To.URI != "7201" || info.From.URI != "alexacall" || info.ID != leg.(*alexa.Leg).SessionID() || info.Placed.IsZero() {
			t.Errorf("info %+v", info)
		}
		if info.Answered.IsZero() || info.Far == nil || info.Pending {
			t.Errorf("info %+v", info)
		}
		// A leg that was dialled is not rung or answered, and is hung up once.
		must(t, leg.Ring(t.Context(), nil))
		must(t, leg.Answer(t.Context(), nil))
		must(t, leg.Hangup(t.Context(), bridge.Normal))
		must(t, leg.Hangup(t.Context(), bridge.Busy))
		for name, err := range map[string]error{
			"Ring": leg.Ring(t.Context(), nil), "Answer": leg.Answer(t.Context(), nil), "Update": leg.Update(t.Context(), nil),
		} {
			if end, ok := errors.AsType[*bridge.EndError](err); !ok || end.Cause != bridge.Normal || end.Remote {
				t.Errorf("%s after the end: %v", name, err)
			}
		}
		if n := s.wire.tries(alexa.CallEnded); n != 1 {
			t.Errorf("%d CallEnded", n)
		}
	})
}

func TestDialWithoutACodec(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		_, err := s.skill.Dial(t.Context(), "7201", &bridge.DialOptions{
			Plan: media.Plan{{Dir: media.SendRecv, Codecs: []media.Codec{{Name: "G729", ClockRate: 8000, Channels: 1}}}},
		})
		if bridge.CauseOf(err) != bridge.Media || !errors.Is(err, media.ErrNoCommonCodec) {
			t.Errorf("got %v", err)
		}
		s.wantStats(alexa.SkillStats{})
	})
}

// TestUpdateBeforeAcceptance is refused: there is nothing yet to change.
func TestUpdateBeforeAcceptance(t *testing.T) {
	play(t, props{echo: alexatest.EchoOptions{RingOnly: true}}, func(t *testing.T, s *stage) {
		leg, err := s.skill.Dial(t.Context(), "7201", nil)
		must(t, err)
		if err := leg.Update(t.Context(), g711()); err == nil {
			t.Error("a call that rings was updated")
		}
		must(t, leg.Hangup(t.Context(), bridge.Cancelled))
	})
}

// TestWhatTheProgramSees of a call from a device, before it does anything.
func TestWhatTheProgramSees(t *testing.T) {
	seen := make(chan bridge.Info, 1)
	play(t, props{bridge: bridge.Func(func(_ context.Context, in bridge.Leg) error {
		seen <- in.Info()
		return &bridge.EndError{Cause: bridge.Declined}
	})}, func(t *testing.T, s *stage) {
		call, err := s.echo.Call(t.Context(), "desk")
		must(t, err)
		info := <-seen
		if info.From.URI != s.echo.ProfileID() || info.To.URI != "desk" || info.ID != call.SessionID() || info.Phase != bridge.Placed || !info.Pending {
			t.Errorf("info %+v", info)
		}
		if m, _ := info.Far.Find(media.Audio); m.Dir != media.SendRecv || len(m.Codecs) != 3 || m.Codecs[0].Name != "opus" {
			t.Errorf("the device says %v", info.Far)
		}
		s.wantEnded(call, "DEVICE_BUSY")
		s.send(invitation("from a number", dtlsSDP))
		if info := <-seen; info.From.URI != "tel:+12065550100" {
			t.Errorf("a number calls as %q", info.From.URI)
		}
	})
}
