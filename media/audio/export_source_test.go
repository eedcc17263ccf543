package audio

import (
	"io"

	"github.com/alexacall/alexacall/media/codec"
)

// NewOgg is NewSource of an Ogg Opus file, with a decoder of the test's.
func NewOgg(r io.Reader, d codec.Decoder) (Source, error) {
	return newOggWith(newInput(r), func() (codec.Decoder, error) { return d, nil })
}

// Limits and formulae that tests look at.
const (
	MaxWAVChunks = maxWAVChunks
	MaxWAVSkip   = maxWAVSkip
	MaxOggJunk   = maxOggJunk
	MaxOggPacket = maxOggPacket
)

// OggSum is the checksum of a page.
func OggSum(page []byte) uint32 { return oggSum(page) }
