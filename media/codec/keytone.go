package codec

import (
	"fmt"
	"math"
	"time"
)

// KeyLow and KeyHigh are usual levels of a key's tones, in dBm0: the high one is sent louder, for lines weaken it more.
const (
	KeyLow  = -10.0
	KeyHigh = -8.0
)

const (
	overload = 3.14 // dBm0 of a sine that just fits into samples (ITU-T G.711 table 1a, note)
	edge     = 3 * time.Millisecond
)

// A KeyTone makes the tones of a key (ITU-T Q.23). It fades in over 3 ms, lasts until Stop, and fades out as softly, so that it does not
// click. One goroutine uses it; it does not allocate.
type KeyTone struct {
	low, high wave
	rise      float64 // of the edge, in a sample
	gain      float64 // position within the edge, 0 to 1
	stopped   bool
}

// wave is a sine.
type wave struct{ amplitude, phase, turn float64 }

func (w *wave) next() float64 {
	x := w.amplitude * math.Sin(w.phase)
	if w.phase += w.turn; w.phase > 2*math.Pi {
		w.phase -= 2 * math.Pi
	}
	return x
}

// NewKeyTone returns the tone of a key, one of 0-9 * # A-D a-d, in samples of a rate in Hz, at the levels of its two tones in dBm0; KeyLow
// and KeyHigh are usual. A sine of full scale has 3.14 dBm0, and what does not fit into samples is refused.
func NewKeyTone(key byte, rate int, low, high float64) (*KeyTone, error) {
	code, ok := KeyCode(key)
	switch {
	case !ok || key == KeyFlash:
		return nil, fmt.Errorf("codec: no key has the name %q", key)
	case rate < minDetectorRate || rate > maxDetectorRate:
		return nil, fmt.Errorf("codec: no key tone at %d Hz", rate)
	case !(amplitude(low)+amplitude(high) <= math.MaxInt16):
		return nil, fmt.Errorf("codec: a key tone of %.1f and %.1f dBm0 is too loud", low, high)
	}
	row, column := tonesOf(keyNames[code])
	return &KeyTone{
		low:  wave{amplitude: amplitude(low), turn: 2 * math.Pi * toneTable[row] / float64(rate)},
		high: wave{amplitude: amplitude(high), turn: 2 * math.Pi * toneTable[group+column] / float64(rate)},
		rise: 1 / (edge.Seconds() * float64(rate)),
	}, nil
}

func tonesOf(key byte) (row, column int) {
	for row, keys := range keyTable {
		for column, k := range keys {
			if k == key {
				return row, column
			}
		}
	}
	return 0, 0
}

// amplitude returns that of a sine of a level in dBm0.
func amplitude(level float64) float64 { return math.MaxInt16 * math.Pow(10, (level-overload)/20) }

// Stop lets the tone end: it fades out in what is appended next, and then is silent.
func (t *KeyTone) Stop() { t.stopped = true }

// Append appends n samples.
func (t *KeyTone) Append(pcm []int16, n int) []int16 {
	for range n {
		if t.stopped {
			t.gain = max(t.gain-t.rise, 0)
		} else {
			t.gain = min(t.gain+t.rise, 1)
		}
		x := t.low.next() + t.high.next()
		if t.gain < 1 {
			x *= (1 - math.Cos(math.Pi*t.gain)) / 2
		}
		pcm = append(pcm, int16(math.Round(x)))
	}
	return pcm
}
