package codec

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/alexacall/alexacall/media"
)

// Bit rates of Opus in bit/s (RFC 6716 section 2.1.1).
const (
	leastOpusBitrate = 6000
	mostOpusBitrate  = 510000
)

// mostOpusComplexity is the highest complexity of libopus; the lowest is 0.
const mostOpusComplexity = 10

// opusSettings are what an encoder of Opus is told: what is asked of it, and no more than the far side allows.
type opusSettings struct {
	rate       int // of the samples, in Hz
	highest    int // rate in Hz above which the far side hears nothing
	bitrate    int // bit/s
	complexity int
	lost       int // of 100 packets, so many may be lost
	fec        bool
	dtx        bool
	steady     bool // a constant bit rate
	budget     time.Duration
}

// opusSettingsOf reads what the far side says of its decoder (RFC 7587 section 6.1). What it says of its encoder is nothing to ours.
func opusSettingsOf(c media.Codec, o *Options) opusSettings {
	s := opusSettings{highest: opusClock, bitrate: o.Bitrate, complexity: o.Complexity, dtx: o.DTX}
	s.lost = int(math.Ceil(100 * max(0, min(1, o.Loss))))
	most, takesFEC, takesDTX := mostOpusBitrate, false, false
	for one := range strings.SplitSeq(c.Params, ";") {
		name, value, _ := strings.Cut(one, "=")
		number, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || number < 0 {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "maxplaybackrate":
			s.highest = max(8000, min(opusClock, number))
		case "maxaveragebitrate":
			most = max(leastOpusBitrate, min(mostOpusBitrate, number))
		case "useinbandfec":
			takesFEC = number == 1
		case "usedtx":
			takesDTX = number == 1
		case "cbr":
			s.steady = number == 1
		}
	}
	if s.rate = opusRate(o.Rate); o.Rate <= 0 {
		s.rate = opusRate(s.highest)
	}
	if s.bitrate <= 0 {
		s.bitrate = voiceBitrate(min(s.rate, s.highest))
	}
	s.bitrate = max(leastOpusBitrate, min(most, s.bitrate))
	if s.complexity == 0 {
		s.complexity = 5
	}
	s.complexity = max(0, min(mostOpusComplexity, s.complexity))
	if s.budget = o.Budget; s.budget <= 0 {
		s.budget = time.Millisecond
	}
	s.fec, s.dtx = takesFEC && s.lost > 0, takesDTX && s.dtx
	return s
}

// voiceBitrate is the bit rate of a voice, in bit/s, that leaves room for a copy of what may be lost (RFC 7587 section 3.1.1 has less).
func voiceBitrate(rate int) int {
	switch {
	case rate <= 8000:
		return 16000
	case rate <= 16000:
		return 24000
	}
	return 32000
}
