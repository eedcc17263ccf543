package engine_test

import (
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// TestNegotiateRacePictures is TestNegotiateRace for legs whose pictures come and go and are repaired, and that have the engine look for them
// elsewhere: on a way of their own, under keys, and with ICE.
func TestNegotiateRacePictures(t *testing.T) {
	t.Parallel()
	own, keyed, shared := media.VideoPhone(), media.VideoPhone(), media.VideoPhone()
	keyed.Security = media.SDES
	shared.Security, shared.ICE, shared.Mux, shared.Bundle = media.DTLS, true, true, true
	for name, p := range map[string]*media.Policy{"plain": own, "SDES": keyed, "DTLS": shared} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.Feedback, p.RTX = media.NACK|media.PLI|media.REMB|media.TransportCC, true
			p.Extensions = []media.Extension{media.TransportSeq}
			e := listen(t)
			a, b := open(t, e, p), open(t, listen(t), p)
			other := open(t, e, p)
			plan := func(video media.Direction) media.Plan {
				all := g711()
				if video != media.Inactive {
					all = append(all, media.Media{Kind: media.Video, Dir: video, Codecs: []media.Codec{media.VP8()}})
				}
				return all
			}
			again(t, a, b, plan(media.SendRecv))
			done := make(chan struct{})
			var work sync.WaitGroup
			var seq uint16
			for _, f := range []func(){
				func() { engine.FindLost(e) },
				func() { engine.Report(a); engine.Report(b) },
				func() { engine.Watch(a, time.Now()); engine.Watch(b, time.Now()) },
				func() { a.Stream(media.Video).Stats(); b.Stream(media.Video).Stats() },
				func() { engine.SilenceAt(b, media.Video, time.Now()) },
				func() {
					codec := media.VP8()
					for _, p := range []media.Packet{{Codec: &codec, Seq: seq, Payload: make([]byte, 700)}, {What: media.KeyFrame}, {What: media.Ceiling, Time: 1e6}} {
						_ = b.Stream(media.Video).Write(&p)
					}
					if seq++; seq%7 == 0 {
						seq++ // one is missing
					}
				},
				func() {
					if unlink, ok := a.Stream(media.Video).(media.Linker).Link(other.Stream(media.Video), nil); ok {
						unlink()
					}
				},
			} {
				work.Go(func() { repeatUntil(done, f) })
			}
			for i := range 100 {
				video := [...]media.Direction{media.SendOnly, media.SendRecv, media.Inactive, media.RecvOnly, media.SendRecv}[i%5]
				if i%2 == 0 {
					again(t, a, b, plan(video))
				} else {
					again(t, b, a, plan(video))
				}
			}
			close(done)
			work.Wait()
		})
	}
}

// again lets one leg offer a plan to another.
func again(t *testing.T, from, to media.Terminal, plan media.Plan) {
	t.Helper()
	offer, err := from.Offer(plan)
	if err != nil {
		t.Error(err)
		return
	}
	answer, err := to.Answer(offer, nil)
	if err == nil {
		err = from.Accept(answer)
	}
	if err != nil {
		t.Error(err)
	}
}
