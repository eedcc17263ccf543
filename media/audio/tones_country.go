package audio

import (
	"strings"
	"time"
)

// country is how a country's network sounds. What is nil there is as ITU-T E.180 recommends; congestion then sounds as busy does, where a
// country tells no difference.
type country struct{ dial, ring, busy, congestion []Tone }

// recommended is what sounds where a country is not known (ITU-T E.180 sections 4 to 6).
func recommended() country {
	return country{dial: steady(425), ring: beat(425, 1000, 4000), busy: beat(425, 500, 500), congestion: beat(425, 250, 250)}
}

// steady is a tone without a cadence, of one sine or of two.
func steady(hz ...float64) []Tone {
	var t Tone
	copy(t.Hz[:], hz)
	return []Tone{t}
}

// beat is a tone that is on and off by turns, in milliseconds.
func beat(hz float64, cadence ...int) []Tone { return pair(hz, 0, cadence...) }

// pair is beat of two sines.
func pair(low, high float64, cadence ...int) []Tone {
	var all []Tone
	for i, ms := range cadence {
		t := Tone{For: time.Duration(ms) * time.Millisecond}
		if i%2 == 0 {
			t.Hz = [2]float64{low, high}
		}
		all = append(all, t)
	}
	return all
}

// trembling is beat of a sine that another modulates.
func trembling(hz, by float64, cadence ...int) []Tone {
	all := beat(hz, cadence...)
	for i := 0; i < len(all); i += 2 {
		all[i].By = by
	}
	return all
}

// quieter makes every second tone quieter, by dB.
func quieter(db float64, all []Tone) []Tone {
	for i := 2; i < len(all); i += 4 {
		all[i].Quiet = db
	}
	return all
}

// countryTable holds what is heard by country (ITU-T E.180 supplement 2), in its ISO 3166-1 code.
var countryTable = map[string]country{
	"at": {dial: steady(420), ring: beat(420, 1000, 5000), busy: beat(420, 400, 400), congestion: beat(420, 200, 200)},
	"au": {
		dial: steady(413, 438), ring: pair(413, 438, 400, 200, 400, 2000), busy: beat(425, 375, 375),
		congestion: quieter(10, beat(425, 375, 375, 375, 375)),
	},
	"be": {ring: beat(425, 1000, 3000), busy: beat(425, 500, 500), congestion: beat(425, 167, 167)},
	"bg": {ring: beat(425, 1000, 4000), busy: beat(425, 500, 500), congestion: beat(425, 250, 250)},
	"br": {ring: beat(425, 1000, 4000), busy: beat(425, 250, 250)},
	"ca": northAmerica(),
	"ch": {ring: beat(425, 1000, 4000), busy: beat(425, 500, 500), congestion: beat(425, 200, 200)},
	"cn": {dial: steady(450), ring: beat(450, 1000, 4000), busy: beat(450, 350, 350), congestion: beat(450, 700, 700)},
	"cz": {
		dial: beat(425, 330, 330, 660, 660), ring: beat(425, 1000, 4000), busy: beat(425, 330, 330), congestion: beat(425, 165, 165),
	},
	"de": {ring: beat(425, 1000, 4000), busy: beat(425, 480, 480), congestion: beat(425, 240, 240)},
	"dk": {ring: beat(425, 1000, 4000), busy: beat(425, 500, 500), congestion: beat(425, 200, 200)},
	"ee": {ring: beat(425, 1000, 4000), busy: beat(425, 300, 300), congestion: beat(425, 200, 200)},
	"es": {ring: beat(425, 1500, 3000), busy: beat(425, 200, 200), congestion: beat(425, 200, 200, 200, 200, 200, 600)},
	"fi": {ring: beat(425, 1000, 4000), busy: beat(425, 300, 300), congestion: beat(425, 200, 200)},
	"fr": {dial: steady(440), ring: beat(440, 1500, 3500), busy: beat(440, 500, 500)},
	"gb": {
		dial: steady(350, 440), ring: pair(400, 450, 400, 200, 400, 2000), busy: beat(400, 375, 375),
		congestion: beat(400, 400, 350, 225, 525),
	},
	"gr": {
		dial: beat(425, 200, 300, 700, 800), ring: beat(425, 1000, 4000), busy: beat(425, 300, 300), congestion: beat(425, 200, 200),
	},
	"hu": {ring: beat(425, 1250, 3750), busy: beat(425, 300, 300)},
	"ie": {ring: pair(400, 450, 400, 200, 400, 2000), busy: beat(425, 500, 500)},
	"il": {dial: steady(414), ring: beat(414, 1000, 3000), busy: beat(414, 500, 500), congestion: beat(414, 250, 250)},
	"in": {
		dial: trembling(400, 25, 0), ring: trembling(400, 25, 400, 200, 400, 2000), busy: beat(400, 750, 750),
		congestion: beat(400, 250, 250),
	},
	"it": {
		dial: beat(425, 200, 200, 600, 1000), ring: beat(425, 1000, 4000), busy: beat(425, 500, 500), congestion: beat(425, 200, 200),
	},
	"jp": {dial: steady(400), ring: trembling(400, 16, 1000, 2000), busy: beat(400, 500, 500)},
	"lt": {ring: beat(425, 1000, 4000), busy: beat(425, 350, 350), congestion: beat(425, 200, 200)},
	"mx": {ring: beat(425, 1000, 4000), busy: beat(425, 250, 250)},
	"nl": {ring: beat(425, 1000, 4000), busy: beat(425, 500, 500), congestion: beat(425, 250, 250)},
	"no": {ring: beat(425, 1000, 4000), busy: beat(425, 500, 500), congestion: beat(425, 200, 200)},
	"nz": {
		dial: steady(400), ring: pair(400, 450, 400, 200, 400, 2000), busy: beat(400, 500, 500), congestion: beat(400, 250, 250),
	},
	"pl": {ring: beat(425, 1000, 4000), busy: beat(425, 500, 500)},
	"pt": {ring: beat(425, 1000, 5000), busy: beat(425, 500, 500), congestion: beat(425, 200, 200)},
	"ru": {ring: beat(425, 1000, 4000), busy: beat(425, 350, 350), congestion: beat(425, 175, 175)},
	"se": {ring: beat(425, 1000, 5000), busy: beat(425, 250, 250), congestion: beat(425, 250, 750)},
	"sg": {ring: trembling(425, 24, 400, 200, 400, 2000), busy: beat(425, 750, 750), congestion: beat(425, 250, 250)},
	"us": northAmerica(),
}

