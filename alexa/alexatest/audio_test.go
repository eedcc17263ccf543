package alexatest_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media/oggwriter"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil"
)

// corpus reads a file of the third-party corpora; the test is skipped where there are none.
func corpus(t *testing.T, path string) []byte {
	t.Helper()
	root := os.Getenv("ALEXACALL_CORPORA")
	if root == "" {
		t.Skip("ALEXACALL_CORPORA is not set: no third-party test data")
	}
	data, err := os.ReadFile(filepath.Join(root, path))
	must(t, err)
	return data
}

func words(data []byte) []int16 {
	out := make([]int16, len(data)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return out
}

// TestG711AgainstSweeps compares every 16-bit sample with ITU-T's own reference files.
func TestG711AgainstSweeps(t *testing.T) {
	source := words(corpus(t, "codec/itu-g711/sweep.src"))
	for _, tt := range []struct {
		law    string
		encode func(int16) byte
		decode func(byte) int16
	}{
		{"u", alexatest.EncodeULaw, alexatest.DecodeULaw},
		{"a", alexatest.EncodeALaw, alexatest.DecodeALaw},
	} {
		coded := words(corpus(t, "codec/itu-g711/sweep-r."+tt.law))
		decoded := words(corpus(t, "codec/itu-g711/sweep-r."+tt.law+"-"+tt.law))
		if len(source) != 1<<16 || len(coded) != len(source) || len(decoded) != len(source) {
			t.Fatalf("%d, %d and %d samples", len(source), len(coded), len(decoded))
		}
		for i, s := range source {
			if got := tt.encode(s); int16(got) != coded[i] {
				t.Fatalf("%s-law: %d is coded %#x instead of %#x", tt.law, s, got, coded[i])
			}
			if got := tt.decode(byte(coded[i])); got != decoded[i] {
				t.Fatalf("%s-law: %#x is decoded %d instead of %d", tt.law, coded[i], got, decoded[i])
			}
		}
	}
}

// TestG711 needs no corpus: known values of ITU-T G.711, and that coding a decoded value gives the code back.
func TestG711(t *testing.T) {
	for code, want := range map[byte]int16{0xff: 0, 0x7f: 0, 0x80: 32124, 0x00: -32124, 0xfe: 8, 0x7e: -8} {
		if got := alexatest.DecodeULaw(code); got != want {
			t.Errorf("u-law %#x: %d", code, got)
		}
	}
	for code, want := range map[byte]int16{0xd5: 8, 0x55: -8, 0xaa: 32256, 0x2a: -32256} {
		if got := alexatest.DecodeALaw(code); got != want {
			t.Errorf("A-law %#x: %d", code, got)
		}
	}
	for i := range 256 {
		code := byte(i)
		if got := alexatest.EncodeULaw(alexatest.DecodeULaw(code)); got != code && code != 0x7f { // there are two zeros
			t.Errorf("u-law %#x comes back as %#x", code, got)
		}
		if got := alexatest.EncodeALaw(alexatest.DecodeALaw(code)); got != code {
			t.Errorf("A-law %#x comes back as %#x", code, got)
		}
	}
}

func sine(hz float64, rate, n, channels int) []int16 {
	out := make([]int16, n*channels)
	for i := range out {
		out[i] = int16(10000 * math.Sin(2*math.Pi*hz*float64(i/channels)/float64(rate)))
	}
	return out
}

// wavOf writes a WAV file by hand: an odd chunk stands before the data.
func wavOf(rate, channels int, samples []int16) []byte {
	var b bytes.Buffer
	b.WriteString("RIFF\x00\x00\x00\x00WAVEfmt ")
	for _, v := range []any{
		uint32(16), uint16(1), uint16(channels), uint32(rate), uint32(rate * channels * 2), uint16(channels * 2), uint16(16),
	} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("LIST\x03\x00\x00\x00abc\x00data")
	_ = binary.Write(&b, binary.LittleEndian, uint32(2*len(samples)))
	_ = binary.Write(&b, binary.LittleEndian, samples)
	return b.Bytes()
}

func TestWAV(t *testing.T) {
	for _, rate := range []int{8000, 16000, 24000, 48000} {
		for _, channels := range []int{1, 2} {
			got, err := alexatest.ParseWAV(wavOf(rate, channels, sine(700, rate, rate, channels)))
			must(t, err)
			if share := alexatest.ToneShare(got, 700); len(got) != 8000 || share < 0.99 {
				t.Errorf("%d Hz, %d channels: %d samples, %.3f of 700 Hz", rate, channels, len(got), share)
			}
		}
	}
	// 5300 Hz cannot be had at 8 kHz: it must go, and not come back as 2700 Hz.
	got, err := alexatest.ParseWAV(wavOf(16000, 1, sine(5300, 16000, 16000, 1)))
	must(t, err)
	power := 0.0
	for _, s := range got[100 : len(got)-100] {
		power += float64(s) * float64(s)
	}
	if rms := math.Sqrt(power / float64(len(got)-200)); rms > 70 { // 40 dB below the tone
		t.Errorf("5300 Hz leave %.0f", rms)
	}
	whole := wavOf(8000, 1, sine(700, 8000, 80, 1))
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("RIFF1234WAVX"), "no data": whole[:40], "no samples": whole[:len(whole)-160],
		"rate": wavOf(44100, 1, sine(1, 8000, 80, 1)), "channels": wavOf(8000, 3, sine(1, 8000, 80, 3)),
		"float": append(append(append([]byte(nil), whole[:20]...), 3, 0), whole[22:]...),
	} {
		if _, err := alexatest.ParseWAV(data); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

func TestToneShare(t *testing.T) {
	tone, err := alexatest.SourceFrame(alexatest.Tone(440), 123, 8000)
	must(t, err)
	quiet := make([]int16, 16000)
	r := alexatest.Recording{Samples: append(append(append([]int16(nil), quiet...), tone...), quiet...)}
	if share := r.ToneShare(440); share < 0.999 {
		t.Errorf("a second of tone between silence: %.4f", share)
	}
	if share := r.ToneShare(600); share > 0.01 {
		t.Errorf("another frequency: %.4f", share)
	}
	mixed := sine(600, 8000, 8000, 1)
	for i := range mixed {
		mixed[i] = mixed[i]/2 + tone[i]/2
	}
	if a, b := alexatest.ToneShare(mixed, 440), alexatest.ToneShare(mixed, 600); math.Abs(a+b-1) > 0.02 || a < 0.3 || b < 0.3 {
		t.Errorf("two tones: %.3f and %.3f", a, b)
	}
	for _, none := range [][]int16{nil, quiet, tone[:0]} {
		if share := (alexatest.Recording{Samples: none}).ToneShare(440); share != 0 {
			t.Errorf("silence: %.3f", share)
		}
	}
	path := filepath.Join(t.TempDir(), "heard.wav")
	must(t, r.WriteWAV(path))
	data, err := os.ReadFile(path)
	must(t, err)
	back, err := alexatest.ParseWAV(data)
	if err != nil || len(back) != len(r.Samples) || alexatest.ToneShare(back[16000:24000], 440) < 0.999 {
		t.Errorf("a WAV file comes back as %d samples: %v", len(back), err)
	}
	if err := r.WriteWAV(t.TempDir()); err == nil {
		t.Error("a directory is written as a file")
	}
}

func TestOpusDuration(t *testing.T) {
	for packet, want := range map[string]time.Duration{
		"\xf8\xff\xfe": 20 * time.Millisecond, "\x08": 20 * time.Millisecond, "\x18": 60 * time.Millisecond, "\x60": 10 * time.Millisecond,
		"\x81": 5 * time.Millisecond, "\xfa": 40 * time.Millisecond, "\xfb\x03": 60 * time.Millisecond, "\xfb": 0,
	} {
		if got := alexatest.OpusDuration([]byte(packet)); got != want {
			t.Errorf("%x: %v", packet, got)
		}
	}
}

// TestInteropOpusSilence has ffmpeg decode the packets that an Echo sends when Opus is negotiated.
func TestInteropOpusSilence(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	path := filepath.Join(t.TempDir(), "silence.ogg")
	w, err := oggwriter.New(path, 48000, 2)
	must(t, err)
	for i := range 50 {
		p := &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(960 * i)}, Payload: alexatest.OpusSilence}
		must(t, w.WriteRTP(p))
	}
	must(t, w.Close())
	var faults strings.Builder
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "warning", "-i", path, "-f", "s16le", "-ac", "1", "-")
	cmd.Stderr = &faults
	out, err := cmd.Output()
	must(t, err)
	samples := words(out)
	if len(samples) < 45*960 || faults.Len() > 0 {
		t.Errorf("ffmpeg made %d samples: %s", len(samples), faults.String())
	}
	for _, s := range samples {
		if s != 0 {
			t.Fatalf("a sample is %d", s)
		}
	}
}

