package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

const nameOgg = "Ogg Opus"

// Limits of an Ogg file.
const (
	maxOggPage = oggHeader + 255 + 255*255 // bytes, by its format (RFC 3533 section 6)
	maxOggJunk = 2 * maxOggPage            // bytes on end that are no page, or of a page that is damaged
)

const (
	oggMark    = "OggS"
	oggHeader  = 27 // bytes of a page before its lacing
	oggNothing = -1 // granule position of a page on which no packet ends

	oggContinued = 1 << 0 // flags
	oggFirst     = 1 << 1
	oggLast      = 1 << 2
)

func isOgg(first []byte) bool { return hasPrefix(first, oggMark) }

// oggPage is a page. Its slices are the reader's until the next.
type oggPage struct {
	flags          byte
	granule        int64
	serial, number uint32
	lacing, body   []byte
}

func (p *oggPage) has(flag byte) bool { return p.flags&flag != 0 }

// oggPages reads the pages of a file, of all its streams.
type oggPages struct {
	in  *input
	buf []byte // of the latest page
}

// next reads the next page that is whole. What is none, up to a limit, is passed over. The end in the middle of a page is io.EOF too: a
// file that is cut off holds what came before.
func (r *oggPages) next(p *oggPage) error {
	junk := 0
	for {
		n, err := r.find()
		junk += n
		if err == nil && junk <= maxOggJunk {
			err = r.load()
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return io.EOF
		case err != nil:
			return broken(nameOgg, "", err)
		case junk > maxOggJunk:
			return &SourceError{nameOgg, "no page", ErrMalformed}
		case r.whole():
			r.parse(p)
			return nil
		}
		junk += len(r.buf)
	}
}

// find goes to where a page seems to begin, and returns how many bytes there were before it.
func (r *oggPages) find() (passed int, err error) {
	for passed <= maxOggJunk {
		if _, err := r.in.Peek(oggHeader); err != nil {
			return passed, err
		}
		b, err := r.in.Peek(r.in.Buffered())
		if err != nil {
			return passed, err
		}
		at := bytes.Index(b, []byte(oggMark))
		switch {
		case at == 0 && b[4] == 0: // version
			return passed, nil
		case at == 0:
			at = len(oggMark)
		case at < 0:
			at = len(b) - len(oggMark) + 1
		}
		passed += at
		if err := r.in.skip(int64(at)); err != nil {
			return passed, err
		}
	}
	return passed, nil
}

// load reads the page that begins here.
func (r *oggPages) load() error {
	if r.buf == nil {
		r.buf = make([]byte, 0, 8<<10) // a second of speech in most files
	}
	r.buf = r.buf[:oggHeader]
	if err := r.in.read(r.buf); err != nil {
		return err
	}
	if err := r.more(int(r.buf[oggHeader-1])); err != nil {
		return err
	}
	size := 0
	for _, n := range r.buf[oggHeader:] {
		size += int(n)
	}
	return r.more(size)
}

func (r *oggPages) more(n int) error {
	at := len(r.buf)
	if at+n > cap(r.buf) {
		r.buf = append(make([]byte, 0, maxOggPage), r.buf...)
	}
	r.buf = r.buf[:at+n]
	return r.in.read(r.buf[at:])
}

// whole reports whether the page that is loaded is undamaged.
func (r *oggPages) whole() bool { return oggSum(r.buf) == binary.LittleEndian.Uint32(r.buf[22:]) }

func (r *oggPages) parse(p *oggPage) {
	b := r.buf
	laced := oggHeader + int(b[oggHeader-1])
	*p = oggPage{
		flags:   b[5],
		granule: int64(binary.LittleEndian.Uint64(b[6:])),
		serial:  binary.LittleEndian.Uint32(b[14:]),
		number:  binary.LittleEndian.Uint32(b[18:]),
		lacing:  b[oggHeader:laced],
		body:    b[laced:],
	}
}

// oggSumTable is of the polynomial 0x04c11db7, the highest bit first.
var oggSumTable = func() (t [256]uint32) {
	for i := range t {
		x := uint32(i) << 24
		for range 8 {
			x = x<<1 ^ 0x04c11db7&-(x>>31)
		}
		t[i] = x
	}
	return t
}()

// oggSum is the checksum of a page (RFC 3533 section 6), whose own place in the page counts as zero.
func oggSum(page []byte) uint32 {
	x := uint32(0)
	for i, b := range page {
		if i >= 22 && i < 26 {
			b = 0
		}
		x = x<<8 ^ oggSumTable[byte(x>>24)^b]
	}
	return x
}
