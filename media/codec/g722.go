package codec

import (
	"slices"

	"github.com/alexacall/alexacall/media"
)

// g722Rate is that of the samples; of RTP's clock G.722 has half (RFC 3551 section 4.5.2).
const g722Rate = 16000

func isG722(c media.Codec) bool { return c.ClockRate == g722Rate/2 && c.Channels <= 1 }

// A g722Decoder is the decoder of ITU-T G.722: an octet, two bits of the upper band and six of the lower, makes two samples.
type g722Decoder struct {
	levels    *[64]int32 // of the lower band's codes
	low, high g722Band
	mirror    g722Mirror
	gap       Concealer
}

func newG722Decoder(media.Codec, *Options) (Decoder, error) { return newG722(g722Level6Table), nil }

func newG722(levels *[64]int32) *g722Decoder {
	return &g722Decoder{
		levels: levels, low: newG722Band(lowestLowStep), high: newG722Band(lowestHighStep), gap: Concealer{Rate: g722Rate},
	}
}

func (*g722Decoder) Rate() int { return g722Rate }

func (d *g722Decoder) Decode(pcm []int16, payload []byte) ([]int16, error) {
	at := len(pcm)
	pcm = slices.Grow(pcm, 2*len(payload))[:at+2*len(payload)]
	out := pcm[at:]
	for _, octet := range payload {
		out[0], out[1] = d.mirror.join(d.lower(octet), d.upper(octet))
		out = out[2:]
	}
	d.gap.Heard(pcm[at:])
	return pcm, nil
}

// lower decodes the lower band's sample of an octet (section 4.1).
func (d *g722Decoder) lower(octet byte) int32 {
	b := &d.low
	x := limited15(b.guess + b.step*d.levels[octet&63]>>15)
	b.predict(b.scaleLow(octet & 63 >> 2))
	return x
}

// upper decodes that of the upper band (section 4.2).
func (d *g722Decoder) upper(octet byte) int32 {
	b := &d.high
	x := limited15(b.guess + b.step*g722Level2Table[octet>>6]>>15)
	b.predict(b.scaleHigh(octet >> 6))
	return x
}

func (d *g722Decoder) Conceal(pcm []int16, n int, _ []byte) []int16 { return d.gap.Append(pcm, n) }

// A g722Encoder takes samples of 16000 Hz or, where nothing is above 4000 Hz, of 8000 Hz: these are a lower band by themselves.
type g722Encoder struct {
	rate      int
	low, high g722Band
	mirror    g722Mirror
}

func newG722Encoder(_ media.Codec, o *Options) (Encoder, error) {
	e := &g722Encoder{rate: g722Rate, low: newG722Band(lowestLowStep), high: newG722Band(lowestHighStep)}
	if o.Rate == telephoneRate {
		e.rate = telephoneRate
	}
	return e, nil
}

func (e *g722Encoder) Rate() int { return e.rate }

// quiet is the code of an upper band in which nothing is heard: its step becomes the least and its samples 0.
const quiet = 3 << 6

// Encode takes samples of 16000 Hz in pairs: of an odd number it is an error.
func (e *g722Encoder) Encode(b []byte, pcm []int16) ([]byte, error) {
	if e.rate == telephoneRate {
		for _, x := range pcm {
			b = append(b, quiet|e.lower(int32(x)>>1))
		}
		return b, nil
	}
	if len(pcm)%2 != 0 {
		return b, &Error{media.G722(), ErrPayload}
	}
	for ; len(pcm) >= 2; pcm = pcm[2:] {
		low, high := e.mirror.split(pcm[0], pcm[1])
		b = append(b, e.upper(high)|e.lower(low))
	}
	return b, nil
}

// lower encodes a sample of the lower band (section 3.1).
func (e *g722Encoder) lower(x int32) byte {
	code := e.low.codeLow(x)
	e.low.predict(e.low.scaleLow(code >> 2))
	return code
}

// upper encodes one of the upper band (section 3.2).
func (e *g722Encoder) upper(x int32) byte {
	code := e.high.codeHigh(x)
	e.high.predict(e.high.scaleHigh(code))
	return code << 6
}

// codeLow returns the code of six bits that comes nearest to a sample of the lower band.
func (b *g722Band) codeLow(x int32) byte {
	off := limited16(x - b.guess)
	size := off ^ off>>31 // of a negative one, one less
	level := min(uint32(size+1)<<12-1, g722Loudest*uint32(b.step)) / uint32(b.step)
	return g722LowCodeTable[uint32(off)>>31][level]
}

// codeHigh returns the code of two bits that comes nearest to a sample of the upper band.
func (b *g722Band) codeHigh(x int32) byte {
	off := limited16(x - b.guess)
	size := off ^ off>>31
	loud := (564*b.step>>12 - 1 - size) >> 31 // -1 where it is
	return byte(3+loud+off>>31*2) & 3
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
