package codec_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// octets reads a file of the ITU's tools that has an octet in a word.
func octets(t *testing.T, name string) []byte {
	t.Helper()
	var out []byte
	for _, x := range words(t, name) {
		out = append(out, byte(x))
	}
	return out
}

// TestG722Vectors compares every octet and every sample with those of the ITU's tools (G.191), at the three bit rates of the decoder.
func TestG722Vectors(t *testing.T) {
	source, coded := words(t, "itu-g722/inpsp.bin"), octets(t, "itu-g722/codspw.cod")
	e, err := codec.NewEncoder(media.G722(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for frame := 0; frame < len(source); frame += 320 {
		if got, err = e.Encode(got, source[frame:min(frame+320, len(source))]); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != len(coded) {
		t.Fatalf("%d octets, want %d", len(got), len(coded))
	}
	for i, octet := range got {
		if octet != coded[i] {
			t.Fatalf("octet %d is %#x, want %#x", i, octet, coded[i])
		}
	}
	for i, rate := range []int{64, 56, 48} {
		want := words(t, fmt.Sprintf("itu-g722/outsp%d.bin", i+1))
		d := codec.NewG722Decoder(rate)
		var got []int16
		for frame := 0; frame < len(coded); frame += 160 {
			if got, err = d.Decode(got, coded[frame:min(frame+160, len(coded))]); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d kbit/s: %d samples, want %d", rate, len(got), len(want))
		}
		for i, x := range got {
			if x != want[i] {
				t.Fatalf("%d kbit/s: sample %d is %d, want %d", rate, i, x, want[i])
			}
		}
	}
}

// TestG722Telephone encodes sound of 8000 Hz, as a relay does to a telephone: of a telephone's band nothing is missing, above it is only what
// the decoder's filter leaves, and the upper band is silent.
func TestG722Telephone(t *testing.T) {
	e, err := codec.NewEncoder(media.G722(), &codec.Options{Rate: 8000})
	if err != nil || e.Rate() != 8000 {
		t.Fatalf("an encoder of %d Hz, %v, want 8000", e.Rate(), err)
	}
	for _, hz := range []float64{60, 300, 1000, 2000, 3000, 3400} {
		var coded []byte
		tone := sound.Sine(8000, hz, 8000, time.Second)
		for frame := 0; frame < len(tone); frame += 160 {
			had := len(coded)
			if coded, err = e.Encode(coded, tone[frame:frame+160]); err != nil || len(coded) != had+160 {
				t.Fatalf("%d octets of 20 ms, %v, want 160", len(coded)-had, err)
			}
		}
		heard := decoded(t, media.G722(), coded, 160)
		level := sound.Level(heard, 16000, hz)
		if off := level - sound.Level(tone, 8000, hz); math.Abs(off) > 0.5 {
			t.Errorf("%.0f Hz comes through at %.2f dB", hz, off)
		}
		if image := sound.Level(heard, 16000, 8000-hz) - level; image > -10 {
			t.Errorf("%.0f Hz is heard at %.0f Hz too, %.1f dB below", hz, 8000-hz, -image)
		}
		if hiss := sound.Level(heard, 16000, 7900); hiss > -60 {
			t.Errorf("of %.0f Hz the upper band is heard at %.1f dB", hz, hiss)
		}
	}
}

// BenchmarkG722Telephone encodes 20 ms of 8000 Hz.
func BenchmarkG722Telephone(b *testing.B) {
	e, err := codec.NewEncoder(media.G722(), &codec.Options{Rate: 8000})
	if err != nil {
		b.Fatal(err)
	}
	voice, out, at := sound.Speech(1, 8000, time.Second), make([]byte, 0, 160), 0
	b.ReportAllocs()
	for b.Loop() {
		out, _ = e.Encode(out[:0], voice[at:at+160])
		at = (at + 160) % len(voice)
	}
}
