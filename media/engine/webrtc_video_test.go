package engine_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
)

// viewer is a browser with pictures: it sends them on a track of its own, hears requests for key frames, and sees what comes.
type viewer struct {
	*browser
	pictures *webrtc.TrackLocalStaticRTP
	seen     chan *rtp.Packet
	source   chan webrtc.SSRC // of what it sees, once
	asked    chan struct{}    // it is asked for a key frame
	seq      uint16
	timed    atomic.Int32  // packets that it was told the arrival of
	ceiling  atomic.Uint32 // what it was last told to send at most
}

func newViewer(t testing.TB, mime, fmtp string) *viewer {
	t.Helper()
	return newViewerOf(t, newBrowser(t), mime, fmtp)
}

// newViewerOf gives pictures to a browser.
func newViewerOf(t testing.TB, b *browser, mime, fmtp string) *viewer {
	t.Helper()
	v := &viewer{browser: b, seen: make(chan *rtp.Packet, 1024), source: make(chan webrtc.SSRC, 1), asked: make(chan struct{}, 64)}
	var err error
	v.pictures, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000, SDPFmtpLine: fmtp}, "video", "echo")
	if err != nil {
		t.Fatal(err)
	}
	sender, err := v.pc.AddTrack(v.pictures)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				switch p := p.(type) {
				case *rtcp.PictureLossIndication:
					select {
					case v.asked <- struct{}{}:
					default:
					}
				case *rtcp.TransportLayerCC:
					v.timed.Add(int32(len(p.RecvDeltas)))
				case *rtcp.ReceiverEstimatedMaximumBitrate:
					v.ceiling.Store(uint32(p.Bitrate))
				}
			}
		}
	}()
	t.Cleanup(func() { v.hangUp(); <-done })
	v.pc.OnTrack(v.track)
	return v
}

// track takes sound and pictures that come.
func (v *viewer) track(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	to := v.heard
	if tr.Kind() == webrtc.RTPCodecTypeVideo {
		to = v.seen
		v.source <- tr.SSRC()
	}
	for {
		p, _, err := tr.ReadRTP()
		if err != nil {
			return
		}
		select {
		case to <- p:
		default:
		}
	}
}

// show sends pictures until the other one sees them, with sound beside.
func (v *viewer) show(other *viewer, payload string) {
	v.t.Helper()
	defer v.talk("sound of " + payload)()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		v.seq++
		_ = v.pictures.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: v.seq, Timestamp: uint32(v.seq) * 3000}, Payload: []byte(payload)})
		select {
		case p := <-other.seen:
			if string(p.Payload) != payload {
				v.t.Fatalf("sees %q, want %q", p.Payload, payload)
			}
			return
		case <-tick.C:
		}
	}
	v.t.Fatal("no pictures in 10 s")
}

// asks requests a key frame until the other one hears it.
func (v *viewer) asks(other *viewer) {
	v.t.Helper()
	source := <-v.source
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 200 {
		if err := v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(source)}}); err != nil {
			v.t.Fatal(err)
		}
		select {
		case <-other.asked:
			return
		case <-tick.C:
		}
	}
	v.t.Fatal("nobody is asked for a key frame in 10 s")
}

// calls connects a terminal and a browser, which offers or answers.
func (v *viewer) calls(term media.Terminal, offers bool, want media.Plan) {
	v.t.Helper()
	if !offers {
		offer, err := term.Offer(want)
		if err != nil {
			v.t.Fatal(err)
		}
		if err := term.Accept(v.answer(offer)); err != nil {
			v.t.Fatal(err)
		}
		return
	}
	answer, err := term.Answer(v.offer(), want)
	if err != nil {
		v.t.Fatal(err)
	}
	v.remote(webrtc.SDPTypeAnswer, answer)
}

func pictures(codec media.Codec) media.Plan {
	return append(g711(), media.Media{Kind: media.Video, Dir: media.SendRecv, Codecs: []media.Codec{codec}})
}

