//go:build cgo && libopus

package codec

/*
#cgo pkg-config: opus
#cgo noescape opus_encode
#cgo nocallback opus_encode
#cgo noescape opus_decode
#cgo nocallback opus_decode
#cgo noescape alexacall_set
#cgo nocallback alexacall_set
#include <opus.h>

// What cgo cannot call: functions of any number of arguments.
static int alexacall_set(OpusEncoder *e, int request, opus_int32 value) { return opus_encoder_ctl(e, request, value); }
static opus_uint32 alexacall_range(OpusDecoder *d) {
	opus_uint32 range = 0;
	opus_decoder_ctl(d, OPUS_GET_FINAL_RANGE(&range));
	return range;
}
*/
import "C"

import (
	"errors"
	"slices"
	"time"
	"unsafe"

	"github.com/alexacall/alexacall/media"
)

func opusKind() kind { return kind{fits: isOpus, decoder: newLibDecoder, encoder: newLibEncoder} }

// opusState is the memory of an encoder or a decoder of libopus. It is Go's, so that nobody has to free it, and libopus keeps no pointer
// into it (opus.h: a state may be copied).
type opusState []uint64

func newOpusState(size C.int) opusState { return make(opusState, (size+7)/8) }

// libDecoder decodes Opus by libopus. It makes up what is lost from the copy in the packet that follows, if there is one (RFC 6716 section
// 2.1.7), and else as libopus sees fit.
type libDecoder struct {
	codec  media.Codec
	rate   int
	packet opusPacket
	state  opusState
}

func newLibDecoder(c media.Codec, o *Options) (Decoder, error) {
	d := &libDecoder{codec: c, rate: opusRate(o.Rate), state: newOpusState(C.opus_decoder_get_size(1))}
	if status := C.opus_decoder_init(d.c(), C.opus_int32(d.rate), 1); status != C.OPUS_OK {
		return nil, &Error{c, opusError(status)}
	}
	return d, nil
}

func (d *libDecoder) c() *C.OpusDecoder { return (*C.OpusDecoder)(unsafe.Pointer(&d.state[0])) }

func (d *libDecoder) Rate() int { return d.rate }

func (d *libDecoder) Decode(pcm []int16, payload []byte) ([]int16, error) {
	if !d.packet.parse(payload) {
		return pcm, &Error{d.codec, ErrPayload}
	}
	at, n := len(pcm), d.packet.count*d.packet.samples*d.rate/opusClock
	pcm = slices.Grow(pcm, n)[:at+n]
	if !d.decode(pcm[at:], payload, 0) {
		return pcm[:at], &Error{d.codec, ErrPayload}
	}
	return pcm, nil
}

// decode fills pcm with what is in payload, or, where before is 1, with what was before it. No payload is a lost one.
func (d *libDecoder) decode(pcm []int16, payload []byte, before C.int) bool {
	var data *C.uchar
	if len(payload) > 0 {
		data = (*C.uchar)(unsafe.Pointer(&payload[0]))
	}
	n := C.opus_decode(d.c(), data, C.opus_int32(len(payload)), (*C.opus_int16)(unsafe.Pointer(&pcm[0])), C.int(len(pcm)), before)
	return int(n) == len(pcm)
}

func (d *libDecoder) Conceal(pcm []int16, n int, next []byte) []int16 {
	if n <= 0 {
		return pcm
	}
	unit, most := d.rate/400, d.rate*120/1000 // libopus makes up multiples of 2.5 ms
	whole := (n + unit - 1) / unit * unit
	at := len(pcm)
	pcm = slices.Grow(pcm, whole)[:at+whole]
	known := d.packet.parse(next) // the copy is at the end of the gap, so a last frame that is cut short loses its beginning
	for gap := pcm[at:]; len(gap) > 0; {
		now := gap
		if len(gap) > most { // more than libopus takes at once: the last piece is to have room for the copy
			now = gap[:most/2]
		}
		before := known && len(now) == len(gap)
		if before && !d.decode(now, next, 1) || !before && !d.decode(now, nil, 0) {
			clear(now)
		}
		gap = gap[len(now):]
	}
	if known {
		copy(pcm[at:], pcm[at+whole-n:])
	}
	return pcm[:at+n]
}

