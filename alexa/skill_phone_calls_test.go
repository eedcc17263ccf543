package alexa_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
)

func TestPhoneCallsTheDevice(t *testing.T) {
	play(t, props{echo: alexatest.EchoOptions{AnswerAfter: 8 * time.Second}}, func(t *testing.T, s *stage) {
		phone := s.phoneCalls()
		call := s.deviceRings()
		calltest.WaitPhase(t, phone, bridge.Alerting)
		s.took(0)
		s.wantState(call, alexatest.StateConnected)
		calltest.WaitPhase(t, phone, bridge.Up)
		s.took(8 * time.Second)
		time.Sleep(time.Minute)
		synctest.Wait()
		must(t, phone.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
		s.wantStats(alexa.SkillStats{Calls: 1, Events: 3})
		s.wantTranscript("phone_calls")
	})
}

func TestDeviceHangsUp(t *testing.T) {
	play(t, props{echo: alexatest.EchoOptions{HangUpAfter: 10 * time.Second}}, func(t *testing.T, s *stage) {
		call, phone := s.phoneTalks()
		calltest.WantEnd(t, phone, bridge.Normal, true)
		s.took(10 * time.Second)
		s.wantEnded(call, "SUCCESS")
		s.wantStats(alexa.SkillStats{Calls: 1, Events: 4})
	})
}

// TestEarlyAnswerOfTheDevice: the device's early answer lets nobody hear anything. Only its first sound does.
func TestEarlyAnswerOfTheDevice(t *testing.T) {
	play(t, props{echo: alexatest.EchoOptions{AnswerAfter: 20 * time.Second}}, func(t *testing.T, s *stage) {
		phone := s.phoneCalls()
		call := s.deviceRings()
		s.wantState(call, alexatest.StateInProgress)
		time.Sleep(5 * time.Second)
		if p := phone.Info().Phase; p != bridge.Alerting {
			t.Errorf("phase %v after an early answer without sound", p)
		}
		s.engine.Only(t).Hear()
		synctest.Wait()
		if p := phone.Info().Phase; p != bridge.Early {
			t.Errorf("phase %v after the first sound", p)
		}
		calltest.WaitPhase(t, phone, bridge.Up)
		s.took(20 * time.Second)
		synctest.Wait()
		must(t, phone.Hangup(t.Context(), bridge.Normal))
	})
}

func TestDeviceDoesNotTakeTheCall(t *testing.T) {
	for _, tt := range []struct {
		reject string
		cause  bridge.Cause
		took   time.Duration
		golden string
	}{
		{"DEVICE_BUSY", bridge.Busy, 0, "device_is_busy"},
		{"UNAUTHORIZED", bridge.Forbidden, 0, ""},
		{"UNAUTHORISED", bridge.Forbidden, 0, ""},
		{"SUCCESS", bridge.Declined, 9 * time.Second, "device_declines"},
		{"SESSION_TIMEOUT", bridge.NoAnswer, 9 * time.Second, ""},
		{"INTERNAL_ERROR", bridge.Internal, 9 * time.Second, ""},
	} {
		t.Run(tt.reject, func(t *testing.T) {
			play(t, props{echo: alexatest.EchoOptions{Reject: tt.reject, AnswerAfter: 9 * time.Second}}, func(t *testing.T, s *stage) {
				phone := s.phoneCalls()
				calltest.WantEnd(t, phone, tt.cause, true)
				s.took(tt.took)
				if tt.golden != "" {
					s.wantTranscript(tt.golden)
				}
			})
		})
	}
}

func TestNobodyAnswersTheDevice(t *testing.T) {
	play(t, props{echo: alexatest.EchoOptions{RingOnly: true}, join: &bridge.JoinOptions{RingFor: 45 * time.Second}}, func(t *testing.T, s *stage) {
		phone := s.phoneCalls()
		call := s.deviceRings()
		s.wantEnded(call, "SESSION_TIMEOUT")
		calltest.WantEnd(t, phone, bridge.NoAnswer, true)
		s.took(45 * time.Second)
	})
}

func TestCallerGivesUp(t *testing.T) {
	play(t, props{echo: alexatest.EchoOptions{RingOnly: true}}, func(t *testing.T, s *stage) {
		phone := s.phoneCalls()
		call := s.deviceRings()
		calltest.WaitPhase(t, phone, bridge.Alerting)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		must(t, phone.Hangup(t.Context(), bridge.Cancelled))
		s.wantEnded(call, "SUCCESS")
		s.took(4 * time.Second)
		s.wantTranscript("caller_gives_up")
	})
}

// TestCallerGivesUpAtOnce ends the call while nobody knows yet whether Alexa has taken it.
func TestCallerGivesUpAtOnce(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		s.wire.spoil(alexa.InitiateInboundCall, wireFault{slow: 2 * time.Second})
		s.cloud.SetSkillHandler(nil) // events are lost, too
		phone := s.phoneCalls()
		call := s.deviceRings()
		time.Sleep(time.Second)
		synctest.Wait()
		must(t, phone.Hangup(t.Context(), bridge.Cancelled))
		s.wantState(call, alexatest.StateEnded)
		synctest.Wait()
		if n := s.wire.tries(alexa.CallEnded); n != 1 {
			t.Errorf("%d CallEnded", n)
		}
		s.unwanted = s.cloud.Violations()
	})
}

