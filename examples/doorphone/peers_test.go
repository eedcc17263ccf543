package main_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/sip/siptest"
)

// ffmpeg runs ffmpeg, whose complaints fail the test, and returns what it writes.
func ffmpeg(t *testing.T, input []byte, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(program.Within(t), "ffmpeg", append([]string{"-hide_banner", "-loglevel", "warning", "-threads", "1"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("ffmpeg: %v\n%s", err, &stderr)
	}
	return string(out)
}

// decodes has ffmpeg decode what an Echo Show has seen: every frame that it counts, without an error.
func decodes(t *testing.T, k *alexatest.Session) {
	t.Helper()
	seen := k.Seen()
	out := ffmpeg(t, seen.H264, "-xerror", "-err_detect", "explode", "-f", "h264", "-i", "-", "-f", "framemd5", "-")
	if n := strings.Count(out, "\n0,"); n != seen.Frames {
		t.Errorf("%d frames are decoded of %d that were seen", n, seen.Frames)
	}
	seen.H264 = nil
	t.Logf("seen: %+v", seen)
}

// TestInteropFFmpeg shows what libx264 has encoded, with its parameter sets in the stream or in the description alone.
func TestInteropFFmpeg(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	program.Interruptible(t)
	for profile, video := range map[string]siptest.VideoOptions{
		"baseline": {Rate: 25, Feedback: []string{"nack pli"}, Aggregate: true},
		"high":     {Rate: 25, Feedback: []string{"ccm fir"}, Sets: siptest.SetsOutside},
	} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "visitor.264")
			ffmpeg(t, nil, "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-frames:v", "100", "-pix_fmt", "yuv420p", "-c:v", "libx264",
				"-profile:v", profile, "-preset", "ultrafast", "-bf", "0", "-g", "25", "-b:v", "800k", file)
			video.Source = siptest.AnnexBFile(file)
			y := newYard(t, siptest.PhoneOptions{Video: &video})
			y.open(t, false)
			y.home.SetURL("http://" + y.skill)
			session, visitor := y.calls(t)
			if err := session.WaitSeen(program.Within(t), 40); err != nil {
				t.Fatal(err)
			}
			showHears(t, session)
			if err := session.Disconnect(program.Within(t)); err != nil {
				t.Error(err)
			}
			over(t, session, visitor)
			decodes(t, session)
			y.shut(t)
		})
	}
}

// TestInteropBaresip has baresip at the door, which is called, and rings.
func TestInteropBaresip(t *testing.T) {
	testutil.Need(t, "baresip", "ffmpeg")
	testutil.NeedBaresip(t, "avcodec.so", "fakevideo.so")
	program.Interruptible(t)
	t.Parallel()
	y := newYard(t, siptest.PhoneOptions{}) // its phone stays on the hook
	phone := testutil.StartBaresip(t, testutil.BaresipOptions{
		Tone: doorTone, Account: "answermode=auto",
		Config: "module avcodec.so\nmodule fakevideo.so\nvideo_source fakevideo\nvideo_display fakevideo\nvideo_size 320x240\nvideo_bitrate 300000\nvideo_fps 25\n",
	})
	y.settings["door"] = doorID + "=Front door=" + phone.URI
	y.open(t, false)
	y.home.SetURL("http://" + y.skill)
	y.grant(t)
	if _, err := y.home.Discover(program.Within(t)); err != nil {
		t.Fatal(err)
	}

	session, err := y.show.Talk(program.Within(t), doorID)
	if err != nil {
		t.Fatal(err)
	}
	showHears(t, session)
	if err := session.Disconnect(program.Within(t)); err != nil {
		t.Error(err)
	}
	decodes(t, session)

	phone.Do("dial", fmt.Sprintf("sip:%s@%s", doorID, y.sip))
	press, err := y.home.NextPress(program.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	if session, err = y.show.Talk(program.Within(t), press.EndpointID); err != nil {
		t.Fatal(err)
	}
	showHears(t, session)
	phone.Do("hangup", "")
	if _, err := session.WaitEnd(program.Within(t)); err != nil {
		t.Error(err)
	}
	decodes(t, session)
	y.shut(t)
}
