package codec_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media/codec"
)

func resampler(t testing.TB, from, to int) *codec.Resampler {
	t.Helper()
	r, err := codec.NewResampler(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// everyPair calls f for all pairs of different rates.
func everyPair(t *testing.T, f func(t *testing.T, from, to int)) {
	for _, from := range codec.Rates {
		for _, to := range codec.Rates {
			if from != to {
				t.Run(fmt.Sprintf("%d-%d", from, to), func(t *testing.T) { f(t, from, to) })
			}
		}
	}
}

// response returns what becomes of a loud tone: the gain of the tone itself, and the power of all else, both in dB.
func response(t *testing.T, from, to int, hz float64) (gain, rest float64) {
	t.Helper()
	const amplitude, lasts = 20000, 60 * time.Millisecond
	out := resampler(t, from, to).Append(nil, sound.Sine(from, hz, amplitude, lasts))
	out = out[to/200:] // the filter is full by then
	if hz >= float64(to)/2 {
		return sound.Quietest, sound.Power(out) - 20*math.Log10(amplitude/float64(sound.FullScale))
	}
	// The sine that fits best, by least squares.
	var ss, sc, cc, sx, cx float64
	for i, x := range out {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(to))
		ss, sc, cc, sx, cx = ss+s*s, sc+s*c, cc+c*c, sx+s*float64(x), cx+c*float64(x)
	}
	a, b := (sx*cc-cx*sc)/(ss*cc-sc*sc), (cx*ss-sx*sc)/(ss*cc-sc*sc)
	left := 0.0
	for i, x := range out {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(to))
		e := float64(x) - a*s - b*c
		left += e * e
	}
	power := amplitude * amplitude
	return 10 * math.Log10((a*a+b*b)/float64(power)), 10 * math.Log10(2*left/float64(len(out))/float64(power))
}

// TestResamplerTelephone holds the filter between the wide band and the telephone to figures of a good one: a telephone's band whole, and
// nothing of what 8 kHz cannot hold.
func TestResamplerTelephone(t *testing.T) {
	for _, wide := range []int{16000, 24000, 44100, 48000} {
		for _, c := range []struct{ hz, least float64 }{{200, -0.05}, {1000, -0.05}, {3000, -0.05}, {3400, -0.2}} {
			if gain, _ := response(t, wide, 8000, c.hz); gain < c.least || gain > 0.05 {
				t.Errorf("%d to 8000 Hz: %.0f Hz comes through at %.2f dB, want %.2f or better", wide, c.hz, gain, c.least)
			}
			if gain, _ := response(t, 8000, wide, c.hz); gain < c.least || gain > 0.05 {
				t.Errorf("8000 to %d Hz: %.0f Hz comes through at %.2f dB, want %.2f or better", wide, c.hz, gain, c.least)
			}
		}
		for _, c := range []struct{ hz, most float64 }{{4400, -57}, {5000, -60}, {6000, -60}, {7000, -60}, {7900, -60}} {
			if _, rest := response(t, wide, 8000, c.hz); rest > c.most {
				t.Errorf("%d to 8000 Hz: of %.0f Hz, %.1f dB are left, want %.0f or less", wide, c.hz, rest, c.most)
			}
		}
	}
}

// TestResamplerResponse looks at all pairs: tones of the passband keep their level and make no others; what the lower rate cannot hold is gone.
func TestResamplerResponse(t *testing.T) {
	everyPair(t, func(t *testing.T, from, to int) {
		lower := float64(min(from, to))
		for _, part := range []float64{0.013, 0.1, 0.23, 0.33, 0.41} {
			gain, rest := response(t, from, to, part*lower)
			if math.Abs(gain) > 0.1 || rest > -57 {
				t.Errorf("%.0f Hz: %.3f dB, and %.1f dB of what it is not", part*lower, gain, rest)
			}
		}
		for part := 0.56; part*lower < float64(from)/2; part += 0.17 {
			if _, rest := response(t, from, to, part*lower); rest > -57 {
				t.Errorf("%.0f Hz: %.1f dB are left", part*lower, rest)
			}
		}
	})
}

// TestResamplerConstant: silence stays silent, and a constant is one, without a ripple.
func TestResamplerConstant(t *testing.T) {
	everyPair(t, func(t *testing.T, from, to int) {
		for _, x := range []int16{0, 1, -1, 12345, math.MaxInt16, math.MinInt16} {
			out := resampler(t, from, to).Append(nil, slices.Repeat([]int16{x}, from/20))
			for i, y := range out[to/200:] {
				if y != x {
					t.Fatalf("%d has become %d, %d samples on", x, y, i)
				}
			}
		}
	})
}

