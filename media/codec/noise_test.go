package codec_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media/codec"
)

// coloured is noise through a filter of one pole.
func coloured(seed uint64, rate int, pole float64, d time.Duration) []int16 {
	pcm := sound.Noise(seed, rate, 600, d)
	last := 0.0
	for i, x := range pcm {
		last = float64(x) + pole*last
		pcm[i] = int16(last)
	}
	return pcm
}

// differences has of a sound what is high.
func differences(pcm []int16) []int16 {
	out := make([]int16, len(pcm)-1)
	for i := range out {
		out[i] = int16((int(pcm[i+1]) - int(pcm[i])) / 2)
	}
	return out
}

func TestParseNoise(t *testing.T) {
	for _, c := range []struct {
		name    string
		payload []byte
		level   int
		refl    []float64
		err     error
	}{
		{"a level alone", []byte{40}, 40, nil, nil},
		{"the bit that is always 0", []byte{0x80 | 40}, 40, nil, nil},
		{"no reflection", []byte{64, 127}, 64, []float64{0}, nil},
		{"the largest", []byte{64, 0, 254}, 64, []float64{-258 * 127 / 32768.0, 258 * 127 / 32768.0}, nil},
		{"a reserved one", []byte{64, 100, 255, 100}, 64, []float64{-27 * 258 / 32768.0}, nil},
		{"more than are heard", append([]byte{64}, bytes.Repeat([]byte{127}, 40)...), 64, make([]float64, codec.MaxNoiseOrder), nil},
		{"nothing", nil, 0, nil, codec.ErrPayload},
		{"too long", make([]byte, 257), 0, nil, codec.ErrPayload},
	} {
		n, err := codec.ParseNoise(c.payload)
		if !errors.Is(err, c.err) || n.Level != c.level || !slices.Equal(n.Reflections[:n.Order], c.refl) {
			t.Errorf("%s: got %+v, %v", c.name, n, err)
		}
		if b := n.AppendTo([]byte{9}); c.err == nil && (b[0] != 9 || int(b[1]) != c.level || len(b) != 2+len(c.refl)) {
			t.Errorf("%s: written %x", c.name, b)
		}
	}
	loud := codec.Noise{Level: 300, Order: 99}
	loud.Reflections[0], loud.Reflections[1] = 7, -7
	if b := loud.AppendTo(nil); len(b) != 1+codec.MaxNoiseOrder || b[0] != 127 || b[1] != 254 || b[2] != 0 {
		t.Errorf("what no payload can say is written as %x", b)
	}
}

// TestMeasureNoise measures noise of which level and spectrum are known: of one pole, the first reflection is its negative.
func TestMeasureNoise(t *testing.T) {
	for _, pole := range []float64{0.9, 0, -0.7} {
		pcm := coloured(1, 8000, pole, 2*time.Second)
		n := codec.MeasureNoise(pcm, 4)
		if want := sound.Power(pcm) - 3.01; math.Abs(float64(-n.Level)-want) > 0.51 { // 0 dBov is a square wave's level, not a sine's
			t.Errorf("pole %.1f: %d dB, want %.1f", pole, -n.Level, want)
		}
		if n.Order != 4 || math.Abs(n.Reflections[0]+pole) > 0.03 || math.Abs(n.Reflections[1]) > 0.05 {
			t.Errorf("pole %.1f: reflections %.2f", pole, n.Reflections[:n.Order])
		}
	}
	for _, pcm := range [][]int16{nil, make([]int16, 160)} {
		if n := codec.MeasureNoise(pcm, 10); n.Level != codec.SilentNoise || n.Order != 0 {
			t.Errorf("silence: %+v", n)
		}
	}
	for _, order := range []int{-1, 1000} {
		if n := codec.MeasureNoise(coloured(1, 8000, 0.5, time.Second), order); n.Order != max(0, min(codec.MaxNoiseOrder, order)) {
			t.Errorf("order %d: %+v", order, n)
		}
	}
	tone := codec.MeasureNoise(sound.Sine(8000, 440, 10000, time.Second), codec.MaxNoiseOrder)
	for _, k := range tone.Reflections {
		if math.Abs(k) >= 1 || math.IsNaN(k) {
			t.Errorf("a pure tone: reflections %.3f", tone.Reflections)
		}
	}
}

