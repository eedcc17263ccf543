package alexa_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
)

// TestCallsThatAreNotTaken has the skill end calls from a device at once, and leave nothing behind.
func TestCallsThatAreNotTaken(t *testing.T) {
	for _, tt := range []struct {
		name  string
		props props
		code  string
		want  alexa.SkillStats
	}{
		{"nobody handles calls", props{skill: func(k *alexa.Skill) { k.Bridge = nil }}, "INTERNAL_ERROR", alexa.SkillStats{Calls: 1, Events: 1}},
		{
			"the handler does nothing",
			props{bridge: bridge.Func(func(context.Context, bridge.Leg) error { return nil })},
			"SUCCESS",
			alexa.SkillStats{Calls: 1, Events: 1},
		},
		{
			"the handler panics",
			props{bridge: bridge.Func(func(context.Context, bridge.Leg) error { panic("for the test") })},
			"INTERNAL_ERROR",
			alexa.SkillStats{Calls: 1, Events: 1, Panics: 1},
		},
		{
			"no codec in common",
			props{bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
				return in.Answer(ctx, media.Plan{{Dir: media.SendRecv, Codecs: []media.Codec{{Name: "G729", ClockRate: 8000, Channels: 1}}}})
			})},
			"INTERNAL_ERROR",
			alexa.SkillStats{Calls: 1, Events: 1},
		},
		{
			"the engine is full",
			props{skill: func(k *alexa.Skill) { k.Engine.(*calltest.Engine).Full.Store(true) }},
			"INTERNAL_ERROR",
			alexa.SkillStats{Events: 1},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, tt.props, func(t *testing.T, s *stage) {
				call, err := s.echo.Call(t.Context(), "desk")
				must(t, err)
				s.wantEnded(call, tt.code)
				s.took(0)
				s.wantStats(tt.want)
			})
		})
	}
}

// TestNoPorts ends a call with the cause of an engine that has no ports left for the answer.
func TestNoPorts(t *testing.T) {
	var answered error
	handle := bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		answered = in.Answer(ctx, nil)
		return answered
	})
	play(t, props{bridge: handle}, func(t *testing.T, s *stage) {
		s.engine.NoPorts.Store(true)
		call, err := s.echo.Call(t.Context(), "desk")
		must(t, err)
		s.wantEnded(call, "INTERNAL_ERROR")
		synctest.Wait() // until the handler has what it returns
		if bridge.CauseOf(answered) != bridge.Overload || !errors.Is(answered, media.ErrFull) {
			t.Errorf("got %v", answered)
		}
	})
}

// TestEngineFullForDial tells whoever dials, and Alexa nothing.
func TestEngineFullForDial(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		s.engine.Full.Store(true)
		_, err := s.skill.Dial(t.Context(), "7201", nil)
		if bridge.CauseOf(err) != bridge.Overload || !errors.Is(err, media.ErrFull) {
			t.Errorf("got %v", err)
		}
		if n := len(s.cloud.Transcript()); n != 0 {
			t.Errorf("%d messages", n)
		}
	})
}

// dtlsSDP is a description of a device, as it should be.
const dtlsSDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=setup:actpass\r\na=mid:0\r\na=ice-ufrag:devicefrag\r\n" +
	"a=ice-pwd:device-password-for-ice\r\na=fingerprint:sha-256 AA:BB:CC:DD\r\na=rtcp-mux\r\na=sendrecv\r\n"

// hostileSDPs are descriptions that cannot be used.
func hostileSDPs() map[string]string {
	return map[string]string{
		"not an SDP":       "device-password-for-ice",
		"binary":           "\x00\xff\xfe" + strings.Repeat("\x01", 100),
		"no m-line":        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-pwd:device-password-for-ice\r\n",
		"bad m-line":       strings.Replace(dtlsSDP, "m=audio 9", "m=audio +12065550100", 1),
		"many m-lines":     dtlsSDP + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", 17),
		"many attributes":  dtlsSDP + strings.Repeat("a=x:device-password-for-ice\r\n", 600),
		"many candidates":  dtlsSDP + strings.Repeat("a=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n", 65),
		"not encrypted":    strings.Replace(dtlsSDP, "UDP/TLS/RTP/SAVPF", "RTP/AVP", 1),
		"no fingerprint":   strings.Replace(dtlsSDP, "a=fingerprint:sha-256 AA:BB:CC:DD\r\n", "", 1),
		"no password":      strings.Replace(dtlsSDP, "a=ice-pwd:device-password-for-ice\r\n", "", 1),
		"refused":          strings.Replace(dtlsSDP, "m=audio 9", "m=audio 0", 1),
		"video alone":      strings.Replace(dtlsSDP, "m=audio", "m=video", 1),
		"an unknown codec": strings.Replace(dtlsSDP, "SAVPF 0", "SAVPF 97", 1),
	}
}

