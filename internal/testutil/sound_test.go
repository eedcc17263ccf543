package testutil_test

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
)

// sine returns a tone of the given length in seconds.
func sine(rate int, hz, amplitude, seconds float64) []int16 {
	s := make([]int16, int(seconds*float64(rate)))
	for i := range s {
		s[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return s
}

func mix(a, b []int16) []int16 {
	sum := slices.Clone(a)
	for i := range sum {
		sum[i] += b[i]
	}
	return sum
}

func TestToneShare(t *testing.T) {
	noise := make([]int16, 16000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = int16(r.IntN(20001) - 10000)
	}
	jump := append(sine(8000, 440, 8000, 0.5), sine(8000, 440, -8000, 0.5)...)
	for _, c := range []struct {
		name     string
		samples  []int16
		rate     int
		hz       float64
		min, max float64
	}{
		{"a pure tone", sine(8000, 440, 8000, 2), 8000, 440, 0.999, 1},
		{"a pure tone at 48 kHz", sine(48000, 1234.5, 20000, 2), 48000, 1234.5, 0.999, 1},
		{"a low tone", sine(8000, 7, 8000, 2), 8000, 7, 0.99, 1},
		{"a tone shorter than a block", sine(8000, 440, 8000, 0.03), 8000, 440, 0.95, 1},
		{"another tone", sine(8000, 660, 8000, 2), 8000, 440, 0, 0.01},
		{"a tone 30 Hz away", sine(8000, 470, 8000, 2), 8000, 440, 0, 0.1},
		{"half the power", mix(sine(8000, 440, 8000, 2), sine(8000, 660, 8000, 2)), 8000, 440, 0.48, 0.52},
		{"a fifth of the power", mix(sine(8000, 440, 4000, 2), sine(8000, 660, 8000, 2)), 8000, 440, 0.18, 0.22},
		{"a jump of phase", jump, 8000, 440, 0.99, 1},
		{"noise", noise, 8000, 440, 0, 0.05},
		{"silence", make([]int16, 8000), 8000, 440, 0, 0},
		{"nothing", nil, 8000, 440, 0, 0},
		{"beyond half the rate", sine(8000, 440, 8000, 2), 8000, 4000, 0, 0},
		{"no frequency", sine(8000, 440, 8000, 2), 8000, 0, 0, 0},
		{"no rate", sine(8000, 440, 8000, 2), 0, 440, 0, 0},
		{"full scale", sine(8000, 1000, 32767, 2), 8000, 1000, 0.999, 1},
	} {
		if got := testutil.ToneShare(c.samples, c.rate, c.hz); got < c.min || got > c.max {
			t.Errorf("%s: got %.4f, want %.3f to %.3f", c.name, got, c.min, c.max)
		}
	}
}

// wav builds a WAVE file of the given chunks, each an identifier and a body.
func wav(chunks ...string) []byte {
	var b []byte
	for i := 0; i < len(chunks); i += 2 {
		b = append(b, chunks[i]...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(chunks[i+1])))
		b = append(b, chunks[i+1]...)
		if len(chunks[i+1])%2 == 1 {
			b = append(b, 0)
		}
	}
	head := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(b)+4))
	return append(append(head, "WAVE"...), b...)
}

// pcmFormat is the body of a "fmt " chunk.
func pcmFormat(tag, channels uint16, rate uint32, bits uint16) string {
	var b []byte
	b = binary.LittleEndian.AppendUint16(b, tag)
	b = binary.LittleEndian.AppendUint16(b, channels)
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, rate*uint32(channels)*uint32(bits)/8)
	b = binary.LittleEndian.AppendUint16(b, channels*bits/8)
	b = binary.LittleEndian.AppendUint16(b, bits)
	return string(b)
}

const (
	pcmSamples     = "\x01\x00\xfe\xff\x00\x80\xff\x7f" // 1, -2, -32768, 32767
	extensibleTail = "\x16\x00\x10\x00\x04\x00\x00\x00\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
)

// unsized sets the size that a data chunk at the file's end claims.
func unsized(file []byte, body int, claim uint32) []byte {
	binary.LittleEndian.PutUint32(file[len(file)-body-4:], claim)
	return file
}

