package codec

import (
	"math/bits"

	"github.com/alexacall/alexacall/media"
)

const telephoneRate = 8000

// The laws of ITU-T G.711: samples by octet, and octets by the upper bits of a sample, which are all that a law hears.
var (
	muSampleTable = samplesOf(muSample)
	aSampleTable  = samplesOf(aSample)
	muOctetTable  = octetsOf(muBits, muOctet)
	aOctetTable   = octetsOf(aBits, aOctet)
)

const (
	muBits = 14
	aBits  = 12
)

func samplesOf(law func(octet uint8) int16) *[256]int16 {
	var t [256]int16
	for i := range t {
		t[i] = law(uint8(i))
	}
	return &t
}

// octetsOf tables a law that hears the upper bits of a sample, by these bits as they stand in it, the sign first.
func octetsOf(heard int, law func(x int) uint8) []uint8 {
	t := make([]uint8, 1<<heard)
	for i := range t {
		x := i
		if i >= len(t)/2 {
			x -= len(t)
		}
		t[i] = law(x)
	}
	return t
}

// muOctet compresses a sample of 14 bits: 8 segments of 16 steps, each step twice that of the segment before, from a bias that makes the
// segments begin at powers of two. The octet's bits are inverted.
func muOctet(x int) uint8 {
	const bias, most = 33, 8191
	octet := 0xFF
	if x < 0 {
		x, octet = ^x, 0x7F
	}
	x = min(x+bias, most)
	segment := bits.Len(uint(x)) - 6
	return uint8(octet ^ (segment<<4 | x>>(segment+1)&15))
}

func muSample(octet uint8) int16 {
	x := int(^octet)
	value := (x&15<<1+33)<<(x>>4&7) - 33
	if octet&0x80 == 0 {
		value = -value
	}
	return int16(value << (16 - muBits))
}

// aOctet compresses a sample of 12 bits: 16 steps of one for the first segment and for the second, of twice as much for each that
// follows. Every second bit of the octet is inverted.
func aOctet(x int) uint8 {
	const even = 0x55
	sign := 0x80
	if x < 0 {
		x, sign = ^x, 0
	}
	segment := max(bits.Len(uint(x))-4, 0)
	return uint8((sign | segment<<4 | x>>max(segment-1, 0)&15) ^ even)
}

func aSample(octet uint8) int16 {
	const even = 0x55
	x := int(octet ^ even)
	value, segment := x&15<<1+1, x>>4&7
	if segment > 0 {
		value = (value + 32) << (segment - 1)
	}
	if x&0x80 == 0 {
		value = -value
	}
	return int16(value << (15 - aBits))
}

// law is a decoder of G.711.
type law struct {
	samples *[256]int16
	gap     Concealer
}

func newMuDecoder(media.Codec, *Options) (Decoder, error) {
	return &law{samples: muSampleTable, gap: Concealer{Rate: telephoneRate}}, nil
}

func newADecoder(media.Codec, *Options) (Decoder, error) {
	return &law{samples: aSampleTable, gap: Concealer{Rate: telephoneRate}}, nil
}

func (*law) Rate() int { return telephoneRate }

func (d *law) Decode(pcm []int16, payload []byte) ([]int16, error) {
	at := len(pcm)
	for _, octet := range payload {
		pcm = append(pcm, d.samples[octet])
	}
	d.gap.Heard(pcm[at:])
	return pcm, nil
}

func (d *law) Conceal(pcm []int16, n int, _ []byte) []int16 { return d.gap.Append(pcm, n) }

type muEncoder struct{}

func newMuEncoder(media.Codec, *Options) (Encoder, error) { return muEncoder{}, nil }

func (muEncoder) Rate() int { return telephoneRate }

func (muEncoder) Encode(b []byte, pcm []int16) ([]byte, error) {
	for _, x := range pcm {
		b = append(b, muOctetTable[uint16(x)>>(16-muBits)])
	}
	return b, nil
}

type aEncoder struct{}

func newAEncoder(media.Codec, *Options) (Encoder, error) { return aEncoder{}, nil }

func (aEncoder) Rate() int { return telephoneRate }

func (aEncoder) Encode(b []byte, pcm []int16) ([]byte, error) {
	for _, x := range pcm {
		b = append(b, aOctetTable[uint16(x)>>(16-aBits)])
	}
	return b, nil
}
