package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// firstBytes is how many of a file tell what it is.
const firstBytes = 12

var errNoStore = fmt.Errorf("no store: %w", fs.ErrNotExist)

// getPrompt answers with a file, or the ranges of it that are asked for (RFC 9110 section 14).
func getPrompt(x *exchange) (*wire.Answer, error) {
	if x.Prompts == nil {
		return nil, errNoStore
	}
	file, err := x.Prompts.Open(x.r.Context(), x.domain, x.param)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var first [firstBytes]byte
	n, err := io.ReadFull(file, first[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("reading a file: %w", err)
	}
	head := x.w.Header()
	head.Set("Content-Type", contentType(first[:n]))
	head.Set("Cache-Control", "no-store")
	// It looks for the end, and goes back to the beginning.
	http.ServeContent(x.w, x.r, "", time.Time{}, file)
	return nil, nil
}

// contentType returns what a file is by its first bytes: one of what package audio reads, or just bytes.
func contentType(first []byte) string {
	switch {
	case len(first) == firstBytes && bytes.HasPrefix(first, []byte("RIFF")) && string(first[8:]) == "WAVE",
		len(first) == firstBytes && bytes.HasPrefix(first, []byte("RF64")) && string(first[8:]) == "WAVE":
		return "audio/wav"
	case bytes.HasPrefix(first, []byte("OggS")):
		return "audio/ogg"
	case bytes.HasPrefix(first, []byte("ID3")), isFrame(first):
		return "audio/mpeg"
	}
	return "application/octet-stream"
}

// isFrame reports whether a file begins with a frame of MPEG audio (ISO/IEC 11172-3 section 2.4.2.3): the sync word, and neither a version
// nor a layer nor rates that are reserved.
func isFrame(first []byte) bool {
	if len(first) < 4 || first[0] != 0xFF || first[1]&0xE0 != 0xE0 {
		return false
	}
	version, layer := first[1]>>3&3, first[1]>>1&3
	bitrate, rate := first[2]>>4, first[2]>>2&3
	return version != 1 && layer != 0 && bitrate != 15 && rate != 3
}

func putPrompt(x *exchange) (*wire.Answer, error) {
	if x.Prompts == nil {
		return nil, errNoStore
	}
	err := x.Prompts.Put(x.r.Context(), x.domain, x.param, x.body(mediaserver.MaxPrompt, fileTime))
	return &wire.Answer{}, err
}

func deletePrompt(x *exchange) (*wire.Answer, error) {
	if x.Prompts == nil {
		return nil, errNoStore
	}
	return &wire.Answer{}, x.Prompts.Remove(x.r.Context(), x.domain, x.param)
}