// TestNoiseThereAndBack makes noise of what was measured of another: it is as loud, low and high, and its spectrum is alike.
func TestNoiseThereAndBack(t *testing.T) {
	for _, pole := range []float64{0.95, 0, -0.7} {
		source := coloured(2, 16000, pole, 2*time.Second)
		n := codec.MeasureNoise(source, 10)
		n, err := codec.ParseNoise(n.AppendTo(nil))
		if err != nil {
			t.Fatal(err)
		}
		var maker codec.NoiseMaker
		maker.Set(&n)
		made := maker.Append(nil, len(source))
		for name, of := range map[string]func([]int16) []int16{"all": slices.Clone[[]int16], "high": differences} {
			if d := sound.Power(of(made)) - sound.Power(of(source)); math.Abs(d) > 1 {
				t.Errorf("pole %.2f: %s of it is %.1f dB louder", pole, name, d)
			}
		}
		if again := codec.MeasureNoise(made, 10); math.Abs(again.Reflections[0]-n.Reflections[0]) > 0.05 {
			t.Errorf("pole %.2f: the first reflection is %.2f, was %.2f", pole, again.Reflections[0], n.Reflections[0])
		}
	}
}

// TestNoiseGlides: a change is no step, and is done after 100 ms.
func TestNoiseGlides(t *testing.T) {
	var maker codec.NoiseMaker
	if got := maker.Append(nil, 100); slices.ContainsFunc(got, func(x int16) bool { return x != 0 }) {
		t.Error("noise before there is any")
	}
	maker.Set(&codec.Noise{Level: 50})
	first := maker.Append(nil, 1600)
	maker.Set(&codec.Noise{Level: 30})
	next := maker.Append(nil, 3200)
	silent := codec.Noise{Level: codec.SilentNoise}
	maker.Set(&silent)
	last := maker.Append(nil, 8000)
	for _, c := range []struct {
		name        string
		pcm         []int16
		least, most float64
	}{
		{"at first", first, -48, -46},
		{"10 ms after", next[:80], -42, -32},
		{"100 ms after", next[800:], -28.5, -26},
		{"at last", last[4000:], sound.Quietest, sound.Quietest},
	} {
		if p := sound.Power(c.pcm); p < c.least || p > c.most {
			t.Errorf("%s: %.1f dBFS, want %.1f to %.1f", c.name, p, c.least, c.most)
		}
	}
}

func TestNoiseDecoder(t *testing.T) {
	if c := codec.ComfortNoise(8000); !codec.Decodes(c) || codec.Encodes(c) || codec.Decodes(codec.ComfortNoise(1<<30)) {
		t.Error("comfort noise is decoded, and not spoken, at the rates of sound")
	}
	for _, want := range []int{8000, 16000} {
		d, err := codec.NewDecoder(codec.ComfortNoise(want), nil)
		if err != nil {
			t.Fatal(err)
		}
		pcm, err := d.Decode(nil, []byte{40, 20})
		if err != nil || d.Rate() != want || len(pcm) != want/50 {
			t.Errorf("%d samples at %d Hz, %v", len(pcm), d.Rate(), err)
		}
		if pcm = d.Conceal(pcm, want, nil); len(pcm) != want/50+want || math.Abs(sound.Power(pcm)+37) > 1 {
			t.Errorf("a second on, %d samples of %.1f dBFS", len(pcm), sound.Power(pcm))
		}
		if pcm, err = d.Decode(pcm[:1], nil); !errors.Is(err, codec.ErrPayload) || len(pcm) != 1 {
			t.Errorf("an empty payload: %v", err)
		}
		payload, out := []byte{40, 20, 130, 127}, make([]int16, 0, want/25)
		if n := testing.AllocsPerRun(100, func() {
			out, _ = d.Decode(out[:0], payload)
			out = d.Conceal(out, want/50, nil)
		}); n != 0 {
			t.Errorf("%v allocations a frame", n)
		}
	}
}

// FuzzNoise: a payload has a level and stable reflections, is written as it was read, and makes samples, however wild it is.
func FuzzNoise(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte{40})
	f.Add([]byte{0xFF, 255})
	f.Add([]byte{0, 0, 254, 0, 254, 0, 254, 0, 254, 0, 254, 0, 254})
	f.Add(bytes.Repeat([]byte{60}, 257))
	f.Fuzz(func(t *testing.T, payload []byte) {
		n, err := codec.ParseNoise(payload)
		if err != nil {
			return
		}
		if n.Level < 0 || n.Level > codec.SilentNoise || n.Order > codec.MaxNoiseOrder || n.Order >= len(payload) {
			t.Fatalf("%+v", n)
		}
		again, err := codec.ParseNoise(n.AppendTo(nil))
		if err != nil || again != n {
			t.Errorf("%+v has become %+v, %v", n, again, err)
		}
		var maker codec.NoiseMaker
		maker.Set(&n)
		pcm := maker.Append(nil, 16000)
		if p := sound.Power(pcm[8000:]); n.Order == 0 && n.Level < 80 && math.Abs(p-3+float64(n.Level)) > 4 {
			t.Errorf("white noise of %d dB is %.1f dBFS", n.Level, p)
		}
		if n.Level == codec.SilentNoise && sound.Power(pcm) != sound.Quietest {
			t.Error("silence is heard")
		}
	})
}
