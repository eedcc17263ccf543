package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hajimehoshi/go-mp3"
)

const nameMP3 = "MP3"

// Limits of an MP3 file.
const (
	maxMP3Tags = 16 << 20 // bytes of ID3 tags at the beginning, pictures among them
	maxMP3Junk = 1 << 20  // bytes on end of which no frame comes
)

const (
	mp3DecoderDelay = 529 // samples that come out before those that went in
	mp3Preroll      = 30  // frames before a place that is gone to, of which the decoder makes up what it borrows from
	mp3SampleSize   = 4   // bytes: two channels, however many there are
)

// isMP3 reports whether a file begins with an ID3 tag or with a frame of MPEG audio, layer III.
func isMP3(first []byte) bool {
	if hasPrefix(first, "ID3") {
		return true
	}
	h, ok := mp3HeaderOf(first)
	return ok && h.rate > 0
}

// mpeg3 is an MP3 file.
type mpeg3 struct {
	in   *input
	d    *mp3.Decoder
	rate int

	repack mp3Repack

	budget int   // bytes that may yet be read before a frame has come
	failed error // that reading has met with

	lead int64 // samples that have still to be left out
	left int64 // that have still to be heard
	raw  [mp3SampleSize * 1152]byte
	have int // bytes of raw
	used int // of these
}

func newMP3(in *input) (Source, error) {
	m := &mpeg3{in: in}
	if err := m.start(0); err != nil {
		return nil, broken(nameMP3, "frame", ended(err))
	}
	return m, nil
}

// start reads a file from its beginning, and plays it from a time on.
func (m *mpeg3) start(at time.Duration) error {
	if err := m.skipTags(); err != nil {
		return err
	}
	h, err := m.findFrame()
	if err != nil {
		return err
	}
	if m.rate != 0 && m.rate != h.rate {
		return rateError(nameMP3, h.rate)
	}
	m.rate, m.have, m.used, m.repack = h.rate, 0, 0, mp3Repack{}
	m.lead, m.left = 0, samplesIn(maxSourceTime, h.rate)
	m.readInfo(h)
	skip := min(samplesIn(at, h.rate), m.left)
	m.lead += skip
	m.left -= skip
	if err := m.skipFrames(); err != nil {
		return err
	}
	return m.decode(func() (err error) {
		m.d, err = mp3.NewDecoder(frames{m})
		return err
	})
}

// Rate implements Source.
func (m *mpeg3) Rate() int { return m.rate }

// Close implements Source.
func (m *mpeg3) Close() error { return m.in.close() }

