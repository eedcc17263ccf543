package alexatest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// camera is the media of a door: a pion/webrtc peer with stock tracks, which plays a tone, sends pictures, and hears.
type camera struct {
	t     testing.TB
	pc    *webrtc.PeerConnection
	sound *webrtc.TrackLocalStaticSample
	sight *webrtc.TrackLocalStaticSample
	up    chan struct{}
	stop  chan struct{}
	wg    sync.WaitGroup

	wantKey, asked, firs, estimates atomic.Int64
	late                            atomic.Bool // there are no key frames yet, whoever asks
	frames                          [][]byte    // what is shown, again and again; nil: something

	mu      sync.Mutex
	samples []int16
	raw     []byte
}

func newCamera(t testing.TB, style alexatest.ShowStyle, tcp bool) *camera {
	t.Helper()
	engine := &webrtc.MediaEngine{}
	register := func(mime string, rate uint32, pt webrtc.PayloadType, fmtp string, kind webrtc.RTPCodecType, feedback ...webrtc.RTCPFeedback) {
		must(t, engine.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, ClockRate: rate, SDPFmtpLine: fmtp, RTCPFeedback: feedback}, PayloadType: pt,
		}, kind))
	}
	register(webrtc.MimeTypePCMU, 8000, 0, "", webrtc.RTPCodecTypeAudio)
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
	pt, fmtp := webrtc.PayloadType(99), ""
	if style == alexatest.ShowNumbered {
		pt, fmtp = 102, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"
	}
	register(webrtc.MimeTypeH264, 90000, pt, fmtp, webrtc.RTPCodecTypeVideo, feedback...)
	var s webrtc.SettingEngine
	s.LoggerFactory = &logging.DefaultLoggerFactory{Writer: io.Discard}
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if tcp {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	must(t, err)
	c := &camera{t: t, pc: pc, up: make(chan struct{}), stop: make(chan struct{})}
	c.sound, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: 8000}, "sound", "door")
	must(t, err)
	c.sight, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: fmtp, RTCPFeedback: feedback,
	}, "sight", "door")
	must(t, err)
	_, err = pc.AddTrack(c.sound)
	must(t, err)
	sender, err := pc.AddTrack(c.sight)
	must(t, err)
	c.wg.Go(func() { c.feedback(sender) })
	var once sync.Once
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(c.up) })
		}
	})
	pc.OnTrack(func(r *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { c.listen(r) })
	c.wg.Go(c.play)
	c.wg.Go(c.show)
	return c
}

func (c *camera) feedback(s *webrtc.RTPSender) {
	for {
		packets, _, err := s.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.PictureLossIndication:
				c.asked.Add(1)
				c.wantKey.Store(1)
			case *rtcp.FullIntraRequest:
				c.firs.Add(1)
				c.wantKey.Store(1)
			case *rtcp.ReceiverEstimatedMaximumBitrate:
				c.estimates.Add(1)
			}
		}
	}
}

func (c *camera) begin() bool {
	select {
	case <-c.up:
		return true
	case <-c.stop:
		return false
	}
}

func (c *camera) play() {
	if !c.begin() {
		return
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for pos := 0; ; pos += 160 {
		samples, _ := alexatest.SourceFrame(alexatest.Tone(gatewayPlays), pos, 160)
		data := make([]byte, 0, 160)
		for _, s := range samples {
			data = append(data, alexatest.EncodeULaw(s))
		}
		_ = c.sound.WriteSample(media.Sample{Data: data, Duration: 20 * time.Millisecond})
		select {
		case <-ticker.C:
		case <-c.stop:
			return
		}
	}
}

// show sends a picture every 20 ms: a key frame of several packets at the start and when one is asked for, else one of one or two.
func (c *camera) show() {
	if !c.begin() {
		return
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for n := 0; ; n++ {
		data := startCode(append([]byte{0x41, byte(n)}, bytes.Repeat([]byte{0xaa}, 200+n%5*400)...))
		if !c.late.Load() && (c.wantKey.Swap(0) == 1 || n == 0) {
			data = bytes.Join([][]byte{
				startCode([]byte{0x67, 0x42, 0xc0, 0x1f}), startCode([]byte{0x68, 0xce, 0x3c, 0x80}),
				startCode(append([]byte{0x65}, bytes.Repeat([]byte{0xbb}, 5000)...)),
			}, nil)
		}
		if c.frames != nil {
			data = c.frames[n%len(c.frames)]
		}
		_ = c.sight.WriteSample(media.Sample{Data: data, Duration: 20 * time.Millisecond})
		select {
		case <-ticker.C:
		case <-c.stop:
			return
		}
	}
}

func startCode(b []byte) []byte { return append([]byte{0, 0, 0, 1}, b...) }

func (c *camera) listen(r *webrtc.TrackRemote) {
	for {
		p, _, err := r.ReadRTP()
		if err != nil {
			return
		}
		c.mu.Lock()
		for _, b := range p.Payload {
			c.samples = append(c.samples, alexatest.DecodeULaw(b))
		}
		c.raw = append(c.raw, p.Payload...)
		c.mu.Unlock()
	}
}

var secondComponent = regexp.MustCompile(`a=candidate:\S+ 2 [^\r]*\r\n|a=end-of-candidates\r\n`)

// answer answers an offer. pion writes candidates of both components, which an Echo does not want.
func (c *camera) answer(offer string) (string, error) {
	all := strings.Replace(offer, "BUNDLE video0", "BUNDLE audio0 video0", 1) // pion rejects what stands outside
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: all}); err != nil {
		return "", err
	}
	d, err := c.pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(d); err != nil {
		return "", err
	}
	<-gathered
	text := secondComponent.ReplaceAllString(c.pc.LocalDescription().SDP, "")
	if strings.Contains(offer, "RTP/SAVPF") && !strings.Contains(offer, "UDP/TLS") {
		text = strings.ReplaceAll(text, "UDP/TLS/RTP/SAVPF", "RTP/SAVPF")
	}
	if strings.Contains(offer, "a=group:BUNDLE video0") {
		text = strings.Replace(text, "BUNDLE audio0 video0", "BUNDLE video0", 1)
	}
	return text, nil
}

