package codec_test

import (
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/codec"
)

// TestOpusSettings reads the far side's parameters (RFC 7587 section 6.1).
func TestOpusSettings(t *testing.T) {
	usual := codec.SettingsOf("", nil)
	for _, c := range []struct {
		name, params string
		o            codec.Options
		change       func(s *codec.OpusSettings)
	}{
		{"nothing said", "", codec.Options{}, func(*codec.OpusSettings) {}},
		{"as most say", media.Opus().Params, codec.Options{}, func(*codec.OpusSettings) {}},
		{"no sense", "maxaveragebitrate=a;maxplaybackrate=-5;;=;usedtx", codec.Options{DTX: true}, func(*codec.OpusSettings) {}},
		{"of a telephone", "maxplaybackrate=8000", codec.Options{}, func(s *codec.OpusSettings) { s.Rate, s.Highest, s.Bitrate = 8000, 8000, 16000 }},
		{"of a telephone, samples of 48 kHz", " MaxPlaybackRate = 8000 ", codec.Options{Rate: 48000}, func(s *codec.OpusSettings) { s.Highest, s.Bitrate = 8000, 16000 }},
		{"below every rate", "maxplaybackrate=1", codec.Options{Rate: 16000}, func(s *codec.OpusSettings) { s.Rate, s.Highest, s.Bitrate = 16000, 8000, 16000 }},
		{"16 kHz", "", codec.Options{Rate: 16000}, func(s *codec.OpusSettings) { s.Rate, s.Bitrate = 16000, 24000 }},
		{"less than we would", "maxaveragebitrate=20000", codec.Options{}, func(s *codec.OpusSettings) { s.Bitrate = 20000 }},
		{"less than asked", "maxaveragebitrate=20000", codec.Options{Bitrate: 64000}, func(s *codec.OpusSettings) { s.Bitrate = 20000 }},
		{"more than asked", "maxaveragebitrate=20000", codec.Options{Bitrate: 12000}, func(s *codec.OpusSettings) { s.Bitrate = 12000 }},
		{"less than there is", "maxaveragebitrate=1", codec.Options{}, func(s *codec.OpusSettings) { s.Bitrate = 6000 }},
		{"more than there is", "", codec.Options{Bitrate: 1 << 30}, func(s *codec.OpusSettings) { s.Bitrate = 510000 }},
		{"loss", "useinbandfec=1", codec.Options{Loss: 0.042}, func(s *codec.OpusSettings) { s.Lost, s.FEC = 5, true }},
		{"loss and no use for a copy", "useinbandfec=0", codec.Options{Loss: 2}, func(s *codec.OpusSettings) { s.Lost = 100 }},
		{"a copy and no loss", "useinbandfec=1", codec.Options{Loss: -1}, func(*codec.OpusSettings) {}},
		{"pauses", "usedtx=1", codec.Options{DTX: true}, func(s *codec.OpusSettings) { s.DTX = true }},
		{"pauses that are not asked for", "usedtx=0", codec.Options{DTX: true}, func(*codec.OpusSettings) {}},
		{"pauses that are not to be", "usedtx=1", codec.Options{}, func(*codec.OpusSettings) {}},
		{"a constant rate", "cbr=1; stereo=1; sprop-stereo=1", codec.Options{}, func(s *codec.OpusSettings) { s.Steady = true }},
		{"the best", "", codec.Options{Complexity: 11}, func(s *codec.OpusSettings) { s.Complexity = 10 }},
		{"the least", "", codec.Options{Complexity: -1}, func(s *codec.OpusSettings) { s.Complexity = 0 }},
		{"little time", "", codec.Options{Budget: time.Microsecond}, func(s *codec.OpusSettings) { s.Budget = time.Microsecond }},
	} {
		want := usual
		c.change(&want)
		if got := codec.SettingsOf(c.params, &c.o); got != want {
			t.Errorf("%s: %+v, want %+v", c.name, got, want)
		}
	}
	if usual != (codec.OpusSettings{Rate: 48000, Highest: 48000, Bitrate: 32000, Complexity: 5, Budget: time.Millisecond}) {
		t.Errorf("where nothing is said: %+v", usual)
	}
}