// TestResamplerLoud: what is too loud once it is filtered is cut, and does not wrap.
func TestResamplerLoud(t *testing.T) {
	everyPair(t, func(t *testing.T, from, to int) {
		if gain := codec.LargestGain(from, to); gain < 1 || gain >= 3.9 {
			t.Fatalf("a sample becomes up to %.2f as large: sums overflow", gain)
		}
		chance := rand.New(rand.NewPCG(uint64(from), uint64(to)))
		loud, soft := make([]int16, from/20), make([]int16, from/20)
		for i := range loud {
			soft[i] = int16(16383 * (1 - 2*chance.IntN(2)))
			loud[i] = 2 * soft[i]
		}
		a, b := resampler(t, from, to).Append(nil, loud), resampler(t, from, to).Append(nil, soft)
		cut := 0
		for i, x := range a {
			want := max(math.MinInt16, min(math.MaxInt16, 2*int(b[i])))
			if d := int(x) - want; d < -2 || d > 2 {
				t.Fatalf("sample %d is %d, want %d", i, x, want)
			}
			if want == math.MaxInt16 {
				cut++
			}
		}
		if cut == 0 && from < to {
			t.Error("nothing was cut: the test tests nothing")
		}
	})
}

// TestResamplerDivided: however the sound is divided among calls, the same comes out, and 20 ms of 20 ms.
func TestResamplerDivided(t *testing.T) {
	everyPair(t, func(t *testing.T, from, to int) {
		chance := rand.New(rand.NewPCG(uint64(from), uint64(to)))
		in := sound.Noise(1, from, 20000, 200*time.Millisecond)
		whole := resampler(t, from, to).Append(nil, in)
		if want := (len(in)*to + from - 1) / from; len(whole) != want {
			t.Errorf("%d samples made %d, want %d", len(in), len(whole), want)
		}
		r, out := resampler(t, from, to), []int16(nil)
		for left := in; len(left) > 0; {
			n := chance.IntN(min(len(left), 1<<chance.IntN(12)) + 1)
			out, left = r.Append(out, left[:n]), left[n:]
		}
		if !slices.Equal(out, whole) {
			t.Error("other samples come out of many calls than out of one")
		}
		if frame := from / codec.FramesPerSecond; from%codec.FramesPerSecond == 0 && to%codec.FramesPerSecond == 0 {
			r := resampler(t, from, to)
			for i := range 5 {
				if n := len(r.Append(nil, in[:frame])); n != to/codec.FramesPerSecond {
					t.Errorf("frame %d has %d samples", i, n)
				}
			}
		}
	})
}

// TestResamplerThereAndBack listens to a voice that went through a lower rate than its own and came back, and to one that a higher rate carried.
func TestResamplerThereAndBack(t *testing.T) {
	alone(t)
	for _, c := range []struct {
		rate, other int
		least       float64 // dB
	}{
		{8000, 48000, 35}, {8000, 44100, 35}, {16000, 48000, 35}, {24000, 44100, 35}, {44100, 48000, 35},
	} {
		want := sound.Speech(11, c.rate, 4*time.Second)
		got := resampler(t, c.other, c.rate).Append(nil, resampler(t, c.rate, c.other).Append(nil, want))
		lag := sound.Align(want, got, c.rate/50)
		if snr := sound.SegmentalSNR(want, sound.Shift(got, lag), c.rate); snr < c.least || lag != 28 {
			t.Errorf("%d by %d Hz: %.1f dB, want %.0f, and %d samples late", c.rate, c.other, snr, c.least, lag)
		}
	}
}

func TestResamplerSameRate(t *testing.T) {
	in := []int16{1, -2, 3}
	if got := resampler(t, 16000, 16000).Append([]int16{9}, in); !slices.Equal(got, []int16{9, 1, -2, 3}) {
		t.Errorf("got %v", got)
	}
}

func TestResamplerUnknownRates(t *testing.T) {
	for _, pair := range [][2]int{{0, 8000}, {8000, 0}, {8000, 8001}, {-8000, 8000}, {7, 7}} {
		if r, err := codec.NewResampler(pair[0], pair[1]); err == nil || r != nil {
			t.Errorf("%v: got %v, %v", pair, r, err)
		}
	}
}

func TestResamplerAllocates(t *testing.T) {
	for _, pair := range [][2]int{{48000, 8000}, {8000, 48000}, {44100, 8000}, {16000, 44100}, {8000, 8000}} {
		r, in := resampler(t, pair[0], pair[1]), make([]int16, pair[0]/codec.FramesPerSecond)
		out := make([]int16, 0, pair[1]/codec.FramesPerSecond) // and no room to spare
		if n := testing.AllocsPerRun(100, func() { out = r.Append(out[:0], in) }); n != 0 {
			t.Errorf("%v: %v allocations a frame", pair, n)
		}
	}
}

func BenchmarkResampler(b *testing.B) {
	for _, pair := range [][2]int{{48000, 8000}, {8000, 48000}, {16000, 8000}, {8000, 16000}, {44100, 48000}, {48000, 44100}} {
		b.Run(fmt.Sprintf("%d-%d", pair[0], pair[1]), func(b *testing.B) {
			r, in := resampler(b, pair[0], pair[1]), make([]int16, pair[0]/codec.FramesPerSecond)
			out := r.Append(nil, in)
			b.ReportAllocs()
			for b.Loop() {
				out = r.Append(out[:0], in)
			}
		})
	}
}
