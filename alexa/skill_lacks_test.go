package alexa_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
)

// unread is a journal with a call in it, which nobody may end.
type unread struct{}

func (unread) Open(alexa.OpenCall) error          { return nil }
func (unread) Closed(string) error                { return errors.New("nobody was told") }
func (unread) Pending() ([]alexa.OpenCall, error) { return []alexa.OpenCall{{SessionID: "s-0"}}, nil }

// TestSkillLacksWhatCallsNeed has calls fail, each way, with an error that says what is not set; all else is answered.
func TestSkillLacksWhatCallsNeed(t *testing.T) {
	for name, skill := range map[string]*alexa.Skill{
		"no client": {ID: skillID, Engine: &calltest.Engine{}, Journal: unread{}},
		"no engine": {ID: skillID, Client: &alexa.Client{Tokens: steady{}}, Journal: unread{}},
	} {
		t.Run(name, func(t *testing.T) {
			says := func(what string, err error) {
				t.Helper()
				if err == nil || !strings.Contains(err.Error(), "Skill.Client and Skill.Engine") {
					t.Errorf("%s: %v", what, err)
				}
			}
			says("Recover", skill.Recover(t.Context()))
			leg, err := skill.Dial(t.Context(), "room-101", nil)
			says("Dial", err)
			if end, ok := errors.AsType[*bridge.EndError](err); leg != nil || !ok || end.Cause != bridge.Internal {
				t.Errorf("Dial: %v, %v", leg, err)
			}
			for range 2 { // Amazon's retry is no repetition of what has been taken
				_, err = skill.HandleEvent(t.Context(), eventOf(t, invitation("s-1", dtlsSDP)))
				says("InitiateOutboundCall", err)
			}
			answer, err := skill.HandleEvent(t.Context(), eventOf(t, map[string]any{"type": string(alexa.CallEnded), "sessionId": "s-1"}))
			if err != nil || string(answer) != receipt {
				t.Errorf("CallEnded: %s, %v", answer, err)
			}
			if st, want := skill.Stats(), (alexa.SkillStats{Events: 1, Unknown: 1, Refused: 2}); st != want {
				t.Errorf("stats %+v, want %+v", st, want)
			}
			must(t, skill.Drain(t.Context()))
		})
	}
}
