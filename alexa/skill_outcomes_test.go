package alexa_test

import (
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
)

// codeTable is the code with which Alexa is told of each end on the other side.
var codeTable = map[bridge.Cause]string{
	bridge.Normal: "SUCCESS", bridge.Cancelled: "SUCCESS", bridge.Elsewhere: "SUCCESS", bridge.Busy: "DEVICE_BUSY", bridge.Declined: "DEVICE_BUSY",
	bridge.NoAnswer: "SESSION_TIMEOUT", bridge.Forbidden: "UNAUTHORIZED", bridge.NotFound: "INTERNAL_ERROR", bridge.Unreachable: "INTERNAL_ERROR",
	bridge.Overload: "INTERNAL_ERROR", bridge.Media: "INTERNAL_ERROR", bridge.Internal: "INTERNAL_ERROR",
}

// TestEveryCause ends calls of both directions from the other side, with every cause, in every state: each device hears of it once.
func TestEveryCause(t *testing.T) {
	states := map[string]func(s *stage) (*alexatest.Call, bridge.Leg){
		"offered": (*stage).deviceCalls,
		"early": func(s *stage) (*alexatest.Call, bridge.Leg) {
			call, phone := s.deviceCalls()
			must(s.t, phone.Ring(s.t.Context(), g711()))
			s.wantState(call, alexatest.StateInProgress)
			return call, phone
		},
		"up":       (*stage).deviceTalks,
		"up, back": (*stage).phoneTalks,
		"held": func(s *stage) (*alexatest.Call, bridge.Leg) {
			call, phone := s.deviceTalks()
			must(s.t, call.Update(s.t.Context(), alexatest.Hold))
			return call, phone
		},
	}
	for name, begin := range states {
		play(t, props{}, func(t *testing.T, s *stage) {
			for cause, code := range codeTable {
				before := s.wire.tries(alexa.CallEnded)
				call, phone := begin(s)
				must(t, phone.Hangup(t.Context(), cause))
				s.wantEnded(call, code)
				synctest.Wait()
				if n := s.wire.tries(alexa.CallEnded) - before; n != 1 {
					t.Errorf("%s, %v: %d times CallEnded", name, cause, n)
				}
			}
		})
	}
	for cause, code := range codeTable { // before anything is offered there
		play(t, props{}, func(t *testing.T, s *stage) {
			s.desk.err = &bridge.EndError{Cause: cause}
			call, err := s.echo.Call(t.Context(), "desk")
			must(t, err)
			s.wantEnded(call, code)
			synctest.Wait()
			if n := s.wire.tries(alexa.CallEnded); n != 1 {
				t.Errorf("not even dialled, %v: %d times CallEnded", cause, n)
			}
		})
	}
}
