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

// limited16 branches, for next to nothing is beyond its limits, and what follows need not await it so.
func limited16(x int32) int32 {
	if x != int32(int16(x)) {
		return x>>31 ^ (1<<15 - 1)
	}
	return x
}

// scaleLow takes a code of four bits of the lower band: it returns the difference that it stands for, and adapts the step.
func (b *g722Band) scaleLow(code byte) int32 {
	d := b.step * g722Level4Table[code&15] >> 15
	b.log = max(0, min(highestLow, b.log*127>>7+g722LowLogTable[code&15]))
	b.step = g722LowStepTable[b.log>>6]
	return d
}

// scaleHigh takes a code of two bits of the upper band, likewise.
func (b *g722Band) scaleHigh(code byte) int32 {
	d := b.step * g722Level2Table[code&3] >> 15
	b.log = max(0, min(highestHigh, b.log*127>>7+g722HighLogTable[code&1]))
	b.step = g722HighStepTable[b.log>>6]
	return d
}

// signed is x, and -x where the sign of which is set: a branch would be taken by chance.
func signed(x, which int32) int32 {
	which >>= 31
	return x ^ which - which
}

// predict adapts the predictor to a difference, and guesses the next sample (block 4). It is one function, for it is called 16,000 times a second.
func (b *g722Band) predict(d int32) {
	// PARREC, UPPOL2 and UPPOL1.
	p := b.zeros + d                               // within 17 bits: its sign is all that counts
	off, further := p^b.partial[0], p^b.partial[1] // negative where the signs differ
	b.partial[1], b.partial[0] = b.partial[0], p
	first := min(255, signed(max(-1<<13, min(1<<13, b.pole[0])), ^off)>>5)
	second := max(-12288, min(12288, first+signed(128, further)+b.pole[1]*32512>>15))
	most := 15360 - second
	pole := max(-most, min(most, signed(192, off)+b.pole[0]*32640>>15))
	b.pole[0], b.pole[1] = pole, second

	// RECONS and FILTEP.
	made, before := limited16(2*(b.guess+d)), b.made[0]
	b.made[0], b.made[1] = made, before
	poles := limited16(pole*made>>15 + second*before>>15)

	// UPZERO. A zero's factor of 32640/32768 keeps it within 16 bits.
	nudge := int32(128)
	if d == 0 {
		nudge = 0
	}
	z, x := &b.zero, &b.received
	z0 := signed(nudge, d^x[0]) + z[0]*32640>>15
	z1 := signed(nudge, d^x[1]) + z[1]*32640>>15
	z2 := signed(nudge, d^x[2]) + z[2]*32640>>15
	z3 := signed(nudge, d^x[3]) + z[3]*32640>>15
	z4 := signed(nudge, d^x[4]) + z[4]*32640>>15
	z5 := signed(nudge, d^x[5]) + z[5]*32640>>15
	z[0], z[1], z[2], z[3], z[4], z[5] = z0, z1, z2, z3, z4, z5
	x[5], x[4], x[3], x[2], x[1], x[0] = x[4], x[3], x[2], x[1], x[0], limited16(2*d)

	// FILTEZ and PREDIC.
	s5 := z5 * x[5] >> 15
	s4 := s5 + z4*x[4]>>15
	s3 := s4 + z3*x[3]>>15
	s2 := s3 + z2*x[2]>>15
	s1 := s2 + z1*x[1]>>15
	s0 := s1 + z0*x[0]>>15
	const half = 1 << 15
	if uint32((s4+half)|(s3+half)|(s2+half)|(s1+half)|(s0+half))>>16 != 0 { // one is more than 16 bits hold
		s0 = b.limitedZeros()
	}
	b.zeros, b.guess = s0, limited16(poles+s0)
}

// limitedZeros is FILTEZ where a sum on the way to the last is more than 16 bits hold.
func (b *g722Band) limitedZeros() int32 {
	sum := int32(0)
	for i := len(b.zero) - 1; i >= 0; i-- {
		sum = limited16(sum + b.zero[i]*b.received[i]>>15)
	}
	return sum
}
