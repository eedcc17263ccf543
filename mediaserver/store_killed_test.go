package mediaserver

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/program"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
)

// recordForeverIn has this binary be a program that records into a store until it is killed.
const recordForeverIn = "ALEXACALL_PROMPTS_IN"

func recordForever(dir string) error {
	store, err := OpenFolder(dir)
	if err != nil {
		return err
	}
	file, err := store.Record(context.Background(), testDomain, "killed.wav")
	if err != nil {
		return err
	}
	clock := audio.NewClock(nil)
	near, far := media.Pipe(media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{codec.L16(8000)}}})
	if _, err := audio.NewRecorder(clock, file, nil, near.Stream(media.Audio).Reader()); err != nil {
		return err
	}
	p := audio.NewPlayer(clock, far.Stream(media.Audio), nil)
	return p.Play(context.Background(), audio.DialTone("", nil), nil)
}

// TestFaultKilledWhileRecording kills a program that records. The next one finds the recording in its place, and plays it.
func TestFaultKilledWhileRecording(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := program.Start(t, append(os.Environ(), recordForeverIn+"="+dir), self)
	const enough = 44 + 2*8000/2 // half a second
	for ctx := program.Within(t); ctx.Err() == nil && recordingSize(dir) < enough; {
		time.Sleep(10 * time.Millisecond)
	}
	p.Kill()
	store, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	file, err := store.Open(t.Context(), testDomain, "killed.wav")
	if err != nil {
		t.Fatal(err)
	}
	s, err := audio.NewSource(file)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n := 0
	for pcm := make([]int16, 1600); err == nil; {
		var read int
		read, err = s.Read(pcm)
		n += read
	}
	if !errors.Is(err, io.EOF) || n < 8000/2 {
		t.Errorf("%d samples, %v", n, err)
	}
}

// recordingSize returns how large the recording is that is being written.
func recordingSize(dir string) (n int64) {
	files, _ := filepath.Glob(filepath.Join(dir, testDomain, recordPrefix+"*"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			n += info.Size()
		}
	}
	return n
}
