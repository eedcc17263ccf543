package audio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// A Source is sound that can be played, like an io.Reader of samples: mono, 16 bit. One goroutine uses it.
type Source interface {
	// Rate is the samples' rate in Hz; it never changes.
	Rate() int
	// Read stores the next samples in pcm and returns how many they are. At the end, or on an error, it returns 0 and io.EOF, or the error.
	Read(pcm []int16) (int, error)
	// Close gives up what the source reads from.
	Close() error
}

// A Seeker is a Source that can be played from any place. Those of NewSource and Open are, if what they read from is an io.Seeker; if it is
// not, their SeekTo returns an error that wraps ErrSeek.
type Seeker interface {
	Source
	// SeekTo has Read go on at a time from the beginning. Past the end, Read returns io.EOF.
	SeekTo(at time.Duration) error
}

var (
	// ErrFormat means that what is to be played is in no format that this package reads.
	ErrFormat = errors.New("unknown or unsupported format")
	// ErrMalformed means that a file is not what its first bytes promise.
	ErrMalformed = errors.New("malformed")
	// ErrLimit means that a file asks for more than we allow a stranger.
	ErrLimit = errors.New("over a limit")
	// ErrSeek means that a source cannot be played but from its beginning.
	ErrSeek = errors.New("cannot be played from another place")
)

// A SourceError says what is wrong with a file. It wraps ErrFormat, ErrMalformed, ErrLimit, ErrSeek, or what reading the file returned.
type SourceError struct {
	Format string // such as "WAV"; empty if it is unknown
	Detail string // may be empty
	Err    error
}

// Error implements error.
func (e *SourceError) Error() string {
	s := "audio: "
	if e.Format != "" {
		s += e.Format + ": "
	}
	if e.Detail != "" {
		s += e.Detail + ": "
	}
	return s + e.Err.Error()
}

// Unwrap returns what is wrong.
func (e *SourceError) Unwrap() error { return e.Err }

const (
	maxSourceTime = 24 * time.Hour // of what one source plays
	minSourceRate = 8000           // Hz
	maxSourceRate = 48000
	magicSize     = 12 // bytes that tell the formats apart
	inputBuffer   = 8 << 10
)

// NewSource returns the sound of a file: WAV, Ogg Opus or MP3, told apart by the first bytes. It reads no more than the header until Read
// is called. If r is an io.Seeker the source is a Seeker that works; if it is an io.Closer, Close closes it, and so does NewSource on an error.
// The error is a *SourceError.
func NewSource(r io.Reader) (Source, error) {
	s, err := newSource(newInput(r))
	if c, ok := r.(io.Closer); err != nil && ok {
		_ = c.Close()
	}
	return s, err
}

// Open returns the sound of the file of a name, as NewSource does.
func Open(name string) (Source, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, &SourceError{Err: err}
	}
	return NewSource(f)
}

func newSource(in *input) (Source, error) {
	first, err := in.Peek(magicSize)
	switch {
	case isWAV(first):
		return newWAV(in)
	case isOgg(first):
		return newOgg(in)
	case isMP3(first):
		return newMP3(in)
	case err != nil && !errors.Is(err, io.EOF):
		return nil, &SourceError{Err: err}
	}
	return nil, &SourceError{Err: ErrFormat}
}

// input is what a source reads from.
type input struct {
	*bufio.Reader
	from io.Reader
	seek io.Seeker // nil: it cannot go back
	base int64     // where from stood at the beginning
}

func newInput(r io.Reader) *input {
	in := &input{Reader: bufio.NewReaderSize(r, inputBuffer), from: r}
	if s, ok := r.(io.Seeker); ok {
		if base, err := s.Seek(0, io.SeekCurrent); err == nil { // a pipe is an os.File too
			in.seek, in.base = s, base
		}
	}
	return in
}

// to goes to an offset from the beginning.
func (in *input) to(offset int64) error {
	if in.seek == nil {
		return ErrSeek
	}
	if _, err := in.seek.Seek(in.base+offset, io.SeekStart); err != nil {
		return err
	}
	in.Reset(in.from)
	return nil
}

// skip leaves n bytes out. Fewer are there: io.ErrUnexpectedEOF.
func (in *input) skip(n int64) error {
	const most = 1 << 30 // of Discard, which takes an int
	for n > 0 {
		done, err := in.Discard(int(min(n, most)))
		n -= int64(done)
		if err != nil {
			return ended(err)
		}
	}
	return nil
}

// read fills b. Fewer bytes are there: io.ErrUnexpectedEOF.
func (in *input) read(b []byte) error {
	_, err := io.ReadFull(in, b)
	return ended(err)
}

// close closes what is read from.
func (in *input) close() error {
	if c, ok := in.from.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// ended makes of an end that comes too early what it is.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// broken is the error of a file of a format that cannot be read on: malformed where it ends too early, else what err says.
func broken(format, detail string, err error) error {
	if e, ok := errors.AsType[*SourceError](err); ok {
		return e
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &SourceError{Format: format, Detail: detail + " cut off", Err: ErrMalformed}
	}
	return &SourceError{Format: format, Detail: detail, Err: err}
}

// samplesIn returns how many samples of a rate a time has.
func samplesIn(d time.Duration, rate int) int64 {
	seconds, rest := d/time.Second, d%time.Second
	return int64(seconds)*int64(rate) + int64(rest)*int64(rate)/int64(time.Second)
}

// rateError is for a rate that is none of speech's.
func rateError(format string, rate int) error {
	return &SourceError{Format: format, Detail: fmt.Sprintf("%d Hz", rate), Err: ErrFormat}
}

func hasPrefix(b []byte, s string) bool { return bytes.HasPrefix(b, []byte(s)) }
