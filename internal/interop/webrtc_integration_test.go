package interop

import (
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
)

const (
	firstTone  = 440
	secondTone = 1000
	fewFrames  = 20 // a second of pictures: no key frame alone, which a decoder shows whatever follows it
)

// joined is two legs of a puppet with our engine between them: the first has offered, the second has answered.
type joined struct {
	p             *puppet
	first, second media.Terminal
}

// join opens a call between two legs of a program: sound, and pictures of a codec unless that is empty.
func join(t *testing.T, p *puppet, video string) *joined {
	t.Helper()
	e, err := engine.Listen("127.0.0.1:0", nil)
	must(t, err)
	t.Cleanup(func() { must(t, e.Close()) })
	j := &joined{p: p}
	j.first, err = e.Open(media.Browser(), nil)
	must(t, err)
	j.second, err = e.Open(media.Browser(), nil)
	must(t, err)
	offer := parse(t, p.do(order{Op: "offer", Leg: "first", Hz: firstTone, Video: video}).SDP)
	answer, err := j.first.Answer(offer, nil)
	must(t, err)
	p.do(order{Op: "accept", Leg: "first", SDP: text(t, answer)})
	offer, err = j.second.Offer(j.first.Plan())
	must(t, err)
	must(t, j.second.Accept(parse(t, p.do(order{Op: "answer", Leg: "second", Hz: secondTone, Video: video, SDP: text(t, offer)}).SDP)))
	relay, err := media.NewRelay(j.first, j.second, nil)
	must(t, err)
	t.Cleanup(func() { must(t, relay.Close()) })
	return j
}

// heard waits until each leg hears the other's tone.
func (j *joined) heard(t *testing.T) {
	t.Helper()
	for leg, hz := range map[string]float64{"first": secondTone, "second": firstTone} {
		eventually(t, leg+" hears the other's tone", func() bool {
			r := j.p.do(order{Op: "heard", Leg: leg})
			return testutil.ToneShare(r.Samples, int(r.Rate), hz) > 0.8
		})
	}
}

// seen waits until each leg has decoded some more pictures.
func (j *joined) seen(t *testing.T) {
	t.Helper()
	for _, leg := range []string{"first", "second"} {
		before := j.p.do(order{Op: "seen", Leg: leg}).Frames
		eventually(t, leg+" sees the other's pictures", func() bool {
			r := j.p.do(order{Op: "seen", Leg: leg})
			return r.Frames >= before+fewFrames && r.Width > 0
		})
	}
}

// bothRoles reports an error unless the engine was DTLS client on one leg and server on the other.
func (j *joined) bothRoles(t *testing.T) {
	t.Helper()
	if a, b := j.p.do(order{Op: "seen", Leg: "first"}).Role, j.p.do(order{Op: "seen", Leg: "second"}).Role; a == b {
		t.Errorf("both legs are DTLS %s", a)
	}
}

func parse(t *testing.T, sdp string) media.Description {
	t.Helper()
	d, err := media.ParseDescription([]byte(sdp))
	must(t, err)
	return d
}

func text(t *testing.T, d media.Description) string {
	t.Helper()
	b, err := d.AppendText(nil)
	must(t, err)
	return string(b)
}

// TestInteropAiortc has two legs of aiortc hear and see each other through the engine.
func TestInteropAiortc(t *testing.T) {
	t.Parallel()
	testutil.NeedPython(t, "aiortc")
	j := join(t, startScript(t, "aiortc", testutil.Python, "testdata/aiortc_peer.py"), "video/VP8")
	j.heard(t)
	j.seen(t)
	j.bothRoles(t)
}

// TestInteropWebRTCBin has two legs of GStreamer's webrtcbin hear and see each other through the engine.
func TestInteropWebRTCBin(t *testing.T) {
	t.Parallel()
	testutil.NeedGStreamer(t, "webrtcbin", "nicesrc", "dtlsdec", "srtpdec", "opusenc", "vp8enc")
	j := join(t, startScript(t, "webrtcbin", testutil.Python, "testdata/webrtcbin_peer.py"), "video/VP8")
	j.heard(t)
	j.seen(t)
}

// TestInteropChromium has two legs of Chromium hear and see each other through the engine, which answers the one and calls the other. It does
// so again after ICE has been restarted.
func TestInteropChromium(t *testing.T) {
	t.Parallel()
	for _, video := range []string{"video/VP8", "video/H264"} {
		t.Run(video, func(t *testing.T) {
			t.Parallel()
			j := join(t, startChromium(t), video)
			j.heard(t)
			j.seen(t)
			j.bothRoles(t)
			again, err := j.first.Answer(parse(t, j.p.do(order{Op: "again", Leg: "first", Restart: true}).SDP), nil)
			must(t, err)
			j.p.do(order{Op: "accept", Leg: "first", SDP: text(t, again)})
			j.heard(t)
			j.seen(t)
		})
	}
}