// TestWebRTCVideo carries sound and pictures of each codec between two WebRTC peers, one of which offered and one answered, all on one
// transport, and lets each ask the other for a key frame.
func TestWebRTCVideo(t *testing.T) {
	for _, c := range []struct {
		mime, fmtp string
		codec      media.Codec
	}{
		{webrtc.MimeTypeVP8, "", media.VP8()},
		{webrtc.MimeTypeH264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", media.H264("42e01f", 1)},
	} {
		t.Run(c.mime, func(t *testing.T) {
			e := listen(t)
			a, b := newViewer(t, c.mime, c.fmtp), newViewer(t, c.mime, c.fmtp)
			ta, tb := open(t, e, seeing(media.Browser())), open(t, e, seeing(media.Browser()))
			a.calls(ta, true, pictures(c.codec))
			b.calls(tb, false, pictures(c.codec))
			for _, term := range []media.Terminal{ta, tb} {
				if m, ok := term.Plan().Find(media.Video); !ok || m.Dir != media.SendRecv || !m.Codecs[0].Matches(c.codec) {
					t.Fatalf("agreed on %v", term.Plan())
				}
			}
			relayed(t, ta, tb)
			a.show(b, "a's pictures")
			b.show(a, "b's pictures")
			b.asks(a)
			a.asks(b)
			defer b.talk("sound of b's pictures")()
			a.hears("sound of b's pictures")
			if in := ta.Stream(media.Video).Stats().In; in.Bad > 0 || in.Packets == 0 {
				t.Errorf("pictures in: %+v", in)
			}
		})
	}
}

// TestWebRTCVideoToAPhone carries pictures between a WebRTC peer and a phone, which asks for a key frame and is asked.
func TestWebRTCVideoToAPhone(t *testing.T) {
	e := listen(t)
	a, b := newViewer(t, webrtc.MimeTypeVP8, ""), newVideoPhone(t)
	ta, tb := open(t, e, seeing(media.Browser())), open(t, e, seeing(media.Phone()))
	a.calls(ta, true, pictures(media.VP8()))
	b.offer(tb, b.description(b.video.port()), pictures(media.VP8()))
	relayed(t, ta, tb)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := 0; len(a.seen) == 0; i++ {
		if i > 2000 {
			t.Fatal("no pictures in 10 s")
		}
		b.video.see(b.vp8(), "of the phone")
		<-tick.C
	}
	a.asksPhone(b)
	if p := <-a.seen; string(p.Payload) != "of the phone" {
		t.Errorf("sees %q", p.Payload)
	}
}

// asksPhone requests a key frame until a phone hears it.
func (v *viewer) asksPhone(p *videoPhone) {
	v.t.Helper()
	source := <-v.source
	if err := v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(source)}}); err != nil {
		v.t.Fatal(err)
	}
	if got := rtcpOf[*rtcp.PictureLossIndication](p.video).MediaSSRC; got != p.video.ssrc {
		v.t.Errorf("asks source %d, want %d", got, p.video.ssrc)
	}
}

// TestWebRTCVideoRefused answers a peer's pictures without taking them: the sound goes on, and the peer takes the answer.
func TestWebRTCVideoRefused(t *testing.T) {
	e := listen(t)
	a := newViewer(t, webrtc.MimeTypeVP8, "")
	sound := media.Browser()
	sound.Video = nil
	term := open(t, e, sound)
	answer, err := term.Answer(a.offer(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := answer.AppendText(nil); !strings.Contains(string(text), "m=video 0 ") {
		t.Fatalf("answers\n%s", text)
	}
	a.remote(webrtc.SDPTypeAnswer, answer)
	r := term.Stream(media.Audio).Reader()
	defer r.Close()
	defer a.talk("alone")()
	hears(t, r, "alone")
}

// TestWebRTCVideoAdded adds pictures to a call of sound, by an offer of ours, and takes them away again by one of the peer's.
func TestWebRTCVideoAdded(t *testing.T) {
	e := listen(t)
	a, b := newViewer(t, webrtc.MimeTypeVP8, ""), newViewer(t, webrtc.MimeTypeVP8, "")
	ta, tb := open(t, e, seeing(media.Browser())), open(t, e, seeing(media.Browser()))
	a.calls(ta, true, pictures(media.VP8()))
	b.calls(tb, true, g711())
	relayed(t, ta, tb)
	stop := a.talk("sound alone")
	b.hears("sound alone")
	stop()
	b.calls(tb, false, pictures(media.VP8()))
	a.show(b, "added")
	b.asks(a)
	b.calls(tb, true, g711())
	if m, ok := tb.Plan().Find(media.Video); ok {
		t.Errorf("the pictures stay: %v", m)
	}
	defer a.talk("sound goes on")()
	for range 200 {
		if p := <-b.heard; string(p.Payload) == "sound goes on" {
			return
		}
	}
	t.Error("the sound does not go on")
}
