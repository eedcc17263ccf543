package audio_test

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// run runs a program and returns what it prints, which must not be a complaint.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(program.Within(t), name, args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil || said.Len() > 0 && name == "ffmpeg" {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, said.String())
	}
	return string(out)
}

// decode has ffmpeg decode a file, or one channel of it.
func decode(t *testing.T, name string, rate int, args ...string) []int16 {
	t.Helper()
	args = append([]string{"-nostdin", "-v", "warning", "-guess_layout_max", "0", "-i", name}, args...)
	if !strings.HasSuffix(name, ".wav") {
		args = append(args[:3], args[5:]...)
	}
	return samples(run(t, "ffmpeg", append(args, "-f", "s16le", "-ar", strconv.Itoa(rate), "-")...))
}

func samples(raw string) (pcm []int16) {
	for ; len(raw) >= 2; raw = raw[2:] {
		pcm = append(pcm, int16(binary.LittleEndian.Uint16([]byte(raw[:2]))))
	}
	return pcm
}

// recordSaid records speech into a file of a kind, and returns what was said on each channel, at the rate of the file.
func recordSaid(t *testing.T, name string, o audio.RecorderOptions) (said [][]int16, end audio.RecordEnd) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f, err := audio.CreateRecordFile(filepath.Dir(name), filepath.Base(name))
		if err != nil {
			t.Fatal(err)
		}
		call, rate, sides := newRecordCall(t), max(o.Rate, 8000), []int{0}
		if o.Stereo {
			sides = append(sides, 1)
		}
		r := call.record(f, &o, sides...)
		var pcm [2][]int16
		for i := range sides {
			pcm[i] = sound.Speech(uint64(i+1), rate, 3*time.Second)
			said = append(said, pcm[i])
		}
		call.talk([2]media.Codec{codec.L16(rate), codec.L16(rate)}, pcm)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		end = ended(t, r)
	})
	return said, end
}

// TestInteropRecordWAV has ffprobe and Python measure every kind of WAV file, and compares what ffmpeg hears in each channel with what was said.
func TestInteropRecordWAV(t *testing.T) {
	testutil.Need(t, "ffmpeg", "ffprobe")
	testutil.NeedPython(t, "wave")
	t.Parallel()
	for kind, o := range recordKinds() {
		if o.Format == audio.RecordOpus {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "said.wav")
			said, end := recordSaid(t, name, o)
			if got := probed(t, name); (got - end.Duration).Abs() > time.Millisecond {
				t.Errorf("ffprobe takes it for %v, want %v", got, end.Duration)
			}
			if kind != "mu-law" { // which Python does not read
				const measure = `import sys, wave; w = wave.open(sys.argv[1]); print(w.getnframes(), len(w.readframes(w.getnframes())), w.getframerate())`
				n := int(end.Duration * time.Duration(max(o.Rate, 8000)) / time.Second)
				if got, want := strings.Fields(run(t, testutil.Python, "-c", measure, name)), []string{strconv.Itoa(n), strconv.Itoa(n * 2 * len(said)), strconv.Itoa(max(o.Rate, 8000))}; strings.Join(got, " ") != strings.Join(want, " ") {
					t.Errorf("Python reads %v, want %v", got, want)
				}
			}
			for i, want := range said {
				compare(t, want, decode(t, name, max(o.Rate, 8000), "-af", "pan=mono|c0=c"+strconv.Itoa(i)), max(o.Rate, 8000), 28)
			}
		})
	}
}

// compare holds what is heard to what was said, but for the delay.
func compare(t *testing.T, want, got []int16, rate int, least float64) {
	t.Helper()
	lag := sound.Align(want, got, rate/5)
	if snr := sound.SegmentalSNR(want, sound.Shift(got, lag), rate); snr < least {
		t.Errorf("%.1f dB at %d samples, want %.0f", snr, lag, least)
	}
}

