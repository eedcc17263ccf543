package alexa_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
)

// TestCallEndedNeverComes has a device that sends sound for ever: no silence tells that its call is over, so the maximum time of a call has to
// end it.
func TestCallEndedNeverComes(t *testing.T) {
	for name, talk := range map[string]func(*stage) (*alexatest.Call, bridge.Leg){
		"the device has called": (*stage).deviceTalks, "a phone has called": (*stage).phoneTalks,
	} {
		t.Run(name, func(t *testing.T) {
			const limit = 4 * time.Hour
			play(t, props{join: &bridge.JoinOptions{MaxDuration: limit}}, func(t *testing.T, s *stage) {
				call, phone := talk(s)
				device := s.engine.Only(t)
				heard, deaf := s.hears(phone)
				for range limit/time.Second - 1 {
					time.Sleep(time.Second)
					device.Hear()
				}
				synctest.Wait()
				if got, want := heard.Load(), int64(limit/time.Second-1); got != want {
					t.Errorf("the phone has heard %d packets, want %d", got, want)
				}
				if n := s.wire.tries(alexa.CallEnded); n != 0 || call.State() != alexatest.StateConnected {
					t.Errorf("the call ends before its time: %v, CallEnded sent %d times", call.State(), n)
				}
				time.Sleep(time.Second)
				device.Hear()
				s.wantEnded(call, "SUCCESS")
				calltest.WantEnd(t, phone, bridge.Normal, true)
				s.took(limit)
				if n := s.wire.tries(alexa.CallEnded); n != 1 {
					t.Errorf("CallEnded was sent %d times", n)
				}
				deaf()
			})
		})
	}
}

// hears counts the packets that come to a phone, until it is told to stop.
func (s *stage) hears(phone bridge.Leg) (heard *atomic.Int64, stop func()) {
	heard = &atomic.Int64{}
	r, done := phone.Media().Stream(media.Audio).Reader(), make(chan struct{})
	go func() {
		defer close(done)
		var p media.Packet
		for buf := make([]byte, 2048); ; {
			if err := r.Read(buf, &p); err == nil {
				heard.Add(1)
			} else if !errors.Is(err, media.ErrChanged) {
				return
			}
		}
	}()
	return heard, func() {
		_ = r.Close()
		<-done
	}
}
