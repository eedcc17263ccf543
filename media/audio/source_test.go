package audio_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media/audio"
)

// drain reads a source to its end, in pieces of an odd size.
func drain(t testing.TB, s audio.Source) []int16 {
	t.Helper()
	var all []int16
	piece := make([]int16, 333)
	for {
		n, err := s.Read(piece)
		all = append(all, piece[:n]...)
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return all
		case err != nil || n == 0:
			t.Fatalf("%d samples, %v, after %d", n, err, len(all))
		}
	}
}

func open(t testing.TB, r io.Reader) audio.Source {
	t.Helper()
	s, err := audio.NewSource(r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// closer counts how often it is closed.
type closer struct {
	io.Reader
	closed int
}

func (c *closer) Close() error {
	c.closed++
	return nil
}

func TestNewSourceRefusesAndCloses(t *testing.T) {
	for _, text := range []string{"", "R", "<html><body>404</body></html>", "RIFF....AVI LIST", "fLaC and so on", "OggT12345678901234567890"} {
		c := &closer{Reader: bytes.NewReader([]byte(text))}
		s, err := audio.NewSource(c)
		if e, ok := errors.AsType[*audio.SourceError](err); !ok || !errors.Is(err, audio.ErrFormat) || e.Error() == "" || s != nil {
			t.Errorf("%q: %v, %v", text, s, err)
		}
		if c.closed != 1 {
			t.Errorf("%q: closed %d times", text, c.closed)
		}
	}
	c := &closer{Reader: bytes.NewReader(wavFile{samples: 10}.bytes())}
	s := open(t, c)
	if c.closed != 0 || s.Close() != nil || c.closed != 1 {
		t.Errorf("closed %d times", c.closed)
	}
	failed := errors.New("disk on fire")
	if _, err := audio.NewSource(io.MultiReader(bytes.NewReader([]byte("RI")), failing{failed})); !errors.Is(err, failed) {
		t.Errorf("%v, want what the reader returned", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestOpen(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.wav")
	if _, err := audio.Open(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(name, wavFile{samples: 100}.bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := audio.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(drain(t, s)); n != 100 || s.Rate() != 8000 {
		t.Errorf("%d samples at %d Hz", n, s.Rate())
	}
	if err := s.(audio.Seeker).SeekTo(10 * time.Millisecond); err != nil || len(drain(t, s)) != 20 {
		t.Errorf("from sample 80 of 100: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestSourceOfAPipe reads what comes bit by bit and cannot be sought in.
func TestSourceOfAPipe(t *testing.T) {
	r, w := io.Pipe()
	file := wavFile{samples: 500}.bytes()
	go func() {
		for _, b := range file {
			_, _ = w.Write([]byte{b})
		}
		_ = w.Close()
	}()
	s := open(t, r)
	if got := drain(t, s); len(got) != 500 || got[499] != wavSample(499) {
		t.Errorf("%d samples", len(got))
	}
	if err := s.(audio.Seeker).SeekTo(0); !errors.Is(err, audio.ErrSeek) {
		t.Errorf("sought in a pipe: %v", err)
	}
}

func FuzzNewSource(f *testing.F) {
	f.Add(wavFile{samples: 20}.bytes())
	f.Add(oggFile(oggStream{packets: 3}))
	f.Add([]byte("ID3\x03\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x00"))
	f.Fuzz(func(t *testing.T, file []byte) { readAll(t, file) })
}

// readAll reads whatever a file has, twice if it can, and does not end only if there is more in it than a file of its size can have.
func readAll(t *testing.T, file []byte) {
	s, err := audio.NewSource(bytes.NewReader(file))
	if err != nil {
		if _, ok := errors.AsType[*audio.SourceError](err); !ok {
			t.Fatalf("%v is no *SourceError", err)
		}
		return
	}
	first := readSome(t, s)
	if err := s.(audio.Seeker).SeekTo(0); err != nil {
		t.Fatalf("back to the beginning: %v", err)
	}
	if again := readSome(t, s); again != first {
		t.Fatalf("%d samples, and %d from the beginning again", first, again)
	}
	if err := s.(audio.Seeker).SeekTo(time.Second); err == nil {
		if rest := readSome(t, s); rest > first {
			t.Fatalf("%d samples, and %d after a second", first, rest)
		}
	}
}

func readSome(t *testing.T, s audio.Source) (total int) {
	pcm := make([]int16, 4096)
	for range 1000 {
		n, err := s.Read(pcm)
		total += n
		if err != nil {
			if n != 0 {
				t.Fatalf("%d samples with %v", n, err)
			}
			return total
		}
	}
	return total
}
