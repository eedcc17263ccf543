package codec

import (
	"github.com/alexacall/alexacall/media"
)

// g722Rate is that of the samples; of RTP's clock G.722 has half (RFC 3551 section 4.5.2).
const g722Rate = 16000

func isG722(c media.Codec) bool { return c.ClockRate == g722Rate/2 && c.Channels <= 1 }

// A g722Decoder is the decoder of ITU-T G.722: an octet, two bits of the upper band and six of the lower, makes two samples.
type g722Decoder struct {
	low, high g722Band
	mirror    g722Mirror
	robbed    int // how many of the low bits are none of the sound: 0 at 64 kbit/s, 1 at 56, 2 at 48 (section 1.4.1)
	gap       Concealer
}

func newG722Decoder(media.Codec, *Options) (Decoder, error) { return newG722(0), nil }

func newG722(robbed int) *g722Decoder {
	return &g722Decoder{
		low: newG722Band(lowestLowStep), high: newG722Band(lowestHighStep),
		robbed: robbed, gap: Concealer{Rate: g722Rate},
	}
}

func (*g722Decoder) Rate() int { return g722Rate }

func (d *g722Decoder) Decode(pcm []int16, payload []byte) ([]int16, error) {
	at := len(pcm)
	for _, octet := range payload {
		low, high := d.bands(octet)
		first, second := d.mirror.join(low, high)
		pcm = append(pcm, first, second)
	}
	d.gap.Heard(pcm[at:])
	return pcm, nil
}

// bands decodes an octet to a sample of each band (sections 4.1 and 4.2).
func (d *g722Decoder) bands(octet byte) (low, high int32) {
	code := int32(octet) & 63 >> d.robbed
	var level int32
	switch d.robbed {
	case 0:
		level = g722Level6Table[code]
	case 1:
		level = g722Level5Table[code]
	default:
		level = g722Level4Table[code]
	}
	low = limited15(d.low.guess + d.low.step*level>>15)
	d.low.takeLow(int32(octet) & 63 >> 2)
	high = limited15(d.high.guess + d.high.step*g722Level2Table[octet>>6]>>15)
	d.high.takeHigh(int32(octet >> 6))
	return low, high
}

func (d *g722Decoder) Conceal(pcm []int16, n int, _ []byte) []int16 { return d.gap.Append(pcm, n) }

type g722Encoder struct {
	low, high g722Band
	mirror    g722Mirror
}

func newG722Encoder(media.Codec, *Options) (Encoder, error) {
	return &g722Encoder{low: newG722Band(lowestLowStep), high: newG722Band(lowestHighStep)}, nil
}

func (*g722Encoder) Rate() int { return g722Rate }

// Encode takes samples in pairs: of an odd number it is an error.
func (e *g722Encoder) Encode(b []byte, pcm []int16) ([]byte, error) {
	if len(pcm)%2 != 0 {
		return b, &Error{media.G722(), ErrPayload}
	}
	for ; len(pcm) >= 2; pcm = pcm[2:] {
		low, high := e.mirror.split(pcm[0], pcm[1])
		b = append(b, e.octet(low, high))
	}
	return b, nil
}

// octet encodes a sample of each band (sections 3.1 and 3.2).
func (e *g722Encoder) octet(low, high int32) byte {
	off := limited16(low - e.low.guess)
	size := off ^ off>>31 // of a negative one, one less
	step := e.low.step
	level := min((size+1)<<12-1, g722Loudest*step) / step
	code := int32(g722LowCodeTable[uint32(off)>>31][level])
	e.low.takeLow(code >> 2)

	off = limited16(high - e.high.guess)
	size = off ^ off>>31
	loud := (564*e.high.step>>12 - 1 - size) >> 31 // -1 where it is
	upper := 3 + loud + off>>31*2
	e.high.takeHigh(upper)
	return byte(upper<<6 | code)
}

// A g722Mirror is the filter that splits sound into two bands, and joins them again: 24 taps, which are the same from both ends (table 4).
type g722Mirror struct {
	recent [48]int32 // the latest 24 samples, twice, so that they always stand in a row somewhere
	at     int
}

// filter takes two samples, and returns the sums of the even taps and of the odd ones.
func (m *g722Mirror) filter(first, second int32) (even, odd int32) {
	i := m.at
	m.recent[i], m.recent[i+1], m.recent[i+24], m.recent[i+25] = first, second, first, second
	if i += 2; i == 24 {
		i = 0
	}
	m.at = i
	x := (*[24]int32)(m.recent[i:])
	even = 3*x[0] - 11*x[2] + 12*x[4] + 32*x[6] - 210*x[8] + 951*x[10] +
		3876*x[12] - 805*x[14] + 362*x[16] - 156*x[18] + 53*x[20] - 11*x[22]
	odd = 3*x[23] - 11*x[21] + 12*x[19] + 32*x[17] - 210*x[15] + 951*x[13] +
		3876*x[11] - 805*x[9] + 362*x[7] - 156*x[5] + 53*x[3] - 11*x[1]
	return even, odd
}

// split is section 3.1, first half.
func (m *g722Mirror) split(first, second int16) (low, high int32) {
	even, odd := m.filter(int32(first), int32(second))
	return limited15((odd + even) >> 14), limited15((odd - even) >> 14)
}

// join is section 4.4.
func (m *g722Mirror) join(low, high int32) (first, second int16) {
	even, odd := m.filter(low+high, low-high)
	return int16(limited16(odd >> 11)), int16(limited16(even >> 11))
}
