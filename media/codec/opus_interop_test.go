package codec_test

import (
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media/codec"
)

// TestOpusInterop compares what we make of libopus's packets with what opusdec does.
func TestOpusInterop(t *testing.T) {
	testutil.Need(t, "opusdec")
	t.Parallel()
	checkOpus(t, codec.NewDecoder, func(t *testing.T, s *opusStream) []int16 {
		channels := s.Channels
		if codec.HasLibopus {
			channels = 1 // it turns phases back before it mixes down
		}
		return mixedDown(opusdec(t, channels, s.packets(t)), channels)
	})
}

// opusdec decodes packets at 48 kHz by means of libopus.
func opusdec(t *testing.T, channels int, packets [][]byte) []int16 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	in, out := filepath.Join(t.TempDir(), "in.opus"), filepath.Join(t.TempDir(), "out.raw")
	if err := os.WriteFile(in, oggOpus(byte(channels), packets), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.CommandContext(ctx, "opusdec", "--quiet", "--no-dither", "--rate", "48000", in, out).CombinedOutput(); err != nil {
		t.Fatalf("opusdec: %v\n%s", err, said)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, len(data)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return pcm
}

func mixedDown(pcm []int16, channels int) []int16 {
	mono := make([]int16, len(pcm)/channels)
	for i := range mono {
		sum := 0
		for _, x := range pcm[i*channels : (i+1)*channels] {
			sum += int(x)
		}
		mono[i] = int16(sum / channels)
	}
	return mono
}
