package codec

import "github.com/alexacall/alexacall/media"

const (
	leadNear = 4 // of the level of a band, as a power of two: -24 dB is by how much it may be off
	leadFade = 6 // likewise, by how much the level that is remembered falls in a sample: to a half in 5.5 ms
	leadLess = 8 // what is less than that is near in any case
)

// A g722Lead leads decoders that have heard one encoder over to the packets of another. It knows the state of both, and changes such codes of
// the second as would sound far from what they are meant to be, because steps and predictors differ. All the other codes bring the two states
// nearer to each other, until they are one: half of what steps differ by is forgotten in 11 ms. There is no delay, and as much sound as before.
type g722Lead struct {
	source    *g722Decoder // of what comes
	low, high g722Band     // of who hears it
	levelLow  int32
	levelHigh int32
}

// lead changes octets in place, and reports whether it need not any more.
func (l *g722Lead) lead(octets []byte) (done bool) {
	for i, octet := range octets {
		low, high := l.source.lower(octet), l.source.upper(octet)
		l.levelLow = max(low, -low, l.levelLow-l.levelLow>>leadFade)
		l.levelHigh = max(high, -high, l.levelHigh-l.levelHigh>>leadFade)

		code := octet & 63
		if off := limited15(l.low.guess+l.low.step*g722Level6Table[code]>>15) - low; max(off, -off) > l.levelLow>>leadNear+leadLess {
			code = l.low.codeLow(low)
		}
		l.low.predict(l.low.scaleLow(code >> 2))
		upper := octet >> 6
		if off := limited15(l.high.guess+l.high.step*g722Level2Table[upper]>>15) - high; max(off, -off) > l.levelHigh>>leadNear+leadLess {
			upper = l.high.codeHigh(high)
		}
		l.high.predict(l.high.scaleHigh(upper))
		octets[i] = upper<<6 | code
	}
	return l.low == l.source.low && l.high == l.source.high
}

// g722Transcoder is a transcoder to G.722.
type g722Transcoder struct {
	transcoder
	after *g722Lead // nil: the source does not send G.722 itself
}

var _ media.Leader = (*g722Transcoder)(nil)

// Lead implements media.Leader. The decoder of what comes begins anew, as its encoder is likely to do; of one that does not it makes too little
// at first, and nothing too loud.
func (t *g722Transcoder) Lead(payload []byte) (done bool) {
	if t.after == nil {
		e := t.to.(*g722Encoder) // whose upper band is as good as new where it makes none
		t.after = &g722Lead{source: newG722(g722Level6Table), low: e.low, high: e.high}
	}
	return t.after.lead(payload)
}
