package codec_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// ffmpeg runs it from its input to its output, each with the arguments that describe it.
func ffmpeg(t *testing.T, input []byte, from, to []string) []byte {
	t.Helper()
	args := append([]string{"-v", "error"}, from...)
	args = append(append(args, "-i", "pipe:0"), to...)
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append(args, "pipe:1")...)
	var out, errors bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &errors
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, &errors)
	}
	return out.Bytes()
}

func rawSound(rate int) []string {
	return []string{"-f", "s16le", "-ar", strconv.Itoa(rate), "-ac", "1"}
}

func samplesOf(b []byte) []int16 {
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return pcm
}

func bytesOf(pcm []int16) []byte {
	var b []byte
	for _, x := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(x))
	}
	return b
}

// encoded is pcm through an encoder of ours, and decoded the samples of its octets, frame by frame as a call has them.
func encoded(t *testing.T, c media.Codec, pcm []int16) (b []byte) {
	t.Helper()
	e, err := codec.NewEncoder(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := e.Rate() / codec.FramesPerSecond; len(pcm) >= n; pcm = pcm[n:] {
		if b, err = e.Encode(b, pcm[:n]); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func decoded(t *testing.T, c media.Codec, b []byte, frame int) (pcm []int16) {
	t.Helper()
	d, err := codec.NewDecoder(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for ; len(b) > 0; b = b[min(frame, len(b)):] {
		if pcm, err = d.Decode(pcm, b[:min(frame, len(b))]); err != nil {
			t.Fatal(err)
		}
	}
	return pcm
}

// TestInteropFFmpeg has ffmpeg decode what we encode, and encode what we decode. What one makes of the other's is as near to the source as what
// it makes of its own, and near to what the other makes of it.
func TestInteropFFmpeg(t *testing.T) {
	t.Parallel()
	testutil.Need(t, "ffmpeg")
	for _, c := range []struct {
		codec       media.Codec
		rate, frame int
		format      []string
		encoder     string
		least, same float64 // dB: to the source; between the two decoders
	}{
		{media.PCMU(), 8000, 160, []string{"-f", "mulaw", "-ar", "8000", "-ac", "1"}, "pcm_mulaw", 33, sound.BestSNR},
		{media.PCMA(), 8000, 160, []string{"-f", "alaw", "-ar", "8000", "-ac", "1"}, "pcm_alaw", 33, sound.BestSNR},
		{codec.L16(16000), 16000, 640, []string{"-f", "s16be", "-ar", "16000", "-ac", "1"}, "pcm_s16be", sound.BestSNR, sound.BestSNR},
		{media.G722(), 16000, 160, []string{"-f", "g722"}, "g722", 30, 55},
	} {
		t.Run(c.codec.Name, func(t *testing.T) {
			source := sound.Speech(21, c.rate, 2*time.Second)
			toBytes := append([]string{"-c:a", c.encoder}, c.format...)
			ours := encoded(t, c.codec, source)
			theirs := ffmpeg(t, bytesOf(source), rawSound(c.rate), toBytes)
			if d := len(theirs) - len(ours); d < 0 || d > 2*c.frame {
				t.Errorf("ffmpeg made %d octets, we %d", len(theirs), len(ours))
			}
			for name, b := range map[string][]byte{"ours": ours, "ffmpeg's": theirs} {
				us := decoded(t, c.codec, b, c.frame)
				them := samplesOf(ffmpeg(t, b, c.format, rawSound(c.rate)))
				lag := sound.Align(source, us, c.rate/50)
				if snr := sound.SegmentalSNR(source, sound.Shift(us, lag), c.rate); snr < c.least {
					t.Errorf("%s, decoded by us: %.1f dB, want %.0f", name, snr, c.least)
				}
				if snr := sound.SegmentalSNR(them, us, c.rate); snr < c.same {
					t.Errorf("%s: the decoders differ by %.1f dB, want %.0f", name, snr, c.same)
				}
			}
		})
	}
}

// TestInteropFFmpegRandom: octets that are no voice, and such as drive the predictor to its limits, are the same sound to both.
func TestInteropFFmpegRandom(t *testing.T) {
	t.Parallel()
	testutil.Need(t, "ffmpeg")
	chance := rand.New(rand.NewPCG(5, 6))
	any := make([]byte, 256)
	for i := range any {
		any[i] = byte(i)
	}
	for _, of := range [][]byte{any, {0x20, 0x04}, {0xA0, 0xA4, 0xA0, 0xA0, 0x21}, {0x04, 0x20, 0x84, 0xA0, 0x44}} {
		b := make([]byte, 16000)
		for i := range b {
			b[i] = of[chance.IntN(len(of))]
		}
		us := decoded(t, media.G722(), b, 160)
		if them := samplesOf(ffmpeg(t, b, []string{"-f", "g722"}, rawSound(16000))); !slices.Equal(us, them) {
			t.Errorf("of %d octets %x, ffmpeg makes other samples", len(of), of[:2])
		}
	}
}

// TestInteropFFmpegNoise has ffmpeg say what a noise sounds like, and makes a noise of what it says.
func TestInteropFFmpegNoise(t *testing.T) {
	t.Parallel()
	testutil.Need(t, "ffmpeg")
	const frame, payload = 640, 11 // of ffmpeg's encoder: samples and octets
	source := coloured(3, 8000, 0.95, 2*time.Second)
	said := ffmpeg(t, bytesOf(source), rawSound(8000), []string{"-c:a", "comfortnoise", "-f", "u8"})
	if len(said) < 10*payload || len(said)%payload != 0 {
		t.Fatalf("ffmpeg has made %d octets", len(said))
	}
	var made []int16
	var maker codec.NoiseMaker
	for i := 0; i < len(said)/payload; i++ {
		n, err := codec.ParseNoise(said[i*payload:][:payload])
		if err != nil {
			t.Fatal(err)
		}
		ours := codec.MeasureNoise(source[min(i*frame, len(source)-frame):][:frame], payload-1)
		if d := n.Level - ours.Level; i > 0 && (d < -3 || d > 3) {
			t.Errorf("frame %d: ffmpeg hears %d dB, we %d", i, n.Level, ours.Level)
		}
		if d := n.Reflections[0] - ours.Reflections[0]; d < -0.1 || d > 0.1 {
			t.Errorf("frame %d: ffmpeg hears a first reflection of %.2f, we %.2f", i, n.Reflections[0], ours.Reflections[0])
		}
		maker.Set(&n)
		made = maker.Append(made, frame)
	}
	for name, of := range map[string]func([]int16) []int16{"all": slices.Clone[[]int16], "high": differences} {
		if d := sound.Power(of(made)) - sound.Power(of(source)); d < -3 || d > 3 {
			t.Errorf("%s of the noise is %.1f dB louder than the source", name, d)
		}
	}
}
