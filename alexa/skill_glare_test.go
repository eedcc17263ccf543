package alexa_test

import (
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

// hasLine reports whether an SDP has a line.
func hasLine(sdp, line string) bool { return strings.Contains(sdp, line+"\r\n") }

// TestGlare has both sides change the call at the same time. The device's change goes first and is answered with what we want; ours
// follows if that was not all.
func TestGlare(t *testing.T) {
	withAlone(t, func(t *testing.T, s *stage, call *alexatest.Call, leg *alexa.Leg) {
		s.wire.spoil(alexa.CallUpdate, wireFault{late: time.Second})
		done := make(chan error)
		go func() { done <- leg.Update(t.Context(), turned(media.SendOnly)) }()
		synctest.Wait() // ours is on its way
		begin := time.Now()
		must(t, call.Update(t.Context(), alexatest.Refresh))
		if took := time.Since(begin); took != 0 {
			t.Errorf("the device waited %v", took)
		}
		if m := s.wire.message(alexa.CallUpdateResponse); !hasLine(m.SDP.Value, "a=sendonly") {
			t.Error("the device's change was not answered with what we want")
		}
		must(t, <-done)
		if took := time.Since(begin); took < time.Second || took > 2*time.Second {
			t.Errorf("our change took %v, want one to two seconds", took)
		}
		if m, _ := leg.Media().Plan().Find(media.Audio); m.Dir.Sends() {
			t.Errorf("what stands: %v", leg.Media().Plan())
		}
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
		s.wantTranscript("glare_settled")
	})
}

// TestGlareThatIsNotSettledByTheAnswer has ours go again after one to two seconds, since the device's change did not leave room for it.
func TestGlareThatIsNotSettledByTheAnswer(t *testing.T) {
	withAlone(t, func(t *testing.T, s *stage, call *alexatest.Call, leg *alexa.Leg) {
		s.wire.spoil(alexa.CallUpdate, wireFault{late: time.Second})
		s.wire.spoil(alexa.CallUpdateResponse, wireFault{deaf: true}) // the cloud does not know of the event below
		opus := media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.Opus()}}}
		done := make(chan error)
		go func() { done <- leg.Update(t.Context(), opus) }()
		synctest.Wait()
		begin := time.Now()
		s.sendChange(call, strings.Replace(call.LocalSDP(), "SAVPF 111 0 8", "SAVPF 0", 1))
		must(t, <-done)
		if took := time.Since(begin); took < time.Second || took > 2*time.Second {
			t.Errorf("our change took %v", took)
		}
		if n := s.wire.tries(alexa.CallUpdateResponse); n != 1 {
			t.Errorf("the device's change was answered %d times", n)
		}
		if p := leg.Media().Plan(); p[0].Codecs[0].Name != "opus" {
			t.Errorf("what stands: %v", p)
		}
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
		s.wantTranscript("glare")
	})
}

// sendChange sends a CallUpdate that the cloud knows nothing of.
func (s *stage) sendChange(call *alexatest.Call, sdp string) {
	s.t.Helper()
	status, _, err := s.cloud.SendEvent(s.t.Context(), map[string]any{
		"type": string(alexa.CallUpdate), "sessionId": call.SessionID(), "renegotiationType": "CALL_UPDATE",
		"sdpDetails": map[string]any{"type": "OFFER", "value": sdp},
	}, nil)
	if err != nil || status != 200 {
		s.t.Fatalf("CallUpdate: %d, %v", status, err)
	}
}

// TestAlexaIsBusy gets 409 for our change until Alexa is ready, and without end.
func TestAlexaIsBusy(t *testing.T) {
	withAlone(t, func(t *testing.T, s *stage, call *alexatest.Call, leg *alexa.Leg) {
		s.wire.spoil(alexa.CallUpdate, repeated(wireFault{status: 409}, 6)...)
		begin := time.Now()
		must(t, leg.Update(t.Context(), turned(media.SendOnly)))
		if took := time.Since(begin); took < 3*time.Second || took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		s.wire.spoil(alexa.CallUpdate, repeated(wireFault{status: 409}, 100)...)
		if err := leg.Update(t.Context(), g711()); err == nil || !strings.Contains(err.Error(), "at the same time") {
			t.Errorf("busy for ever: %v", err)
		}
		s.wire.spoil(alexa.CallUpdate)
		must(t, leg.Update(t.Context(), g711()))
		synctest.Wait()
		must(t, leg.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
	})
}

// TestUpdateAnswersWhatWaits: an offer of the device's that waits is answered first, with what the Update wants.
func TestUpdateAnswersWhatWaits(t *testing.T) {
	withAlone(t, func(t *testing.T, s *stage, call *alexatest.Call, leg *alexa.Leg) {
		done := make(chan error)
		go func() { done <- call.Update(t.Context(), alexatest.Refresh) }()
		calltest.Wait(t, leg, "an offer", func(i bridge.Info) bool { return i.Pending })
		must(t, leg.Update(t.Context(), turned(media.SendOnly)))
		must(t, <-done)
		s.took(0)
		if n := s.wire.tries(alexa.CallUpdate); n != 0 {
			t.Errorf("%d CallUpdates where the answer has said it all", n)
		}
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
	})
}

// TestTwoUpdatesAtOnce has one wait for the other.
func TestTwoUpdatesAtOnce(t *testing.T) {
	withAlone(t, func(t *testing.T, s *stage, call *alexatest.Call, leg *alexa.Leg) {
		s.wire.spoil(alexa.CallUpdate, wireFault{slow: 500 * time.Millisecond})
		done := make(chan error)
		for _, want := range []media.Plan{turned(media.SendOnly), turned(media.Inactive)} {
			go func() { done <- leg.Update(t.Context(), want) }()
			synctest.Wait()
		}
		must(t, <-done)
		must(t, <-done)
		if n := s.wire.tries(alexa.CallUpdate); n != 2 {
			t.Errorf("%d CallUpdates", n)
		}
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
	})
}

// TestCallEndsDuringAnUpdate ends the wait of an Update, also between two attempts.
func TestCallEndsDuringAnUpdate(t *testing.T) {
	for name, fault := range map[string]wireFault{"not answered": {deaf: true}, "busy": {status: 409}} {
		t.Run(name, func(t *testing.T) {
			withAlone(t, func(t *testing.T, s *stage, call *alexatest.Call, leg *alexa.Leg) {
				s.wire.spoil(alexa.CallUpdate, repeated(fault, 4)...)
				done := make(chan error)
				go func() { done <- leg.Update(t.Context(), turned(media.SendOnly)) }()
				time.Sleep(1800 * time.Millisecond)
				begin := time.Now()
				synctest.Wait()
				must(t, call.Hangup(t.Context()))
				if err := <-done; err == nil || time.Since(begin) != 0 {
					t.Errorf("got %v after %v", err, time.Since(begin))
				}
			})
		})
	}
}
