package main_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
)

// TestInteropHotelSoundsByFFmpeg measures with another program's ears what each side has heard: the other side's tone is all there is.
func TestInteropHotelSoundsByFFmpeg(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	t.Parallel()
	o := run(t)
	if o.status != 0 {
		t.Fatalf("exit status %d", o.status)
	}
	files := o.recordings(t)
	if len(files) != 4 {
		t.Fatalf("recordings %q, want 4", files)
	}
	for _, file := range files {
		tone, other := tonesOf(file)
		whole, atTone, atOther := volume(t, file, 0), volume(t, file, tone), volume(t, file, other)
		t.Logf("%s: %.1f dB, at %v Hz %.1f dB, at %v Hz %.1f dB", filepath.Base(file), whole, tone, atTone, other, atOther)
		if whole < -30 {
			t.Errorf("%s: %.1f dB in all, which is hardly a sound", file, whole)
		}
		if whole-atTone > 1 {
			t.Errorf("%s: %.1f dB at %v Hz, %.1f dB in all", file, atTone, tone, whole)
		}
		if whole-atOther < 25 {
			t.Errorf("%s: %.1f dB at %v Hz, which must not be there, %.1f dB in all", file, atOther, other, whole)
		}
	}
}

var meanVolume = regexp.MustCompile(`mean_volume: (-?[0-9.]+) dB`)

// volume returns the mean volume, in dB below full scale, of what a file has at a frequency, or of all that it has at 0.
func volume(t *testing.T, file string, hz float64) float64 {
	t.Helper()
	filter := "volumedetect"
	if hz > 0 {
		band := fmt.Sprintf("bandpass=f=%v:width_type=h:w=60", hz)
		filter = band + "," + band + "," + filter // twice, for steeper sides
	}
	out, err := exec.CommandContext(program.Within(t), "ffmpeg", "-hide_banner", "-nostdin", "-i", file, "-af", filter, "-f", "null", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	m := meanVolume.FindSubmatch(out)
	if m == nil {
		t.Fatalf("ffmpeg names no volume:\n%s", out)
	}
	db, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return db
}
