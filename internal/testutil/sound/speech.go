package sound

import (
	"math"
	"math/rand/v2"
	"time"
)

const speechPeak = 16000 // of Speech and Music: 6 dB below full scale

// vowelTable holds the first four resonances of a man's mouth, in Hz, at vowels of English.
var vowelTable = [...][4]float64{
	{270, 2290, 3010, 3500},
	{390, 1990, 2550, 3500},
	{530, 1840, 2480, 3500},
	{660, 1720, 2410, 3500},
	{730, 1090, 2440, 3400},
	{570, 840, 2410, 3300},
	{440, 1020, 2240, 3300},
	{300, 870, 2240, 3300},
	{490, 1350, 1690, 3300},
}

var formantWidthTable = [4]float64{60, 90, 120, 180} // in Hz

// Speech returns what sounds like a voice: phrases of one to two seconds with pauses between, in them syllables of hiss and of glottal
// pulses through moving formants, at a pitch that falls and trembles. A seed has its own speaker. The peak is 6 dB below full scale.
func Speech(seed uint64, rate int, d time.Duration) []int16 {
	s := newSpeaker(seed, rate)
	n := length(rate, d)
	out := make([]float64, 0, n)
	for len(out) < n {
		out = s.pause(out, 0.15+0.35*s.chance.Float64())
		for left := 3 + s.chance.IntN(6); left > 0; left-- {
			out = s.syllable(out, float64(left)/8)
		}
	}
	return scaled(out[:n])
}

// scaled returns sound with its peak at speechPeak.
func scaled(x []float64) []int16 {
	peak := 0.0
	for _, v := range x {
		peak = max(peak, math.Abs(v))
	}
	pcm := make([]int16, len(x))
	for i, v := range x {
		pcm[i] = sample(v * speechPeak / max(peak, math.SmallestNonzeroFloat64))
	}
	return pcm
}

type speaker struct {
	rate   float64
	chance *rand.Rand // of the words: draws alike at every rate
	breath *rand.Rand
	pitch  float64 // in Hz
	tract  float64 // how much higher than a man's the formants are
	phase  float64 // of the pulse, 0 to 1
	mouth  [4]resonator
	throat [4]float64 // the formants just now
}

func newSpeaker(seed uint64, rate int) *speaker {
	s := &speaker{rate: float64(rate), chance: rand.New(rand.NewPCG(seed, 2)), breath: rand.New(rand.NewPCG(seed, 3))}
	s.pitch, s.tract = 90+40*s.chance.Float64(), 1
	if seed%2 == 1 {
		s.pitch, s.tract = 170+70*s.chance.Float64(), 1.17
	}
	s.throat = vowelTable[0]
	return s
}

func (s *speaker) pause(out []float64, seconds float64) []float64 {
	for range int(seconds * s.rate) {
		out = append(out, s.speak(0, 1e-4)) // a room is never silent
	}
	return out
}

// syllable is a consonant, a fricative most times, and a vowel that glides into another.
func (s *speaker) syllable(out []float64, height float64) []float64 {
	hiss, length := 0.05+0.08*s.chance.Float64(), 0.12+0.16*s.chance.Float64()
	centre, loud := 2000+3500*s.chance.Float64(), 0.1+0.25*s.chance.Float64()
	from, to := vowelTable[s.chance.IntN(len(vowelTable))], vowelTable[s.chance.IntN(len(vowelTable))]
	pitch := s.pitch * (0.85 + 0.3*height + 0.1*s.chance.Float64())

	var lips resonator
	lips.tune(min(centre, 0.45*s.rate), 900, s.rate)
	n := int(hiss * s.rate)
	for i := range n {
		x := lips.next(s.breath.NormFloat64()) * loud * math.Sin(math.Pi*float64(i)/float64(n))
		out = append(out, x+s.speak(0, 1e-4))
	}
	n = int(length * s.rate)
	for i := range n {
		t := float64(i) / float64(n)
		for f := range s.throat {
			aim := s.tract * (from[f] + (to[f]-from[f])*t)
			s.throat[f] += (aim - s.throat[f]) * min(1, 60/s.rate) // a tongue takes some 15 ms
		}
		s.phase += pitch * (1 - 0.12*t) * (1 + 0.01*s.breath.NormFloat64()) / s.rate
		s.phase -= math.Floor(s.phase)
		swell := math.Sqrt(math.Sin(math.Pi * t))
		out = append(out, s.speak(swell*glottis(s.phase), 0.01*swell))
	}
	return out
}

// glottis is the flow through the vocal folds, differentiated as lips do it (Rosenberg's pulse): open for 60 % of a period.
func glottis(phase float64) float64 {
	const opens, closed = 0.4, 0.6
	switch {
	case phase < opens:
		return math.Sin(math.Pi*phase/opens) / 2
	case phase < closed:
		return -math.Sin(math.Pi / 2 * (phase - opens) / (closed - opens))
	}
	return 0
}

// speak lets a source and some breath through the mouth.
func (s *speaker) speak(source, breath float64) float64 {
	x := source + breath*s.breath.NormFloat64()
	for f := range s.mouth {
		if s.throat[f] < 0.45*s.rate {
			s.mouth[f].tune(s.throat[f], formantWidthTable[f], s.rate)
			x = s.mouth[f].next(x)
		}
	}
	return x
}

// A resonator is a pole pair with gain 1 at 0 Hz (Klatt, 1980).
type resonator struct{ a, b, c, y1, y2 float64 }

func (r *resonator) tune(hz, width, rate float64) {
	radius := math.Exp(-math.Pi * width / rate)
	r.b, r.c = 2*radius*math.Cos(2*math.Pi*hz/rate), -radius*radius
	r.a = 1 - r.b - r.c
}

func (r *resonator) next(x float64) float64 {
	y := r.a*x + r.b*r.y1 + r.c*r.y2
	r.y1, r.y2 = y, r.y1
	return y
}
