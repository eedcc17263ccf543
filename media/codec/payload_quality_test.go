package codec_test

import (
	"math"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// TestPayloadQuality hears what is left of a voice and of music that were coded, and what a telephone leaves of a wide band: by the waveform
// (segmental SNR) and by the spectrum (log-spectral distance), both in dB.
func TestPayloadQuality(t *testing.T) {
	alone(t)
	for _, c := range []struct {
		codec             media.Codec
		voice, music      float64 // segmental SNR at least
		voiceOff, tuneOff float64 // log-spectral distance at most
	}{
		{media.PCMU(), 35, 35, 1.3, 1.3},
		{media.PCMA(), 35, 35, 1.3, 1.3},
		{codec.L16(16000), sound.BestSNR, sound.BestSNR, 0, 0},
		{media.G722(), 30, 35, 2, 1.5},
	} {
		d, _ := pair(t, c.codec)
		rate := d.Rate()
		for name, source := range map[string][]int16{"voice": sound.Speech(31, rate, 6*time.Second), "music": sound.Music(31, rate, 6*time.Second)} {
			least, most := c.voice, c.voiceOff
			if name == "music" {
				least, most = c.music, c.tuneOff
			}
			heard := decoded(t, c.codec, encoded(t, c.codec, source), 160)
			heard = sound.Shift(heard, sound.Align(source, heard, rate/100))
			snr, off := sound.SegmentalSNR(source, heard, rate), sound.LogSpectralDistance(source, heard, rate)
			if snr < least || off > most {
				t.Errorf("%v: of %s, %.1f dB and %.2f dB, want %.0f and %.1f", c.codec, name, snr, off, least, most)
			}
		}
	}
}

// TestG722Bands sends tones through both bands and where they meet: they keep their level.
func TestG722Bands(t *testing.T) {
	for _, hz := range []float64{60, 300, 1000, 3000, 3900, 4000, 4100, 5000, 6500, 7000} {
		tone := sound.Sine(16000, hz, 8000, time.Second)
		heard := decoded(t, media.G722(), encoded(t, media.G722(), tone), 160)
		if d := sound.Level(heard, 16000, hz) - sound.Level(tone, 16000, hz); math.Abs(d) > 1 {
			t.Errorf("%.0f Hz comes through at %.2f dB", hz, d)
		}
	}
}

// TestWideBandToTelephone converts a voice of 16 kHz, decoded from G.722, for a telephone, and compares it with the same voice that a
// telephone had at once: it is the path of a call between the two.
func TestWideBandToTelephone(t *testing.T) {
	source := sound.Speech(33, 16000, 6*time.Second)
	direct := decoded(t, media.PCMU(), encoded(t, media.PCMU(), resampler(t, 16000, 8000).Append(nil, source)), 160)
	wide := decoded(t, media.G722(), encoded(t, media.G722(), source), 160)
	heard := decoded(t, media.PCMU(), encoded(t, media.PCMU(), resampler(t, 16000, 8000).Append(nil, wide)), 160)
	heard = sound.Shift(heard, sound.Align(direct, heard, 80))
	if snr, off := sound.SegmentalSNR(direct, heard, 8000), sound.LogSpectralDistance(direct, heard, 8000); snr < 30 || off > 1.7 {
		t.Errorf("%.1f dB and %.2f dB, want 30 and 1.7", snr, off)
	}
}

// TestG722Recovers loses one packet in twenty: a decoder that goes on with the state that it had comes near, frame by frame, to one that has
// lost nothing.
func TestG722Recovers(t *testing.T) {
	const period = 20
	source := sound.Speech(35, 16000, 10*time.Second)
	coded := encoded(t, media.G722(), source)
	whole, _ := pair(t, media.G722())
	holed, _ := pair(t, media.G722())
	var want, got [period][]int16
	for i := range len(coded) / 160 {
		payload, after := coded[160*i:][:160], i%period
		want[after], _ = whole.Decode(want[after], payload)
		if after == 0 {
			got[0] = holed.Conceal(got[0], 320, nil)
		} else {
			got[after], _ = holed.Decode(got[after], payload)
		}
	}
	for after, least := range map[int]float64{3: 10, 8: 25, period - 1: 35} {
		if snr := sound.SegmentalSNR(want[after], got[after], 16000); snr < least {
			t.Errorf("%d ms after a loss: %.1f dB, want %.0f", 20*after, snr, least)
		}
	}
}
