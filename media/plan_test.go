package media_test

import (
	"testing"

	"github.com/alexacall/alexacall/media"
)

func TestDirection(t *testing.T) {
	for _, c := range []struct {
		d, reverse      media.Direction
		sends, receives bool
		text            string
	}{
		{inactive, inactive, false, false, "inactive"},
		{sendOnly, recvOnly, true, false, "sendonly"},
		{recvOnly, sendOnly, false, true, "recvonly"},
		{sendRecv, sendRecv, true, true, "sendrecv"},
	} {
		if c.d.Reverse() != c.reverse || c.d.Sends() != c.sends || c.d.Receives() != c.receives || c.d.String() != c.text {
			t.Errorf("%v reverses to %v, sends %v, receives %v", c.d, c.d.Reverse(), c.d.Sends(), c.d.Receives())
		}
	}
	if got := media.Direction(7).String() + media.Kind(7).String() + media.Video.String(); got != "direction(7)kind(7)video" {
		t.Errorf("reads %q", got)
	}
}

func TestCodec(t *testing.T) {
	opus := media.Opus()
	for _, c := range []struct {
		why     string
		other   media.Codec
		matches bool
	}{
		{"itself", opus, true},
		{"other case and parameters", media.Codec{Name: "OPUS", ClockRate: 48000, Channels: 2}, true},
		{"another name", media.Codec{Name: "L16", ClockRate: 48000, Channels: 2}, false},
		{"another clock", media.Codec{Name: "opus", ClockRate: 8000, Channels: 2}, false},
		{"other channels", media.Codec{Name: "opus", ClockRate: 48000, Channels: 1}, false},
	} {
		if opus.Matches(c.other) != c.matches || c.other.Matches(opus) != c.matches {
			t.Errorf("%s: matches %v, want %v", c.why, opus.Matches(c.other), c.matches)
		}
	}
	if media.TelephoneEvent(48000).String() != "telephone-event/48000" || opus.String() != "opus/48000/2" {
		t.Errorf("reads %v and %v", media.TelephoneEvent(48000), opus)
	}
	if opus.IsDigits() || !media.TelephoneEvent(8000).IsDigits() || !(media.Codec{Name: "Telephone-Event"}).IsDigits() {
		t.Error("digits are not told from sound")
	}
}

func TestPlanEqual(t *testing.T) {
	p := withVideo(phonePlan(sendOnly))
	for _, c := range []struct {
		why       string
		q         media.Plan
		equal     bool
		otherwise bool // equal but for the directions
	}{
		{"a copy", p.Clone(), true, true},
		{"another direction", withVideo(phonePlan(inactive)), false, true},
		{"other codecs", withVideo(audio(sendOnly, media.PCMU())), false, false},
		{"codecs in another order", withVideo(audio(sendOnly, media.TelephoneEvent(8000), media.PCMU())), false, false},
		{"another kind", media.Plan{{Kind: media.Video, Dir: sendOnly, Codecs: p[0].Codecs}, p[1]}, false, false},
		{"less", p[:1], false, false},
		{"nothing", media.Plan{}, false, false},
		{"nothing said", nil, false, false},
	} {
		if got := p.Equal(c.q); got != c.equal || c.q.Equal(p) != got {
			t.Errorf("%s: equal %v, want %v", c.why, got, c.equal)
		}
		if got := p.EqualButDirections(c.q); got != c.otherwise || c.q.EqualButDirections(p) != got {
			t.Errorf("%s: equal but for the directions %v, want %v", c.why, got, c.otherwise)
		}
	}
	var unsaid media.Plan
	if unsaid.Equal(media.Plan{}) || unsaid.EqualButDirections(media.Plan{}) || !unsaid.Equal(nil) || !unsaid.EqualButDirections(nil) {
		t.Error("nothing said is not the same as nothing")
	}
}

func TestPlan(t *testing.T) {
	p := withVideo(phonePlan(recvOnly))
	q := p.Clone()
	q[0].Dir, q[0].Codecs[0] = inactive, media.PCMA()
	if want := "audio recvonly PCMU/8000 telephone-event/8000, video sendrecv H264/90000"; p.String() != want {
		t.Errorf("reads %q, want %q: a copy shares something with it, or its text is wrong", p, want)
	}
	if media.Plan(nil).String() != "nothing" || media.Plan(nil).Clone() != nil {
		t.Error("nothing said does not stay so")
	}
	if m, ok := p.Find(media.Video); !ok || m.Kind != media.Video {
		t.Errorf("finds %v", m)
	}
	if m, ok := p[:1].Find(media.Video); ok || m.Codecs != nil {
		t.Errorf("finds %v", m)
	}
}
