package codec

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alexacall/alexacall/media"
)

// FramesPerSecond is how many frames of an Encoder make a second: each is 20 ms.
const FramesPerSecond = 50

var (
	// ErrUnknown means that a codec is none of ours.
	ErrUnknown = errors.New("unknown codec")
	// ErrNoEncoder means that this build decodes a codec and does not encode it.
	ErrNoEncoder = errors.New("no encoder in this build")
	// ErrPayload means that a payload is none of its codec's.
	ErrPayload = errors.New("malformed payload")
)

// An Error says which codec could not be served. It wraps ErrUnknown, ErrNoEncoder or ErrPayload.
type Error struct {
	Codec media.Codec
	Err   error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("codec: %v: %v", e.Codec, e.Err) }

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// Options are the options of NewDecoder and NewEncoder; nil and every zero field are valid. A codec reads those that it has.
type Options struct {
	// Rate of the samples in Hz, for a codec that leaves a choice (Opus: 8000, 12000, 16000, 24000 or 48000; an encoder of G.722: 8000 or
	// 16000). What came of it is Rate().
	Rate int

	// The rest is of an Opus encoder, whose signal is a voice. It does nothing that the parameters of its codec, the far side's, do not
	// allow (RFC 7587 section 6.1: maxplaybackrate, maxaveragebitrate, useinbandfec, usedtx, cbr).

	// Bitrate in bit/s, 6000 to 510000; 0: 16000, 24000 or 32000, by the rate.
	Bitrate int
	// Complexity from 1 to 10, which is the best and takes five times as long as the least; 0: 5; below 0: the least.
	Complexity int
	// Budget is how long a frame may take on average: while it takes longer, as when the machine has too much to do, the complexity falls.
	// 0: 1 ms, of the 20 ms that a frame lasts.
	Budget time.Duration
	// Loss is the share of packets, 0 to 1, that is expected to be lost. Above 0, packets hold a copy of what was before, if the far side
	// makes use of it.
	Loss float64
	// DTX sends next to nothing while nobody speaks, if the far side asks for that.
	DTX bool
}

// A Decoder turns the payloads of one source into samples. One goroutine uses it.
type Decoder interface {
	// Rate is the samples' rate in Hz; it never changes.
	Rate() int
	// Decode appends the samples of a payload to pcm. On an error, an *Error, pcm is returned as it was.
	Decode(pcm []int16, payload []byte) ([]int16, error)
	// Conceal appends n samples in place of lost ones. Next is the payload that comes after them, which may hold a copy of what was lost;
	// nil if it is not there.
	Conceal(pcm []int16, n int, next []byte) []int16
}

// An Encoder turns samples into payloads. One goroutine uses it.
type Encoder interface {
	// Rate is the samples' rate in Hz; it never changes.
	Rate() int
	// Encode appends the payload of pcm to b, which is 20 ms: Rate()/FramesPerSecond samples. Where it appends nothing, nothing has to be
	// sent. On an error, an *Error, b is returned as it was.
	Encode(b []byte, pcm []int16) ([]byte, error)
}

// kind is what this package can do with a codec.
type kind struct {
	fits    func(c media.Codec) bool
	decoder func(c media.Codec, o *Options) (Decoder, error)
	encoder func(c media.Codec, o *Options) (Encoder, error) // nil: none in this build
}

// kindTable holds the codecs of this build by encoding name, in small letters.
var kindTable = map[string]kind{
	"pcmu": {fits: isTelephone, decoder: newMuDecoder, encoder: newMuEncoder},
	"pcma": {fits: isTelephone, decoder: newADecoder, encoder: newAEncoder},
	"g722": {fits: isG722, decoder: newG722Decoder, encoder: newG722Encoder},
	"opus": opusKind(),
	"cn":   {fits: isNoise, decoder: newNoiseDecoder},
	"l16":  {fits: isLinear, decoder: newLinearDecoder, encoder: newLinearEncoder},
}

func find(c media.Codec) (kind, bool) {
	k, ok := kindTable[strings.ToLower(c.Name)]
	return k, ok && k.fits(c)
}

func isTelephone(c media.Codec) bool { return c.ClockRate == 8000 && c.Channels <= 1 }

// Decodes reports whether this build decodes c.
func Decodes(c media.Codec) bool {
	_, ok := find(c)
	return ok
}

// Encodes reports whether this build encodes c.
func Encodes(c media.Codec) bool {
	k, ok := find(c)
	return ok && k.encoder != nil
}

// NewDecoder returns a decoder of a source whose payloads are c. The error is an *Error that wraps ErrUnknown.
func NewDecoder(c media.Codec, o *Options) (Decoder, error) {
	k, ok := find(c)
	if !ok {
		return nil, &Error{c, ErrUnknown}
	}
	return k.decoder(c, orDefault(o))
}

// NewEncoder returns an encoder to c. The error is an *Error that wraps ErrUnknown or ErrNoEncoder.
func NewEncoder(c media.Codec, o *Options) (Encoder, error) {
	switch k, ok := find(c); {
	case !ok:
		return nil, &Error{c, ErrUnknown}
	case k.encoder == nil:
		return nil, &Error{c, ErrNoEncoder}
	default:
		return k.encoder(c, orDefault(o))
	}
}

func orDefault(o *Options) *Options {
	if o == nil {
		return &Options{}
	}
	return o
}

// Speakable returns of p, what a far side takes, the sound that this build encodes, and its digits: what to want of a leg that is to hear
// something of ours. It has no sound line if there is none.
func Speakable(p media.Plan) media.Plan {
	var q media.Plan
	for _, m := range p {
		if m.Kind != media.Audio {
			continue
		}
		of := m
		of.Codecs = nil
		sound := false
		for _, c := range m.Codecs {
			if c.IsDigits() || Encodes(c) {
				of.Codecs = append(of.Codecs, c)
				sound = sound || !c.IsDigits()
			}
		}
		if sound {
			q = append(q, of)
		}
	}
	return q
}
