package audio_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// foreign is a file that another program makes of speech at 48 kHz.
type foreign struct {
	name     string
	args     []string // of ffmpeg, for the output
	rate     int
	channels int
	decoded  float64 // segmental SNR in dB, at least, of what we make of it against what ffmpeg makes of it
	source   float64 // and against the speech
}

func foreignFiles() []foreign {
	var all []foreign
	pcm := func(encoder string, source float64, rates ...int) {
		for i, rate := range rates {
			channels := 1 + (i+1)%2
			all = append(all, foreign{fmt.Sprintf("%s-%d-%d.wav", encoder, rate, channels), []string{"-c:a", encoder}, rate, channels, 45, source})
		}
	}
	pcm("pcm_s16le", 45, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
	pcm("pcm_u8", 5, 8000, 48000)
	pcm("pcm_s24le", 45, 16000, 48000)
	pcm("pcm_s32le", 45, 44100)
	pcm("pcm_f32le", 45, 22050, 48000)
	pcm("pcm_f64le", 45, 32000)
	pcm("pcm_alaw", 25, 8000, 16000)
	pcm("pcm_mulaw", 25, 8000, 48000)
	for _, rate := range []int{16000, 22050, 24000, 32000, 44100, 48000} {
		all = append(
			all,
			foreign{fmt.Sprintf("cbr-%d.mp3", rate), []string{"-c:a", "libmp3lame", "-b:a", "96k"}, rate, 1, 40, 8},
			foreign{fmt.Sprintf("vbr-%d.mp3", rate), []string{"-c:a", "libmp3lame", "-q:a", "2", "-id3v2_version", "3", "-metadata", "title=x"}, rate, 2, 40, 8},
		)
	}
	return append(
		all,
		foreign{"slow.mp3", []string{"-c:a", "libmp3lame", "-b:a", "48k"}, 22050, 1, 40, 5},
		foreign{"fast.mp3", []string{"-c:a", "libmp3lame", "-b:a", "160k"}, 22050, 2, 40, 8},
		foreign{"no-reservoir.mp3", []string{"-c:a", "libmp3lame", "-b:a", "64k", "-reservoir", "0"}, 22050, 1, 40, 5},
		foreign{"rf64.wav", []string{"-c:a", "pcm_s16le", "-rf64", "always"}, 8000, 1, 45, 45},
		foreign{"speech.opus", []string{"-c:a", "libopus", "-b:a", "24k", "-application", "voip"}, 48000, 1, 30, 0},
		foreign{"music.ogg", []string{"-c:a", "libopus", "-b:a", "96k", "-vbr", "off", "-frame_duration", "60"}, 48000, 2, 30, 8},
		foreign{"short-frames.opus", []string{"-c:a", "libopus", "-b:a", "64k", "-frame_duration", "2.5"}, 48000, 1, 30, 8},
	)
}

// execute runs a program that is given half a minute.
func execute(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func writeRaw(t *testing.T, name string, pcm []int16) {
	t.Helper()
	var b []byte
	for _, x := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(x))
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readRaw(t *testing.T, name string) []int16 {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return pcm
}

// TestInteropSourceFFmpeg reads files of every format and rate that ffmpeg has written, and compares with what ffmpeg reads in them, and with
// what they were made of.
func TestInteropSourceFFmpeg(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	speech := sound.Speech(5, 48000, 1200*time.Millisecond)
	writeRaw(t, at("speech.raw"), speech)
	write := []string{"-v", "error", "-f", "s16le", "-ar", "48000", "-ac", "1", "-i", at("speech.raw")}
	read, want := []string{"-v", "error"}, []string(nil)
	files := foreignFiles()
	for i, f := range files {
		write = append(write, f.args...)
		if f.channels == 2 { // both as loud as the one is
			write = append(write, "-af", "pan=stereo|c0=c0|c1=c0")
		}
		write = append(write, "-ar", strconv.Itoa(f.rate), at(f.name))
		if f.args[1] == "libopus" { // ffmpeg's own decoder is two samples late
			read = append(read, "-c:a", "libopus")
		}
		read = append(read, "-i", at(f.name))
		want = append(want, "-map", fmt.Sprint(i, ":0"), "-f", "s16le", "-ac", "1", "-ar", strconv.Itoa(f.rate), at(f.name+".raw"))
	}
	rates := make(map[int]bool)
	for _, f := range files {
		if !rates[f.rate] {
			write = append(write, "-f", "s16le", "-ar", strconv.Itoa(f.rate), at(fmt.Sprint(f.rate, ".raw")))
			rates[f.rate] = true
		}
	}
	execute(t, "ffmpeg", write...)
	execute(t, "ffmpeg", append(read, want...)...)
	for _, f := range files {
		t.Run(f.name, func(t *testing.T) {
			s, err := audio.Open(at(f.name))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if s.Rate() != f.rate {
				t.Errorf("%d Hz", s.Rate())
			}
			got, theirs, source := drain(t, s), readRaw(t, at(f.name+".raw")), readRaw(t, at(fmt.Sprint(f.rate, ".raw")))
			alike(t, "what ffmpeg reads", theirs, got, f.rate, f.decoded)
			alike(t, "the source", source, got, f.rate, f.source)
			if err := s.(audio.Seeker).SeekTo(700 * time.Millisecond); err != nil {
				t.Fatal(err)
			}
			alike(t, "from 700 ms on", got[f.rate*7/10:], drain(t, s), f.rate, f.decoded)
		})
	}
}

// alike wants two sounds to be as long as each other, to a sample or two of rounding, and alike.
func alike(t *testing.T, what string, want, got []int16, rate int, snr float64) {
	t.Helper()
	if d := len(want) - len(got); d > 2 || d < -2 {
		t.Errorf("%s: %d samples, want %d", what, len(got), len(want))
		return
	}
	n := min(len(want), len(got))
	if is := sound.SegmentalSNR(want[:n], got[:n], rate); is < snr {
		t.Errorf("%s: segmental SNR %.1f dB, want %.0f (a shift by %d?)", what, is, snr, sound.Align(want, got, 2000))
	}
}

// TestInteropSourceOpusenc reads files of opusenc: with comments of 200 KB, at the lowest rate, and of music.
func TestInteropSourceOpusenc(t *testing.T) {
	testutil.Need(t, "opusenc", "opusdec")
	if !codec.Decodes(media.Opus()) {
		t.Skip("no decoder of Opus in this build")
	}
	t.Parallel()
	dir := t.TempDir()
	raw, file, back := filepath.Join(dir, "a.raw"), filepath.Join(dir, "a.opus"), filepath.Join(dir, "b.raw")
	writeRaw(t, raw, sound.Music(2, 44100, 1200*time.Millisecond))
	for _, args := range [][]string{
		{"--bitrate", "12"},
		{"--bitrate", "64", "--padding", "200000"},
		{"--bitrate", "32", "--framesize", "60", "--max-delay", "60"},
		{"--bitrate", "96", "--hard-cbr", "--max-delay", "1000"},
	} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			all := append([]string{"--quiet", "--raw", "--raw-rate", "44100", "--raw-chan", "1"}, args...)
			execute(t, "opusenc", append(all, raw, file)...)
			execute(t, "opusdec", "--quiet", "--rate", "48000", "--no-dither", file, back)
			s, err := audio.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			got := drain(t, s)
			alike(t, "what opusdec reads", readRaw(t, back), got, 48000, 25)
			if want := 48000 * 12 / 10; len(got) < want-2 || len(got) > want+2 {
				t.Errorf("%d samples, want %d", len(got), want)
			}
		})
	}
}

// TestInteropSourcePipe reads a WAV file from ffmpeg while it is written, which cannot say how long it is.
func TestInteropSourcePipe(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	t.Parallel()
	raw := filepath.Join(t.TempDir(), "a.raw")
	tone := sound.Sine(16000, 440, 9000, 2*time.Second)
	writeRaw(t, raw, tone)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", raw, "-f", "wav", "-")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	got := drain(t, open(t, out))
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	alike(t, "the tone", tone, got, 16000, 59)
}