func (c *camera) close() {
	close(c.stop)
	_ = c.pc.GracefulClose()
	c.wg.Wait()
}

// heard waits for n samples.
func (c *camera) heard(ctx context.Context, n int) []int16 {
	c.t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		c.mu.Lock()
		samples := c.samples
		c.mu.Unlock()
		if len(samples) >= n {
			return samples
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			c.t.Fatalf("the door heard %d samples of %d", len(samples), n)
		}
	}
}

// atDoor runs f with a home and a door with a camera, over sockets.
func atDoor(t *testing.T, o *alexatest.ShowOptions, prepare func(c *camera), f func(ctx context.Context, d *door, c *camera, show *alexatest.Show)) {
	t.Helper()
	h, err := alexatest.NewHome(nil)
	must(t, err)
	c := newCamera(t, o.Style, o.TCP)
	if prepare != nil {
		prepare(c)
	}
	d := newDoor(t, h, func(_, offer string) (string, error) { return c.answer(offer) })
	d.http = &http11
	defer func() { h.Close(); c.close() }()
	show, err := h.NewShow(o)
	must(t, err)
	f(testContext(t), d, c, show)
}

// TestShowIntegration talks in each style of offers, with sound both ways and pictures one way.
func TestShowIntegration(t *testing.T) {
	for _, style := range alexatest.ShowStyles() {
		for _, lf := range []bool{false, true} {
			if lf && style != alexatest.ShowCaptured {
				continue
			}
			t.Run(style.String(), func(t *testing.T) {
				t.Parallel()
				o := &alexatest.ShowOptions{Play: alexatest.Tone(440), Style: style, LineFeeds: lf}
				atDoor(t, o, nil, func(ctx context.Context, d *door, c *camera, show *alexatest.Show) {
					k, err := show.Talk(ctx, frontDoor)
					must(t, err)
					must(t, k.WaitHeard(ctx, 1200*time.Millisecond))
					must(t, k.WaitSeen(ctx, 30))
					if share := k.Heard().ToneShare(gatewayPlays); share < 0.9 {
						t.Errorf("the Show heard %.3f of %d Hz", share, gatewayPlays)
					}
					if share := alexatest.ToneShare(alexatest.LoudestSecond(c.heard(ctx, 9600)), 440); share < 0.9 {
						t.Errorf("the door heard %.3f of 440 Hz", share)
					}
					v := k.Seen()
					if !v.FirstKey || v.KeyFrames < 1 || v.Dropped != 0 || !bytes.HasPrefix(v.H264, []byte{0, 0, 0, 1, 0x67}) {
						t.Errorf("seen %+v", counts(v))
					}
					must(t, k.Disconnect(ctx))
					d.noViolations()
				})
			})
		}
	}
}

func counts(v alexatest.Video) alexatest.Video { v.H264 = nil; return v }

