package codec_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media/codec"
)

// dialled makes sounds of keys out of two sines each, apart from how the package makes them.
type dialled struct {
	rate      int
	pcm       []float64
	low, high float64 // dBm0
	offLow    float64 // of the frequency
	offHigh   float64
}

var testKeyTable = map[byte][2]float64{
	'1': {697, 1209}, '2': {697, 1336}, '3': {697, 1477}, 'A': {697, 1633},
	'4': {770, 1209}, '5': {770, 1336}, '6': {770, 1477}, 'B': {770, 1633},
	'7': {852, 1209}, '8': {852, 1336}, '9': {852, 1477}, 'C': {852, 1633},
	'*': {941, 1209}, '0': {941, 1336}, '#': {941, 1477}, 'D': {941, 1633},
}

const allKeys = "0123456789*#ABCD"

func (d *dialled) press(key byte, lasts time.Duration) {
	n := int(lasts * time.Duration(d.rate) / time.Second)
	const fits = 3.14 // dBm0
	for i := range n {
		x := 0.0
		for k, level := range [...]float64{d.low, d.high} {
			hz := testKeyTable[key][k] * (1 + [...]float64{d.offLow, d.offHigh}[k])
			x += 32767 * math.Pow(10, (level-fits)/20) * math.Sin(2*math.Pi*hz*float64(i)/float64(d.rate)+float64(k))
		}
		d.pcm = append(d.pcm, x)
	}
}

func (d *dialled) pause(lasts time.Duration) {
	d.pcm = append(d.pcm, make([]float64, int(lasts*time.Duration(d.rate)/time.Second))...)
}

// samples returns what was dialled, limited to 16 bits, in noise of a power relative to a sine of amplitude 1.
func (d *dialled) samples(seed uint64, noise float64) []int16 {
	chance := rand.New(rand.NewPCG(seed, 2))
	pcm := make([]int16, len(d.pcm))
	for i, x := range d.pcm {
		pcm[i] = int16(math.Round(max(-32768, min(32767, x+noise*chance.NormFloat64()))))
	}
	return pcm
}

// detect returns the keys that are heard, and how often each was let go again.
func detect(t testing.TB, rate int, pcm []int16) (keys string, lasts []time.Duration) {
	t.Helper()
	d, err := codec.NewDetector(rate)
	if err != nil {
		t.Fatal(err)
	}
	var out []codec.Press
	for len(pcm) > 0 {
		n := min(rate/50, len(pcm))
		out = d.Hear(out, pcm[:n])
		pcm = pcm[n:]
	}
	for _, p := range out {
		if p.Down {
			keys += string(p.Key)
		} else {
			lasts = append(lasts, p.Duration)
		}
	}
	return keys, lasts
}

var detectorRateTable = []int{8000, 16000}

// keysAt returns what is tried at a rate: all keys at that of telephones, at others a key of each tone.
func keysAt(rate int) string {
	if rate == 8000 {
		return allKeys
	}
	return "159D"
}

// TestDetectorFrequencies accepts every key within 1.5 % of its tones, in any combination and with the twist that may be, and refuses it
// when either tone is 3.5 % off; tones of 40 ms, at every part of a hop.
func TestDetectorFrequencies(t *testing.T) {
	turns := 0
	for _, rate := range detectorRateTable {
		for _, key := range []byte(keysAt(rate)) {
			for _, twist := range []float64{-8, 0, 4} {
				for _, off := range offTable {
					d := dialled{rate: rate, low: -12 - min(twist, 0), high: -12 + max(twist, 0), offLow: off[0], offHigh: off[1]}
					turns++
					d.pause(50*time.Millisecond + time.Duration(turns%5)*time.Millisecond/2)
					lasts, want := 40*time.Millisecond, string(key)
					if math.Abs(off[0]) > .03 || math.Abs(off[1]) > .03 {
						lasts, want = 80*time.Millisecond, ""
					}
					d.press(key, lasts)
					d.pause(60 * time.Millisecond)
					if got, _ := detect(t, rate, d.samples(1, 0)); got != want {
						t.Errorf("%d Hz, %c off by %v, twist %v: heard %q, want %q", rate, key, off, twist, got, want)
					}
				}
			}
		}
	}
}

// offTable is how far the two tones are from where they should be.
var offTable = [...][2]float64{
	{0, 0},
	{.015, .015},
	{-.015, -.015},
	{.015, -.015},
	{-.015, .015},
	{.035, 0},
	{-.035, 0},
	{0, .035},
	{0, -.035},
	{.035, .035},
	{-.035, -.035},
	{.035, -.035},
	{-.035, .035},
}

