package siptest

import (
	"fmt"
	"math"
	"time"
)

// A Source is what a phone plays into its calls. The zero Source is silence. A Source may be shared by phones and calls: each call
// plays it from its start.
type Source struct {
	load func() (start func() player, err error) // reads what must be read once; start begins anew
}

// A player fills frame with the next samples.
type player func(frame []int16)

// toneLevel is the peak of a played tone: 12 dB below full scale, where G.711 is far from clipping.
const toneLevel = 8192

// Tone returns a Source that is a sine of hz, which must lie between 1 and 3999 Hz, at 12 dB below full scale.
func Tone(hz float64) Source {
	return Source{load: func() (func() player, error) {
		if !(hz >= 1 && hz < sampleRate/2) {
			return nil, fmt.Errorf("siptest: tone of %g Hz cannot be played at %d samples a second", hz, sampleRate)
		}
		return func() player { return sine(hz) }, nil
	}}
}

// sine returns a player of a tone of hz.
func sine(hz float64) player {
	phase, step := 0.0, 2*math.Pi*hz/sampleRate
	return func(frame []int16) {
		for i := range frame {
			frame[i] = int16(math.Round(toneLevel * math.Sin(phase)))
			if phase += step; phase >= 2*math.Pi {
				phase -= 2 * math.Pi
			}
		}
	}
}

// WAV returns a Source that plays the file at path over and over. It must hold 16-bit PCM, mono or stereo (which is mixed), at 8, 16,
// 24, 32 or 48 kHz and not be longer than ten minutes. The file is read when the phone is made: NewPhone reports what is wrong.
func WAV(path string) Source {
	return Source{load: func() (func() player, error) {
		pcm, err := readWAV(path)
		if err != nil {
			return nil, err
		}
		return func() player { return loop(pcm) }, nil
	}}
}

// loop returns a player of pcm, which must not be empty, without end.
func loop(pcm []int16) player {
	next := 0
	return func(frame []int16) {
		for i := range frame {
			frame[i] = pcm[next]
			if next++; next == len(pcm) {
				next = 0
			}
		}
	}
}

// silence is the player of the zero Source.
func silence(frame []int16) { clear(frame) }

// prepare reads what s needs and returns what starts it for one call.
func (s Source) prepare() (start func() player, err error) {
	if s.load == nil {
		return func() player { return silence }, nil
	}
	return s.load()
}

// toneBlock is the length that a tone's share is measured over at a time: long enough to tell tones 10 Hz apart, short enough for a
// jump in the tone's phase, which a lost packet makes, to spoil little.
const toneBlock = sampleRate / 10

// toneShare returns the share of the power of pcm, 0 to 1, that lies at hz. Silence has none.
func toneShare(pcm []int16, hz float64) float64 {
	var total, tone float64
	for len(pcm) > 0 {
		n := min(toneBlock, len(pcm))
		block := pcm[:n]
		pcm = pcm[n:]
		if n < toneBlock/2 && total > 0 {
			break // a short rest cannot tell tones apart
		}
		t, p := blockPower(block, hz)
		tone, total = tone+t, total+p
	}
	if total == 0 {
		return 0
	}
	return min(tone/total, 1)
}

// blockPower returns the power of block at hz, by Goertzel's algorithm, and its whole power.
func blockPower(block []int16, hz float64) (tone, total float64) {
	w := 2 * math.Pi * hz / sampleRate
	coefficient := 2 * math.Cos(w)
	var s1, s2 float64
	for _, v := range block {
		x := float64(v)
		total += x * x
		s1, s2 = x+coefficient*s1-s2, s1
	}
	n := float64(len(block))
	tone = 2 * (s1*s1 + s2*s2 - coefficient*s1*s2) / n
	return tone, total
}

// lastOf returns the end of pcm that lasts d, or all of it when d is zero or longer.
func lastOf(pcm []int16, d time.Duration) []int16 {
	n := int(d * sampleRate / time.Second)
	if n <= 0 || n >= len(pcm) {
		return pcm
	}
	return pcm[len(pcm)-n:]
}
