package siptest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
)

// ffmpeg runs ffmpeg, whose complaints fail the test, and returns what it writes.
func ffmpeg(t *testing.T, input []byte, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", append([]string{"-hide_banner", "-loglevel", "warning", "-threads", "1"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("ffmpeg: %v\n%s", err, &stderr)
	}
	return out
}

// streamOf returns the byte stream of n pictures, of which every 25th is a key frame.
func streamOf(f film, n int) []byte {
	reel := f.start()
	var stream []byte
	for i := range n {
		u := reel.next(i%25 == 0)
		for _, unit := range slices.Concat(u.sets, u.units) {
			stream = append(append(stream, 0, 0, 0, 1), unit...)
		}
	}
	return stream
}

// TestInteropDrawn has ffmpeg decode what is drawn: every pixel is as it should be.
func TestInteropDrawn(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	t.Parallel()
	for name, o := range map[string]VideoOptions{
		"a slice": {}, "many slices": {SingleNAL: true}, "one macroblock": {Source: Pictures(16, 16)}, "large": {Source: Pictures(256, 240)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 300
			f := filmFor(t, o).film
			d := *f.start().(*drawing)
			out := ffmpeg(t, streamOf(f, n), "-xerror", "-err_detect", "explode", "-f", "h264", "-i", "-", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
			width, height := d.across*macroblock, d.down*macroblock
			if size := width * height * 3 / 2; len(out) != n*size {
				t.Fatalf("%d bytes are decoded, want %d pictures of %d", len(out), n, size)
			}
			for i := range n {
				lit := i % (d.across * d.down)
				want := bytes.Repeat([]byte{darkLuma}, width*height)
				for y := range macroblock {
					row := want[(lit/d.across*macroblock+y)*width+lit%d.across*macroblock:]
					copy(row[:macroblock], bytes.Repeat([]byte{lightLuma}, macroblock))
				}
				if got := out[i*width*height*3/2:][:width*height]; !bytes.Equal(got, want) {
					t.Fatalf("picture %d is not as it was drawn, with macroblock %d bright", i, lit)
				}
			}
		})
	}
}

// encoded returns a byte stream of n pictures that libx264 has made, with a key frame every keys.
func encoded(t *testing.T, n, keys int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "film.264")
	ffmpeg(t, nil, "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-frames:v", fmt.Sprint(n), "-pix_fmt", "yuv420p", "-c:v", "libx264",
		"-profile:v", "baseline", "-preset", "ultrafast", "-g", fmt.Sprint(keys), "-keyint_min", fmt.Sprint(keys), "-sc_threshold", "0", "-slices", "2", file)
	return file
}

// TestInteropFilm plays libx264's stream: as many pictures as it has, key frames when asked, and ffmpeg decodes the same as before.
func TestInteropFilm(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	t.Parallel()
	file := encoded(t, 60, 20)
	f := filmFor(t, VideoOptions{Source: AnnexBFile(file)}).film
	reel := f.start()
	var stream []byte
	keys := 0
	for range 60 {
		u := reel.next(false)
		if u.key {
			keys++
		}
		for _, unit := range unpack(t, payloads(u, true)) {
			stream = append(append(stream, 0, 0, 0, 1), unit...)
		}
	}
	if keys != 3 {
		t.Errorf("%d key frames in 60 pictures, want 3", keys)
	}
	if u := reel.next(false); !u.key || len(u.sets) != 2 {
		t.Error("the stream does not begin anew after its end")
	}
	if u := reel.next(true); !u.key || reel.(*loopReel).at != 21 {
		t.Errorf("a request for a key frame leads to picture %d", reel.(*loopReel).at)
	}
	hashes := func(input []byte, args ...string) string {
		return string(ffmpeg(t, input, append(args, "-f", "framemd5", "-")...))
	}
	played, read := hashes(stream, "-f", "h264", "-i", "-"), hashes(nil, "-i", file)
	if played != read || strings.Count(played, "\n0,") != 60 {
		t.Errorf("played:\n%s\nread:\n%s", played, read)
	}
}

// TestInteropReceived has ffmpeg receive what a call sends, by RTP: it asks again and again for the key frame that it began too late for.
func TestInteropReceived(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	t.Parallel()
	w := watch(t, VideoOptions{Rate: 50, Aggregate: true, Sets: SetsInBoth})
	to := portOf(w.rtp)
	l := newLens(w.stream.camera, to.Port())
	l.payloadType = 99
	description := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n%s", l.write(nil, direction{send: true}))
	file := filepath.Join(t.TempDir(), "door.sdp")
	if err := os.WriteFile(file, []byte(description), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _ = w.rtp.Close(), w.rtcp.Close() // ffmpeg takes their ports
	done := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(100 * time.Millisecond):
				w.stream.askedByInfo()
			}
		}
	})
	defer asking.Wait()
	defer close(done)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// It may complain: it begins in the middle of the stream.
	out, err := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-loglevel", "error", "-threads", "1", "-protocol_whitelist", "file,udp,rtp",
		"-analyzeduration", "500000", "-i", file, "-frames:v", "20", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-").Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	const size = defaultWidth * defaultHeight * 3 / 2
	if len(out) != 20*size {
		t.Fatalf("%d bytes are decoded, want 20 pictures of %d", len(out), size)
	}
	last := out[19*size:][:defaultWidth*defaultHeight]
	if lit := bytes.Count(last, []byte{lightLuma}); lit != macroblock*macroblock {
		t.Errorf("the last picture has %d bright pixels, want %d", lit, macroblock*macroblock)
	}
}
