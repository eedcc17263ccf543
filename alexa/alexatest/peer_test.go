package alexatest_test

import (
	"context"
	"fmt"
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
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// gatewayPlays is the frequency of every gateway.
const gatewayPlays = 1000

// peer is the media of a gateway: a pion/webrtc peer with stock tracks, which plays a tone and records.
type peer struct {
	t     testing.TB
	pc    *webrtc.PeerConnection
	track *webrtc.TrackLocalStaticSample
	mime  string
	up    chan struct{}
	stop  chan struct{}
	wg    sync.WaitGroup

	mu      sync.Mutex
	samples []int16
	opus    [][]byte // and of G.722
	changed chan struct{}
}

func newPeer(t testing.TB, mime string) *peer {
	t.Helper()
	engine := &webrtc.MediaEngine{}
	capability := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 8000}
	pt := webrtc.PayloadType(0)
	switch mime {
	case webrtc.MimeTypePCMA:
		pt = 8
	case webrtc.MimeTypeG722:
		pt = 9
	case webrtc.MimeTypeOpus:
		capability.ClockRate, capability.Channels, pt = 48000, 2, 111
	}
	must(t, engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: capability, PayloadType: pt}, webrtc.RTPCodecTypeAudio))
	var s webrtc.SettingEngine
	s.LoggerFactory = &logging.DefaultLoggerFactory{Writer: io.Discard}
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	must(t, err)
	track, err := webrtc.NewTrackLocalStaticSample(capability, "gateway", "gateway")
	must(t, err)
	_, err = pc.AddTrack(track)
	must(t, err)
	p := &peer{
		t: t, pc: pc, track: track, mime: mime,
		up: make(chan struct{}), stop: make(chan struct{}), changed: make(chan struct{}),
	}
	var once sync.Once
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(p.up) })
		}
	})
	pc.OnTrack(func(r *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.listen(r) })
	p.wg.Go(p.play)
	return p
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *peer) close() {
	close(p.stop)
	p.wg.Wait()
	_ = p.pc.GracefulClose()
}

