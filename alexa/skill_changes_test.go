package alexa_test

import (
	"context"
	"errors"
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

// farDir is what the far side of a leg says of its sound.
func farDir(l bridge.Leg) media.Direction {
	m, _ := l.Info().Far.Find(media.Audio)
	return m.Dir
}

// TestDeviceHoldsAndMutes carries hold, resume and mute of the device to the phone.
func TestDeviceHoldsAndMutes(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceTalks()
		for _, tt := range []struct {
			what alexatest.Renegotiation
			want media.Direction
		}{{alexatest.Hold, media.Inactive}, {alexatest.Resume, media.SendRecv}, {alexatest.Mute, media.RecvOnly}, {alexatest.Unmute, media.SendRecv}} {
			must(t, call.Update(t.Context(), tt.what))
			time.Sleep(time.Second)
			if got := farDir(phone); got != tt.want {
				t.Errorf("the phone hears %v, want %v", got, tt.want)
			}
		}
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
		s.wantTranscript("device_holds")
	})
}

func TestPhoneHoldsTheDevice(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceTalks()
		must(t, phone.Update(t.Context(), turned(media.SendOnly)))
		time.Sleep(time.Second)
		if m := s.wire.message(alexa.CallUpdate); m.Renegotiation != alexa.RenegotiateHold {
			t.Errorf("hold is told as %q", m.Renegotiation)
		}
		must(t, phone.Update(t.Context(), g711()))
		time.Sleep(time.Second)
		if m := s.wire.message(alexa.CallUpdate); m.Renegotiation != alexa.RenegotiateResume {
			t.Errorf("resume is told as %q", m.Renegotiation)
		}
		must(t, phone.Update(t.Context(), g711()))
		time.Sleep(time.Second)
		if n := s.wire.tries(alexa.CallUpdate); n != 2 {
			t.Errorf("%d CallUpdates for two changes", n)
		}
		synctest.Wait()
		must(t, phone.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
		s.wantTranscript("phone_holds")
	})
}

// TestChangeRightAfterAcceptance is what devices were seen to do.
func TestChangeRightAfterAcceptance(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.phoneTalks()
		must(t, call.Update(t.Context(), alexatest.Refresh))
		s.took(0)
		synctest.Wait()
		must(t, phone.Hangup(t.Context(), bridge.Normal))
	})
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceTalks()
		must(t, call.Update(t.Context(), alexatest.Refresh))
		s.took(0)
		synctest.Wait()
		must(t, phone.Hangup(t.Context(), bridge.Normal))
	})
}

// alone is a bridge that answers a call and leaves it alone.
func alone(legs chan<- bridge.Leg, want media.Plan) bridge.Bridge {
	return bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		if err := in.Answer(ctx, want); err != nil {
			return err
		}
		legs <- in
		for info := in.Info(); ; {
			var err error
			if info, err = in.Next(ctx, info.Rev); err != nil {
				return err
			}
		}
	})
}

// withAlone plays a story on a leg that the test alone handles.
func withAlone(t *testing.T, story func(t *testing.T, s *stage, call *alexatest.Call, leg *alexa.Leg)) {
	t.Helper()
	legs := make(chan bridge.Leg, 1)
	play(t, props{bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error { return alone(legs, g711()).Handle(ctx, in) })},
		func(t *testing.T, s *stage) {
			call, err := s.echo.Call(t.Context(), "desk")
			must(t, err)
			s.wantState(call, alexatest.StateConnected)
			synctest.Wait()
			story(t, s, call, (<-legs).(*alexa.Leg))
		})
}

// TestChangeThatNobodyAnswers is answered with what stands, after four seconds.
func TestChangeThatNobodyAnswers(t *testing.T) {
	withAlone(t, func(t *testing.T, s *stage, call *alexatest.Call, leg *alexa.Leg) {
		done := make(chan error)
		go func() { done <- call.Update(t.Context(), alexatest.Hold) }()
		synctest.Wait()
		if i := leg.Info(); !i.Pending || farDir(leg) != media.Inactive {
			t.Errorf("pending %v, far %v", i.Pending, i.Far)
		}
		must(t, <-done)
		s.took(4 * time.Second)
		if leg.Info().Pending {
			t.Error("the offer still waits")
		}
		must(t, leg.Answer(t.Context(), nil)) // does nothing any more
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
		s.wantTranscript("nobody_answers_change")
	})
}

