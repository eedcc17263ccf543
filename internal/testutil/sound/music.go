package sound

import (
	"math"
	"math/rand/v2"
	"time"
)

// Music returns what sounds like a band: a plucked melody of equal temperament over chords, a bass, and a drum, on a beat. A seed has its
// own tempo, key and tune. The peak is 6 dB below full scale.
func Music(seed uint64, rate int, d time.Duration) []int16 {
	chance := rand.New(rand.NewPCG(seed, 4))
	out := make([]float64, length(rate, d))
	beat := float64(rate) * 60 / (90 + 60*chance.Float64()) / 2 // half a quarter
	key := 45 + chance.IntN(12)
	scale := [...]int{0, 2, 4, 5, 7, 9, 11}
	chords := [...]int{0, 5, 3, 4}
	for i := 0; ; i++ {
		from := int(float64(i) * beat)
		if from >= len(out) {
			return scaled(out)
		}
		root := chords[i/8%len(chords)]
		degree := func(step int) int { return key + 12*(step/len(scale)) + scale[step%len(scale)] }
		if i%8 == 0 {
			for _, third := range []int{0, 2, 4} {
				pluck(out[from:], rate, degree(root+third), 0.3, 1.5)
			}
		}
		if i%4 == 0 {
			pluck(out[from:], rate, degree(root)-12, 0.6, 0.8)
		}
		if chance.IntN(3) > 0 {
			pluck(out[from:], rate, degree(root+2*chance.IntN(4))+12, 0.5, 0.4)
		}
		if i%4 == 2 {
			drum(out[from:], rate, chance)
		}
	}
}

// pluck adds a string: eight partials, the higher the softer and the shorter.
func pluck(out []float64, rate, note int, loud, seconds float64) {
	hz := 440 * math.Exp2(float64(note-69)/12)
	for partial := 1.0; partial <= 8 && partial*hz < 0.45*float64(rate); partial++ {
		w := 2 * math.Pi * partial * hz / float64(rate)
		decay := math.Exp(-3 * partial / (seconds * float64(rate)))
		b, c := 2*decay*math.Cos(w), -decay*decay
		y1, y2 := 0.0, -loud/partial*math.Sin(w)/decay // of a sine that begins at 0
		for i := range out[:min(len(out), int(2*seconds*float64(rate)/partial))] {
			y := b*y1 + c*y2
			out[i] += y
			y1, y2 = y, y1
		}
	}
}

func drum(out []float64, rate int, chance *rand.Rand) {
	n := rate / 10
	for i := range out[:min(len(out), n)] {
		out[i] += 0.3 * chance.NormFloat64() * math.Exp(-6*float64(i)/float64(n))
	}
}