func (p *peer) play() {
	select {
	case <-p.up:
	case <-p.stop:
		return
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for pos := 0; ; pos += 160 {
		samples, _ := alexatest.SourceFrame(alexatest.Tone(gatewayPlays), pos, 160)
		data := make([]byte, 0, 160)
		for _, s := range samples {
			switch p.mime {
			case webrtc.MimeTypePCMU:
				data = append(data, alexatest.EncodeULaw(s))
			case webrtc.MimeTypePCMA:
				data = append(data, alexatest.EncodeALaw(s))
			}
		}
		switch p.mime {
		case webrtc.MimeTypeOpus:
			data = alexatest.OpusSilence
		case webrtc.MimeTypeG722:
			data = make([]byte, 160)
		}
		_ = p.track.WriteSample(media.Sample{Data: data, Duration: 20 * time.Millisecond})
		select {
		case <-ticker.C:
		case <-p.stop:
			return
		}
	}
}

func (p *peer) listen(r *webrtc.TrackRemote) {
	for {
		packet, _, err := r.ReadRTP()
		if err != nil {
			return
		}
		p.mu.Lock()
		for _, b := range packet.Payload {
			switch p.mime {
			case webrtc.MimeTypePCMU:
				p.samples = append(p.samples, alexatest.DecodeULaw(b))
			case webrtc.MimeTypePCMA:
				p.samples = append(p.samples, alexatest.DecodeALaw(b))
			}
		}
		if p.mime == webrtc.MimeTypeOpus || p.mime == webrtc.MimeTypeG722 {
			p.opus = append(p.opus, packet.Payload)
		}
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// heard returns what the peer heard once that is at least n samples, or packets of Opus.
func (p *peer) heard(ctx context.Context, n int) []int16 {
	p.t.Helper()
	for {
		p.mu.Lock()
		samples, packets, changed := p.samples, len(p.opus), p.changed
		p.mu.Unlock()
		if len(samples)+packets >= n {
			return samples
		}
		select {
		case <-changed:
		case <-ctx.Done():
			p.t.Fatalf("the gateway heard %d samples and %d packets of %d", len(samples), packets, n)
		}
	}
}

func (p *peer) local(d webrtc.SessionDescription, err error) string {
	p.t.Helper()
	must(p.t, err)
	gathered := webrtc.GatheringCompletePromise(p.pc)
	must(p.t, p.pc.SetLocalDescription(d))
	<-gathered
	return p.pc.LocalDescription().SDP
}

func (p *peer) offer() string { p.t.Helper(); return p.local(p.pc.CreateOffer(nil)) }

// answer and accept keep directions from pion, for which inactive is for ever: this gateway keeps sending when it is held.
func (p *peer) answer(offer string) string {
	p.t.Helper()
	offer = directionLine.ReplaceAllString(offer, "a=sendrecv\r\n")
	must(p.t, p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}))
	return p.local(p.pc.CreateAnswer(nil))
}

func (p *peer) accept(answer string) {
	p.t.Helper()
	answer = directionLine.ReplaceAllString(answer, "a=sendrecv\r\n")
	must(p.t, p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
}

// gateway is a skill with a peer, which answers a call and acknowledges everything.
type gateway struct {
	*skill
	peer   *peer
	strip  func(string) string // changes the SDP that the gateway sends
	early  bool                // the answer goes in CallInProgress
	held   chan struct{}       // while not closed, CallAccepted waits; nil: it does not
	passed chan string         // event types without the namespace
	deaf   atomic.Bool         // CallUpdate gets no answer
}

func newGateway(t testing.TB, cloud *alexatest.Cloud, mime string) *gateway {
	g := &gateway{peer: newPeer(t, mime), strip: func(s string) string { return s }, passed: make(chan string, 100)}
	g.skill = newSkill(t, cloud, func(e event) { g.handle(t.Context(), e) })
	return g
}

// end closes the cloud, and then the gateway. What the gateway still says of the last events may come too late for the cloud.
func (g *gateway) end() {
	g.lenient.Store(true)
	g.cloud.Close()
	g.close()
	g.peer.close()
}

func (g *gateway) handle(ctx context.Context, e event) {
	name := strings.TrimPrefix(e.Type, prefix)
	switch name {
	case "InitiateOutboundCall":
		g.say(ctx, "CallRinging", e.SessionID)
		answer := sdpMember("ANSWER", g.strip(g.peer.answer(e.Details.Value)))
		if g.early {
			g.say(ctx, "CallInProgress", e.SessionID, answer)
			answer = `"sdpDetails":{}`
		}
		if g.held != nil {
			<-g.held
		}
		g.say(ctx, "CallAccepted", e.SessionID, answer)
	case "CallInProgress":
		g.peer.accept(e.Details.Value)
		g.say(ctx, "CallInProgressAck", e.SessionID)
	case "CallRinging", "CallAccepted":
		g.say(ctx, name+"Ack", e.SessionID)
	case "CallUpdate":
		if g.deaf.Load() {
			break
		}
		g.say(ctx, "CallUpdateResponse", e.SessionID, fmt.Sprintf(`"renegotiationType":%q`, e.Kind),
			sdpMember("ANSWER", g.strip(mirrorDirection(g.peer.answer(e.Details.Value), e.Details.Value))))
	case "CallUpdateResponse":
		g.peer.accept(e.Details.Value)
		g.say(ctx, "CallUpdateAck", e.SessionID)
	}
	g.passed <- name
}

var directionLine = regexp.MustCompile(`a=(sendrecv|sendonly|recvonly|inactive)\r\n`)

// mirrorDirection gives an answer the direction that suits the offer, whatever pion made of it.
func mirrorDirection(answer, offer string) string {
	d := directionLine.FindStringSubmatch(offer)[1]
	mirror := map[string]string{"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}[d]
	return directionLine.ReplaceAllString(answer, "a="+mirror+"\r\n")
}

// await waits for an event of that name to be handled.
func (g *gateway) await(ctx context.Context, name string) {
	g.t.Helper()
	for {
		select {
		case got := <-g.passed:
			if got == name {
				return
			}
		case <-ctx.Done():
			g.t.Fatalf("no event %s", name)
		}
	}
}

// patient is for tests with media, which run in real time on machines of any load.
var patient = &alexatest.CloudOptions{AckTimeout: 20 * time.Second}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// bothHear checks that a second of tone has come through each way.
func bothHear(ctx context.Context, t *testing.T, call *alexatest.Call, g *gateway, echoPlays float64) {
	t.Helper()
	must(t, call.WaitHeard(ctx, 1200*time.Millisecond))
	if share := call.Heard().ToneShare(gatewayPlays); share < 0.95 {
		t.Errorf("the Echo heard %.3f of %d Hz", share, gatewayPlays)
	}
	if share := alexatest.ToneShare(alexatest.LoudestSecond(g.peer.heard(ctx, 9600)), echoPlays); share < 0.95 {
		t.Errorf("the gateway heard %.3f of %g Hz", share, echoPlays)
	}
}