// wavCases feed the test and the fuzz target.
func wavCases() []wavCase {
	mono, stereo := pcmFormat(1, 1, 8000, 16), pcmFormat(1, 2, 48000, 16)
	four := []int16{1, -2, -32768, 32767}
	return []wavCase{
		{"mono", wav("fmt ", mono, "data", pcmSamples), 8000, four, ""},
		{"stereo is averaged", wav("fmt ", stereo, "data", "\x02\x00\x04\x00\xff\x7f\xff\x7f"), 48000, []int16{3, 32767}, ""},
		{"odd chunks are padded", wav("LIST", "abc", "fmt ", mono, "fact", "x", "data", pcmSamples), 8000, four, ""},
		{"extensible", wav("fmt ", pcmFormat(0xFFFE, 1, 16000, 16)+extensibleTail, "data", pcmSamples), 16000, four, ""},
		{"chunks after the data", wav("fmt ", mono, "data", pcmSamples, "LIST", "abcd"), 8000, four, ""},
		{"unfinished, size 0", unsized(wav("fmt ", mono, "data", pcmSamples), 8, 0), 8000, four, ""},
		{"unfinished, largest size", unsized(wav("fmt ", mono, "data", pcmSamples), 8, 0xFFFFFFFF), 8000, four, ""},
		{"half a sample at the end", wav("fmt ", mono, "data", pcmSamples+"\x01"), 8000, four, ""},
		{"empty data", wav("fmt ", mono, "data", ""), 8000, nil, ""},
		{"empty file", nil, 0, nil, "header"},
		{"no WAVE", []byte("RIFF\x04\x00\x00\x00AVI fmt "), 0, nil, "header"},
		{"no data", wav("fmt ", mono), 0, nil, "no data"},
		{"data first", wav("data", pcmSamples, "fmt ", mono), 0, nil, "before format"},
		{"short format", wav("fmt ", mono[:14], "data", pcmSamples), 0, nil, "cut off"},
		{"cut chunk", wav("LIST", "abcdefgh")[:24], 0, nil, "cut off"},
		{"8 bits", wav("fmt ", pcmFormat(1, 1, 8000, 8), "data", pcmSamples), 0, nil, "16-bit"},
		{"A-law", wav("fmt ", pcmFormat(6, 1, 8000, 8), "data", pcmSamples), 0, nil, "16-bit"},
		{"unknown extensible", wav("fmt ", pcmFormat(0xFFFE, 1, 8000, 16)+strings.Repeat("x", 24), "data", ""), 0, nil, "extensible"},
		{"no channels", wav("fmt ", pcmFormat(1, 0, 8000, 16), "data", pcmSamples), 0, nil, "channels"},
		{"no rate", wav("fmt ", pcmFormat(1, 1, 0, 16), "data", pcmSamples), 0, nil, "Hz"},
	}
}

type wavCase struct {
	name    string
	file    []byte
	rate    int
	samples []int16
	err     string // part of the error; "" where there is none
}

func TestReadWAV(t *testing.T) {
	for _, c := range wavCases() {
		path := filepath.Join(t.TempDir(), "a.wav")
		if err := os.WriteFile(path, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		rate, samples, err := testutil.ReadWAV(path)
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: got error %v, want one with %q", c.name, err, c.err)
		case c.err == "" && (err != nil || rate != c.rate || !slices.Equal(samples, c.samples)):
			t.Errorf("%s: got %d Hz %v, %v; want %d Hz %v", c.name, rate, samples, err, c.rate, c.samples)
		}
	}
	if _, _, err := testutil.ReadWAV(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
}

func TestReadWAVRefusesHugeFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "huge.wav")
	if err := os.WriteFile(path, wav("fmt ", pcmFormat(1, 1, 8000, 16), "data", ""), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 300<<20); err != nil { // sparse: takes no room
		t.Fatal(err)
	}
	if _, _, err := testutil.ReadWAV(path); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("got %v, want a refusal for its size", err)
	}
}

// TestInteropReadWAV reads what another program wrote, and hears the tone that it was told to write.
func TestInteropReadWAV(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	path := filepath.Join(t.TempDir(), "tone.wav")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi",
		"-i", "sine=frequency=523:sample_rate=16000:duration=1", "-c:a", "pcm_s16le", path).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	rate, samples, err := testutil.ReadWAV(path)
	if err != nil {
		t.Fatal(err)
	}
	if rate != 16000 || len(samples) != 16000 {
		t.Errorf("got %d samples at %d Hz, want one second at 16000", len(samples), rate)
	}
	if share := testutil.ToneShare(samples, rate, 523); share < 0.99 {
		t.Errorf("got a share of %.3f at 523 Hz, want all of it", share)
	}
}

func FuzzReadWAV(f *testing.F) {
	for _, c := range wavCases() {
		f.Add(c.file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rate, samples, err := testutil.ParseWAV(file)
		if err != nil && samples != nil {
			t.Error("samples and an error")
		}
		if err == nil && (rate < 1 || rate > 384_000) {
			t.Errorf("a rate of %d Hz was taken", rate)
		}
		if 2*len(samples) > len(file) {
			t.Errorf("%d samples out of %d bytes", len(samples), len(file))
		}
	})
}

func TestToneWAV(t *testing.T) {
	rate, samples, err := testutil.ParseWAV(testutil.ToneWAV(700))
	if err != nil || rate != 8000 || len(samples) != 30*8000 || testutil.ToneShare(samples, rate, 700) < 0.99 {
		t.Errorf("%d Hz, %d samples, %v", rate, len(samples), err)
	}
}
