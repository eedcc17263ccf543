package alexatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
	"github.com/pion/transport/v4/packetio"
	"github.com/pion/webrtc/v4"
)

// showPeer is the media of a session as a pion/webrtc peer on loopback. The Show writes its own offers around pion's transport; of the
// answer, pion is told what it can use.
type showPeer struct {
	*pionMedia
	opts  *ShowOptions
	said  showOffer
	eyes  *viewer
	tcp   ice.TCPMux
	gone  chan struct{}
	going sync.Once

	fareMu sync.Mutex
	fare   Farewell
}

// newShowPeer makes a peer connection. ctx is the session's life: it ends before close is called.
func newShowPeer(ctx context.Context, o *ShowOptions, play *track) (*showPeer, error) {
	m := &pionMedia{
		negotiation: negotiation{rec: newRecorder()},
		early:       true,
		out:         &echoTrack{id: "audio-" + randomHex(4)},
		play:        play,
		done:        ctx,
		up:          make(chan struct{}),
	}
	p := &showPeer{pionMedia: m, opts: o, said: newShowOffer(o), gone: make(chan struct{})}
	p.eyes = newViewer(o, p.said.video, p.sendRTCP)
	if o.ConstantPCMU {
		m.constant = true
	}
	engine := &webrtc.MediaEngine{}
	if err := p.register(engine); err != nil {
		return nil, fmt.Errorf("alexatest: %w", err)
	}
	registry := &interceptor.Registry{}
	if err := webrtc.ConfigureRTCPReports(registry); err != nil {
		return nil, fmt.Errorf("alexatest: %w", err)
	}
	settings := m.settings(false)
	if err := p.listenTCP(&settings); err != nil {
		return nil, err
	}
	settings.SetICECredentials(p.said.ufrag, p.said.pwd)
	settings.BufferFactory = p.buffer
	settings.DisableSRTPReplayProtection(true) // what Loss takes is lost behind SRTP, which must let it pass again
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("alexatest: %w", err), p.tcp.Close())
	}
	m.pc = pc
	pc.OnConnectionStateChange(p.changed)
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
		m.drain(func(b []byte) error { _, _, err := t.Read(b); return err })
		m.drain(func(b []byte) error { _, _, err := r.Read(b); return err })
	})
	if err := p.sections(); err != nil {
		return nil, errors.Join(fmt.Errorf("alexatest: %w", err), pc.Close(), p.tcp.Close())
	}
	m.spawn(m.player)
	if !o.AudioOnly {
		m.spawn(func() { p.eyes.watch(m.up, ctx.Done()) })
	}
	return p, nil
}

// listenTCP has the Show reached over TCP as well (RFC 6544), or over TCP alone.
func (p *showPeer) listenTCP(settings *webrtc.SettingEngine) error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("alexatest: %w", err)
	}
	silent := &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
	p.tcp = ice.NewTCPMuxDefault(ice.TCPMuxParams{Listener: l, Logger: silent.NewLogger("ice"), ReadBufferSize: 64})
	settings.SetICETCPMux(p.tcp)
	networks := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4}
	if p.opts.TCP {
		networks = networks[1:]
	}
	settings.SetNetworkTypes(networks)
	return nil
}

// register tells pion of the codecs. It is told of H.264 with the same parameters whatever the offer says of them.
func (p *showPeer) register(engine *webrtc.MediaEngine) error {
	for _, name := range p.opts.Codecs {
		if err := engine.RegisterCodec(pionCodec(name, p.opts.Style.offerStyle()), webrtc.RTPCodecTypeAudio); err != nil {
			return err
		}
	}
	formats := []webrtc.PayloadType{webrtc.PayloadType(payloadType(codecH264, p.opts.Style.offerStyle()))}
	if p.opts.Style == ShowNumbered {
		formats = append(formats, numberedSecond)
	}
	for n, pt := range formats {
		err := engine.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: []string{numberedBaseline, numberedHigh}[n],
			},
			PayloadType: pt,
		}, webrtc.RTPCodecTypeVideo)
		if err != nil {
			return err
		}
	}
	return nil
}

