package siptest

import (
	"math/bits"
	"strings"
)

// The codecs of the phone, by their registered names (RFC 3551 section 6).
const (
	codecPCMU = "PCMU"
	codecPCMA = "PCMA"
)

// sampleRate is the rate of everything the phone plays and hears, in Hz.
const sampleRate = 8000

// companding is one law of G.711: 16 bits to 8 and back.
type companding struct {
	name    string
	static  uint8 // its static payload type
	silence byte
	encode  func(int16) byte
	decode  func(byte) int16
}

// law returns the companding law called name, whose case does not matter.
func law(name string) (companding, bool) {
	switch strings.ToUpper(name) {
	case codecPCMU:
		return companding{name: codecPCMU, static: 0, silence: 0xFF, encode: encodeMu, decode: decodeMu}, true
	case codecPCMA:
		return companding{name: codecPCMA, static: 8, silence: 0xD5, encode: encodeA, decode: decodeA}, true
	}
	return companding{}, false
}

// muBias is added to a µ-law magnitude so that each segment starts at a power of two (ITU-T G.711 table 2a, scaled to 16 bits).
const muBias = 0x84

// muClip is the largest magnitude that µ-law can say, before the bias.
const muClip = 32635

// encodeMu returns the µ-law code of s.
func encodeMu(s int16) byte {
	v, sign := int(s), byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, muClip) + muBias
	segment := bits.Len(uint(v)) - 8
	return ^(sign | byte(segment<<4) | byte(v>>(segment+3))&0x0F)
}

// decodeMu returns the sample of the µ-law code b.
func decodeMu(b byte) int16 {
	b = ^b
	v := (int(b&0x0F)<<3+muBias)<<(b>>4&7) - muBias
	if b&0x80 != 0 {
		v = -v
	}
	return int16(v)
}

// encodeA returns the A-law code of s. A-law works on 13 bits: the last three of s are lost.
func encodeA(s int16) byte {
	v, sign := int(s)>>3, byte(0x80)
	if v < 0 {
		// One's complement, so that -1 takes the place next to zero that +0 has on the other side.
		v, sign = ^v, 0
	}
	code := byte(v >> 1)
	if segment := bits.Len(uint(v)) - 5; segment > 0 {
		code = byte(segment<<4) | byte(v>>segment)&0x0F
	}
	return (sign | code) ^ 0x55
}

// decodeA returns the sample of the A-law code b: the middle of the interval that b stands for.
func decodeA(b byte) int16 {
	b ^= 0x55
	v, segment := int(b&0x0F)<<4+8, b>>4&7
	if segment > 0 {
		v = (v + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		v = -v
	}
	return int16(v)
}
