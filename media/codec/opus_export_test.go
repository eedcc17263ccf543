package codec

import (
	"time"

	"github.com/alexacall/alexacall/media"
)

// NewPureDecoder returns the decoder of Opus that needs no libopus.
var NewPureDecoder = newPureDecoder

// OpusSettings are what an encoder is told.
type OpusSettings struct {
	Rate, Highest, Bitrate, Complexity, Lost int
	FEC, DTX, Steady                         bool
	Budget                                   time.Duration
}

// SettingsOf returns what an encoder is told.
func SettingsOf(params string, o *Options) OpusSettings {
	c := media.Opus()
	c.Params = params
	s := opusSettingsOf(c, orDefault(o))
	return OpusSettings{s.rate, s.highest, s.bitrate, s.complexity, s.lost, s.fec, s.dtx, s.steady, s.budget}
}

// A Governor chooses a complexity.
type Governor struct{ g governor }

// NewGovernor returns one that begins with the highest complexity.
func NewGovernor(most int, budget time.Duration) *Governor {
	return &Governor{newGovernor(most, budget)}
}

// Took notes the time of a frame, and returns the complexity for the next.
func (g *Governor) Took(d time.Duration) int {
	g.g.took(d)
	return g.g.complexity
}

// OpusFrames returns the frames of a payload of Opus.
func OpusFrames(payload []byte) [][]byte {
	var p opusPacket
	if !p.parse(payload) {
		return nil
	}
	var all [][]byte
	for _, size := range p.sizes[:p.count] {
		all, p.data = append(all, p.data[:size]), p.data[size:]
	}
	return all
}
