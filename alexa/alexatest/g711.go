package alexatest

// G.711 as ITU-T's reference software (G.191) computes it, bit for bit.

func encodeULaw(s int16) byte {
	abs := int32(s)
	if s < 0 {
		abs = ^abs
	}
	abs = min(abs>>2+33, 0x1fff)
	segment := int32(1)
	for i := abs >> 6; i != 0; i >>= 1 {
		segment++
	}
	b := byte(0x08-segment)<<4 | byte(0x0f-abs>>segment&0x0f)
	if s >= 0 {
		b |= 0x80
	}
	return b
}

func decodeULaw(b byte) int16 {
	mantissa := ^b
	exponent := int32(mantissa>>4) & 0x07
	step := int32(4) << (exponent + 1)
	v := int32(0x80)<<exponent + step*int32(mantissa&0x0f) + step/2 - 4*33
	if b < 0x80 {
		v = -v
	}
	return int16(v)
}

func encodeALaw(s int16) byte {
	x := int32(s)
	if s < 0 {
		x = ^x
	}
	x >>= 4
	if x > 15 {
		exponent := int32(1)
		for x > 16+15 {
			x >>= 1
			exponent++
		}
		x = x - 16 + exponent<<4
	}
	if s >= 0 {
		x |= 0x80
	}
	return byte(x) ^ 0x55
}

func decodeALaw(b byte) int16 {
	x := b ^ 0x55
	exponent := int32(x>>4) & 0x07
	v := int32(x & 0x0f)
	if exponent > 0 {
		v += 16
	}
	v = v<<4 + 8
	if exponent > 1 {
		v <<= exponent - 1
	}
	if b < 0x80 {
		v = -v
	}
	return int16(v)
}
