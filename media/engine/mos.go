package engine

import (
	"math"
	"strings"
	"time"

	"github.com/alexacall/alexacall/media"
)

// opinion is the mean opinion score of a connection by the E-model (ITU-T G.107) with its default values: loss is a share from 0 to 1,
// delay that from mouth to ear.
func opinion(c media.Codec, loss float64, delay time.Duration) float64 {
	const clean = 93.2 // the transmission rating of all default values
	ie, robust := impairment(c)
	percent := 100 * min(max(loss, 0), 1)
	r := clean - late(delay) - (ie + (95-ie)*percent/(percent+robust)) // annex B of G.107; losses at random
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}

// late is the impairment by a delay without echo (G.107 section 3.5, Idd).
func late(delay time.Duration) float64 {
	x := math.Log2(delay.Seconds() / 0.1)
	if !(x > 0) {
		return 0
	}
	six := func(x float64) float64 { return math.Pow(1+math.Pow(x, 6), 1.0/6) }
	return 25 * (six(x) - 3*six(x/3) + 2)
}

// impairmentTable is of ITU-T G.113 appendix I.
var impairmentTable = [...]struct {
	name       string
	ie, robust float64 // equipment impairment factor and robustness against loss
}{
	{"G729", 11, 19},
	{"G723", 15, 16.1},
}

// impairment returns what a codec takes away. Those that G.113 does not know count as G.711 whose losses are concealed, as every
// device conceals them.
func impairment(c media.Codec) (ie, robust float64) {
	for _, row := range impairmentTable {
		if strings.EqualFold(row.name, c.Name) {
			return row.ie, row.robust
		}
	}
	return 0, 25.1
}

// mouthToEar estimates a delay: half of the round trip, twice the jitter for the buffer that takes it up, and the packet itself.
func mouthToEar(trip, jitter time.Duration) time.Duration {
	return trip/2 + 2*jitter + 20*time.Millisecond
}

// judge puts the opinions into statistics of sound.
func (s *stream) judge(all *media.Stats) {
	if s.kind != media.Audio {
		return
	}
	c, in, out := s.Codec(), &all.In, &all.Out
	if in.Packets > 0 {
		in.MOS = opinion(c, float64(in.Lost)/float64(in.Lost+in.Packets), mouthToEar(out.RoundTrip, in.Jitter))
	}
	if told := s.out.reported(); told > 0 {
		out.MOS = opinion(c, float64(out.RemoteLost)/float64(told), mouthToEar(out.RoundTrip, out.RemoteJitter))
	}
}
