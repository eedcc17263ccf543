package audio_test

import (
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
)

// tonesCase is what is heard in a country, in the notation of ITU-T E.180 supplement 2: sines in Hz and "x" for modulation, then seconds
// on and off by turns; none is for ever.
type tonesCase struct{ country, ring, busy, congestion string }

func tonesCases() []tonesCase {
	const (
		ring5  = "425 1.0 4.0"
		busy5  = "425 0.5 0.5"
		quick  = "425 0.25 0.25"
		quick2 = "425 0.2 0.2"
	)
	return []tonesCase{
		{"us", "440+480 2.0 4.0", "480+620 0.5 0.5", "480+620 0.25 0.25"},
		{"ca", "440+480 2.0 4.0", "480+620 0.5 0.5", "480+620 0.25 0.25"},
		{"gb", "400+450 0.4 0.2 0.4 2.0", "400 0.375 0.375", "400 0.4 0.35 0.225 0.525"},
		{"ie", "400+450 0.4 0.2 0.4 2.0", busy5, busy5},
		{"nz", "400+450 0.4 0.2 0.4 2.0", "400 0.5 0.5", "400 0.25 0.25"},
		{"au", "413+438 0.4 0.2 0.4 2.0", "425 0.375 0.375", "425 0.375 0.375 0.375 0.375"},
		{"in", "400x25 0.4 0.2 0.4 2.0", "400 0.75 0.75", "400 0.25 0.25"},
		{"sg", "425x24 0.4 0.2 0.4 2.0", "425 0.75 0.75", quick},
		{"jp", "400x16 1.0 2.0", "400 0.5 0.5", "400 0.5 0.5"},
		{"cn", "450 1.0 4.0", "450 0.35 0.35", "450 0.7 0.7"},
		{"il", "414 1.0 3.0", "414 0.5 0.5", "414 0.25 0.25"},
		{"fr", "440 1.5 3.5", "440 0.5 0.5", "440 0.5 0.5"},
		{"es", "425 1.5 3.0", quick2, "425 0.2 0.2 0.2 0.2 0.2 0.6"},
		{"de", ring5, "425 0.48 0.48", "425 0.24 0.24"},
		{"at", "420 1.0 5.0", "420 0.4 0.4", "420 0.2 0.2"},
		{"ch", ring5, busy5, quick2},
		{"it", ring5, busy5, quick2},
		{"nl", ring5, busy5, quick},
		{"be", "425 1.0 3.0", busy5, "425 0.167 0.167"},
		{"pt", "425 1.0 5.0", busy5, quick2},
		{"se", "425 1.0 5.0", quick, "425 0.25 0.75"},
		{"no", ring5, busy5, quick2},
		{"dk", ring5, busy5, quick2},
		{"fi", ring5, "425 0.3 0.3", quick2},
		{"ee", ring5, "425 0.3 0.3", quick2},
		{"gr", ring5, "425 0.3 0.3", quick2},
		{"lt", ring5, "425 0.35 0.35", quick2},
		{"pl", ring5, busy5, busy5},
		{"cz", ring5, "425 0.33 0.33", "425 0.165 0.165"},
		{"hu", "425 1.25 3.75", "425 0.3 0.3", "425 0.3 0.3"},
		{"bg", ring5, busy5, quick},
		{"ru", ring5, "425 0.35 0.35", "425 0.175 0.175"},
		{"br", ring5, quick, quick},
		{"mx", ring5, quick, quick},
		{"DE", ring5, "425 0.48 0.48", "425 0.24 0.24"},
		{"zz", ring5, busy5, quick},
		{"", ring5, busy5, quick},
	}
}

// hear reads a while of a source, in pieces of all sizes.
func hear(t *testing.T, s interface {
	Rate() int
	Read(pcm []int16) (int, error)
}, d time.Duration,
) []int16 {
	t.Helper()
	pcm := make([]int16, int(d*time.Duration(s.Rate())/time.Second))
	for at, piece := 0, 1; at < len(pcm); piece = piece*7%509 + 1 {
		n, err := s.Read(pcm[at:min(at+piece, len(pcm))])
		if err != nil || n == 0 {
			t.Fatalf("Read gives %d, %v after %d samples", n, err, at)
		}
		at += n
	}
	return pcm
}

