package alexatest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/pion/rtp"
)

// Limits of what one call remembers: ten minutes of sound. Above it the older half is forgotten.
const (
	maxHeardSamples = 10 * 60 * sampleRate
	maxHeardOpus    = 10 * 60 * 50
)

// Recording is what an Echo heard in a call, early media included, in the order of arrival.
type Recording struct {
	// Codec is the codec of the latest audio packet: CodecOpus, CodecG722, CodecPCMU or CodecPCMA; "" when none arrived.
	Codec string
	// Samples is the sound of the PCMU and PCMA packets: mono, 8000 samples per second, at most the latest ten minutes.
	Samples []int16
	// Opus are the payloads of the Opus packets, which are not decoded: at most the latest ten minutes.
	Opus [][]byte
	// Packets and Bytes count the audio packets and their payload, those of G.722 too, of which nothing else is kept; telephone events are
	// not among them.
	Packets, Bytes int
	// Events counts the packets of telephone events (RFC 4733).
	Events int
	// First is when the first audio packet arrived; zero when none did.
	First time.Time

	heard time.Duration
}

// Duration returns how much audio arrived in all, what is forgotten included.
func (r Recording) Duration() time.Duration { return r.heard }

// WriteWAV writes Samples to a file: 16-bit PCM, mono, 8000 Hz.
func (r Recording) WriteWAV(path string) error {
	if err := os.WriteFile(path, formatWAV(r.Samples), 0o644); err != nil {
		return fmt.Errorf("alexatest: %w", err)
	}
	return nil
}

// ToneShare returns which share of the power lies at the frequency hz in the loudest second of Samples: above 0.9 for a tone
// that came through G.711 whole, 0 for silence.
func (r Recording) ToneShare(hz float64) float64 { return toneShare(loudestSecond(r.Samples), hz) }

// recorder collects a Recording.
type recorder struct {
	mu      sync.Mutex
	rec     Recording
	names   map[uint8]string // codec by payload type
	changed chan struct{}    // closed and replaced when something was heard
}

func newRecorder() *recorder {
	return &recorder{names: make(map[uint8]string), changed: make(chan struct{})}
}

// learn sets which codec a payload type stands for from now on.
func (r *recorder) learn(payloads []payload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range payloads {
		r.names[p.pt] = p.name
	}
}

// hear takes one RTP packet as it came out of SRTP; raw is not retained.
func (r *recorder) hear(raw []byte) {
	var p rtp.Packet
	if p.Unmarshal(raw) != nil || len(p.Payload) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	name := r.names[p.PayloadType]
	switch name {
	case CodecPCMU, CodecPCMA:
		decode := decodeULaw
		if name == CodecPCMA {
			decode = decodeALaw
		}
		if len(r.rec.Samples) >= maxHeardSamples {
			r.rec.Samples = append([]int16(nil), r.rec.Samples[maxHeardSamples/2:]...)
		}
		for _, b := range p.Payload {
			r.rec.Samples = append(r.rec.Samples, decode(b))
		}
		r.rec.heard += time.Duration(len(p.Payload)) * time.Second / sampleRate
	case CodecOpus:
		if len(r.rec.Opus) >= maxHeardOpus {
			r.rec.Opus = append([][]byte(nil), r.rec.Opus[maxHeardOpus/2:]...)
		}
		r.rec.Opus = append(r.rec.Opus, append([]byte(nil), p.Payload...))
		r.rec.heard += opusDuration(p.Payload)
	case CodecG722:
		r.rec.heard += time.Duration(len(p.Payload)) * time.Second / sampleRate // 64 kbit/s, as G.711
	case CodecTelephoneEvent:
		r.rec.Events++
		return
	default:
		return
	}
	if r.rec.Packets == 0 {
		r.rec.First = time.Now()
	}
	r.rec.Codec = name
	r.rec.Packets++
	r.rec.Bytes += len(p.Payload)
	close(r.changed)
	r.changed = make(chan struct{})
}

// opusDuration reads the length of a packet from its first bytes (RFC 6716, sections 3.1 and 3.2).
func opusDuration(p []byte) time.Duration {
	config := p[0] >> 3
	var frame time.Duration
	switch {
	case config < 12: // SILK
		frame = []time.Duration{10, 20, 40, 60}[config%4] * time.Millisecond
	case config < 16: // hybrid
		frame = []time.Duration{10, 20}[config%2] * time.Millisecond
	default: // CELT
		frame = []time.Duration{2500, 5000, 10000, 20000}[config%4] * time.Microsecond
	}
	switch p[0] & 3 {
	case 0:
		return frame
	case 1, 2:
		return 2 * frame
	default:
		if len(p) < 2 {
			return 0
		}
		return time.Duration(p[1]&0x3f) * frame
	}
}

// recording returns a copy.
func (r *recorder) recording() Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.rec
	rec.Samples = append([]int16(nil), rec.Samples...)
	rec.Opus = append([][]byte(nil), rec.Opus...)
	return rec
}

// wait returns when at least d of audio was heard in all, or ctx or done ended.
func (r *recorder) wait(ctx context.Context, done <-chan struct{}, d time.Duration) error {
	for {
		r.mu.Lock()
		heard, changed := r.rec.heard, r.changed
		r.mu.Unlock()
		if heard >= d {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("alexatest: heard %v of %v: %w", heard, d, ctx.Err())
		case <-done:
			return fmt.Errorf("alexatest: heard %v of %v: %w", heard, d, ErrEnded)
		}
	}
}
