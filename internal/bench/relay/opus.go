//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// opus is the complexity at which our engine makes Opus where it transcodes; 0: it passes everything on as it is.
type opus int

const (
	rivalComplexity opus = 10 // of rtpengine, which has no setting for it and leaves FFmpeg's libopus at its default
	ourComplexity   opus = 5  // codec's default
)

func (o opus) transcodes() bool { return o > 0 }

// relay returns the options of a relay that encodes at a complexity, and never below.
func (o opus) relay() *media.RelayOptions {
	return codec.Relay(&codec.Options{Complexity: int(o), Bitrate: opusBits, Budget: time.Second})
}

// soundMode returns a mode that transcodes: between PCMU and Opus at rtpengine's complexity or at ours, or between PCMU and G.722. In the mode
// common it may, and need not, for the caller has PCMU beside these; in plain it may not.
func soundMode(name string) (mode, error) {
	switch plain := modes()["plain"]; name {
	case plain.name:
		return plain, nil
	case "common":
		plain.name, plain.opus, plain.offers = name, ourComplexity, []media.Codec{opusOfPhones(), media.G722()}
		return plain, nil
	}
	m := mode{name: name, kind: media.Audio, every: 20, burst: func(int) int { return 1 }, opus: ourComplexity}
	switch name {
	case "opus_same":
		m.codec, m.opus = opusOfPhones(), rivalComplexity
	case "opus_default":
		m.codec = opusOfPhones()
	case "g722":
		m.codec = media.G722()
	default:
		return m, fmt.Errorf("%w %q", errNoMode, name)
	}
	for side, c := range []media.Codec{m.codec, media.PCMU()} {
		var err error
		if m.talk[side], err = newTalk(c); err != nil {
			return m, err
		}
	}
	return m, nil
}

func opusOfPhones() media.Codec {
	c := media.Opus()
	c.Params = "maxplaybackrate=16000;stereo=0;useinbandfec=0"
	return c
}