// Read implements Source.
func (m *mpeg3) Read(pcm []int16) (int, error) {
	for m.left > 0 && len(pcm) > 0 {
		n := m.hear(pcm)
		if n > 0 {
			return n, nil
		}
		m.used, m.have = 0, 0
		err := m.decode(func() (err error) {
			m.have, err = m.d.Read(m.raw[:])
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	if len(pcm) == 0 {
		return 0, nil
	}
	return 0, io.EOF
}

// hear takes what has been decoded, but for what is to be left out.
func (m *mpeg3) hear(pcm []int16) (n int) {
	drop := min(m.lead, int64(m.have-m.used)/mp3SampleSize)
	m.lead -= drop
	m.used += int(drop) * mp3SampleSize
	for n < len(pcm) && m.have-m.used >= mp3SampleSize && m.left > 0 {
		b := m.raw[m.used:]
		pcm[n] = int16((sampleOf16(b) + sampleOf16(b[2:])) / 2)
		m.used += mp3SampleSize
		m.left--
		n++
	}
	return n
}

// SeekTo implements Seeker.
func (m *mpeg3) SeekTo(at time.Duration) error {
	if err := m.in.to(0); err != nil {
		return broken(nameMP3, "", err)
	}
	err := m.start(max(at, 0))
	if errors.Is(err, io.EOF) { // of what is to be heard nothing is left
		m.left = 0
		return nil
	}
	return err
}

// decode has the decoder do something that takes a frame. It was not written for strangers' files: where it panics they are malformed.
func (m *mpeg3) decode(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &SourceError{nameMP3, fmt.Sprint(r), ErrMalformed}
		}
	}()
	m.budget = maxMP3Junk
	switch err = f(); {
	case err == nil:
		return nil
	case m.failed != nil:
		return broken(nameMP3, "", m.failed)
	case errors.Is(err, io.EOF):
		return io.EOF
	default:
		return &SourceError{nameMP3, err.Error(), ErrMalformed}
	}
}

// frames is what the decoder reads: no io.Seeker, since it would read the whole file first.
type frames struct{ m *mpeg3 }

// Read implements io.Reader.
func (f frames) Read(b []byte) (int, error) {
	m := f.m
	if m.budget <= 0 {
		m.failed = &SourceError{nameMP3, fmt.Sprintf("no frame in %d bytes", maxMP3Junk), ErrMalformed}
		return 0, m.failed
	}
	var n int
	var err error
	if m.rate == mp3OddRate {
		n, err = m.repack.read(m.in, &m.budget, b)
	} else {
		n, err = m.in.Read(b[:min(len(b), m.budget)])
		m.budget -= n
	}
	if err != nil && !errors.Is(err, io.EOF) {
		m.failed = err
	}
	return n, err
}

// skipTags passes over ID3v2 tags.
func (m *mpeg3) skipTags() error {
	for total := int64(0); ; {
		b, _ := m.in.Peek(10) // findFrame says what is wrong
		if len(b) < 10 || !hasPrefix(b, "ID3") {
			return nil
		}
		size := int64(0)
		for _, x := range b[6:10] {
			size = size<<7 | int64(x&0x7F)
		}
		size += 10
		if b[5]&0x10 != 0 { // a footer
			size += 10
		}
		if total += size; total > maxMP3Tags {
			return &SourceError{nameMP3, fmt.Sprintf("%d bytes of tags", total), ErrLimit}
		}
		if err := m.in.skip(size); err != nil {
			return broken(nameMP3, "tag", err)
		}
	}
}

// findFrame goes to where the first frame begins.
func (m *mpeg3) findFrame() (mp3Header, error) {
	for range maxMP3Junk {
		b, err := m.in.Peek(4)
		if err != nil {
			return mp3Header{}, broken(nameMP3, "header", ended(err))
		}
		if h, ok := mp3HeaderOf(b); ok {
			if h.rate == 0 {
				return h, &SourceError{nameMP3, "MPEG 2.5, or free format", ErrFormat}
			}
			return h, nil
		}
		if err := m.in.skip(1); err != nil {
			return mp3Header{}, broken(nameMP3, "header", err)
		}
	}
	return mp3Header{}, &SourceError{nameMP3, "no frame", ErrMalformed}
}

// skipFrames passes over frames of which nothing is to be heard.
func (m *mpeg3) skipFrames() error {
	for {
		b, _ := m.in.Peek(4) // the decoder says what is wrong
		h, ok := mp3HeaderOf(b)
		if !ok || h.size == 0 || m.lead < mp3Preroll*int64(h.samples) {
			return nil
		}
		if err := m.in.skip(int64(h.size)); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return io.EOF
			}
			return broken(nameMP3, "", err)
		}
		m.lead -= int64(h.samples)
	}
}

// readInfo takes the first frame, if it is none but holds what a variable bit rate and LAME say of the file: how much its encoder has added
// at the beginning and at the end.
func (m *mpeg3) readInfo(h mp3Header) {
	b, err := m.in.Peek(min(h.size, inputBuffer))
	if err != nil || len(b) < h.side+8 {
		return
	}
	b = b[h.side:]
	if !hasPrefix(b, "Xing") && !hasPrefix(b, "Info") {
		return
	}
	flags := binary.BigEndian.Uint32(b[4:])
	at := 8
	count := int64(0)
	for _, field := range []struct {
		flag uint32
		size int
	}{{1, 4}, {2, 4}, {4, 100}, {8, 4}} { // frames, bytes, table of places, quality
		if flags&field.flag == 0 {
			continue
		}
		if field.flag == 1 && len(b) >= at+4 {
			count = int64(binary.BigEndian.Uint32(b[at:]))
		}
		at += field.size
	}
	const delays = 21 // in what LAME adds
	if len(b) >= at+delays+3 && (b[at] != 0 || b[at+1] != 0) {
		d := b[at+delays:]
		before, after := int64(d[0])<<4|int64(d[1])>>4, int64(d[1]&15)<<8|int64(d[2])
		m.lead = before + mp3DecoderDelay
		if heard := count*int64(h.samples) - before - after; heard > 0 {
			m.left = min(m.left, heard)
		}
	}
	_ = m.in.skip(int64(h.size)) // what is wrong shows with the next frame
}
