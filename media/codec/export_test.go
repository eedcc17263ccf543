package codec

// Rates are all that a Resampler knows.
var Rates = rateTable

// LargestGain is by how much a Resampler can make a sample larger, for the sound that it makes loudest.
func LargestGain(from, to int) float64 {
	most := int32(0)
	for _, r := range bankTable[[2]int{from, to}]().rows {
		sum := int32(0)
		for _, tap := range r.taps {
			sum += max(int32(tap), -int32(tap))
		}
		most = max(most, sum)
	}
	return float64(most) / (1 << tapBits)
}

// NewG722Decoder returns a decoder of a bit rate in kbit/s: RTP has 64 alone.
func NewG722Decoder(rate int) Decoder {
	levels := g722Level6Table
	switch rate {
	case 56:
		levels = repeated(g722Level5Table[:])
	case 48:
		levels = repeated(g722Level4Table[:])
	}
	return newG722(levels)
}

// repeated are the levels of codes some of whose low bits are none of the sound (section 1.4.1).
func repeated(levels []int32) *[64]int32 {
	var t [64]int32
	for i := range t {
		t[i] = levels[i*len(levels)/len(t)]
	}
	return &t
}

// NewG722Predictor returns the predictor of a band of G.722: it takes differences and returns guesses.
func NewG722Predictor() func(d int) int {
	b := newG722Band(lowestLowStep)
	return func(d int) int {
		b.predict(int32(d))
		return int(b.guess)
	}
}
