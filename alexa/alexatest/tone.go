package alexatest

import (
	"fmt"
	"math"
)

const (
	sampleRate   = 8000
	frameSamples = 160 // 20 ms
	toneLevel    = 0.3 // of full scale: about -10 dBFS, as loud as speech
)

// Source is what an Echo plays. The zero value is silence.
type Source struct {
	hz   float64
	path string
}

// Tone returns a sine wave of the given frequency, which must be above 0 and below 4000 Hz.
func Tone(hz float64) Source { return Source{hz: hz} }

// WAV returns the sound of a file, played again and again: 16-bit PCM, mono or stereo (mixed to mono), at a rate which is a
// multiple of 8000 Hz up to 48000 Hz. The file is read when the Echo is made.
func WAV(path string) Source { return Source{path: path} }

// track is an opened Source; each call has a player of its own over it.
type track struct {
	hz      float64
	samples []int16
}

func (s Source) open() (*track, error) {
	switch {
	case s.path != "":
		samples, err := readWAVFile(s.path)
		if err != nil {
			return nil, err
		}
		return &track{samples: samples}, nil
	case s.hz < 0 || s.hz >= sampleRate/2 || math.IsNaN(s.hz):
		return nil, fmt.Errorf("alexatest: a tone of %g Hz cannot be sampled at %d Hz", s.hz, sampleRate)
	default:
		return &track{hz: s.hz}, nil
	}
}

// frame fills dst with the samples from position pos on.
func (t *track) frame(dst []int16, pos int) {
	for i := range dst {
		switch n := pos + i; {
		case len(t.samples) > 0:
			dst[i] = t.samples[n%len(t.samples)]
		case t.hz > 0:
			_, turn := math.Modf(t.hz * float64(n) / sampleRate)
			dst[i] = int16(toneLevel * math.MaxInt16 * math.Sin(2*math.Pi*turn))
		default:
			dst[i] = 0
		}
	}
}

// toneShare returns the share of the power of samples that lies at hz (Goertzel's algorithm): 1 for a pure tone, 0 for silence.
func toneShare(samples []int16, hz float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	coefficient := 2 * math.Cos(2*math.Pi*hz/sampleRate)
	var s1, s2, power float64
	for _, v := range samples {
		x := float64(v)
		power += x * x
		s1, s2 = x+coefficient*s1-s2, s1
	}
	if power == 0 {
		return 0
	}
	at := s1*s1 + s2*s2 - coefficient*s1*s2
	return min(1, 2*at/(float64(len(samples))*power))
}

// loudestSecond returns the second of samples with the most power, looked for in steps of 100 ms; all of them when there is less.
func loudestSecond(samples []int16) []int16 {
	const step = sampleRate / 10
	if len(samples) <= sampleRate {
		return samples
	}
	power := func(part []int16) (sum float64) {
		for _, v := range part {
			sum += float64(v) * float64(v)
		}
		return sum
	}
	var steps []float64
	for i := 0; i+step <= len(samples); i += step {
		steps = append(steps, power(samples[i:i+step]))
	}
	best, at := -1.0, 0
	for i := 0; i+10 <= len(steps); i++ {
		sum := 0.0
		for _, p := range steps[i : i+10] {
			sum += p
		}
		if sum > best {
			best, at = sum, i
		}
	}
	return samples[at*step : at*step+sampleRate]
}
