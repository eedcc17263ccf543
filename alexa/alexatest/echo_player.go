package alexatest

import (
	"bytes"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

const (
	frameTime = 20 * time.Millisecond
	// maxLag is how far the player may fall behind before it skips instead of catching up in a burst.
	maxLag = 200 * time.Millisecond
)

// echoTrack is the Echo's outgoing audio as pion's TrackLocal. Unlike pion's own tracks it takes its codec from the description that
// is in force, packet by packet.
type echoTrack struct {
	id string

	mu   sync.Mutex
	to   webrtc.TrackLocalWriter
	ssrc uint32
}

// Bind implements webrtc.TrackLocal.
func (t *echoTrack) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.to, t.ssrc = c.WriteStream(), uint32(c.SSRC())
	for _, p := range c.CodecParameters() {
		if p.MimeType != "audio/"+CodecTelephoneEvent {
			return p, nil
		}
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// Unbind implements webrtc.TrackLocal.
func (t *echoTrack) Unbind(webrtc.TrackLocalContext) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.to = nil
	return nil
}

// ID implements webrtc.TrackLocal.
func (t *echoTrack) ID() string { return t.id }

// RID implements webrtc.TrackLocal.
func (t *echoTrack) RID() string { return "" }

// StreamID implements webrtc.TrackLocal.
func (t *echoTrack) StreamID() string { return "echo" }

// Kind implements webrtc.TrackLocal.
func (t *echoTrack) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeAudio }

// write sends one packet. An error means that the transport is not there yet or not there any more: the packet is lost, as on a
// real network.
func (t *echoTrack) write(h *rtp.Header, payload []byte) {
	t.mu.Lock()
	to := t.to
	h.SSRC = t.ssrc
	t.mu.Unlock()
	if to != nil {
		_, _ = to.WriteRTP(h, payload)
	}
}

// player sends a packet every 20 ms from the time when the transport is up: against absolute deadlines, so that timer jitter does
// not add up.
func (m *pionMedia) player() {
	select {
	case <-m.up:
	case <-m.done.Done():
		return
	}
	var (
		start   = randomBytes(6)
		h       = rtp.Header{Version: 2, SequenceNumber: uint16(start[0])<<8 | uint16(start[1])}
		base    = uint32(start[2])<<24 | uint32(start[3])<<16 | uint32(start[4])<<8 | uint32(start[5])
		frame   [frameSamples]int16
		payload []byte
		pos     int
		silent  = true
		began   = time.Now()
		next    = began
		timer   = time.NewTimer(0)
	)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-m.done.Done():
			return
		}
		codec, ok := m.sending(m.early)
		if !ok {
			silent = true
		} else {
			h.PayloadType, h.Marker, silent = codec.pt, silent, false
			frames := uint32(next.Sub(began) / frameTime)
			switch codec.name {
			case CodecOpus:
				h.Timestamp, payload = base+frames*opusFrameTicks, append(payload[:0], opusSilence...)
			case CodecG722: // whose RTP clock is that of G.711, with as many octets (RFC 3551, section 4.5.2)
				h.Timestamp, payload = base+frames*frameSamples, append(payload[:0], bytes.Repeat([]byte{g722Silence}, frameSamples)...)
			default:
				m.play.frame(frame[:], pos)
				h.Timestamp, payload = base+frames*frameSamples, encodeG711(payload[:0], codec.name, frame[:])
				if m.constant && codec.name == CodecPCMU {
					payload = append(payload[:0], bytes.Repeat([]byte{0xff}, frameSamples)...)
				}
			}
			if events, ok := m.pressing(); ok {
				if key := m.keys.frame(&h, events); key != nil {
					payload = append(payload[:0], key...)
				}
			}
			pos += frameSamples
			m.out.write(&h, payload)
			h.SequenceNumber++
		}
		next = next.Add(frameTime)
		if late := time.Since(next); late > maxLag {
			next = next.Add(late.Truncate(frameTime))
		}
		timer.Reset(time.Until(next))
	}
}

func encodeG711(dst []byte, name string, samples []int16) []byte {
	encode := encodeULaw
	if name == CodecPCMA {
		encode = encodeALaw
	}
	for _, s := range samples {
		dst = append(dst, encode(s))
	}
	return dst
}