// send delivers an event that no device of the cloud's has sent, and wants it answered as any other.
func (s *stage) send(request map[string]any) {
	s.t.Helper()
	status, body, err := s.cloud.SendEvent(s.t.Context(), request, nil)
	if err != nil || status != 200 || string(body) != string(alexa.AppendReceipt(nil, "")) {
		s.t.Fatalf("event: %d %s, %v", status, body, err)
	}
}

func invitation(session, sdp string) map[string]any {
	return map[string]any{
		"type": string(alexa.InitiateOutboundCall), "sessionId": session,
		"participants": []any{
			map[string]any{"id": map[string]any{"type": "PHONE_NUMBER", "value": "+12065550100"}, "isOriginator": true},
			map[string]any{"id": map[string]any{"type": "RAW_ADDRESS", "value": "desk"}, "isOriginator": false},
		},
		"sdpDetails": map[string]any{"type": "OFFER", "value": sdp},
	}
}

// TestHostileInvitations are ended, whether they fall at once or with the answer.
func TestHostileInvitations(t *testing.T) {
	play(t, props{bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error { return in.Answer(ctx, nil) })}, func(t *testing.T, s *stage) {
		sdps := hostileSDPs()
		sdps["none"] = ""
		for name, sdp := range sdps {
			before := s.wire.tries(alexa.CallEnded)
			s.send(invitation("hostile "+name, sdp))
			synctest.Wait()
			if m := s.wire.message(alexa.CallEnded); s.wire.tries(alexa.CallEnded) != before+1 || m.SessionID != "hostile "+name || m.Result.Code != alexa.ResultInternalError {
				t.Errorf("%s: %v with %v", name, m, m.Result)
			}
		}
		if n := s.wire.tries(alexa.CallAccepted); n != 0 {
			t.Errorf("%d calls were accepted", n)
		}
		s.send(invitation("good", dtlsSDP))
		synctest.Wait()
		if n := s.wire.tries(alexa.CallRinging); n != 1 {
			t.Errorf("%d calls rang, want the good one", n)
		}
		if st := s.skill.Stats(); st.Sessions != 0 || st.Malformed == 0 || st.Events != uint64(len(sdps)+1) {
			t.Errorf("stats %+v", st)
		}
	})
}

// TestHostileAnswers come from a device that is called: its leg is never up.
func TestHostileAnswers(t *testing.T) {
	for _, typ := range []alexa.MessageType{alexa.CallInProgress, alexa.CallAccepted} {
		play(t, props{echo: alexatest.EchoOptions{AnswerAfter: time.Minute, RingOnly: true}}, func(t *testing.T, s *stage) {
			for name, sdp := range hostileSDPs() {
				phone := s.phoneCalls()
				call := s.deviceRings()
				calltest.WaitPhase(t, phone, bridge.Alerting)
				s.send(map[string]any{
					"type": string(typ), "sessionId": call.SessionID(), "sdpDetails": map[string]any{"type": "ANSWER", "value": sdp},
				})
				calltest.WantEnd(t, phone, bridge.Media, true)
				if !phone.Info().Answered.IsZero() {
					t.Errorf("%s: the phone was answered", name)
				}
				s.wantEnded(call, "INTERNAL_ERROR")
				synctest.Wait()
			}
		})
	}
}

// TestHostileChanges end a call that stands, once it is clear that the device cannot be answered.
func TestHostileChanges(t *testing.T) {
	for name, sdp := range hostileSDPs() {
		play(t, props{}, func(t *testing.T, s *stage) {
			call, phone := s.deviceTalks()
			s.sendChange(call, sdp)
			calltest.WantEnd(t, phone, bridge.Media, true)
			s.wantEnded(call, "INTERNAL_ERROR")
			if took := time.Since(s.began); took > 4*time.Second {
				t.Errorf("%s: it took %v", name, took)
			}
		})
	}
}

