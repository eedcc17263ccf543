package alexa_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
)

func TestDeviceCallsAndHangsUp(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceCalls()
		s.wantState(call, alexatest.StateRinging)
		time.Sleep(7 * time.Second)
		must(t, phone.Answer(t.Context(), g711()))
		s.wantState(call, alexatest.StateConnected)
		s.took(7 * time.Second)
		time.Sleep(time.Minute)
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
		calltest.WantEnd(t, phone, bridge.Normal, true)
		s.wantStats(alexa.SkillStats{Calls: 1, Events: 4})
		s.wantTranscript("device_calls")
	})
}

func TestPhoneHangsUp(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceTalks()
		synctest.Wait()
		must(t, phone.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
		s.wantStats(alexa.SkillStats{Calls: 1, Events: 3})
	})
}

func TestNobodyTakesTheCall(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   error
		phone func(bridge.Leg)
		code  string
		took  time.Duration
	}{
		{"busy", &bridge.EndError{Cause: bridge.Busy}, nil, "DEVICE_BUSY", 0},
		{"unknown", &bridge.EndError{Cause: bridge.NotFound}, nil, "INTERNAL_ERROR", 0},
		{"forbidden", &bridge.EndError{Cause: bridge.Forbidden}, nil, "UNAUTHORIZED", 0},
		{"declined", nil, func(l bridge.Leg) { _ = l.Hangup(context.Background(), bridge.Declined) }, "DEVICE_BUSY", 0},
		{"not answered", nil, func(bridge.Leg) {}, "SESSION_TIMEOUT", 40 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, props{join: &bridge.JoinOptions{RingFor: 40 * time.Second}}, func(t *testing.T, s *stage) {
				s.desk.err = tt.err
				call, err := s.echo.Call(t.Context(), "desk")
				must(t, err)
				if tt.phone != nil {
					tt.phone(s.desk.next(t))
				}
				s.wantEnded(call, tt.code)
				s.took(tt.took)
				if tt.name == "busy" {
					s.wantTranscript("desk_is_busy")
				}
			})
		})
	}
}

func TestDeviceGivesUp(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceCalls()
		s.wantState(call, alexatest.StateRinging)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
		calltest.WantEnd(t, phone, bridge.Cancelled, true)
		s.wantTranscript("device_gives_up")
	})
}

func TestEarlyMediaForTheDevice(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceCalls()
		must(t, phone.Ring(t.Context(), g711()))
		s.wantState(call, alexatest.StateInProgress)
		if call.State() != alexatest.StateInProgress {
			t.Errorf("state %v", call.State())
		}
		early := call.RemoteSDP()
		time.Sleep(time.Second)
		must(t, phone.Answer(t.Context(), g711()))
		s.wantState(call, alexatest.StateConnected)
		if call.RemoteSDP() != early {
			t.Error("another answer on acceptance")
		}
		if m := s.wire.message(alexa.CallAccepted); m.SDP == nil || m.SDP.Type+alexa.SDPType(m.SDP.Value) != "" {
			t.Errorf("CallAccepted has %v", m.SDP)
		}
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
		s.wantTranscript("early_media")
	})
}

// TestHangUpCrossesAcceptance lets the user give up while CallAccepted is on its way.
func TestHangUpCrossesAcceptance(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		s.wire.spoil(alexa.CallAccepted, wireFault{late: 2 * time.Second})
		call, phone := s.deviceCalls()
		must(t, phone.Answer(t.Context(), g711()))
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
		calltest.WantEnd(t, phone, bridge.Cancelled, true)
		s.took(0)
	})
}

// TestRefusalCrossesTheEnd lets Alexa refuse our message before her CallEnded is there.
func TestRefusalCrossesTheEnd(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		s.wire.spoil(alexa.CallAccepted, wireFault{status: 404})
		call, phone := s.deviceCalls()
		synctest.Wait()
		must(t, phone.Answer(t.Context(), g711()))
		calltest.WantEnd(t, phone, bridge.Cancelled, true)
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
		if n := s.wire.tries(alexa.CallEnded); n != 0 {
			t.Errorf("CallEnded was sent %d times to a call that is gone", n)
		}
		s.wantStats(alexa.SkillStats{Calls: 1, Events: 3, Unknown: 1})
	})
}

// TestAnswerAgain has CallAccepted with the answer of CallInProgress, or without it.
func TestAnswerAgain(t *testing.T) {
	for _, again := range []bool{true, false} {
		play(t, props{skill: func(k *alexa.Skill) { k.RepeatAnswer = again }}, func(t *testing.T, s *stage) {
			call, phone := s.deviceCalls()
			must(t, phone.Ring(t.Context(), g711()))
			s.wantState(call, alexatest.StateInProgress)
			must(t, phone.Answer(t.Context(), g711()))
			s.wantState(call, alexatest.StateConnected)
			early, last := s.wire.message(alexa.CallInProgress), s.wire.message(alexa.CallAccepted)
			if got := last.SDP.Value; again && got != early.SDP.Value || !again && got != "" {
				t.Errorf("RepeatAnswer %v: CallAccepted has %q", again, got)
			}
			synctest.Wait()
			must(t, phone.Hangup(t.Context(), bridge.Normal))
			s.wantEnded(call, "SUCCESS")
		})
	}
}