// TestOpusCall has both sides negotiate Opus: the Echo sends silence and keeps what it receives.
func TestOpusCall(t *testing.T) {
	ctx := testContext(t)
	cloud := newCloud(t, patient)
	echo := newEcho(t, cloud, "7201", &alexatest.EchoOptions{Play: alexatest.Tone(440)})
	g := newGateway(t, cloud, webrtc.MimeTypeOpus)
	defer g.end()
	call, err := echo.Call(ctx, "reception")
	must(t, err)
	must(t, call.WaitHeard(ctx, 300*time.Millisecond))
	r := call.Heard()
	if r.Codec != alexatest.CodecOpus || len(r.Opus) != r.Packets || r.Packets < 15 || r.Bytes != 3*r.Packets || len(r.Samples) != 0 ||
		r.First.IsZero() || !bytes.Equal(r.Opus[0], alexatest.OpusSilence) {
		t.Errorf("heard %d packets, %d bytes of %s", r.Packets, r.Bytes, r.Codec)
	}
	g.peer.heard(ctx, 15)
	if !bytes.Equal(g.peer.opus[0], alexatest.OpusSilence) {
		t.Errorf("the Echo sent %x", g.peer.opus[0])
	}
	must(t, call.Hangup(ctx))
	noViolations(t, cloud)
}

