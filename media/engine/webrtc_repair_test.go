package engine_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

// newRepairer is a viewer of VP8 with all that pion has to repair pictures: NACK both ways, retransmissions, numbers on the transport.
func newRepairer(t testing.TB) *viewer {
	t.Helper()
	r, m := &interceptor.Registry{}, browserCodecs(t)
	if err := webrtc.ConfigureTWCCHeaderExtensionSender(m, r); err != nil {
		t.Fatal(err)
	}
	if err := webrtc.RegisterDefaultInterceptors(m, r); err != nil {
		t.Fatal(err)
	}
	return newViewerOf(t, newBrowserOf(t, webrtc.Configuration{}, r, m), webrtc.MimeTypeVP8, "")
}

// callsThrough connects a terminal, which answers or offers, and a viewer over a forwarder.
func (v *viewer) callsThrough(e *engine.Engine, term media.Terminal, offers bool) *forwarder {
	v.t.Helper()
	f := newForwarder(v.t, e.Addr())
	want := pictures(media.VP8())
	if offers {
		answer, err := term.Answer(f.offered(v.offer()), want)
		if err != nil {
			v.t.Fatal(err)
		}
		v.remote(webrtc.SDPTypeAnswer, f.answered(answer))
		return f
	}
	offer, err := term.Offer(want)
	if err != nil {
		v.t.Fatal(err)
	}
	if err := term.Accept(f.offered(v.answer(f.answered(offer)))); err != nil {
		v.t.Fatal(err)
	}
	return f
}

// loseSome loses one media packet of every so many, one way.
func loseSome(every int, way bool) func(b []byte, toPeer bool) int {
	n := 0
	return func(b []byte, toPeer bool) int {
		if toPeer != way || !isMedia(b) || b[0]>>6 != 2 {
			return 1
		}
		if n++; n%every == 0 {
			return 0
		}
		return 1
	}
}

// TestWebRTCRepair lets pictures of one WebRTC peer be seen by another while one packet of eight is lost on either side of the engine:
// all of them come, for the engine asks the sender, and answers to the one who sees. The sender is told when its packets came, and what
// the one who sees takes at most.
func TestWebRTCRepair(t *testing.T) {
	t.Parallel()
	e := listen(t)
	a, b := newRepairer(t), newRepairer(t)
	ta, tb := open(t, e, media.Browser()), open(t, e, media.AlexaCalling())
	fa, fb := a.callsThrough(e, ta, true), b.callsThrough(e, tb, false)
	relayed(t, ta, tb)
	a.show(b, "before")
	fa.with(loseSome(8, false))
	fb.with(loseSome(8, true))
	const packets = 300
	got := a.shows(b, packets)
	if len(got) != packets {
		t.Fatalf("%d of %d packets came", len(got), packets)
	}
	in, out := ta.Stream(media.Video).Stats().In, tb.Stream(media.Video).Stats().Out
	// What is asked for twice, for the answer took long, comes twice; under SRTP that is a replay.
	if in.Repaired < packets/20 || in.Asked < in.Repaired || in.Bad != in.Replayed || in.Replayed > in.Asked || in.Unknown > 0 {
		t.Errorf("in: %+v", in)
	}
	if out.Resent < packets/20 || out.Failed > 0 {
		t.Errorf("out: %+v", out)
	}
	eventually(t, "the sender is told when its packets came", func() bool { return a.timed.Load() > packets/2 })
	source := <-b.source
	eventually(t, "the sender is told what is taken", func() bool {
		err := b.pc.WriteRTCP([]rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 40_000, SSRCs: []uint32{uint32(source)}}})
		if err != nil {
			t.Fatal(err)
		}
		return a.ceiling.Load() == 40_000
	})
}

// shows sends numbered packets, and more behind them until the other one has seen all of those or 20 s have passed. It returns which
// it has seen, and how often.
func (v *viewer) shows(other *viewer, packets int) map[int]int {
	v.t.Helper()
	tick, late := time.NewTicker(4*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	seen := map[int]int{}
	for i := 0; len(seen) < packets; {
		select {
		case <-tick.C:
			v.seq++
			_ = v.pictures.WriteRTP(&rtp.Packet{
				Header:  rtp.Header{Version: 2, SequenceNumber: v.seq, Timestamp: uint32(v.seq) * 3000},
				Payload: []byte(strconv.Itoa(i)),
			})
			i++
		case p := <-other.seen:
			if n, err := strconv.Atoi(string(p.Payload)); err == nil && n < packets {
				seen[n]++
			}
		case <-late:
			return seen
		}
	}
	return seen
}
