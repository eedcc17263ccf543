package alexatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/transport/v4/packetio"
	"github.com/pion/webrtc/v4"
)

// gatherTimeout bounds the gathering of host candidates, which needs no network round trip.
const gatherTimeout = 5 * time.Second

// maxReadStream is the size of the queue between SRTP and pion's tracks, as pion has it by itself.
const maxReadStream = 1 << 20

// pionMedia is the media of one call as a pion/webrtc peer on loopback. pion is told nothing of directions and of further
// m-sections: see remoteSDP.forPion and place.
type pionMedia struct {
	negotiation
	early bool // send before the call is accepted

	constant bool // as PCMU, send nothing but 0xFF
	pc       *webrtc.PeerConnection
	out      *echoTrack
	play     *track
	keys     keypad

	// reoffer is an offer that waits for its answer. It becomes pion's local description only then, because pion cannot roll back.
	reoffer *webrtc.SessionDescription

	done context.Context // ends with the call
	up   chan struct{}   // closed when DTLS is connected first
	once sync.Once       // closes up

	wgMu   sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

// newPionMedia makes a peer connection. done is the call's life: it ends before close is called.
func newPionMedia(done context.Context, o *EchoOptions, play *track, offers bool) (*pionMedia, error) {
	m := &pionMedia{
		negotiation: negotiation{style: o.OfferStyle, rec: newRecorder()},
		early:       o.MediaBeforeAnswer,
		out:         &echoTrack{id: "audio-" + randomHex(4)},
		play:        play,
		done:        done,
		up:          make(chan struct{}),
	}
	engine := &webrtc.MediaEngine{}
	for _, name := range o.codecs() {
		if err := engine.RegisterCodec(pionCodec(name, o.OfferStyle), webrtc.RTPCodecTypeAudio); err != nil {
			return nil, fmt.Errorf("alexatest: %w", err)
		}
	}
	settings := m.settings(offers && o.OfferStyle == OfferCaptured)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, fmt.Errorf("alexatest: %w", err)
	}
	m.pc = pc
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			m.once.Do(func() { close(m.up) })
		}
	})
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
		// Nobody needs what these loops read, but pion's receiver reports are made from what passes here.
		m.drain(func(b []byte) error { _, _, err := t.Read(b); return err })
		m.drain(func(b []byte) error { _, _, err := r.Read(b); return err })
	})
	transceiver, err := pc.AddTransceiverFromTrack(m.out)
	if err == nil && offers && o.OfferStyle == OfferCaptured {
		err = transceiver.SetMid(capturedMid)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("alexatest: %w", err), pc.Close())
	}
	sender := transceiver.Sender()
	m.drain(func(b []byte) error { _, _, err := sender.Read(b); return err })
	m.spawn(m.player)
	return m, nil
}

// settings keeps everything on IPv4 loopback, and taps the decrypted RTP. The tap lies below pion's tracks because these depend on
// a=ssrc lines that a peer need not send.
func (m *pionMedia) settings(captured bool) webrtc.SettingEngine {
	var s webrtc.SettingEngine
	s.LoggerFactory = &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if captured {
		s.SetICECredentials(randomICE(4), randomICE(22))
	}
	s.BufferFactory = func(kind packetio.BufferPacketType, _ uint32) io.ReadWriteCloser {
		b := packetio.NewBuffer()
		b.SetLimitSize(maxReadStream)
		if kind != packetio.RTPBufferPacket {
			return b
		}
		return &tap{Buffer: b, hear: m.rec.hear}
	}
	return s
}

// tap is a read stream of SRTP that lets the recorder hear every packet.
type tap struct {
	*packetio.Buffer
	hear func([]byte)
}

// Write implements io.Writer. A queue that is full or closed loses the packet for pion only: an error would end the compound packet that
// pion is taking apart, with the BYE at its end, while it closes on a close_notify that came right after.
func (t *tap) Write(p []byte) (int, error) {
	t.hear(p)
	_, _ = t.Buffer.Write(p)
	return len(p), nil
}

