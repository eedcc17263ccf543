package siptest

import (
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
)

// sound returns n samples of a tone.
func sound(n int, hz float64) []int16 {
	pcm := make([]int16, n)
	sine(hz)(pcm)
	return pcm
}

func TestToneShare(t *testing.T) {
	mixed := sound(8000, 440)
	for i, s := range sound(8000, 1000) {
		mixed[i] += s
	}
	jump := append(sound(4000, 440), sound(4000, 440)[7:]...) // the phase jumps
	for _, c := range []struct {
		name      string
		pcm       []int16
		hz        float64
		low, high float64
	}{
		{"the tone", sound(8000, 440), 440, 0.999, 1},
		{"off the grid", sound(8000, 443.7), 443.7, 0.98, 1},
		{"beside the tone", sound(8000, 440), 470, 0, 0.05},
		{"one of two", mixed, 1000, 0.49, 0.51},
		{"silence", make([]int16, 8000), 440, 0, 0},
		{"nothing", nil, 440, 0, 0},
		{"a jump", jump, 440, 0.9, 1},
		{"a short piece", sound(300, 1000), 1000, 0.9, 1},
	} {
		if got := toneShare(c.pcm, c.hz); got < c.low || got > c.high {
			t.Errorf("%s: %g, want %g to %g", c.name, got, c.low, c.high)
		}
	}
	rec := Recording{PCM: append(sound(8000, 440), sound(8000, 1000)...)}
	if all, last := rec.ToneShare(1000, 0), rec.ToneShare(1000, time.Second); all > 0.6 || last < 0.99 {
		t.Errorf("share over all %g, over the last second %g", all, last)
	}
}

// wave returns a WAVE file of a tone.
func wave(rate, channels, seconds int, hz float64) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVELIST\x03\x00\x00\x00abc\x00fmt \x10\x00\x00\x00\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*rate*channels))
	b = binary.LittleEndian.AppendUint16(b, uint16(2*channels))
	b = append(b, "\x10\x00data\xff\xff\xff\xff"...)
	for i := range rate * seconds {
		for range channels {
			b = binary.LittleEndian.AppendUint16(b, uint16(int16(8000*math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))))
		}
	}
	return b
}

func TestWAVRates(t *testing.T) {
	for _, rate := range []int{8000, 16000, 24000, 32000, 48000} {
		pcm, err := parseWAV(wave(rate, 1+rate/16000%2, 1, 440))
		if err != nil {
			t.Fatal(err)
		}
		if len(pcm) != 8000 || toneShare(pcm, 440) < 0.99 {
			t.Errorf("%d Hz: %d samples, share of the tone %g", rate, len(pcm), toneShare(pcm, 440))
		}
		if rate > 8000 { // what 8 kHz cannot hold must not be heard as something else
			pcm, err = parseWAV(wave(rate, 1, 1, 5000))
			if err != nil {
				t.Fatal(err)
			}
			if _, power := blockPower(pcm, 3000); power/float64(len(pcm)) > 100*100 {
				t.Errorf("%d Hz: 5 kHz comes through with a level of %g", rate, math.Sqrt(power/float64(len(pcm))))
			}
		}
	}
	for name, b := range map[string][]byte{
		"rate":     wave(44100, 1, 1, 440),
		"channels": wave(8000, 3, 1, 440),
		"empty":    wave(8000, 1, 0, 440),
		"header":   []byte("RIFF\x00\x00\x00\x00WAVE"),
		"nothing":  nil,
	} {
		if _, err := parseWAV(b); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestInteropWAVOfFFmpeg(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	dir := t.TempDir()
	ours, theirs := filepath.Join(dir, "ours.wav"), filepath.Join(dir, "theirs.wav")
	if err := writeWAV(ours, sound(16000, 440)); err != nil {
		t.Fatal(err)
	}
	for _, rate := range []int{8000, 16000, 48000} {
		out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-y", "-i", ours, "-ar", strconv.Itoa(rate), "-ac", "2", theirs).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		pcm, err := readWAV(theirs)
		if err != nil {
			t.Fatal(err)
		}
		if share := toneShare(pcm, 440); share < 0.98 || len(pcm) < 15900 || len(pcm) > 16100 {
			t.Errorf("%d Hz: %d samples, share of the tone %g", rate, len(pcm), share)
		}
	}
}

func TestWAVTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long.wav")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(maxWAVSize + 1); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := readWAV(path); err == nil {
		t.Error("a file without an end is read")
	}
}

func FuzzWAV(f *testing.F) {
	f.Add(wave(8000, 1, 1, 440)[:200])
	f.Add(wave(48000, 2, 1, 440)[:500])
	f.Fuzz(func(t *testing.T, b []byte) {
		pcm, err := parseWAV(b)
		if err == nil && (len(pcm) == 0 || len(pcm) > len(b)/2) {
			t.Fatalf("%d samples in %d bytes", len(pcm), len(b))
		}
	})
}
