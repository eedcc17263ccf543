package codec_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// TestDetectorTalkOff hears no key in five minutes of voices and five of music.
func TestDetectorTalkOff(t *testing.T) {
	for name, make := range map[string]func(seed uint64, rate int, d time.Duration) []int16{"speech": sound.Speech, "music": sound.Music} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(5) {
				if keys, _ := detect(t, 8000, make(seed, 8000, time.Minute)); keys != "" {
					t.Errorf("seed %d: heard %q", seed, keys)
				}
			}
		})
	}
}

// TestInteropDetectorTalkOff hears no key in five minutes of what espeak-ng says, in several voices, and a key that is pressed between.
func TestInteropDetectorTalkOff(t *testing.T) {
	alone(t)
	t.Parallel()
	testutil.Need(t, "espeak-ng")
	const text = "Please press one for sales, two for support, or stay on the line. The quick brown fox jumps over the lazy dog. " +
		"Zero, three, four, five, six, seven, eight, nine, hash and star are the other keys. "
	said := time.Duration(0)
	for _, voice := range []string{"en", "en-us+f3", "de", "fr+f2", "en+m7", "en+whisper"} {
		name := filepath.Join(t.TempDir(), "said.wav")
		if out, err := exec.Command("espeak-ng", "-v", voice, "-w", name, strings.Repeat(text, 4)).CombinedOutput(); err != nil {
			t.Fatalf("espeak-ng: %v: %s", err, out)
		}
		rate, pcm, err := testutil.ReadWAV(name)
		if err != nil {
			t.Fatal(err)
		}
		said += time.Duration(len(pcm)) * time.Second / time.Duration(rate)
		if keys, _ := detect(t, rate, pcm); keys != "" {
			t.Errorf("%s: heard %q", voice, keys)
		}
		d := dialled{rate: rate, low: -12, high: -10}
		d.press('7', 100*time.Millisecond)
		if keys, _ := detect(t, rate, append(pcm, d.samples(1, 0)...)); keys != "7" {
			t.Errorf("%s: heard %q, then 7 was pressed", voice, keys)
		}
	}
	if said < 5*time.Minute {
		t.Errorf("only %v were said", said)
	}
}

// TestDetectorCodecs hears keys through what codes them.
func TestDetectorCodecs(t *testing.T) {
	for _, c := range []media.Codec{media.PCMU(), media.PCMA(), media.G722(), media.Opus()} {
		if !codec.Encodes(c) {
			continue
		}
		e, err := codec.NewEncoder(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		dec, err := codec.NewDecoder(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, level := range []float64{-4, -12, -25} {
			d := dialled{rate: e.Rate(), low: level, high: level}
			for _, key := range []byte(allKeys) {
				d.pause(60 * time.Millisecond)
				d.press(key, 60*time.Millisecond)
			}
			d.pause(100 * time.Millisecond)
			var pcm []int16
			frame := e.Rate() / codec.FramesPerSecond
			for in := d.samples(1, 0); len(in) >= frame; in = in[frame:] {
				payload, err := e.Encode(nil, in[:frame])
				if err != nil {
					t.Fatal(err)
				}
				if pcm, err = dec.Decode(pcm, payload); err != nil {
					t.Fatal(err)
				}
			}
			if got, _ := detect(t, dec.Rate(), pcm); got != allKeys {
				t.Errorf("%v at %v dBm0: heard %q", c, level, got)
			}
		}
	}
}

// TestDetectorHoles loses any one packet of a press of 100 ms: it stays one press. A long hole ends it.
func TestDetectorHoles(t *testing.T) {
	const rate, frame = 8000, 160
	tone := dialled{rate: rate, low: -10, high: -8}
	tone.pause(3 * time.Millisecond)
	tone.press('5', 97*time.Millisecond)
	tone.pause(100 * time.Millisecond)
	pcm := tone.samples(1, 0)
	for lost := range len(pcm) / frame {
		d, err := codec.NewDetector(rate)
		if err != nil {
			t.Fatal(err)
		}
		var out []codec.Press
		for i := 0; i < len(pcm); i += frame {
			if i == lost*frame {
				out = d.Skip(out, frame)
			} else {
				out = d.Hear(out, pcm[i:i+frame])
			}
		}
		if len(out) != 2 || !out[0].Down || out[0].Key != '5' || out[1].Key != '5' || out[1].Down {
			t.Errorf("without packet %d: heard %+v", lost, out)
		}
	}
	d, err := codec.NewDetector(rate)
	if err != nil {
		t.Fatal(err)
	}
	out := d.Hear(nil, pcm[:3*frame])
	if d.Key() != '5' {
		t.Errorf("%q sounds", d.Key())
	}
	if out = d.Skip(out, rate); len(out) != 2 || out[1].Down || d.Key() != 0 {
		t.Errorf("after a second without sound: %+v", out)
	}
}

// TestDetectorRates refuses what it cannot hear, and hears at every rate that there is.
func TestDetectorRates(t *testing.T) {
	for _, rate := range []int{-1, 0, 7999, 48001} {
		if _, err := codec.NewDetector(rate); err == nil {
			t.Errorf("%d Hz: no error", rate)
		}
	}
	for _, rate := range []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000} {
		d := dialled{rate: rate, low: -10, high: -8}
		for _, key := range []byte(allKeys) {
			d.pause(40 * time.Millisecond)
			d.press(key, 40*time.Millisecond)
		}
		d.pause(40 * time.Millisecond)
		if got, _ := detect(t, rate, d.samples(1, 0)); got != allKeys {
			t.Errorf("%d Hz: heard %q", rate, got)
		}
	}
}

func TestDetectorAllocs(t *testing.T) {
	pcm := sound.Speech(1, 8000, time.Second)
	d, err := codec.NewDetector(8000)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]codec.Press, 0, 4)
	if n := testing.AllocsPerRun(100, func() {
		out = d.Hear(out[:0], pcm)
		out = d.Skip(out[:0], 160)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkDetector is the cost of 20 ms of speech.
func BenchmarkDetector(b *testing.B) {
	for name, rate := range map[string]int{"8kHz": 8000, "16kHz": 16000} {
		b.Run(name, func(b *testing.B) {
			pcm := sound.Speech(1, rate, 10*time.Second)
			d, err := codec.NewDetector(rate)
			if err != nil {
				b.Fatal(err)
			}
			var out []codec.Press
			b.ReportAllocs()
			for i := 0; b.Loop(); i = (i + rate/50) % len(pcm) {
				out = d.Hear(out[:0], pcm[i:i+rate/50])
			}
		})
	}
}
