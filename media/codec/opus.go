package codec

import (
	"math"

	"github.com/pion/opus"

	"github.com/alexacall/alexacall/media"
)

// isOpus allows for one channel too, though RFC 7587 section 7 has every Opus be of two, whatever is sent.
func isOpus(c media.Codec) bool { return c.ClockRate == opusClock && c.Channels <= 2 }

// opusRate is the lowest rate of Opus that has all of a wish, and the highest if there is none.
func opusRate(wish int) int {
	for _, rate := range [...]int{8000, 12000, 16000, 24000} {
		if wish > 0 && wish <= rate {
			return rate
		}
	}
	return opusClock
}

// pureDecoder decodes Opus without libopus, frame by frame, since what is a frame is for us to say: a frame of which nothing was sent is
// made up, and the decoder below neither conceals nor allocates.
type pureDecoder struct {
	codec  media.Codec
	rate   int
	frames opus.Decoder
	gap    Concealer
	pause  opusPause
	packet opusPacket
	one    [1 + mostOpusFrame]byte // a frame as a packet of its own
	wave   []float32
}

func newPureDecoder(c media.Codec, o *Options) (Decoder, error) {
	rate := opusRate(o.Rate)
	d := &pureDecoder{codec: c, rate: rate, gap: Concealer{Rate: rate}, pause: opusPause{rate: rate}, wave: make([]float32, opusFrameSamples(3<<3)*rate/opusClock)}
	var err error
	if d.frames, err = opus.NewDecoderWithOutput(rate, 1); err != nil {
		return nil, &Error{c, err}
	}
	return d, nil
}

func (d *pureDecoder) Rate() int { return d.rate }

func (d *pureDecoder) Decode(pcm []int16, payload []byte) ([]int16, error) {
	if !d.packet.parse(payload) {
		return pcm, &Error{d.codec, ErrPayload}
	}
	at, data := len(pcm), d.packet.data
	for _, size := range d.packet.sizes[:d.packet.count] {
		var ok bool
		if pcm, ok = d.frame(pcm, payload[0], data[:size]); !ok {
			return pcm[:at], &Error{d.codec, ErrPayload}
		}
		data = data[size:]
	}
	return pcm, nil
}

// frame appends the samples of one frame.
func (d *pureDecoder) frame(pcm []int16, toc byte, frame []byte) ([]int16, bool) {
	const code = 3 // the bits that say how many frames there are
	n := d.packet.samples * d.rate / opusClock
	if len(frame) <= 1 {
		return d.pause.begin(pcm, n), true // nothing was sent (RFC 6716 section 3.2.1)
	}
	d.one[0] = toc &^ code
	if got, err := d.frames.DecodeToFloat32(d.one[:1+copy(d.one[1:], frame)], d.wave); err != nil || got != n {
		return pcm, d.reset()
	}
	at := len(pcm)
	for _, x := range d.wave[:n] {
		if x-x != 0 { // not a number, or endless: what follows would be so too
			return pcm, d.reset()
		}
		pcm = append(pcm, int16(math.RoundToEven(max(math.MinInt16, min(math.MaxInt16, float64(x)*-math.MinInt16)))))
	}
	d.gap.Heard(pcm[at:])
	d.pause.heard(pcm[at:])
	return pcm, true
}

// reset forgets what came before a frame that could not be decoded; it reports false.
func (d *pureDecoder) reset() bool {
	if fresh, err := opus.NewDecoderWithOutput(d.rate, 1); err == nil {
		d.frames = fresh
	}
	return false
}

func (d *pureDecoder) Conceal(pcm []int16, n int, _ []byte) []int16 {
	if d.pause.on {
		return d.pause.Append(pcm, n)
	}
	return d.gap.Append(pcm, n)
}