func TestMediaFails(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceCalls()
		if s.engine.Only(t).Up() {
			t.Error("a device has to send while its call rings")
		}
		must(t, phone.Answer(t.Context(), g711()))
		s.wantState(call, alexatest.StateConnected)
		synctest.Wait()
		if !s.engine.Only(t).Up() {
			t.Error("a device need not send though its call is up")
		}
		s.engine.Only(t).Options.Failed(errors.New("no way to the device"))
		s.wantEnded(call, "INTERNAL_ERROR")
		calltest.WantEnd(t, phone, bridge.Media, true)
		if !strings.Contains(s.log.String(), "no way to the device") {
			t.Error("the log does not say why")
		}
	})
}

// TestInvitationTwice comes again with another request id: it is the same call.
func TestInvitationTwice(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceTalks()
		s.send(invitation(call.SessionID(), dtlsSDP))
		s.wantStats(alexa.SkillStats{Sessions: 1, Calls: 1, Events: 4, Repeated: 1})
		if len(s.desk.calls) != 0 {
			t.Error("a second phone rings")
		}
		must(t, phone.Hangup(t.Context(), bridge.Normal))
	})
}

func TestEventsOfUnknownCalls(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceTalks()
		for _, typ := range []alexa.MessageType{alexa.CallRinging, alexa.CallAccepted, alexa.CallEnded, alexa.CallUpdate, alexa.CallRingingAck} {
			s.send(map[string]any{"type": string(typ), "sessionId": "nobody's"})
		}
		s.send(map[string]any{"type": prefix + "CallHeld", "sessionId": call.SessionID()})
		s.send(map[string]any{"type": "LaunchRequest"})
		s.wantStats(alexa.SkillStats{Sessions: 1, Calls: 1, Events: 9, Unknown: 6})
		must(t, phone.Hangup(t.Context(), bridge.Normal))
	})
}

// TestDrain refuses new calls in both directions, waits for those that stand, and ends them when its time is up.
func TestDrain(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceTalks()
		out, err := s.skill.Dial(t.Context(), "7201", nil)
		must(t, err)
		inbound := s.deviceRings()
		s.wantState(inbound, alexatest.StateConnected)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		done := make(chan error)
		go func() { done <- s.skill.Drain(ctx) }()
		synctest.Wait()

		late, err := s.echo.Call(t.Context(), "desk")
		must(t, err)
		s.wantEnded(late, "INTERNAL_ERROR")
		if _, err := s.skill.Dial(t.Context(), "7201", nil); bridge.CauseOf(err) != bridge.Overload {
			t.Errorf("Dial while draining: %v", err)
		}
		if call.State() != alexatest.StateConnected || inbound.State() != alexatest.StateConnected {
			t.Error("a call that stands was ended")
		}
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain: %v", err)
		}
		s.took(30 * time.Second)
		s.wantEnded(call, "INTERNAL_ERROR")
		s.wantEnded(inbound, "INTERNAL_ERROR")
		_ = calltest.End(t, phone)
		calltest.WantEnd(t, out, bridge.Overload, false)
	})
	play(t, props{}, func(t *testing.T, s *stage) {
		_, phone := s.deviceTalks()
		time.AfterFunc(10*time.Second, func() { _ = phone.Hangup(context.Background(), bridge.Normal) })
		must(t, s.skill.Drain(t.Context()))
		s.took(10 * time.Second)
	})
}

// A call after Drain is refused by the answer to its event, for nobody is there to send CallEnded. What else comes late is taken and
// forgotten.
func TestCallAfterDrain(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		must(t, s.skill.Drain(t.Context()))
		for range 2 { // a repetition too
			status, _, err := s.cloud.SendEvent(t.Context(), invitation("s-1", dtlsSDP), &alexatest.EventFault{RequestID: "once"})
			if err != nil || status != http.StatusServiceUnavailable {
				t.Errorf("a call: %d, %v", status, err)
			}
		}
		status, _, err := s.cloud.SendEvent(t.Context(), map[string]any{"type": string(alexa.CallEnded), "sessionId": "s-1"}, nil)
		if err != nil || status != http.StatusOK {
			t.Errorf("the end of a call: %d, %v", status, err)
		}
		if n := len(s.engine.Terminals()); n != 0 {
			t.Errorf("%d terminals are open", n)
		}
		s.wantStats(alexa.SkillStats{Refused: 2, Unknown: 1})
	})
}
