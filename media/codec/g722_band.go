package codec

const (
	lowestLowStep  = 32
	lowestHighStep = 8
	highestLow     = 18432 // of the logarithm of a step
	highestHigh    = 22528
)

// A g722Band is what encoder and decoder know of one band: the size of a step, and an adaptive predictor of two poles and six zeros
// (G.722 sections 3.3 to 3.6 and 6.2). Sums and products are those of the document to the bit, with its limits.
type g722Band struct {
	guess int32 // what the next sample is going to be
	step  int32 // of the quantiser
	log   int32 // of the step
	zeros int32 // what the zeros have of the guess

	pole     [2]int32
	zero     [6]int32
	partial  [2]int32 // the latest samples without what the poles had of them, for their signs
	made     [2]int32 // the latest samples, doubled
	received [6]int32 // the latest differences, doubled
}

func newG722Band(step int32) g722Band { return g722Band{step: step} }

func limited15(x int32) int32 { return max(-1<<14, min(1<<14-1, x)) }
func limited16(x int32) int32 { return max(-1<<15, min(1<<15-1, x)) }

// takeLow takes a code of four bits of the lower band.
func (b *g722Band) takeLow(code int32) {
	d := b.step * g722Level4Table[code] >> 15
	b.log = max(0, min(highestLow, b.log*127>>7+g722LowLogTable[code]))
	b.step = g722LowStepTable[b.log>>6]
	b.predict(d)
}

// takeHigh takes a code of two bits of the upper band.
func (b *g722Band) takeHigh(code int32) {
	d := b.step * g722Level2Table[code] >> 15
	b.log = max(0, min(highestHigh, b.log*127>>7+g722HighLogTable[code&1]))
	b.step = g722HighStepTable[b.log>>6]
	b.predict(d)
}

// predict adapts the predictor to a difference, and guesses the next sample (block 4).
func (b *g722Band) predict(d int32) {
	b.adaptPoles(d)
	b.adaptZeros(d)

	made := limited16(b.guess + d)
	b.made[1], b.made[0] = b.made[0], limited16(2*made)
	poles := limited16(b.pole[0]*b.made[0]>>15 + b.pole[1]*b.made[1]>>15)
	b.guess = limited16(poles + b.zeros)
}

// signed is x, and -x where the sign of which is set: a branch would be taken by chance.
func signed(x, which int32) int32 {
	which >>= 31
	return x ^ which - which
}

// adaptPoles is PARREC, UPPOL2 and UPPOL1.
func (b *g722Band) adaptPoles(d int32) {
	p := limited16(b.zeros + d)
	off, further := p^b.partial[0], p^b.partial[1] // negative where the signs differ
	b.partial[1], b.partial[0] = b.partial[0], p

	first := min(signed(limited16(4*b.pole[0]), ^off), 1<<15-1)
	second := max(-12288, min(12288, first>>7+signed(128, further)+b.pole[1]*32512>>15))
	most := 15360 - second
	b.pole[0] = max(-most, min(most, signed(192, off)+b.pole[0]*32640>>15))
	b.pole[1] = second
}

// adaptZeros is UPZERO and FILTEZ. A zero's factor of 32640/32768 keeps it within 16 bits.
func (b *g722Band) adaptZeros(d int32) {
	nudge := int32(128)
	if d == 0 {
		nudge = 0
	}
	z, x := &b.zero, &b.received
	z[0] = signed(nudge, d^x[0]) + z[0]*32640>>15
	z[1] = signed(nudge, d^x[1]) + z[1]*32640>>15
	z[2] = signed(nudge, d^x[2]) + z[2]*32640>>15
	z[3] = signed(nudge, d^x[3]) + z[3]*32640>>15
	z[4] = signed(nudge, d^x[4]) + z[4]*32640>>15
	z[5] = signed(nudge, d^x[5]) + z[5]*32640>>15
	x[5], x[4], x[3], x[2], x[1], x[0] = x[4], x[3], x[2], x[1], x[0], limited16(2*d)

	s5 := z[5] * x[5] >> 15
	s4 := s5 + z[4]*x[4]>>15
	s3 := s4 + z[3]*x[3]>>15
	s2 := s3 + z[2]*x[2]>>15
	s1 := s2 + z[1]*x[1]>>15
	s0 := s1 + z[0]*x[0]>>15
	b.zeros = s0
	if beyond16(s4)|beyond16(s3)|beyond16(s2)|beyond16(s1)|beyond16(s0) != 0 {
		b.zeros = b.limitedZeros()
	}
}

// beyond16 is 0 for what 16 bits hold.
func beyond16(x int32) uint32 { return uint32(x+1<<15) >> 16 }

// limitedZeros is FILTEZ where a sum on the way to the last is more than 16 bits hold.
func (b *g722Band) limitedZeros() int32 {
	sum := int32(0)
	for i := len(b.zero) - 1; i >= 0; i-- {
		sum = limited16(sum + b.zero[i]*b.received[i]>>15)
	}
	return sum
}
