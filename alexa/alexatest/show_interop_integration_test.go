package alexatest_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil"
)

// TestShowInteropFfmpeg sends pictures of ffmpeg's over a network that loses some; what the Show has kept is decoded by ffmpeg.
func TestShowInteropFfmpeg(t *testing.T) {
	t.Parallel()
	testutil.Need(t, "ffmpeg")
	path := filepath.Join(t.TempDir(), "sent.h264")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=4",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-bsf:v", "h264_mp4toannexb", "-f", "h264", path).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	frames := framesOf(t, path)
	prepare := func(c *camera) { c.frames = frames }
	o := &alexatest.ShowOptions{Loss: 0.05}
	atDoor(t, o, prepare, func(ctx context.Context, d *door, _ *camera, show *alexatest.Show) {
		k, err := show.Talk(ctx, frontDoor)
		must(t, err)
		must(t, k.WaitSeen(ctx, 75))
		must(t, k.Disconnect(ctx))
		v := k.Seen()
		if v.Dropped == 0 || v.Recovered == 0 {
			t.Errorf("seen %+v", counts(v))
		}
		cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-xerror", "-err_detect", "explode", "-f", "h264", "-i", "-", "-f", "framemd5", "-")
		cmd.Stdin = bytes.NewReader(v.H264)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		decoded := 0
		for line := range strings.Lines(string(out)) {
			if !strings.HasPrefix(line, "#") {
				decoded++
			}
		}
		if err != nil || decoded != v.Frames {
			t.Errorf("ffmpeg decodes %d frames of %d: %v\n%s", decoded, v.Frames, err, errs.String())
		}
		d.noViolations()
	})
}

// framesOf cuts a byte stream of ffmpeg's into access units: each begins with parameter sets or a slice whose first macroblock is 0.
func framesOf(t *testing.T, path string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	var frames [][]byte
	var frame []byte
	picture := false
	for unit := range bytes.SplitSeq(data, []byte{0, 0, 1}) {
		unit = bytes.TrimRight(unit, "\x00")
		if len(unit) == 0 {
			continue
		}
		kind := unit[0] & 0x1f
		first := kind == 1 || kind == 5
		if begins := kind >= 6 && kind <= 9 || first && unit[1]&0x80 != 0; begins && picture {
			frames, frame, picture = append(frames, frame), nil, false
		}
		frame = append(append(frame, 0, 0, 0, 1), unit...)
		picture = picture || first
	}
	frames = append(frames, frame)
	if len(frames) != 100 {
		t.Fatalf("%d frames of ffmpeg's, want 100", len(frames))
	}
	return frames
}
