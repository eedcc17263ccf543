package audio

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// frameSamples is how many samples a frame of 20 ms has at a rate.
func frameSamples(rate int) int { return rate / codec.FramesPerSecond }

// recordTime is how long so many samples of a rate last.
func recordTime(samples int64, rate int) time.Duration {
	n := int64(rate)
	return time.Duration(samples/n)*time.Second + time.Duration(samples%n)*time.Second/time.Duration(rate)
}

// interleave stores left and right in turns in pcm.
func interleave(pcm, left, right []int16) []int16 {
	pcm = pcm[:0]
	for i, x := range left {
		pcm = append(pcm, x, right[i])
	}
	return pcm
}

// mix stores the sum of two sides in pcm.
func mix(pcm, one, other []int16) []int16 {
	pcm = pcm[:0]
	for i, x := range one {
		pcm = append(pcm, int16(max(math.MinInt16, min(math.MaxInt16, int(x)+int(other[i])))))
	}
	return pcm
}

// soundWriter makes the octets of a file of samples.
type soundWriter struct {
	mu    codec.Encoder // nil: linear
	mixed []int16       // of two sides
}

func newSoundWriter(f RecordFormat) (w soundWriter, err error) {
	if f == RecordMuLaw {
		w.mu, err = codec.NewEncoder(media.PCMU(), nil)
	}
	return w, err
}

// append appends what the sides have heard: one, two mixed, or two in turns.
func (w *soundWriter) append(b []byte, stereo bool, sides []*recordSide) ([]byte, error) {
	pcm := sides[0].pcm
	if len(sides) > 1 {
		if stereo {
			w.mixed = interleave(w.mixed, pcm, sides[1].pcm)
		} else {
			w.mixed = mix(w.mixed, pcm, sides[1].pcm)
		}
		pcm = w.mixed
	}
	if w.mu != nil {
		return w.mu.Encode(b, pcm)
	}
	for _, x := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(x))
	}
	return b, nil
}
