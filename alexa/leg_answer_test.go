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

// withIncoming plays a story on a call from the device that nobody has answered yet.
func withIncoming(t *testing.T, story func(t *testing.T, s *stage, call *alexatest.Call, leg bridge.Leg)) {
	t.Helper()
	var legs chan bridge.Leg
	play(t, props{bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		legs <- in
		var err error
		for info := in.Info(); err == nil; {
			info, err = in.Next(ctx, info.Rev)
		}
		return err
	})}, func(t *testing.T, s *stage) {
		legs = make(chan bridge.Leg, 1)
		call, err := s.echo.Call(t.Context(), "desk")
		must(t, err)
		story(t, s, call, <-legs)
	})
}

// TestManyAnswers has several goroutines ring and answer the same call. Each message goes once.
func TestManyAnswers(t *testing.T) {
	withIncoming(t, func(t *testing.T, s *stage, call *alexatest.Call, leg bridge.Leg) {
		s.wire.spoil(alexa.CallAccepted, wireFault{slow: time.Second})
		done := make(chan error)
		for range 5 {
			go func() {
				done <- errors.Join(leg.Ring(t.Context(), nil), leg.Ring(t.Context(), g711()), leg.Answer(t.Context(), g711()))
			}()
		}
		for range 5 {
			must(t, <-done)
		}
		for _, typ := range []alexa.MessageType{alexa.CallRinging, alexa.CallInProgress, alexa.CallAccepted} {
			if n := s.wire.tries(typ); n != 1 {
				t.Errorf("%s was sent %d times", typ, n)
			}
		}
		s.took(time.Second)
		must(t, leg.Ring(t.Context(), nil)) // does nothing any more
		must(t, leg.Answer(t.Context(), nil))
		synctest.Wait()
		must(t, leg.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
	})
}

// TestAnswerThatIsGivenUp goes on all the same: the call is accepted when Alexa has taken it.
func TestAnswerThatIsGivenUp(t *testing.T) {
	withIncoming(t, func(t *testing.T, s *stage, call *alexatest.Call, leg bridge.Leg) {
		s.wire.spoil(alexa.CallAccepted, wireFault{late: 2 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := leg.Answer(ctx, g711()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if p := leg.Info().Phase; p != bridge.Alerting {
			t.Errorf("phase %v before Alexa has taken CallAccepted", p)
		}
		calltest.WaitPhase(t, leg, bridge.Up)
		s.took(2 * time.Second)
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
	})
}

// TestAnswerWithoutACodec leaves the call as it was, to be answered in another way.
func TestAnswerWithoutACodec(t *testing.T) {
	withIncoming(t, func(t *testing.T, s *stage, call *alexatest.Call, leg bridge.Leg) {
		strange := media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{{Name: "G729", ClockRate: 8000, Channels: 1}}}}
		for name, err := range map[string]error{"Ring": leg.Ring(t.Context(), strange), "Answer": leg.Answer(t.Context(), strange)} {
			if !errors.Is(err, media.ErrNoCommonCodec) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if i := leg.Info(); !i.Pending || i.Phase != bridge.Placed || len(s.wire.sent) != 0 {
			t.Errorf("info %+v, %d messages", i, len(s.wire.sent))
		}
		must(t, leg.Answer(t.Context(), nil))
		synctest.Wait()
		must(t, leg.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
	})
}

// TestEarlyChange has the device change a call that was answered early and is not accepted yet. That accepts nothing.
func TestEarlyChange(t *testing.T) {
	withIncoming(t, func(t *testing.T, s *stage, call *alexatest.Call, leg bridge.Leg) {
		must(t, leg.Ring(t.Context(), g711()))
		s.wantState(call, alexatest.StateInProgress)
		s.wire.spoil(alexa.CallUpdateResponse, wireFault{deaf: true}) // the cloud does not know of the event
		s.sendChange(call, call.LocalSDP())
		time.Sleep(5 * time.Second)
		if i := leg.Info(); i.Phase != bridge.Early || i.Pending {
			t.Errorf("phase %v, pending %v", i.Phase, i.Pending)
		}
		if n := s.wire.tries(alexa.CallUpdateResponse); n != 1 {
			t.Errorf("answered %d times", n)
		}
		must(t, leg.Answer(t.Context(), g711()))
		synctest.Wait()
		must(t, leg.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
	})
}

// TestHangupDoesNotWaitForEver returns when its context ends. The call is over for everybody here at once.
func TestHangupDoesNotWaitForEver(t *testing.T) {
	withIncoming(t, func(t *testing.T, s *stage, call *alexatest.Call, leg bridge.Leg) {
		s.wire.spoil(alexa.CallEnded, wireFault{slow: 2 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() { calltest.WantEnd(t, leg, bridge.Busy, false); s.took(0) }()
		if err := leg.Hangup(ctx, bridge.Busy); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		s.took(time.Second)
		must(t, leg.Hangup(t.Context(), bridge.Normal))
		s.took(2 * time.Second)
		s.wantEnded(call, "DEVICE_BUSY")
	})
}