func northAmerica() country {
	return country{
		dial: steady(350, 440), ring: pair(440, 480, 2000, 4000), busy: pair(480, 620, 500, 500), congestion: pair(480, 620, 250, 250),
	}
}

func lookUp(code string) country {
	c, ok := countryTable[strings.ToLower(code)]
	if !ok {
		return recommended()
	}
	if c.dial == nil {
		c.dial = recommended().dial
	}
	if c.congestion == nil {
		c.congestion = c.busy
	}
	return c
}

// DialTone returns what a country's network sounds when a handset is lifted. The country is an ISO 3166-1 code of two letters, such as
// "de", in capitals or not; one that is not known sounds as ITU-T E.180 recommends. Known are at, au, be, bg, br, ca, ch, cn, cz, de, dk, ee,
// es, fi, fr, gb, gr, hu, ie, il, in, it, jp, lt, mx, nl, no, nz, pl, pt, ru, se, sg and us.
func DialTone(country string, o *TonesOptions) *Tones { return NewTones(lookUp(country).dial, o) }

// Ringback returns what a caller hears in a country while the other side rings. For the country see DialTone.
func Ringback(country string, o *TonesOptions) *Tones { return NewTones(lookUp(country).ring, o) }

// Busy returns what a caller hears in a country when the other side is busy. For the country see DialTone.
func Busy(country string, o *TonesOptions) *Tones { return NewTones(lookUp(country).busy, o) }

// Congestion returns what a caller hears in a country when the network cannot serve the call, which in some is Busy. For the country see
// DialTone.
func Congestion(country string, o *TonesOptions) *Tones {
	return NewTones(lookUp(country).congestion, o)
}

// SpecialInformation returns the three rising tones that announce that something is said of a call, in every country (ITU-T E.180
// section 7).
func SpecialInformation(o *TonesOptions) *Tones {
	const each = 330 * time.Millisecond
	return NewTones([]Tone{{Hz: [2]float64{950}, For: each}, {Hz: [2]float64{1400}, For: each}, {Hz: [2]float64{1800}, For: each}, {For: time.Second}}, o)
}