// TestG722Call has both sides negotiate G.722: the Echo sends silence and counts what it receives.
func TestG722Call(t *testing.T) {
	ctx := testContext(t)
	cloud := newCloud(t, patient)
	echo := newEcho(t, cloud, "7201", &alexatest.EchoOptions{Play: alexatest.Tone(440), Codecs: []string{"opus", "G722", "PCMU"}})
	g := newGateway(t, cloud, webrtc.MimeTypeG722)
	defer g.end()
	call, err := echo.Call(ctx, "reception")
	must(t, err)
	must(t, call.WaitHeard(ctx, 300*time.Millisecond))
	r := call.Heard()
	if r.Codec != alexatest.CodecG722 || r.Packets < 15 || r.Bytes != 160*r.Packets || len(r.Samples)+len(r.Opus) != 0 || r.First.IsZero() ||
		r.Duration() != time.Duration(r.Packets)*20*time.Millisecond {
		t.Errorf("heard %d packets, %d bytes of %s, %v", r.Packets, r.Bytes, r.Codec, r.Duration())
	}
	g.peer.heard(ctx, 15)
	if !bytes.Equal(g.peer.opus[0], bytes.Repeat([]byte{0xff}, 160)) {
		t.Errorf("the Echo sent %x", g.peer.opus[0])
	}
	must(t, call.Hangup(ctx))
	noViolations(t, cloud)
}

// TestPlayWAV has an Echo play a file.
func TestPlayWAV(t *testing.T) {
	ctx := testContext(t)
	path := filepath.Join(t.TempDir(), "play.wav")
	must(t, os.WriteFile(path, wavOf(16000, 2, sine(500, 16000, 4000, 2)), 0o600)) // 250 ms, which are played again and again
	cloud := newCloud(t, patient)
	echo := newEcho(t, cloud, "7201", &alexatest.EchoOptions{Play: alexatest.WAV(path), Codecs: []string{"PCMA"}})
	g := newGateway(t, cloud, webrtc.MimeTypePCMA)
	defer g.end()
	call, err := echo.Call(ctx, "reception")
	must(t, err)
	bothHear(ctx, t, call, g, 500)
	must(t, call.Hangup(ctx))
	noViolations(t, cloud)
}
