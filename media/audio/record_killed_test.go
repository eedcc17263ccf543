package audio_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// recordForeverIn has this binary be a program that records into a folder until it is killed.
const recordForeverIn = "ALEXACALL_RECORD_FOREVER_IN"

// recordForever records a file of each kind, and says every 50 ms for how many milliseconds it has. It says nothing while the machine does
// not let it run: nobody can tell then what should be in the files.
func recordForever(dir string) error {
	clock := audio.NewClock(nil)
	began := time.Now()
	linear, opus := codec.L16(8000), media.Opus()
	a, b := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{linear, opus}}})
	for name, o := range recordKinds() {
		f, err := audio.CreateRecordFile(dir, name)
		if err != nil {
			return err
		}
		from := b.Stream(media.Audio) // the one party speaks L16, the other one Opus
		if o.Format == audio.RecordOpus {
			from = a.Stream(media.Audio)
		}
		sides := []*media.Reader{from.Reader()}
		if o.Stereo {
			sides = append(sides, from.Reader())
		}
		if _, err := audio.NewRecorder(clock, f, &o, sides...); err != nil {
			return err
		}
	}
	pcm, last, stood := sound.Sine(8000, 1000, 8000, time.Second), began, began
	for i := 0; ; i++ {
		var payload []byte
		for _, x := range pcm[i%50*160:][:160] {
			payload = append(payload, byte(uint16(x)>>8), byte(x))
		}
		_ = a.Stream(media.Audio).Write(&media.Packet{Codec: &linear, Seq: uint16(i), Time: uint32(i * 160), Payload: payload})
		_ = b.Stream(media.Audio).Write(&media.Packet{Codec: &opus, Seq: uint16(i), Time: uint32(i * 960), Payload: []byte{celtFull, 0xFF, 0xFE}})
		time.Sleep(time.Until(began.Add(time.Duration(i+1) * audio.FrameTime)))
		now := time.Now()
		if now.Sub(last) > 150*time.Millisecond {
			stood = now
		}
		if last = now; i%2 == 0 && (stood.Equal(began) || now.Sub(stood) > time.Second) {
			fmt.Println(now.Sub(began).Milliseconds())
		}
	}
}

// TestInteropRecordKilled kills ten programs that record, each at a moment of its own. Every file opens in ffmpeg and holds all but the last
// second.
func TestInteropRecordKilled(t *testing.T) {
	testutil.Need(t, "ffmpeg")
	t.Parallel()
	recordAndKill(t, 10)
}

// TestSoakRecordKilled is TestInteropRecordKilled with a hundred programs.
func TestSoakRecordKilled(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") != "1" {
		t.Skip("ALEXACALL_SOAK is not 1")
	}
	testutil.Need(t, "ffmpeg")
	for range 10 {
		recordAndKill(t, 10)
	}
}

// recordAndKill starts n programs that record, lets each run for half a second to two and a half, and looks at what they leave.
func recordAndKill(t *testing.T, n int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dirs, said := make([]string, n), make([]time.Duration, n)
	over := make(chan bool, n)
	for i := range n {
		dirs[i] = t.TempDir()
		p := program.Start(t, append(os.Environ(), recordForeverIn+"="+dirs[i]), self)
		time.AfterFunc(500*time.Millisecond+time.Duration(rand.Int64N(int64(2*time.Second))), func() {
			p.Kill()
			if lines := regexp.MustCompile(`(?m)^(\d+)\n`).FindAllStringSubmatch(p.Stdout(), -1); len(lines) > 0 {
				ms, _ := strconv.Atoi(lines[len(lines)-1][1])
				said[i] = time.Duration(ms) * time.Millisecond
			}
			over <- true
		})
	}
	for range n {
		<-over
	}
	heard := decodeAll(t, dirs)
	for i := range dirs {
		for name, lasts := range heard[i] {
			if lasts < said[i]-time.Second {
				t.Errorf("%s of program %d lasts %v, want %v but for a second", name, i, lasts, said[i])
			}
		}
		t.Logf("killed after %v: %v", said[i], heard[i])
	}
}

// decodeAll has ffmpeg decode every file of every folder, and returns how long each lasts. A file that has not been begun is not counted.
func decodeAll(t *testing.T, dirs []string) []map[string]time.Duration {
	t.Helper()
	heard, out := make([]map[string]time.Duration, len(dirs)), t.TempDir()
	args := []string{"-nostdin", "-v", "error"}
	var outs []string
	type of struct {
		dir  int
		name string
		at   string
	}
	var files []of
	for i, dir := range dirs {
		heard[i] = map[string]time.Duration{}
		for name := range recordKinds() {
			info, err := os.Stat(filepath.Join(dir, name))
			heard[i][name] = 0
			if err != nil || info.Size() < 200 {
				continue
			}
			args = append(args, "-i", filepath.Join(dir, name))
			raw := filepath.Join(out, fmt.Sprint(len(files)))
			outs = append(outs, "-map", fmt.Sprintf("%d:a", len(files)), "-f", "s16le", "-ac", "1", "-ar", "8000", raw)
			files = append(files, of{i, name, raw})
		}
	}
	if len(files) == 0 {
		return heard
	}
	if said, err := exec.CommandContext(program.Within(t), "ffmpeg", append(args, outs...)...).CombinedOutput(); err != nil || len(said) > 0 {
		t.Fatalf("ffmpeg: %v\n%s", err, said)
	}
	for _, f := range files {
		info, err := os.Stat(f.at)
		if err != nil {
			t.Fatal(err)
		}
		heard[f.dir][f.name] = time.Duration(info.Size()/2) * time.Second / 8000
	}
	return heard
}