// reconnect fails: pion begins to gather anew as soon as an offer with a restart is made, not when it has its answer.
func (m *pionMedia) reconnect() error {
	return errors.New("alexatest: an Echo with media cannot restart ICE: see EchoOptions.NoMedia")
}

func (m *pionMedia) offer(want wants) (string, error) {
	mid := "0"
	if m.style == OfferCaptured {
		mid = capturedMid
	}
	m.setUp(want, []section{{kind: "audio", mid: mid}})
	d, err := m.pc.CreateOffer(nil)
	if err != nil {
		return "", fmt.Errorf("alexatest: %w", err)
	}
	if m.pc.LocalDescription() != nil {
		m.reoffer = &d
		return m.finishOffer(d.SDP)
	}
	own, err := m.setLocal(d)
	if err != nil {
		return "", err
	}
	return m.finishOffer(own)
}

func (m *pionMedia) answer(offer *remoteSDP) (string, error) {
	if err := m.takeOffer(offer); err != nil {
		return "", err
	}
	text, err := offer.forPion()
	if err != nil {
		return "", fmt.Errorf("alexatest: %w", err)
	}
	if err := m.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: text}); err != nil {
		return "", fmt.Errorf("alexatest: %w", err)
	}
	d, err := m.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("alexatest: %w", err)
	}
	own, err := m.setLocal(d)
	if err != nil {
		return "", err
	}
	return m.finishAnswer(own, offer)
}

// setLocal applies the Echo's own description and returns it with all candidates.
func (m *pionMedia) setLocal(d webrtc.SessionDescription) (string, error) {
	gathered := webrtc.GatheringCompletePromise(m.pc)
	if err := m.pc.SetLocalDescription(d); err != nil {
		return "", fmt.Errorf("alexatest: %w", err)
	}
	limit := time.NewTimer(gatherTimeout)
	defer limit.Stop()
	select {
	case <-gathered:
	case <-limit.C:
		return "", fmt.Errorf("alexatest: no ICE candidates after %v", gatherTimeout)
	case <-m.done.Done():
		return "", ErrEnded
	}
	return m.pc.LocalDescription().SDP, nil
}

func (m *pionMedia) accept(answer *remoteSDP) error {
	text, err := answer.forPion()
	if err != nil {
		return fmt.Errorf("alexatest: %w", err)
	}
	if m.reoffer != nil {
		own := *m.reoffer
		m.reoffer = nil
		if err := m.pc.SetLocalDescription(own); err != nil {
			return fmt.Errorf("alexatest: %w", err)
		}
	}
	if err := m.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text}); err != nil {
		return fmt.Errorf("alexatest: %w", err)
	}
	m.takeAnswer(answer)
	return nil
}

func (m *pionMedia) rollback() {
	m.reoffer = nil
	m.forgetOffer()
}

func (m *pionMedia) waitHeard(ctx context.Context, d time.Duration) error {
	return m.rec.wait(ctx, m.done.Done(), d)
}

// spawn starts a goroutine that close joins; none once close has begun.
func (m *pionMedia) spawn(f func()) {
	m.wgMu.Lock()
	defer m.wgMu.Unlock()
	if !m.closed {
		m.wg.Go(f)
	}
}

// close ends the peer connection and joins every goroutine. The call's context has ended before.
func (m *pionMedia) close() error {
	m.wgMu.Lock()
	m.closed = true
	m.wgMu.Unlock()
	err := m.pc.GracefulClose()
	m.wg.Wait()
	return err
}

// drain reads in a goroutine until the stream ends. A packet that pion cannot place is an error too, but ends nothing while the call
// stands.
func (m *pionMedia) drain(read func([]byte) error) {
	m.spawn(func() {
		b := make([]byte, 1500)
		for {
			err := read(b)
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || err != nil && m.done.Err() != nil {
				return
			}
		}
	})
}
