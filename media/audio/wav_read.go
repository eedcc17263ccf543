package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

const nameWAV = "WAV"

// Limits of a WAV file.
const (
	maxWAVChunks   = 100      // before the sound
	maxWAVSkip     = 16 << 20 // bytes of chunks before the sound: pictures and texts
	maxWAVFormat   = 4 << 10  // bytes of the format chunk
	maxWAVChannels = 8
)

// wavData is how large a file's sound is said to be by whoever cannot know: a program that writes to a pipe.
const (
	wavDataNone = 0
	wavDataMost = 0xFFFFFFFF
)

// isWAV reports whether a file begins like RIFF WAVE, or like RF64 (EBU Tech 3306), which is that for more than 4 GiB.
func isWAV(first []byte) bool {
	return len(first) >= magicSize && (hasPrefix(first, "RIFF") || hasPrefix(first, "RF64")) && string(first[8:12]) == "WAVE"
}

// wav is a RIFF WAVE file.
type wav struct {
	in     *input
	format wavFormat
	begin  int64 // where the sound begins in the file
	size   int64 // of the sound in bytes, at most
	left   int64 // of it
}

func newWAV(in *input) (*wav, error) {
	w := &wav{in: in}
	head := wavHead{in: in, at: magicSize}
	if err := in.skip(magicSize); err != nil {
		return nil, broken(nameWAV, "header", err)
	}
	if err := head.read(); err != nil {
		return nil, err
	}
	w.format, w.begin = head.format, head.at
	most := samplesIn(maxSourceTime, w.format.rate) * int64(w.format.frame())
	w.size = min(head.size, most)
	w.left = w.size
	return w, nil
}

// Rate implements Source.
func (w *wav) Rate() int { return w.format.rate }

// Close implements Source.
func (w *wav) Close() error { return w.in.close() }

// Read implements Source. A file that ends before it said ends there: its writer was cut off.
func (w *wav) Read(pcm []int16) (int, error) {
	frame := w.format.frame()
	if w.left < int64(frame) || len(pcm) == 0 {
		return 0, w.end()
	}
	if _, err := w.in.Peek(frame); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, io.EOF
		}
		return 0, broken(nameWAV, "sound", err)
	}
	n := int(min(int64(len(pcm)), int64(w.in.Buffered()/frame), w.left/int64(frame)))
	b, err := w.in.Peek(n * frame)
	if err != nil {
		return 0, broken(nameWAV, "sound", err)
	}
	w.format.mono(pcm[:n], b)
	w.left -= int64(n * frame)
	return n, w.in.skip(int64(n * frame))
}

func (w *wav) end() error {
	if w.left < int64(w.format.frame()) {
		return io.EOF
	}
	return nil
}

// SeekTo implements Seeker.
func (w *wav) SeekTo(at time.Duration) error {
	skip := min(samplesIn(max(at, 0), w.format.rate)*int64(w.format.frame()), w.size)
	if err := w.in.to(w.begin + skip); err != nil {
		return broken(nameWAV, "", err)
	}
	w.left = w.size - skip
	return nil
}

// wavHead reads a file up to its sound.
type wavHead struct {
	in     *input
	at     int64 // in the file
	long   int64 // size of the sound in an RF64 file; 0: not said
	format wavFormat
	size   int64 // of the sound
}

func (h *wavHead) read() error {
	for range maxWAVChunks {
		var b [8]byte
		if err := h.in.read(b[:]); err != nil {
			return broken(nameWAV, "chunks", err)
		}
		h.at += int64(len(b))
		id, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		if id == "data" {
			return h.sound(size)
		}
		if err := h.chunk(id, size); err != nil {
			return err
		}
		padded := size + size%2
		h.at += padded
		if h.at > maxWAVSkip {
			return &SourceError{nameWAV, fmt.Sprintf("%d bytes before the sound", h.at), ErrLimit}
		}
	}
	return &SourceError{nameWAV, "chunks before the sound", ErrLimit}
}

// chunk takes one that is not the sound: what matters of it, and the rest is skipped.
func (h *wavHead) chunk(id string, size int64) error {
	var b [wavFormatMost]byte
	n := int64(0)
	if id == "fmt " || id == "ds64" {
		if size > maxWAVFormat {
			return &SourceError{nameWAV, fmt.Sprintf("chunk %s of %d bytes", id, size), ErrLimit}
		}
		n = min(size, int64(len(b)))
	}
	if err := h.in.read(b[:n]); err != nil {
		return broken(nameWAV, "format", err)
	}
	switch {
	case id == "fmt ":
		if err := h.format.parse(b[:n]); err != nil {
			return err
		}
	case id == "ds64" && n >= 16: // after it the size of the whole file, then that of the sound
		h.long = int64(binary.LittleEndian.Uint64(b[8:]))
	}
	if err := h.in.skip(min(size+size%2-n, maxWAVSkip+1)); err != nil {
		return broken(nameWAV, "chunks", err)
	}
	return nil
}

func (h *wavHead) sound(size int64) error {
	if h.format.sample == nil {
		return &SourceError{nameWAV, "sound before its format", ErrMalformed}
	}
	const all = 1<<63 - 1
	switch {
	case size == wavDataMost && h.long > 0:
		h.size = h.long
	case size == wavDataMost || size == wavDataNone:
		h.size = all
	default:
		h.size = size
	}
	return nil
}