// TestDetectorTimes hears 40 ms and not 23 ms.
func TestDetectorTimes(t *testing.T) {
	for _, rate := range detectorRateTable {
		for _, key := range []byte(keysAt(rate)) {
			for ms, want := range map[int]string{23: "", 40: string(key), 60: string(key), 500: string(key)} {
				for shift := range 5 {
					d := dialled{rate: rate, low: -10, high: -8}
					d.pause(50*time.Millisecond + time.Duration(shift)*time.Millisecond/2)
					d.press(key, time.Duration(ms)*time.Millisecond)
					d.pause(60 * time.Millisecond)
					got, lasts := detect(t, rate, d.samples(1, 0))
					if got != want {
						t.Errorf("%d Hz, %c for %d ms: heard %q, want %q", rate, key, ms, got, want)
					}
					for _, l := range lasts {
						if off := l - time.Duration(ms)*time.Millisecond; off > 8*time.Millisecond || off < -8*time.Millisecond {
							t.Errorf("%d Hz, %c for %d ms: said to last %v", rate, key, ms, l)
						}
					}
				}
			}
		}
	}
}

// TestDetectorLevels hears each tone from 0 dBm0, where the sum of both does not fit and is clipped, to -25 dBm0, and not at -55.
func TestDetectorLevels(t *testing.T) {
	for _, rate := range detectorRateTable {
		for level, hears := range map[float64]bool{0: true, -3: true, -10: true, -20: true, -25: true, -55: false} {
			for _, twist := range []float64{-8, 0, 4} {
				d := dialled{rate: rate, low: level, high: level}
				d.low -= max(twist, 0)
				d.high += min(twist, 0)
				for _, key := range []byte(allKeys) {
					d.pause(50 * time.Millisecond)
					d.press(key, 50*time.Millisecond)
				}
				d.pause(60 * time.Millisecond)
				want := ""
				if hears && (level > -25 || twist == 0) {
					want = allKeys
				} else if hears {
					continue
				}
				if got, _ := detect(t, rate, d.samples(1, 0)); got != want {
					t.Errorf("%d Hz, %v dBm0, twist %v: heard %q, want %q", rate, level, twist, got, want)
				}
			}
		}
	}
}

// TestDetectorTwist refuses what no telephone sends.
func TestDetectorTwist(t *testing.T) {
	for twist, hears := range map[float64]bool{-8: true, 4: true, -13: false, 9: false} {
		d := dialled{rate: 8000, low: -12, high: -12 + twist}
		for _, key := range []byte(allKeys) {
			d.pause(50 * time.Millisecond)
			d.press(key, 80*time.Millisecond)
		}
		d.pause(60 * time.Millisecond)
		if got, _ := detect(t, 8000, d.samples(1, 0)); (got == allKeys) != hears || !hears && got != "" {
			t.Errorf("twist %v: heard %q", twist, got)
		}
	}
}

// TestDetectorPauses tells presses of one key apart whose pause is 40 ms, and does not split one that is interrupted for 10 ms.
func TestDetectorPauses(t *testing.T) {
	for _, rate := range detectorRateTable {
		for _, key := range []byte(keysAt(rate)) {
			for shift := range 10 {
				d := dialled{rate: rate, low: -10, high: -8}
				d.pause(50*time.Millisecond + time.Duration(shift)*time.Millisecond/4)
				for range 4 {
					d.press(key, 40*time.Millisecond)
					d.pause(40 * time.Millisecond)
				}
				d.pause(60 * time.Millisecond)
				if got, lasts := detect(t, rate, d.samples(1, 0)); len(got) != 4 || len(lasts) != 4 {
					t.Errorf("%d Hz: heard %q (%v) for four presses of %c", rate, got, lasts, key)
				}
				for at := 5 + 2*shift; at < 100; at += 30 {
					d := dialled{rate: rate, low: -10, high: -8}
					d.pause(50 * time.Millisecond)
					d.press(key, time.Duration(at)*time.Millisecond+time.Duration(shift)*time.Millisecond/4)
					d.pause(10 * time.Millisecond)
					d.press(key, time.Duration(105-at)*time.Millisecond)
					d.pause(60 * time.Millisecond)
					if got, _ := detect(t, rate, d.samples(1, 0)); got != string(key) {
						t.Errorf("%d Hz: heard %q for %c, interrupted after %d ms", rate, got, key, at)
					}
				}
			}
		}
	}
}

// TestDetectorNoise hears every key in noise that is 15 dB weaker, at the edges of frequency and twist.
func TestDetectorNoise(t *testing.T) {
	for _, rate := range detectorRateTable {
		missed, heard := 0, 0
		for seed := range uint64(10) {
			for _, twist := range []float64{-8, 0, 4} {
				off := []float64{-.015, 0, .015}[seed%3]
				d := dialled{rate: rate, low: -12, high: -12 + twist, offLow: off, offHigh: -off}
				for _, key := range []byte(allKeys) {
					d.pause(50*time.Millisecond + time.Duration(seed)*time.Millisecond/7)
					d.press(key, 50*time.Millisecond)
				}
				d.pause(60 * time.Millisecond)
				power := (math.Pow(10, (d.low-3.14)/10) + math.Pow(10, (d.high-3.14)/10)) / 2 * 32767 * 32767
				got, _ := detect(t, rate, d.samples(seed, math.Sqrt(power/math.Pow(10, 1.5))))
				if heard += len(got); got != allKeys {
					missed++
					t.Logf("%d Hz, seed %d, twist %v: heard %q", rate, seed, twist, got)
				}
			}
		}
		if missed > 0 {
			t.Errorf("%d Hz: %d of 30 rows of keys were not heard right", rate, missed)
		}
	}
}
