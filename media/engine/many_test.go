package engine_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// TestManyCallsAtOnce sets calls up at the same time, each with a peer that has a socket of its own: those that the engine offers and
// those that it answers. All of them hear each other.
func TestManyCallsAtOnce(t *testing.T) {
	calls := 200
	if raced {
		calls = 50 // the peers would need half a minute on a busy machine
	}
	e := listen(t)
	engine.SetLimits(e, time.Minute, time.Minute) // the peers' work takes nearly all of the time
	patient := func(s *webrtc.SettingEngine) {
		s.SetICEMaxBindingRequests(300)
		s.SetICETimeouts(time.Minute, time.Minute, 2*time.Second)
	}
	errs := make(chan error, calls)
	var work sync.WaitGroup
	began := time.Now()
	for i := range calls {
		term, failed := openFailing(t, e)
		work.Go(func() {
			errs <- setUp(term, newBrowser(t, patient), i%2 == 0)
			if n := failed.n.Load(); n != 0 {
				t.Errorf("call %d has failed: %v", i, failed.last.Load())
			}
		})
	}
	work.Wait()
	t.Log(time.Since(began))
	for range calls {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// setUp negotiates, and waits until keys are there and a packet has come each way.
func setUp(term media.Terminal, b *browser, offers bool) error {
	if offers {
		offer, err := term.Offer(g711())
		if err != nil {
			return err
		}
		if err := term.Accept(b.answer(offer)); err != nil {
			return err
		}
	} else {
		answer, err := term.Answer(b.offer(), g711())
		if err != nil {
			return err
		}
		b.remote(webrtc.SDPTypeAnswer, answer)
	}
	codec, tick := media.PCMU(), time.NewTicker(100*time.Millisecond) // often enough to notice, and no load
	defer tick.Stop()
	timeout, heard := time.After(time.Minute), false
	for seq := uint16(0); ; seq++ {
		packet := media.Packet{Codec: &codec, Seq: seq, Time: uint32(seq) * 160, Payload: []byte("from us")}
		if err := term.Stream(media.Audio).Write(&packet); err != nil {
			return err
		}
		_ = b.track.WriteRTP(&rtp.Packet{
			Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 160}, Payload: []byte("from the browser"),
		})
		if heard && incoming(term).Packets > 0 {
			return nil
		}
		select {
		case <-b.heard:
			heard = true
		case <-tick.C:
		case <-timeout:
			return fmt.Errorf("heard by the peer: %v, by us: %d packets", heard, incoming(term).Packets)
		}
	}
}
