package audio

import (
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/media"
)

// A Tone is one section of what Tones sound: frequencies added up, or silence.
type Tone struct {
	Hz    [2]float64    // of the sines, which are equally loud; 0: there is none
	By    float64       // in Hz, modulates the loudness of the first, to 90 %; 0: nothing does. The second is not there then
	Quiet float64       // dB below the level of the whole
	For   time.Duration // 0: for ever
}

// TonesOptions are the options of Tones; nil and every zero field are valid.
type TonesOptions struct {
	Rate  int           // of the samples in Hz; 0: 8000
	Level float64       // in dBm0, where a sine of full scale is +3.14 (ITU-T G.711); 0: -10, the nominal level of ITU-T E.180
	For   time.Duration // how long they sound until io.EOF; 0: for ever
}

const (
	tonesRate  = 8000
	tonesLevel = -10.0
	fullScale  = 3.14 // dBm0
	depth      = 0.9  // of modulation
	edge       = 5 * time.Millisecond
)

// Tones are sines with a cadence: a Source of what a telephone network tells by tones. One goroutine reads; Close may be called by any.
type Tones struct {
	rate    int
	level   float64
	cadence []Tone
	left    int // samples until the end; negative: there is none
	closed  atomic.Bool

	next    int // section of the cadence that follows
	at, end int // in samples, within the section; end 0: it has no end
	voices  [3]oscillator
	sounds  int // how many of the voices do
}

// NewTones returns a source that sounds the sections of a cadence, over and over. None of them is silence.
func NewTones(cadence []Tone, o *TonesOptions) *Tones {
	t := &Tones{rate: tonesRate, level: tonesLevel, left: -1, cadence: append([]Tone(nil), cadence...)}
	if len(cadence) == 0 {
		t.cadence = []Tone{{}}
	}
	if o != nil {
		if o.Rate > 0 {
			t.rate = o.Rate
		}
		if o.Level != 0 {
			t.level = o.Level
		}
		if o.For > 0 {
			t.left = t.samples(o.For)
		}
	}
	t.begin()
	return t
}

func (t *Tones) samples(d time.Duration) int {
	return int(math.Round(d.Seconds() * float64(t.rate)))
}

// Rate is the samples' rate in Hz.
func (t *Tones) Rate() int { return t.rate }

// Read fills pcm. It returns io.EOF at the end, if there is one, and media.ErrClosed after Close.
func (t *Tones) Read(pcm []int16) (int, error) {
	if t.closed.Load() {
		return 0, media.ErrClosed
	}
	if t.left == 0 && len(pcm) > 0 {
		return 0, io.EOF
	}
	if t.left > 0 {
		pcm = pcm[:min(len(pcm), t.left)]
	}
	for n := 0; n < len(pcm); {
		if t.end > 0 && t.at == t.end {
			t.begin()
		}
		n += t.section(pcm[n:])
	}
	return len(pcm), nil
}

// Close ends the tones.
func (t *Tones) Close() error {
	t.closed.Store(true)
	return nil
}

// begin takes the next section, each sine from its zero.
func (t *Tones) begin() {
	s := t.cadence[t.next]
	t.next = (t.next + 1) % len(t.cadence)
	t.at, t.end = 0, 0
	if s.For > 0 {
		t.end = max(t.samples(s.For), 1)
	}
	peak := math.MaxInt16 * math.Pow(10, (t.level-s.Quiet-fullScale)/20)
	t.sounds = 0
	switch low, high := s.Hz[0], s.Hz[1]; {
	case low > 0 && s.By > 0:
		peak /= math.Sqrt(1 + depth*depth/2)
		t.sound(low, peak)
		t.sound(low-s.By, peak*depth/2)
		t.sound(low+s.By, peak*depth/2)
	case low > 0 && high > 0:
		t.sound(low, peak/math.Sqrt2)
		t.sound(high, peak/math.Sqrt2)
	default:
		t.sound(max(low, high), peak)
	}
}

// sound adds a sine that the rate has room for.
func (t *Tones) sound(hz, peak float64) {
	if hz > 0 && hz < float64(t.rate)/2 {
		t.voices[t.sounds] = newOscillator(2*math.Pi*hz/float64(t.rate), peak)
		t.sounds++
	}
}

// section fills pcm as far as the section goes, and returns how far that was.
func (t *Tones) section(pcm []int16) int {
	if t.end > 0 {
		pcm = pcm[:min(len(pcm), t.end-t.at)]
	}
	if t.sounds == 0 {
		clear(pcm)
		t.pass(len(pcm))
		return len(pcm)
	}
	ramp := t.samples(edge)
	for i := range pcm {
		x := 0.0
		for v := range t.voices[:t.sounds] {
			x += t.voices[v].next()
		}
		if near := t.toEdge(); near < ramp {
			x *= 0.5 - 0.5*math.Cos(math.Pi*float64(near)/float64(ramp))
		}
		pcm[i] = int16(math.Round(min(max(x, math.MinInt16), math.MaxInt16)))
		t.pass(1)
	}
	return len(pcm)
}

func (t *Tones) pass(n int) {
	t.at += n
	if t.left > 0 {
		t.left -= n
	}
}

// toEdge is how many samples it is to where the section begins or ends, or the whole does.
func (t *Tones) toEdge() int {
	near := t.at
	if t.end > 0 {
		near = min(near, t.end-1-t.at)
	}
	if t.left > 0 {
		near = min(near, t.left-1)
	}
	return near
}

// oscillator is a sine, each sample of which follows from the two before.
type oscillator struct{ turn, last, before float64 }

func newOscillator(step, peak float64) oscillator {
	return oscillator{turn: 2 * math.Cos(step), last: -peak * math.Sin(step), before: -peak * math.Sin(2*step)}
}

func (o *oscillator) next() float64 {
	x := o.turn*o.last - o.before
	o.last, o.before = x, o.last
	return x
}

// keyTable holds the sines of the keys (ITU-T Q.23).
var keyTable = map[byte][2]float64{
	'1': {697, 1209}, '2': {697, 1336}, '3': {697, 1477}, 'A': {697, 1633},
	'4': {770, 1209}, '5': {770, 1336}, '6': {770, 1477}, 'B': {770, 1633},
	'7': {852, 1209}, '8': {852, 1336}, '9': {852, 1477}, 'C': {852, 1633},
	'*': {941, 1209}, '0': {941, 1336}, '#': {941, 1477}, 'D': {941, 1633},
}

// KeyTone returns the tone of a key that is held down: 0 to 9, *, #, A to D. It fails for any other.
func KeyTone(key byte, o *TonesOptions) (*Tones, error) {
	hz, ok := keyTable[key]
	if !ok {
		return nil, fmt.Errorf("audio: no key %q", key)
	}
	return NewTones([]Tone{{Hz: hz}}, o), nil
}