// TestDialIsCancelled calls without a bridge, and gives up before the device rings.
func TestDialIsCancelled(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		s.wire.spoil(alexa.InitiateInboundCall, wireFault{late: 2 * time.Second})
		gone := errors.New("the caller is gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(gone) })
		leg, err := s.skill.Dial(ctx, "7201", nil)
		end, ok := errors.AsType[*bridge.EndError](err)
		if leg != nil || !ok || end.Cause != bridge.Cancelled || end.Remote || !errors.Is(err, gone) {
			t.Errorf("got %v, %v", leg, err)
		}
		s.took(time.Second)
		s.wantStats(alexa.SkillStats{Calls: 1})
	})
}

func TestBareAcceptance(t *testing.T) {
	play(t, props{cloud: alexatest.CloudOptions{Faults: alexatest.Faults{BareAccept: true}}}, func(t *testing.T, s *stage) {
		call, phone := s.phoneTalks()
		synctest.Wait()
		must(t, phone.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
	})
}

// TestEventsBeforeTheAnswerToThePost lets Alexa's events overtake her answers to our messages, in both directions of calls.
func TestEventsBeforeTheAnswerToThePost(t *testing.T) {
	play(t, props{cloud: alexatest.CloudOptions{AckFirst: true}}, func(t *testing.T, s *stage) {
		slow := wireFault{slow: 1500 * time.Millisecond}
		for _, typ := range []alexa.MessageType{alexa.InitiateInboundCall, alexa.CallRinging, alexa.CallAccepted, alexa.CallUpdate} {
			s.wire.spoil(typ, repeated(slow, 4)...)
		}
		call, phone := s.phoneTalks()
		must(t, phone.Update(t.Context(), turned(media.SendOnly)))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		must(t, phone.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
		call, phone = s.deviceTalks()
		synctest.Wait()
		must(t, phone.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
		s.wantStats(alexa.SkillStats{Calls: 2, Events: 7})
	})
}

func TestEventsTwice(t *testing.T) {
	play(t, props{cloud: alexatest.CloudOptions{Faults: alexatest.Faults{DuplicateEvents: true}}}, func(t *testing.T, s *stage) {
		call, phone := s.phoneTalks()
		s.wantTranscript("events_twice")
		must(t, call.Update(t.Context(), alexatest.Hold))
		synctest.Wait()
		must(t, phone.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
		s.wantStats(alexa.SkillStats{Calls: 1, Events: 5, Repeated: 5})
		call, phone = s.deviceTalks()
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
		calltest.WantEnd(t, phone, bridge.Normal, true)
		s.wantStats(alexa.SkillStats{Calls: 2, Events: 9, Repeated: 9})
	})
}

// TestUncertainInvitation does not learn whether Alexa has taken the call, so it ends it.
func TestUncertainInvitation(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		s.wire.spoil(alexa.InitiateInboundCall, repeated(wireFault{lost: true}, 100)...)
		_, err := s.skill.Dial(t.Context(), "7201", nil)
		end, ok := errors.AsType[*bridge.EndError](err)
		if !ok || end.Cause != bridge.Unreachable {
			t.Fatalf("got %v", err)
		}
		if e, ok := errors.AsType[*alexa.Error](err); !ok || !e.Uncertain || !errors.Is(err, errBroken) {
			t.Errorf("the error does not say why: %v", err)
		}
		s.wantTranscript("uncertain_invitation")
	})
}

// TestInvitationWithoutAnAnswer was taken, as its events show, though no answer to it came.
func TestInvitationWithoutAnAnswer(t *testing.T) {
	play(t, props{echo: alexatest.EchoOptions{AnswerAfter: 15 * time.Second}}, func(t *testing.T, s *stage) {
		s.wire.spoil(alexa.InitiateInboundCall, append([]wireFault{{unsaid: true}}, repeated(wireFault{lost: true}, 2)...)...)
		call, phone := s.phoneTalks()
		synctest.Wait()
		must(t, phone.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
	})
}

func TestUnknownCallee(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		_, err := s.skill.Dial(t.Context(), "7299", nil)
		if end, ok := errors.AsType[*bridge.EndError](err); !ok || end.Cause != bridge.NotFound || !errors.Is(err, &alexa.Error{Status: 404}) {
			t.Errorf("got %v", err)
		}
		s.wantTranscript("unknown_callee")
	})
}