// sections gives pion the sections of the offer.
func (p *showPeer) sections() error {
	audio, video := p.opts.Style.mids()
	transceiver, err := p.pc.AddTransceiverFromTrack(p.out)
	if err != nil {
		return err
	}
	if err := transceiver.SetMid(audio); err != nil {
		return err
	}
	sender := transceiver.Sender()
	p.drain(func(b []byte) error { _, _, err := sender.Read(b); return err })
	if p.opts.AudioOnly {
		return nil
	}
	transceiver, err = p.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{
		Direction: webrtc.RTPTransceiverDirectionRecvonly,
	})
	if err != nil {
		return err
	}
	return transceiver.SetMid(video)
}

// buffer makes the read streams of SRTP and SRTCP, with a tap for the recorder, for the viewer, and for farewells.
func (p *showPeer) buffer(kind packetio.BufferPacketType, _ uint32) io.ReadWriteCloser {
	b := packetio.NewBuffer()
	b.SetLimitSize(maxReadStream)
	if kind == packetio.RTPBufferPacket {
		return &tap{Buffer: b, hear: p.take}
	}
	return &tap{Buffer: b, hear: p.takeRTCP}
}

// take takes an RTP packet as it came out of SRTP.
func (p *showPeer) take(raw []byte) {
	p.rec.hear(raw)
	p.eyes.take(raw)
}

func (p *showPeer) takeRTCP(raw []byte) {
	packets, err := rtcp.Unmarshal(raw)
	if err != nil {
		return
	}
	for _, one := range packets {
		if _, ok := one.(*rtcp.Goodbye); ok {
			p.fareMu.Lock()
			p.fare.Bye = true
			p.fareMu.Unlock()
		}
	}
}

// changed follows pion's state. It closes a connection by itself when DTLS says close_notify.
func (p *showPeer) changed(s webrtc.PeerConnectionState) {
	switch s {
	case webrtc.PeerConnectionStateConnected:
		p.once.Do(func() { close(p.up) })
	case webrtc.PeerConnectionStateClosed, webrtc.PeerConnectionStateFailed:
		if p.done.Err() != nil {
			return // by us
		}
		p.fareMu.Lock()
		p.fare.Closed = p.fare.Closed || s == webrtc.PeerConnectionStateClosed
		p.fareMu.Unlock()
		p.going.Do(func() { close(p.gone) })
	default:
	}
}

// sendRTCP sends what the viewer asks for; what cannot be sent is lost.
func (p *showPeer) sendRTCP(packets ...rtcp.Packet) { _ = p.pc.WriteRTCP(packets) }

// offer writes the Show's offer around the transport that pion has made.
func (p *showPeer) offer() (string, error) {
	d, err := p.pc.CreateOffer(nil)
	if err != nil {
		return "", fmt.Errorf("alexatest: %w", err)
	}
	own, err := p.setLocal(d)
	if err != nil {
		return "", err
	}
	if err := p.said.adopt(own); err != nil {
		return "", err
	}
	text := p.said.text()
	offered := &sdp.SessionDescription{}
	if err := offered.UnmarshalString(text); err != nil {
		return "", fmt.Errorf("alexatest: own offer: %w", err)
	}
	p.rec.learn(readPayloads(offered.MediaDescriptions[0]))
	return text, nil
}

// accept gives pion the answer.
func (p *showPeer) accept(answer *showAnswer) error {
	text, err := answer.forPion(p.opts.Style)
	if err != nil {
		return fmt.Errorf("alexatest: %w", err)
	}
	p.mu.Lock()
	p.agree(answer.payloads, sendRecv.against(answer.dir))
	p.mu.Unlock()
	p.eyes.learn(answer.pictures, answer.ssrc)
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text}); err != nil {
		return fmt.Errorf("alexatest: %w", err)
	}
	return nil
}

func (p *showPeer) connected() <-chan struct{} { return p.up }
func (p *showPeer) left() <-chan struct{}      { return p.gone }
func (p *showPeer) seen() Video                { return p.eyes.video() }

func (p *showPeer) farewell() Farewell {
	p.fareMu.Lock()
	defer p.fareMu.Unlock()
	return p.fare
}

func (p *showPeer) waitSeen(ctx context.Context, frames int) error {
	return p.eyes.wait(ctx, p.done.Done(), frames)
}

// close says BYE, ends the peer connection, which says close_notify, and joins every goroutine.
func (p *showPeer) close() error {
	p.out.mu.Lock()
	ssrc := p.out.ssrc
	p.out.mu.Unlock()
	p.sendRTCP(&rtcp.Goodbye{Sources: []uint32{ssrc}})
	return errors.Join(p.pionMedia.close(), p.tcp.Close())
}
