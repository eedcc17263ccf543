//go:build cgo && libopus

package codec_test

import (
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media/codec"
)

// TestOpusEncodeInterop has ffmpeg's own decoder, which shares nothing with libopus, hear what we encode.
func TestOpusEncodeInterop(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	t.Parallel()
	for _, rate := range []int{8000, 16000, 48000} {
		t.Run(strconv.Itoa(rate), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			want := sound.Speech(7, rate, 4*time.Second)
			packets := encodeAll(t, opusEncoder(t, "useinbandfec=1", &codec.Options{Rate: rate, Loss: 0.05}), want)
			in := filepath.Join(t.TempDir(), "in.opus")
			if err := os.WriteFile(in, oggOpus(1, packets), 0o600); err != nil {
				t.Fatal(err)
			}
			data, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-c:a", "opus", "-i", in, "-f", "s16le", "-ar", strconv.Itoa(rate), "-").Output()
			if err != nil {
				t.Fatal(err)
			}
			got := make([]int16, len(data)/2)
			for i := range got {
				got[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
			}
			got = sound.Shift(got, sound.Align(want, got, rate/20))
			if distance := sound.LogSpectralDistance(want, got, rate); distance > 4.5 {
				t.Errorf("%.2f dB from the source", distance)
			} else {
				t.Logf("%.2f dB from the source", distance)
			}
		})
	}
}