// bursts returns how long, in seconds, pcm is heard and is silent, by turns.
func bursts(pcm []int16, rate int) []float64 {
	window := rate / 250 // 4 ms
	var all []float64
	heard := true
	began := 0
	for at := 0; at+window <= len(pcm); at += window {
		if now := sound.Power(pcm[at:at+window]) > -45; now != heard {
			all = append(all, float64(at-began)/float64(rate))
			heard, began = now, at
		}
	}
	return all
}

func numbers(t *testing.T, words []string) []float64 {
	t.Helper()
	var all []float64
	for _, w := range words {
		x, err := strconv.ParseFloat(w, 64)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// nominal is the level of tones in dBFS: -10 dBm0 (ITU-T E.180 section 2), of which full scale is +3.14.
const nominal = -13.14

// told is one tone in the notation of tonesCase.
type told struct{ hz, cadence, by []float64 }

// lasts is how long a cadence is until it begins again.
func (o told) lasts() time.Duration {
	sum := 0.0
	for _, s := range o.cadence {
		sum += s
	}
	return time.Duration(sum * float64(time.Second))
}

func parse(t *testing.T, text string) told {
	t.Helper()
	words := strings.Fields(text)
	carrier, by, modulated := strings.Cut(words[0], "x")
	one := told{hz: numbers(t, strings.Split(carrier, "+")), cadence: numbers(t, words[1:])}
	if modulated {
		one.by = numbers(t, []string{by})
	}
	return one
}

// TestTonesByCountry measures frequencies, levels and cadence of each country's tones.
func TestTonesByCountry(t *testing.T) {
	for _, c := range tonesCases() {
		for _, one := range []struct {
			name string
			make func(country string, o *audio.TonesOptions) *audio.Tones
			want string
		}{{"ringback", audio.Ringback, c.ring}, {"busy", audio.Busy, c.busy}, {"congestion", audio.Congestion, c.congestion}} {
			name, want := one.name+" of "+c.country, parse(t, one.want)
			pcm := hear(t, one.make(c.country, nil), want.lasts()*5/2)
			wantSines(t, name, pcm[40:int(want.cadence[0]*8000)-40], want)
			wantCadence(t, name, bursts(pcm, 8000), want.cadence)
		}
	}
}

// wantSines measures a burst: the whole is at the nominal level, two sines at half the power each, and one that is modulated has two side
// bands of 0.45 of it, 6.9 dB less.
func wantSines(t *testing.T, name string, pcm []int16, want told) {
	t.Helper()
	if got := sound.Power(pcm); math.Abs(got-nominal) > 0.3 {
		t.Errorf("%s is at %.1f dBFS", name, got)
	}
	share := nominal - 10*math.Log10(float64(len(want.hz)))
	hz, levels := want.hz, []float64{share, share}
	for _, by := range want.by {
		carrier := nominal - 10*math.Log10(1+0.9*0.9/2)
		hz, levels = []float64{hz[0], hz[0] - by, hz[0] + by}, []float64{carrier, carrier - 6.94, carrier - 6.94}
	}
	for i, f := range hz {
		if got := sound.Level(pcm, 8000, f); math.Abs(got-levels[i]) > 0.7 {
			t.Errorf("%s has %v Hz at %.1f dBFS, want %.1f", name, f, got, levels[i])
		}
	}
}

func wantCadence(t *testing.T, name string, got, want []float64) {
	t.Helper()
	if len(got) < 2*len(want) {
		t.Errorf("%s: %d bursts and pauses, want %d or more", name, len(got), 2*len(want))
	}
	for i, seconds := range got {
		if math.Abs(seconds-want[i%len(want)]) > 0.009 {
			t.Errorf("%s: section %d lasts %.3f s, want %.3f", name, i, seconds, want[i%len(want)])
			return
		}
	}
}

// TestTonesForEver has dial tones last, and each country's cadence where its dial tone has one.
func TestTonesForEver(t *testing.T) {
	for country, hz := range map[string][]float64{"us": {350, 440}, "gb": {350, 440}, "de": {425}, "fr": {440}, "jp": {400}, "in": {400}} {
		pcm := hear(t, audio.DialTone(country, nil), 5*time.Second)
		if n := len(bursts(pcm, 8000)); n != 0 {
			t.Errorf("dial tone of %q pauses %d times", country, n)
		}
		for _, f := range hz {
			if got := sound.Level(pcm[20_000:], 8000, f); got < nominal-10*math.Log10(float64(len(hz)))-1.6 {
				t.Errorf("dial tone of %q has %v Hz at %.1f dBFS", country, f, got)
			}
		}
	}
	wantCadence(t, "dial tone of it", bursts(hear(t, audio.DialTone("it", nil), 5*time.Second), 8000), []float64{0.2, 0.2, 0.6, 1})
}

// TestTonesCongestionOfAustralia has every second tone 10 dB quieter.
func TestTonesCongestionOfAustralia(t *testing.T) {
	pcm := hear(t, audio.Congestion("au", nil), 3*time.Second)
	loud, quiet := sound.Power(pcm[100:2900]), sound.Power(pcm[6100:8900])
	if math.Abs(loud-quiet-10) > 0.1 {
		t.Errorf("%.1f dBFS, then %.1f", loud, quiet)
	}
}

// TestTonesSpecialInformation has three rising tones and a pause, at a rate of wideband sound.
func TestTonesSpecialInformation(t *testing.T) {
	const rate = 16000
	s := audio.SpecialInformation(&audio.TonesOptions{Rate: rate, Level: -20})
	if s.Rate() != rate {
		t.Errorf("rate %d", s.Rate())
	}
	pcm := hear(t, s, 4*time.Second)
	for round := range 2 {
		for i, hz := range []float64{950, 1400, 1800} {
			at := int((float64(round)*1.99 + float64(i)*0.33) * rate)
			if got := sound.Level(pcm[at+100:at+5000], rate, hz); math.Abs(got-(nominal-10)) > 0.1 {
				t.Errorf("round %d: %v Hz at %.2f dBFS", round, hz, got)
			}
		}
		pause := int((float64(round)*1.99 + 0.99) * rate)
		if got := sound.Power(pcm[pause : pause+rate-1]); got != sound.Quietest {
			t.Errorf("round %d: pause at %.1f dBFS", round, got)
		}
	}
}

// TestTonesAreSmooth has no click at any edge: above the sines nothing is as loud as a step would be, at the end of it all neither.
func TestTonesAreSmooth(t *testing.T) {
	s := audio.Congestion("us", &audio.TonesOptions{Level: -3, For: 1350 * time.Millisecond})
	pcm := make([]int16, 20000)
	n, err := s.Read(pcm)
	if n != 10800 || err != nil {
		t.Fatalf("Read gives %d, %v", n, err)
	}
	if n, err := s.Read(pcm[:10]); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("Read gives %d, %v at the end", n, err)
	}
	for edge := 2000; edge <= 10800; edge += 2000 {
		edge := min(edge, 10800)
		around := pcm[edge-160 : edge+160]
		if got := sound.Level(around, 8000, 3000); got > -70 {
			t.Errorf("a click at %d: %.1f dBFS at 3 kHz", edge, got)
		}
	}
	if last := pcm[10799]; last < -50 || last > 50 {
		t.Errorf("it ends at %d", last)
	}
}

// TestTonesKeys has each key's two sines, and none that is no key.
func TestTonesKeys(t *testing.T) {
	low, high := []float64{697, 770, 852, 941}, []float64{1209, 1336, 1477, 1633}
	for i, key := range []byte("123A456B789C*0#D") {
		s, err := audio.KeyTone(key, nil)
		if err != nil {
			t.Fatal(err)
		}
		pcm := hear(t, s, 200*time.Millisecond)
		for _, hz := range append(low, high...) {
			got := sound.Level(pcm[200:], 8000, hz)
			if want := hz == low[i/4] || hz == high[i%4]; want != (got > nominal-3.5) || !want && got > -60 {
				t.Errorf("key %c has %v Hz at %.1f dBFS", key, hz, got)
			}
		}
	}
	if _, err := audio.KeyTone('x', nil); err == nil {
		t.Error("x is a key")
	}
}

func TestTonesClose(t *testing.T) {
	s := audio.Ringback("de", nil)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Read(make([]int16, 160)); !errors.Is(err, media.ErrClosed) {
		t.Errorf("Read gives %v after Close", err)
	}
	nothing := audio.NewTones(nil, nil)
	if got := sound.Power(hear(t, nothing, time.Second)); got != sound.Quietest {
		t.Errorf("no tones at %.1f dBFS", got)
	}
}

func TestTonesDoNotAllocate(t *testing.T) {
	s := audio.Ringback("gb", nil)
	pcm := make([]int16, 160)
	if n := testing.AllocsPerRun(1000, func() { _, _ = s.Read(pcm) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