func TestChangeAnsweredByTheProgram(t *testing.T) {
	withAlone(t, func(t *testing.T, s *stage, call *alexatest.Call, leg *alexa.Leg) {
		done := make(chan error)
		go func() { done <- call.Update(t.Context(), alexatest.Mute) }()
		calltest.Wait(t, leg, "an offer", func(i bridge.Info) bool { return i.Pending })
		time.Sleep(time.Second)
		must(t, leg.Answer(t.Context(), g711()))
		must(t, <-done)
		s.took(time.Second)
		time.Sleep(10 * time.Second) // no second answer
		if n := s.wire.tries(alexa.CallUpdateResponse); n != 1 {
			t.Errorf("%d answers", n)
		}
		// What the program cannot say is answered with what stands.
		go func() { done <- call.Update(t.Context(), alexatest.Unmute) }()
		calltest.Wait(t, leg, "an offer", func(i bridge.Info) bool { return i.Pending })
		strange := media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{{Name: "G729", ClockRate: 8000, Channels: 1}}}}
		if err := leg.Answer(t.Context(), strange); !errors.Is(err, media.ErrNoCommonCodec) {
			t.Errorf("an answer without a codec: %v", err)
		}
		must(t, <-done)
		if p := leg.Media().Plan(); len(p) != 1 || p[0].Codecs[0] != media.PCMU() {
			t.Errorf("stands: %v", p)
		}
		synctest.Wait()
		must(t, leg.Hangup(t.Context(), bridge.Normal))
	})
}

// TestOwnChange updates a leg: taken, nothing to do, refused, not answered, given up.
func TestOwnChange(t *testing.T) {
	withAlone(t, func(t *testing.T, s *stage, call *alexatest.Call, leg *alexa.Leg) {
		must(t, leg.Update(t.Context(), turned(media.SendOnly)))
		must(t, leg.Update(t.Context(), turned(media.SendOnly)))
		if n := s.wire.tries(alexa.CallUpdate); n != 1 {
			t.Errorf("%d CallUpdates for one change", n)
		}
		s.wire.spoil(alexa.CallUpdate, wireFault{status: 403})
		if err := leg.Update(t.Context(), g711()); !errors.Is(err, &alexa.Error{Status: 403}) {
			t.Errorf("refused: %v", err)
		}
		begin := time.Now()
		s.wire.spoil(alexa.CallUpdate, wireFault{deaf: true})
		if err := leg.Update(t.Context(), g711()); err == nil || time.Since(begin) != 10*time.Second {
			t.Errorf("not answered: %v after %v", err, time.Since(begin))
		}
		s.wire.spoil(alexa.CallUpdate, wireFault{deaf: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := leg.Update(ctx, g711()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("given up: %v", err)
		}
		// What stood stands: nobody answers the device, so it hears of the hold again.
		must(t, call.Update(t.Context(), alexatest.Refresh))
		if m := s.wire.message(alexa.CallUpdateResponse); !hasLine(m.SDP.Value, "a=sendonly") {
			t.Error("the device is told of a change that failed")
		}
		must(t, leg.Update(t.Context(), g711()))
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
		if err := leg.Update(t.Context(), turned(media.SendOnly)); bridge.CauseOf(err) != bridge.Normal || err == nil {
			t.Errorf("after the end: %v", err)
		}
	})
}

// TestWiFiReturns has the device come back on another network: new ICE credentials in the same call, which nobody else hears of.
func TestWiFiReturns(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		call, phone := s.deviceTalks()
		before, begin := phone.Info(), time.Now()
		s.wire.spoil(alexa.CallUpdateResponse, wireFault{deaf: true}) // the cloud does not know of the event below
		lines := strings.Split(call.LocalSDP(), "\r\n")
		for i, line := range lines {
			if strings.HasPrefix(line, "a=ice-ufrag:") || strings.HasPrefix(line, "a=ice-pwd:") {
				lines[i] = line + "Again"
			}
		}
		s.sendChange(call, strings.Join(lines, "\r\n"))
		synctest.Wait()
		if m := s.wire.message(alexa.CallUpdateResponse); m.SDP == nil || !hasLine(m.SDP.Value, "a=sendrecv") || time.Since(begin) != 0 {
			t.Errorf("answered with %v after %v", m, time.Since(begin))
		}
		if after := phone.Info(); after.Pending || !after.Far.Equal(before.Far) {
			t.Errorf("the phone is asked for %v", after.Far)
		}
		must(t, phone.Hangup(t.Context(), bridge.Normal))
		s.wantEnded(call, "SUCCESS")
	})
}

// TestPicturesLater wants video in a call that began without: Alexa would take no notice of it, so she is not asked.
func TestPicturesLater(t *testing.T) {
	withAlone(t, func(t *testing.T, s *stage, call *alexatest.Call, leg *alexa.Leg) {
		must(t, leg.Update(t.Context(), append(g711(), media.AlexaCalling().Plan()[1])))
		if n := s.wire.tries(alexa.CallUpdate); n != 0 {
			t.Errorf("%d CallUpdates for a kind of media that cannot be", n)
		}
		synctest.Wait()
		must(t, call.Hangup(t.Context()))
	})
}
