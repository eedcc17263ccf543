package codec

import (
	"fmt"
	"math"
	"math/cmplx"
	"time"
)

// The tones of the keys (ITU-T Q.23): one of the low group, by row, and one of the high group, by column.
var (
	toneTable = [tones]float64{697, 770, 852, 941, 1209, 1336, 1477, 1633}
	keyTable  = [group][group]byte{{'1', '2', '3', 'A'}, {'4', '5', '6', 'B'}, {'7', '8', '9', 'C'}, {'*', '0', '#', 'D'}}
)

const (
	tones = 8
	group = 4

	hopsPerSecond = 400 // sound is looked at in hops of 2.5 ms
	windowHops    = 13  // 32.5 ms: what a tone of 40 ms fills wherever it begins, and one of 23 ms does not
	glanceHops    = 6   // 15 ms
	apartHops     = 3   // 7.5 ms between the glances whose phases tell the frequency
	glances       = windowHops - glanceHops + 1
	ringHops      = 16 // that are kept; a power of two above windowHops

	floor      = 130000.0 // square of the amplitude that each tone has to have, which is -36 dBm0
	highMost   = 5.0      // dB that the high tone may be above the low one
	highLeast  = -9.0
	offMost    = 0.0225 // of the frequency
	octave     = 0.02   // about twice the low tone, in which the high one would be a harmonic of it: no key is that near
	pureEnough = 0.84   // share that the two tones have in the power of a window
	pureGlance = 0.5
	heldGlance = 0.4  // the same while a key is down
	heldLevel  = 0.06 // of the power that its tones had: -12 dB

	pauseHops = 8 // 20 ms without the tones end a press: more than an interruption of 10 ms blurs, and less than a pause of 40 ms
	bridged   = 60 * time.Millisecond
)

// minDetectorRate and maxDetectorRate bound the rates of a Detector, in Hz.
const (
	minDetectorRate = 8000
	maxDetectorRate = 48000
)

// A Detector hears the tones of keys in sound, as ITU-T Q.24 wants it (AT&T's column): each within 1.5 % of its frequency and not beyond
// 3.5 %, the high one at most 4 dB above and 8 dB below the low one, from 0 to -25 dBm0 and not from -55, for 40 ms and not for 23 ms;
// an interruption of 10 ms does not split a press, a pause of 40 ms does. Voices and music make no keys: the two tones have to have
// nearly all of the power for 32.5 ms, coherently, which a voice with its harmonics does not do. One goroutine uses it; it does not
// allocate.
type Detector struct {
	rate, hop int

	// sound that has come of the hop under way, without its constant part
	block         []float64
	n             int
	before, level float64 // last sample in and out of the filter for that

	coefficient [tones]float64 // 2·cos w
	sine        [tones]float64
	turn        [tones]complex128 // of the phase in a hop
	phase       [tones]complex128

	at     int64 // hops so far, skipped ones included
	filled int   // of them without a hole, up to ringHops
	power  [ringHops]float64
	part   [ringHops][tones]complex128 // correlation of a hop with the tones
	glance [ringHops][tones]complex128 // of glanceHops hops, those in the middle counting more

	likely    byte // key of the window before; 0: none
	key       byte // that is down; 0: none
	low, high int  // its tones
	needs     [2]float64
	began     int64
	lastHeld  int64
	missed    int
}

// NewDetector returns a detector in sound of a rate in Hz, from 8000 to 48000.
func NewDetector(rate int) (*Detector, error) {
	if rate < minDetectorRate || rate > maxDetectorRate {
		return nil, fmt.Errorf("codec: no detector of keys at %d Hz", rate)
	}
	d := &Detector{rate: rate, hop: rate / hopsPerSecond}
	d.block = make([]float64, d.hop)
	for k, hz := range toneTable {
		w := 2 * math.Pi * hz / float64(rate)
		d.coefficient[k], d.sine[k] = 2*math.Cos(w), math.Sin(w)
		d.turn[k] = cmplx.Rect(1, -w*float64(d.hop))
		d.phase[k] = cmplx.Rect(1, -w*float64(d.hop-1))
	}
	return d, nil
}

// Key returns the key whose tones sound now; 0 for none. It is known about 38 ms after they began and 20 ms after they ended.
func (d *Detector) Key() byte { return d.key }

// Hear appends the presses and ends that are heard in pcm, which follows what was heard or skipped before.
func (d *Detector) Hear(out []Press, pcm []int16) []Press {
	for _, x := range pcm {
		const keeps = 0.98 // of the constant part: above 30 Hz nothing is lost
		d.level = float64(x) - d.before + keeps*d.level
		d.before = float64(x)
		d.block[d.n] = d.level
		if d.n++; d.n == d.hop {
			d.n = 0
			out = d.step(out)
		}
	}
	return out
}

// Skip passes over n samples that were lost. A press goes on over a short hole and is not heard anew after it.
func (d *Detector) Skip(out []Press, n int) []Press {
	if n <= 0 {
		return out
	}
	d.n, d.level, d.filled, d.likely = 0, 0, 0, 0
	d.at += int64(n / d.hop)
	if d.key != 0 && time.Duration(n)*time.Second/time.Duration(d.rate) > bridged {
		out = d.letGo(out)
	}
	return out
}

// step takes a hop.
func (d *Detector) step(out []Press) []Press {
	d.correlate()
	d.at++
	d.filled = min(d.filled+1, ringHops)
	if d.filled < glanceHops {
		if d.key != 0 && d.isQuiet() { // a pause between two holes
			out = d.miss(out)
		}
		return out
	}
	d.look()
	if d.key != 0 {
		out = d.hold(out)
	}
	if d.filled < windowHops {
		return out
	}
	low, high, ok := d.candidate()
	if !ok || d.key != 0 && low == d.low && high == d.high {
		d.likely = 0
		return out
	}
	key := keyTable[low][high-group]
	pure, ok := d.judge(low, high)
	if was := d.likely; !ok || was != key { // twice in a row
		d.likely = 0
		if ok {
			d.likely = key
		}
		return out
	}
	if d.key != 0 {
		out = d.letGo(out)
	}
	return append(out, d.press(low, high, pure))
}

func (d *Detector) press(low, high int, pure float64) Press {
	d.key, d.low, d.high, d.missed = keyTable[low][high-group], low, high, 0
	d.began = d.at - 1 - int64(math.Round(windowHops*min(pure, 1)))
	d.lastHeld = d.at
	d.needs = [2]float64{heldLevel * d.tone(low), heldLevel * d.tone(high)}
	return Press{Key: d.key, Down: true}
}

// hold looks whether the key that is down still is.
func (d *Detector) hold(out []Press) []Press {
	low, high := d.tone(d.low), d.tone(d.high)
	if low >= d.needs[0] && high >= d.needs[1] && (low+high)/2 >= heldGlance*d.glanced() {
		d.lastHeld, d.missed = d.at, 0
		return out
	}
	return d.miss(out)
}

func (d *Detector) miss(out []Press) []Press {
	if d.missed++; d.missed < pauseHops {
		return out
	}
	return d.letGo(out)
}

// held returns how long the key that is down has been, as far as is known, in samples.
func (d *Detector) held() int { return int(max(d.lastHeld-glanceHops/2-d.began, 1)) * d.hop }

// since returns how many samples ago the key that is down began to sound.
func (d *Detector) since() int { return int(d.at-d.began)*d.hop + d.n }

func (d *Detector) letGo(out []Press) []Press {
	p := Press{Key: d.key, Duration: time.Duration(d.held()) * time.Second / time.Duration(d.rate)}
	d.key = 0
	return append(out, p)
}
