package engine_test

import (
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
)

// browser is a far side that speaks WebRTC: a pion peer, which shares no code with the engine above the parsers.
type browser struct {
	t     testing.TB
	pc    *webrtc.PeerConnection
	track *webrtc.TrackLocalStaticRTP
	heard chan *rtp.Packet
	seq   uint16 // of the next packet; numbers that come again would be replays
	close sync.Once
}

func newBrowser(t testing.TB, settings ...func(*webrtc.SettingEngine)) *browser {
	t.Helper()
	return newBrowserWith(t, webrtc.Configuration{}, settings...)
}

func newBrowserWith(t testing.TB, config webrtc.Configuration, settings ...func(*webrtc.SettingEngine)) *browser {
	t.Helper()
	return newBrowserOf(t, config, nil, browserCodecs(t), settings...)
}

// browserCodecs are all that pion has.
func browserCodecs(t testing.TB) *webrtc.MediaEngine {
	t.Helper()
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	return m
}

// newBrowserOf is newBrowser with what watches over its packets; nil: what pion takes of itself.
func newBrowserOf(t testing.TB, config webrtc.Configuration, r *interceptor.Registry, m *webrtc.MediaEngine, settings ...func(*webrtc.SettingEngine)) *browser {
	t.Helper()
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	for _, set := range settings {
		set(&s)
	}
	o := []func(*webrtc.API){webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(m)}
	if r != nil {
		o = append(o, webrtc.WithInterceptorRegistry(r))
	}
	pc, err := webrtc.NewAPI(o...).NewPeerConnection(config)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, pc: pc, heard: make(chan *rtp.Packet, 1024)}
	b.track, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: 8000, Channels: 1}, "audio", "echo")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTrack(b.track); err != nil {
		t.Fatal(err)
	}
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := tr.ReadRTP()
			if err != nil {
				return
			}
			select {
			case b.heard <- p:
			default:
			}
		}
	})
	t.Cleanup(b.hangUp)
	return b
}

func (b *browser) hangUp() { b.close.Do(func() { _ = b.pc.GracefulClose() }) }

func (b *browser) offer() media.Description {
	b.t.Helper()
	d, err := b.pc.CreateOffer(nil)
	return b.local(d, err)
}

func (b *browser) answer(offer media.Description) media.Description {
	b.t.Helper()
	b.remote(webrtc.SDPTypeOffer, offer)
	d, err := b.pc.CreateAnswer(nil)
	return b.local(d, err)
}

func (b *browser) local(d webrtc.SessionDescription, err error) media.Description {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(b.pc)
	if err := b.pc.SetLocalDescription(d); err != nil {
		b.t.Fatal(err)
	}
	<-done
	desc, err := media.ParseDescription([]byte(b.pc.LocalDescription().SDP))
	if err != nil {
		b.t.Fatal(err)
	}
	return desc
}

func (b *browser) remote(kind webrtc.SDPType, d media.Description) {
	b.t.Helper()
	text, _ := d.AppendText(nil)
	if err := b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: string(text)}); err != nil {
		b.t.Fatalf("%v in\n%s", err, text)
	}
}

// talk sends packets until stop is called. It has to be stopped before it is called again.
func (b *browser) talk(payload string) (stop func()) {
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ; ; b.seq++ {
			select {
			case <-done:
				return
			case <-tick.C:
				_ = b.track.WriteRTP(&rtp.Packet{
					Header:  rtp.Header{Version: 2, SequenceNumber: b.seq, Timestamp: uint32(b.seq) * 160},
					Payload: []byte(payload),
				})
			}
		}
	})
	return func() { close(done); work.Wait() }
}

func (b *browser) hears(want string) {
	b.t.Helper()
	select {
	case p := <-b.heard:
		if string(p.Payload) != want {
			b.t.Fatalf("browser heard %q, want %q", p.Payload, want)
		}
	case <-time.After(10 * time.Second):
		b.t.Fatal("browser heard nothing in 10 s")
	}
}

// hears waits for a packet on a reader.
func hears(t testing.TB, r *media.Reader, want string) {
	t.Helper()
	got := make(chan string, 1)
	go func() {
		var p media.Packet
		buf := make([]byte, 2048)
		if err := r.Read(buf, &p); err != nil {
			got <- err.Error()
			return
		}
		got <- string(p.Payload)
	}()
	select {
	case s := <-got:
		if s != want {
			t.Fatalf("heard %q, want %q", s, want)
		}
	case <-time.After(10 * time.Second):
		_ = r.Close()
		t.Fatal("heard nothing in 10 s")
	}
}

func g711() media.Plan {
	return media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU()}}}
}

func TestWebRTCAnswerer(t *testing.T) {
	e := listen(t)
	term := open(t, e, media.AlexaCalling())
	b := newBrowser(t)
	answer, err := term.Answer(b.offer(), g711())
	if err != nil {
		t.Fatal(err)
	}
	b.remote(webrtc.SDPTypeAnswer, answer)
	bothHear(t, term, b)
}

func TestWebRTCOfferer(t *testing.T) {
	e := listen(t)
	term := open(t, e, media.AlexaCalling())
	b := newBrowser(t)
	offer, err := term.Offer(g711())
	if err != nil {
		t.Fatal(err)
	}
	if err := term.Accept(b.answer(offer)); err != nil {
		t.Fatal(err)
	}
	bothHear(t, term, b)
}

func bothHear(t *testing.T, term media.Terminal, b *browser) {
	t.Helper()
	r := term.Stream(media.Audio).Reader()
	defer r.Close()
	stop := b.talk("from the browser")
	defer stop()
	hears(t, r, "from the browser")
	quiet := chat(t, term, "from us")
	defer quiet()
	b.hears("from us")
}
