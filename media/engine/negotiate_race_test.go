package engine_test

import (
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// TestNegotiateRace negotiates two legs again and again, while everything goes on that other goroutines do with a leg: its reports, the
// look whether it has fallen silent, its statistics, its media and its link. The race detector is the judge.
func TestNegotiateRace(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*media.Policy{"plain": media.Phone(), "DTLS-SRTP": media.AlexaCalling(), "video": media.VideoPhone()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := open(t, listen(t), p), open(t, listen(t), p)
			negotiate(t, a, b, media.SendRecv)
			done := make(chan struct{})
			var work sync.WaitGroup
			for _, m := range []media.Terminal{a, b} {
				for _, f := range []func(){
					func() { engine.Report(m) },
					func() { engine.Watch(m, time.Now()) },
					m.Answered,
					func() { m.Stream(media.Audio).Stats(); m.Far(); m.Plan(); m.Stands(g711()) },
					func() { engine.SilenceAt(m, media.Audio, time.Now()) },
					func() { m.Stream(media.Video).Stats(); engine.SilenceAt(m, media.Video, time.Now()) },
					func() {
						codec := media.PCMU()
						_ = m.Stream(media.Audio).Write(&media.Packet{Codec: &codec, Payload: make([]byte, 160)})
					},
				} {
					work.Go(func() { repeatUntil(done, f) })
				}
			}
			for i := range 60 {
				direction := [...]media.Direction{media.SendOnly, media.SendRecv, media.RecvOnly, media.Inactive, media.SendRecv}[i%5]
				if i%2 == 0 {
					negotiate(t, a, b, direction)
				} else {
					negotiate(t, b, a, direction)
				}
			}
			close(done)
			work.Wait()
		})
	}
}

func repeatUntil(done <-chan struct{}, f func()) {
	pause := time.NewTicker(time.Millisecond) // else nothing but this would run
	defer pause.Stop()
	for {
		select {
		case <-done:
			return
		case <-pause.C:
			f()
		}
	}
}

// negotiate lets one leg offer sound in a direction to another.
func negotiate(t *testing.T, from, to media.Terminal, d media.Direction) {
	t.Helper()
	plan := g711()
	plan[0].Dir = d
	offer, err := from.Offer(plan)
	if err != nil {
		t.Error(err)
		return
	}
	answer, err := to.Answer(offer, g711())
	if err == nil {
		err = from.Accept(answer)
	}
	if err != nil {
		t.Error(err)
	}
}
