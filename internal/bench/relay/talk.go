//go:build linux && (amd64 || arm64)

package main

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

const (
	talkFor   = 10 * time.Second // then it begins again
	talkRate  = 16000            // Hz of the voice before it is coded
	talkSeed  = 7
	judgeRate = 8000  // Hz, which all codecs have
	opusBits  = 24000 // bit/s of an Opus phone
)

// talk is what a phone says in its codec, in frames of 20 ms.
type talk struct {
	codec  media.Codec
	frames [][]byte
}

// newTalk codes the same voice for each codec.
func newTalk(c media.Codec) (talk, error) {
	t := talk{codec: c}
	e, err := codec.NewEncoder(c, &codec.Options{Rate: talkRate, Bitrate: opusBits})
	if err != nil {
		return t, fmt.Errorf("relay: %w", err)
	}
	voice, n := sound.Speech(talkSeed, e.Rate(), talkFor), e.Rate()/codec.FramesPerSecond
	for ; len(voice) >= n; voice = voice[n:] {
		payload, err := e.Encode(nil, voice[:n])
		if err != nil {
			return t, fmt.Errorf("relay: %w", err)
		}
		t.frames = append(t.frames, payload)
	}
	return t, nil
}

func (t *talk) frame(n int) []byte { return t.frames[n%len(t.frames)] }

// transcodes reports whether the two sides of a call speak codecs of their own.
func (m *mode) transcodes() bool { return m.talk[0].frames != nil }

func (m *mode) stepOf(side int) uint32 {
	if m.transcodes() {
		return uint32(m.talk[side].codec.ClockRate / codec.FramesPerSecond)
	}
	return m.step
}

func (m *mode) sizeOf(side, frame int) int {
	if m.transcodes() {
		return len(m.talk[side].frame(frame))
	}
	return m.size
}

// hearTalk counts a packet that was made of what the other side said. It says nothing of whose it is but the address that it came to, and of
// what it was made but its place in the order.
func (g *load) hearTalk(listener, speaker *leg, data []byte, at int64) {
	if len(data) <= headerSize || data[0]>>6 != 2 || data[1]&0x7f != listener.pt {
		g.result.wrong++
		return
	}
	seq := binary.BigEndian.Uint16(data[2:])
	if listener.heard > 0 && seq != listener.lastIn+1 {
		g.result.wrong++
	}
	listener.lastIn = seq
	k := listener.heard
	listener.heard++
	if k >= len(speaker.sent) {
		g.result.twice++
		return
	}
	if listener.number < 2 {
		listener.kept = append(listener.kept, append([]byte(nil), data[headerSize:]...))
	}
	if speaker.counts && k >= speaker.first {
		g.came++
		g.result.delay.add(time.Duration(at - speaker.sent[k]))
	}
}

// judge compares what the phones of one call have heard with what the others have said, as it was coded: the log-spectral distance in dB, of which
// less is better, by side of who listens.
func (g *load) judge() error {
	for side := range g.result.distance {
		heard, err := g.mode.talk[side].sound(g.legs[side].kept)
		if err != nil {
			return err
		}
		said := &g.mode.talk[1-side]
		voice, err := said.sound(said.frames)
		if err != nil {
			return err
		}
		for len(voice) < len(heard) {
			voice = append(voice, voice...)
		}
		voice = voice[:len(heard)]
		lag := sound.Align(voice, heard, judgeRate/10)
		g.result.distance[side] = sound.LogSpectralDistance(voice, sound.Shift(heard, lag), judgeRate)
	}
	return nil
}

// sound decodes payloads into samples that can be compared.
func (t *talk) sound(payloads [][]byte) ([]int16, error) {
	d, err := codec.NewDecoder(t.codec, &codec.Options{Rate: talkRate}) // of G.722 both bands
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	r, err := codec.NewResampler(d.Rate(), judgeRate)
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	var pcm []int16
	for _, payload := range payloads {
		if pcm, err = d.Decode(pcm, payload); err != nil {
			return nil, fmt.Errorf("relay: %w", err)
		}
	}
	return r.Append(nil, pcm), nil
}