// finalRange is the state of the range coder after a packet, which an encoder's has to equal (RFC 6716 section 4.1.5.1).
func (d *libDecoder) finalRange() uint32 { return uint32(C.alexacall_range(d.c())) }

// libEncoder encodes Opus by libopus, one channel of voice.
type libEncoder struct {
	codec    media.Codec
	settings opusSettings
	state    opusState
	paused   bool // nobody speaks, and the far side has been told
	load     governor
	clock    func() time.Time
}

func newLibEncoder(c media.Codec, o *Options) (Encoder, error) {
	s := opusSettingsOf(c, o)
	e := &libEncoder{codec: c, settings: s, state: newOpusState(C.opus_encoder_get_size(1)), load: newGovernor(s.complexity, s.budget), clock: time.Now}
	if status := C.opus_encoder_init(e.c(), C.opus_int32(s.rate), 1, C.OPUS_APPLICATION_VOIP); status != C.OPUS_OK {
		return nil, &Error{c, opusError(status)}
	}
	for _, setting := range [...][2]int{
		{C.OPUS_SET_SIGNAL_REQUEST, C.OPUS_SIGNAL_VOICE},
		{C.OPUS_SET_MAX_BANDWIDTH_REQUEST, opusBandwidth(s.highest)},
		{C.OPUS_SET_BITRATE_REQUEST, s.bitrate},
		{C.OPUS_SET_VBR_REQUEST, bit(!s.steady)},
		{C.OPUS_SET_COMPLEXITY_REQUEST, s.complexity},
		{C.OPUS_SET_PACKET_LOSS_PERC_REQUEST, s.lost},
		{C.OPUS_SET_INBAND_FEC_REQUEST, bit(s.fec)},
		{C.OPUS_SET_DTX_REQUEST, bit(s.dtx)},
	} {
		if status := e.set(setting[0], setting[1]); status != C.OPUS_OK {
			return nil, &Error{c, opusError(status)}
		}
	}
	return e, nil
}

func (e *libEncoder) c() *C.OpusEncoder { return (*C.OpusEncoder)(unsafe.Pointer(&e.state[0])) }

func (e *libEncoder) set(request, value int) C.int {
	return C.alexacall_set(e.c(), C.int(request), C.opus_int32(value))
}

func (e *libEncoder) Rate() int { return e.settings.rate }

func (e *libEncoder) Encode(b []byte, pcm []int16) ([]byte, error) {
	const most, unsent = 1 + mostOpusFrame, 2
	if len(pcm) != e.settings.rate/FramesPerSecond {
		return b, &Error{e.codec, ErrPayload}
	}
	at, began := len(b), e.clock()
	b = slices.Grow(b, most)[:at+most]
	n := C.opus_encode(e.c(), (*C.opus_int16)(unsafe.Pointer(&pcm[0])), C.int(len(pcm)), (*C.uchar)(unsafe.Pointer(&b[at])), most)
	if n < 0 {
		return b[:at], &Error{e.codec, opusError(n)}
	}
	if e.load.took(e.clock().Sub(began)) {
		e.set(C.OPUS_SET_COMPLEXITY_REQUEST, e.load.complexity)
	}
	was := e.paused
	if e.paused = e.settings.dtx && n <= unsent; e.paused && was { // opus.h, opus_encode: such a packet need not be sent
		n = 0 // the first one is, so that the far side knows that nothing is lost
	}
	return b[:at+int(n)], nil
}

func opusBandwidth(rate int) int {
	switch {
	case rate < 12000:
		return C.OPUS_BANDWIDTH_NARROWBAND
	case rate < 16000:
		return C.OPUS_BANDWIDTH_MEDIUMBAND
	case rate < 24000:
		return C.OPUS_BANDWIDTH_WIDEBAND
	case rate < opusClock:
		return C.OPUS_BANDWIDTH_SUPERWIDEBAND
	}
	return C.OPUS_BANDWIDTH_FULLBAND
}

func bit(on bool) int {
	if on {
		return 1
	}
	return 0
}

func opusError(status C.int) error { return errors.New(C.GoString(C.opus_strerror(status))) }
