package codec

import (
	"encoding/binary"

	"github.com/alexacall/alexacall/media"
)

// L16 returns uncompressed sound of one channel, 16 bits in network order (RFC 3551 section 4.5.11), at a rate in Hz.
func L16(rate int) media.Codec { return media.Codec{Name: "L16", ClockRate: rate, Channels: 1} }

func isLinear(c media.Codec) bool {
	switch c.ClockRate {
	case 8000, 16000, 24000, 44100, 48000:
		return c.Channels <= 1
	}
	return false
}

type linear struct {
	rate int
	gap  Concealer
}

func newLinearDecoder(c media.Codec, _ *Options) (Decoder, error) {
	return &linear{rate: c.ClockRate, gap: Concealer{Rate: c.ClockRate}}, nil
}

func (d *linear) Rate() int { return d.rate }

func (d *linear) Decode(pcm []int16, payload []byte) ([]int16, error) {
	if len(payload)%2 != 0 {
		return pcm, &Error{L16(d.rate), ErrPayload}
	}
	at := len(pcm)
	for ; len(payload) > 0; payload = payload[2:] {
		pcm = append(pcm, int16(binary.BigEndian.Uint16(payload)))
	}
	d.gap.Heard(pcm[at:])
	return pcm, nil
}

func (d *linear) Conceal(pcm []int16, n int, _ []byte) []int16 { return d.gap.Append(pcm, n) }

type linearEncoder struct{ rate int }

func newLinearEncoder(c media.Codec, _ *Options) (Encoder, error) {
	return linearEncoder{c.ClockRate}, nil
}

func (e linearEncoder) Rate() int { return e.rate }

func (linearEncoder) Encode(b []byte, pcm []int16) ([]byte, error) {
	for _, x := range pcm {
		b = binary.BigEndian.AppendUint16(b, uint16(x))
	}
	return b, nil
}