// probed returns how long ffprobe says that a file lasts.
func probed(t *testing.T, name string) time.Duration {
	t.Helper()
	text := strings.TrimSpace(run(t, "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", name))
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(seconds * float64(time.Second))
}

// TestInteropRecordOpus records what libopus has made, in its modes, and compares what ffmpeg and opusdec hear in it with what they hear in
// the original: as it came, and with a part missing, which must not move what comes after it.
func TestInteropRecordOpus(t *testing.T) {
	testutil.Need(t, "ffmpeg", "ffprobe", "opusdec")
	t.Parallel()
	raw := filepath.Join(t.TempDir(), "said.raw")
	var b []byte
	for _, x := range sound.Speech(7, 48000, 3*time.Second) {
		b = binary.LittleEndian.AppendUint16(b, uint16(x))
	}
	if err := os.WriteFile(raw, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for kind, args := range map[string][]string{
		"SILK":         {"-b:a", "12k", "-application", "voip"},
		"hybrid 60 ms": {"-b:a", "28k", "-application", "voip", "-frame_duration", "60"},
		"CELT stereo":  {"-b:a", "64k", "-ac", "2"},
	} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			original := filepath.Join(dir, "original.opus")
			run(t, "ffmpeg", append(append([]string{"-nostdin", "-v", "error", "-f", "s16le", "-ar", "48000", "-ac", "1", "-i", raw, "-c:a", "libopus"}, args...), original)...)
			b, err := os.ReadFile(original)
			if err != nil {
				t.Fatal(err)
			}
			o := readOgg(t, b)
			packets := append(o.lead, o.packets...)
			want := heardBy(t, original)
			for _, hole := range []bool{false, true} {
				name := filepath.Join(dir, strconv.FormatBool(hole)+".opus")
				end := recordPackets(t, name, packets, hole)
				if got := probed(t, name); (got - end.Duration - 80*time.Millisecond).Abs() > 10*time.Millisecond { // the pre-skip counts
					t.Errorf("ffprobe takes it for %v, want %v", got, end.Duration)
				}
				for program, got := range heardBy(t, name) {
					if off := time.Duration(len(got))*time.Second/heardRate - end.Duration; off.Abs() > 10*time.Millisecond {
						t.Errorf("%s hears %v more than %v", program, off, end.Duration)
					}
					from := 0
					if hole {
						from = 2*heardRate + heardRate/5 // the decoder has found back
					}
					compare(t, want[program][from:], got[from:], heardRate, 25)
				}
			}
		})
	}
}

// heardRate is the rate in Hz at which Opus is compared.
const heardRate = 8000

// heardBy returns what several programs hear in a file of Opus.
func heardBy(t *testing.T, name string) map[string][]int16 {
	t.Helper()
	wav := strings.TrimSuffix(name, ".opus") + ".wav"
	run(t, "opusdec", "--quiet", "--force-wav", name, wav)
	return map[string][]int16{"ffmpeg": decode(t, name, heardRate, "-ac", "1"), "opusdec": decode(t, wav, heardRate, "-ac", "1")}
}

// recordPackets records packets, with or without a hole of one and a half seconds, which ends after two.
func recordPackets(t *testing.T, name string, packets [][]byte, hole bool) (end audio.RecordEnd) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f, err := audio.CreateRecordFile(filepath.Dir(name), filepath.Base(name))
		if err != nil {
			t.Fatal(err)
		}
		call, opus, at := newRecordCall(t), media.Opus(), uint32(0)
		r := call.record(f, &audio.RecorderOptions{Format: audio.RecordOpus}, 0)
		for i, payload := range packets {
			if !hole || at < 48000/2 || at >= 2*48000 {
				_ = call.says[0].Write(&media.Packet{Codec: &opus, Seq: uint16(i), Time: at, Payload: payload})
			}
			n := audio.OpusTime(payload)
			at += uint32(n)
			time.Sleep(sampleTime(int64(n)))
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		end = ended(t, r)
	})
	return end
}
