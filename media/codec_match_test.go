package media_test

import (
	"testing"

	"github.com/alexacall/alexacall/media"
)

func codec(name string, rate, channels int, params string) media.Codec {
	return media.Codec{Name: name, ClockRate: rate, Channels: channels, Params: params}
}

// TestMatches compares codecs, both ways round: only what changes a payload counts.
func TestMatches(t *testing.T) {
	aac := func(params string) media.Codec { return codec("mpeg4-generic", 48000, 2, params) }
	latm := func(params string) media.Codec { return codec("MP4A-LATM", 90000, 1, params) }
	for _, c := range []struct {
		why  string
		a, b media.Codec
		same bool
	}{
		{"the same", media.PCMU(), media.PCMU(), true},
		{"another name", media.PCMU(), media.PCMA(), false},
		{"name in other case", media.PCMU(), codec("pcmu", 8000, 1, ""), true},
		{"another clock", media.PCMU(), codec("PCMU", 16000, 1, ""), false},
		{"other channels", codec("L16", 44100, 1, ""), codec("L16", 44100, 2, ""), false},
		{"G.722 by its RTP clock", media.G722(), codec("G722", 8000, 1, ""), true},
		{"G.722 by its sampling rate, which is an error", media.G722(), codec("G722", 16000, 1, ""), false},
		{"preferences of Opus", media.Opus(), codec("opus", 48000, 2, "stereo=1;maxplaybackrate=16000;usedtx=1"), true},
		{"Opus without any", media.Opus(), codec("opus", 48000, 2, ""), true},
		{"events of other ranges", media.TelephoneEvent(8000), codec("telephone-event", 8000, 1, "0-15,66,70"), true},
		{"events of other clocks", media.TelephoneEvent(8000), media.TelephoneEvent(48000), false},
		{"VP8 with limits", media.VP8(), codec("VP8", 90000, 1, "max-fs=3600;max-fr=30"), true},
		{"VP9 of two profiles", codec("VP9", 90000, 1, "profile-id=0"), codec("VP9", 90000, 1, "profile-id=2"), false},
		{"VP9 of the profile that is meant", codec("VP9", 90000, 1, "profile-id=0"), codec("VP9", 90000, 1, ""), true},
		{"AMR octet-aligned or not", codec("AMR", 8000, 1, "octet-align=1"), codec("AMR", 8000, 1, "mode-set=7"), false},
		{"AAC", aac("mode=AAC-hbr;config=1190;sizeLength=13;indexLength=3;indexDeltaLength=3"), aac("config=1190; MODE=aac-hbr; sizelength=13; indexlength=3; indexdeltalength=3; bitrate=64000"), true},
		{"AAC of another configuration", aac("mode=AAC-hbr;config=1190;sizelength=13"), aac("mode=AAC-hbr;config=1210;sizelength=13"), false},
		{"AAC in another mode", aac("mode=AAC-hbr;config=1190"), aac("mode=AAC-lbr;config=1190"), false},
		{"LATM with its configuration in the stream", latm("cpresent=1"), latm(""), true},
		{"LATM with and without", latm("cpresent=0;config=400024203fc0"), latm(""), false},
	} {
		if c.a.Matches(c.b) != c.same || c.b.Matches(c.a) != c.same {
			t.Errorf("%s: %v and %v", c.why, c.a.Matches(c.b), c.b.Matches(c.a))
		}
	}
}

// TestH264Profiles compares profile-level-ids by what table 5 of RFC 6184 makes of them: the examples of section 8.1 and what devices send.
func TestH264Profiles(t *testing.T) {
	const mode1 = ";packetization-mode=1"
	for _, c := range []struct {
		why, a, b string
		same      bool
	}{
		{"another level", "profile-level-id=42e01f", "profile-level-id=42e028", true},
		{"constrained baseline three ways", "profile-level-id=42e01f", "profile-level-id=42401f", true},
		{"constrained baseline as main", "profile-level-id=42e01f", "profile-level-id=4d801f", true},
		{"constrained baseline as extended", "profile-level-id=42e01f", "profile-level-id=58c01f", true},
		{"baseline is not constrained", "profile-level-id=42e01f", "profile-level-id=42001f", false},
		{"baseline as extended", "profile-level-id=42001f", "profile-level-id=58801f", true},
		{"main", "profile-level-id=4d001f", "profile-level-id=4d401f", true},
		{"main is not high", "profile-level-id=4d001f", "profile-level-id=64001f", false},
		{"high is not constrained high", "profile-level-id=64001f", "profile-level-id=640c1f", false},
		{"capital letters", "profile-level-id=42E01F", "profile-level-id=42e01f", true},
		{"none is baseline", "", "profile-level-id=42000a", true},
		{"none is not constrained baseline", "", "profile-level-id=42e00a", false},
		{"profiles that no table has", "profile-level-id=7a001f", "profile-level-id=7a0028", true},
		{"two that no table has", "profile-level-id=7a001f", "profile-level-id=f4001f", false},
		{"not hexadecimal", "profile-level-id=42x01f", "profile-level-id=42y01f", false},
		{"too long", "profile-level-id=42e01f00", "profile-level-id=42e01f01", false},
		{"one mode", "profile-level-id=42e01f" + mode1, "profile-level-id=42e01f" + mode1, true},
		{"two modes", "profile-level-id=42e01f" + mode1, "profile-level-id=42e01f;packetization-mode=0", false},
		{"no mode is mode 0", "profile-level-id=42e01f;packetization-mode=0", "profile-level-id=42e01f", true},
		{"other order and blanks", "profile-level-id=42e01f" + mode1, " Packetization-Mode=1 ; Profile-Level-ID=42e01f ; sprop-parameter-sets=Z0IAH+kCg/I=,aM4BqDXJIA==", true},
	} {
		a, b := codec("H264", 90000, 1, c.a), codec("h264", 90000, 1, c.b)
		if a.Matches(b) != c.same || b.Matches(a) != c.same {
			t.Errorf("%s: %v and %v", c.why, a.Matches(b), b.Matches(a))
		}
	}
}

// TestMatchesDoesNotAllocate holds for the packet path, which compares the codecs of two legs.
func TestMatchesDoesNotAllocate(t *testing.T) {
	pairs := [][2]media.Codec{
		{media.Opus(), codec("opus", 48000, 2, "stereo=1")},
		{media.H264("42e01f", 1), codec("H264", 90000, 1, "profile-level-id=42e028; packetization-mode=1")},
		{codec("MPEG4-GENERIC", 48000, 2, "config=1190;mode=AAC-hbr"), codec("mpeg4-generic", 48000, 2, "mode=AAC-hbr; config=1190")},
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, p := range pairs {
			if !p[0].Matches(p[1]) {
				t.Fatal("they do not match")
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