// TestShowOverTCPIntegration has the media run over TCP.
func TestShowOverTCPIntegration(t *testing.T) {
	t.Parallel()
	o := &alexatest.ShowOptions{Play: alexatest.Tone(440), TCP: true}
	atDoor(t, o, nil, func(ctx context.Context, d *door, c *camera, show *alexatest.Show) {
		k, err := show.Talk(ctx, frontDoor)
		must(t, err)
		must(t, k.WaitHeard(ctx, 300*time.Millisecond))
		must(t, k.WaitSeen(ctx, 10))
		c.heard(ctx, 1600)
		if strings.Contains(k.Offer(), " UDP 2") {
			t.Errorf("UDP in\n%s", k.Offer())
		}
		must(t, k.Disconnect(ctx))
		d.noViolations()
	})
}

// TestShowLossIntegration loses packets of video: they come again, or a key frame does.
func TestShowLossIntegration(t *testing.T) {
	for _, tt := range []struct {
		name   string
		o      alexatest.ShowOptions
		repair func(v alexatest.Video, c *camera) bool
	}{
		{"NACK", alexatest.ShowOptions{Loss: 0.05, Seed: 1}, func(v alexatest.Video, _ *camera) bool { return v.NACKs > 0 && v.Recovered > 0 }},
		{"PLI", alexatest.ShowOptions{Loss: 0.05, Seed: 1, NoNACK: true}, func(v alexatest.Video, c *camera) bool {
			return v.NACKs == 0 && v.Lost > 0 && v.PLIs > 0 && c.asked.Load() > 0 && v.KeyFrames > 1
		}},
		{"FIR", alexatest.ShowOptions{Loss: 0.05, Seed: 1, NoNACK: true, FIR: true, REMB: 1_000_000}, func(v alexatest.Video, c *camera) bool {
			return v.PLIs == 0 && v.FIRs > 0 && c.firs.Load() > 0 && c.asked.Load() == 0 && v.REMBs > 0 && c.estimates.Load() > 0
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			atDoor(t, &tt.o, nil, func(ctx context.Context, d *door, c *camera, show *alexatest.Show) {
				k, err := show.Talk(ctx, frontDoor)
				must(t, err)
				must(t, k.WaitSeen(ctx, 20))
				for !tt.repair(k.Seen(), c) && ctx.Err() == nil {
					must(t, k.WaitSeen(ctx, k.Seen().Frames+1))
				}
				v := k.Seen()
				if v.Dropped == 0 || !tt.repair(v, c) {
					t.Errorf("seen %+v", counts(v))
				}
				must(t, k.Disconnect(ctx))
				d.noViolations()
			})
		})
	}
}

// TestShowAsksForAKeyFrameIntegration has a door that begins in the middle of things: there is a key frame once the Show has had to do without,
// and only if it asks.
func TestShowAsksForAKeyFrameIntegration(t *testing.T) {
	t.Parallel()
	atDoor(t, &alexatest.ShowOptions{}, func(c *camera) { c.late.Store(true) }, func(ctx context.Context, d *door, c *camera, show *alexatest.Show) {
		k, err := show.Talk(ctx, frontDoor)
		must(t, err)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for k.Seen().Skipped == 0 && ctx.Err() == nil {
			<-ticker.C
		}
		c.late.Store(false)
		must(t, k.WaitSeen(ctx, 10))
		if v := k.Seen(); v.FirstKey || v.PLIs == 0 || v.Skipped == 0 || v.KeyFrames == 0 {
			t.Errorf("seen %+v", counts(v))
		}
		d.noViolations()
	})
}

// TestDoorClosesIntegration has the door end the session: there is no message for it.
func TestDoorClosesIntegration(t *testing.T) {
	t.Parallel()
	o := &alexatest.ShowOptions{Play: alexatest.Tone(440), ConstantPCMU: true}
	atDoor(t, o, nil, func(ctx context.Context, d *door, c *camera, show *alexatest.Show) {
		k, err := show.Talk(ctx, frontDoor)
		must(t, err)
		c.heard(ctx, 1600)
		c.mu.Lock()
		constant := bytes.Count(c.raw, []byte{0xff}) == len(c.raw)
		c.mu.Unlock()
		if !constant {
			t.Error("the Show sends other bytes than 0xFF")
		}
		must(t, c.pc.WriteRTCP([]rtcp.Packet{&rtcp.Goodbye{Sources: []uint32{1}}}))
		must(t, c.pc.Close())
		why, err := k.WaitEnd(ctx)
		if why != "media closed by the far side" || err != nil || !k.Farewell().Closed {
			t.Errorf("ended: %q, %v, %+v", why, err, k.Farewell())
		}
		if err := k.WaitSeen(ctx, 1<<20); !errors.Is(err, alexatest.ErrEnded) {
			t.Errorf("waiting for pictures after the end: %v", err)
		}
		d.home.Close()
		if got := names(d.home); !strings.HasSuffix(got, "directive SessionDisconnected\nanswer SessionDisconnected\n") {
			t.Errorf("transcript\n%s", got)
		}
		d.noViolations()
	})
}
