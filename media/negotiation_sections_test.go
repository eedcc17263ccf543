package media_test

import (
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// TestVideoComesAndGoes adds pictures to a call of sound alone, takes them away and adds them again, from both sides: the m-lines keep
// their places and what is gone is refused in its own.
func TestVideoComesAndGoes(t *testing.T) {
	a, b := newParty(t, seeing(media.Phone())), newParty(t, seeing(media.Phone()))
	sound, both := audio(sendRecv, media.PCMU()), append(audio(sendRecv, media.PCMU()), media.Media{Kind: media.Video, Dir: sendRecv, Codecs: []media.Codec{media.VP8()}})
	steps := []struct {
		why          string
		offers, with *party
		want         media.Plan // of both
		lines        string     // of the answer
	}{
		{"sound", a, b, sound, "audio taken RTP/AVP 0"},
		{"with pictures", a, b, both, "audio taken RTP/AVP 0; video taken RTP/AVP 96"},
		{"without, as the other side wishes", b, a, sound, "audio taken RTP/AVP 0; video refused RTP/AVP 96"},
		{"with, as the other side wishes", b, a, both, "audio taken RTP/AVP 0; video taken RTP/AVP 96"},
		{"again", a, b, both, "audio taken RTP/AVP 0; video taken RTP/AVP 96"},
		{"pictures alone", a, b, both[1:], "audio refused RTP/AVP 0; video taken RTP/AVP 96"},
		{"sound comes back", b, a, both, "audio taken RTP/AVP 0; video taken RTP/AVP 96"},
	}
	for _, s := range steps {
		answer := s.with.answer(s.offers.offer(s.want), s.want)
		s.offers.accept(answer)
		if got := mLines(sdpText(t, answer)); got != s.lines {
			t.Fatalf("%s: %q, want %q", s.why, got, s.lines)
		}
		if x, y := s.offers.n.Agreed(), s.with.n.Agreed(); !x.EqualButDirections(y) || len(x) != len(s.want) {
			t.Errorf("%s: one side has %v, the other %v", s.why, x, y)
		}
	}
}

// TestVideoDeclined goes on with sound where the far side refuses pictures or answers them so that they cannot be, and does not ask for
// the same again.
func TestVideoDeclined(t *testing.T) {
	for _, c := range []struct {
		why, video string
		declined   bool
	}{
		{"refused", "m=video 0 RTP/AVP 97\n", true},
		{"left out", "", true},
		{"of another kind", "m=audio 6000 RTP/AVP 0\n", true},
		{"a codec that was not offered", "m=video 6000 RTP/AVP 34\n", false},
		{"protected otherwise", "m=video 6000 RTP/SAVP 97\na=rtpmap:97 H264/90000\n", false},
	} {
		a := newParty(t, seeing(media.Phone()))
		a.offer(nil)
		a.accept(parse(t, answerTo("0")+c.video))
		if s := a.n.Sections(); len(s) != 1 || s[0].Kind != media.Audio {
			t.Fatalf("%s: %d sections", c.why, len(s))
		}
		if got := a.n.Stands(a.p, nil); got != c.declined {
			t.Errorf("%s: stands %v, want %v", c.why, got, c.declined)
		}
	}
}

// TestBundles answers groups in every shape. With ICE a leg has one transport: what is not bundled with the first section in use is
// taken only if it names the same transport, and else refused in its place.
func TestBundles(t *testing.T) {
	apart := strings.ReplaceAll(alexaOffer[strings.LastIndex(alexaOffer, "m=video"):], "AGVf", "other")
	video := alexaOffer[:strings.LastIndex(alexaOffer, "m=video")] + apart
	h264 := "a=rtpmap:99 H264/90000\na=fmtp:99 packetization-mode=1;profile-level-id=42e01f\n"
	for _, c := range []struct {
		why, offer, group string
		taken             bool
		shared            bool
	}{
		{"both bundled", alexaOffer, "BUNDLE audio0 video0", true, true},
		{"the video alone, on the same transport, as an Echo does it", echoShowOffer, "BUNDLE video0", true, true},
		{"no group, on the same transport", strings.Replace(alexaOffer, "a=group:BUNDLE audio0 video0\n", "", 1), "", true, true},
		{"no group, on a transport of its own", strings.Replace(video, "a=group:BUNDLE audio0 video0\n", "", 1), "", false, false},
		{"a group of another semantics", strings.Replace(video, "a=group:BUNDLE", "a=group:LS", 1), "", false, false},
		{"a mid that no section has", strings.Replace(alexaOffer, "BUNDLE audio0 video0", "BUNDLE audio0 video0 data0", 1), "BUNDLE audio0 video0", true, true},
		{"one mid for both", strings.ReplaceAll(alexaOffer, "video0", "audio0"), "BUNDLE audio0", true, true},
		{"one mid for both, on a transport of its own", strings.ReplaceAll(video, "video0", "audio0"), "BUNDLE audio0", false, false},
		{"in the other order", strings.Replace(alexaOffer, "BUNDLE audio0 video0", "BUNDLE video0 audio0", 1), "BUNDLE audio0 video0", true, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			a := newParty(t, seeing(media.AlexaCalling()))
			text := a.answerText(strings.Replace(c.offer, "a=rtpmap:99 H264/90000\n", h264, 1), nil)
			if got := first(attr(readSheet(text).session, "group")); got != c.group {
				t.Errorf("group %q, want %q", got, c.group)
			}
			s := a.n.Sections()
			if (len(s) == 2) != c.taken || c.taken && s[1].Shared != c.shared || !s[0].Shared {
				t.Errorf("%d sections, %+v", len(s), s)
			}
		})
	}
	a := newParty(t, seeing(media.Phone()))
	a.answerText(videoOffer("97", "rtpmap:97 VP8/90000"), nil)
	if s := a.n.Sections(); len(s) != 2 || s[1].Shared || s[1].Transport.Addr.Port() != 49180 {
		t.Errorf("a phone's video has not a transport of its own: %+v", s)
	}
}

// TestBundledNumbers keeps the payload types of sections apart that may share a transport (RFC 9143 section 9.1), ours and theirs.
func TestBundledNumbers(t *testing.T) {
	for _, p := range []*media.Policy{seeing(media.Browser()), seeing(media.AlexaCalling()), media.AlexaDoor(), seeing(media.Phone())} {
		text := sdpText(t, newParty(t, p).offer(nil))
		used := map[string]string{}
		for _, m := range readSheet(text).media {
			for _, n := range m.numbers {
				if other, ok := used[n]; ok {
					t.Errorf("%s: %s stands for %s of %s and of %s", p.Name, n, m.codec(n), m.kind, other)
				}
				used[n] = m.kind
			}
		}
	}
}

// TestProfiles holds the profiles against what their far sides can take, and checks that each call gives a value of its own.
func TestProfiles(t *testing.T) {
	for name, c := range map[string]struct {
		make   func() *media.Policy
		codecs string
	}{
		"alexa":      {media.AlexaCalling, "opus/48000/2 G722/8000 PCMU/8000 PCMA/8000 telephone-event/8000 telephone-event/48000"},
		"door":       {media.AlexaDoor, "opus/48000/2 PCMU/8000 PCMA/8000"},
		"browser":    {media.Browser, "opus/48000/2 G722/8000 PCMU/8000 PCMA/8000 telephone-event/48000 telephone-event/8000"},
		"phone":      {media.Phone, "opus/48000/2 G722/8000 PCMU/8000 PCMA/8000 telephone-event/8000 telephone-event/48000"},
		"videophone": {media.VideoPhone, "opus/48000/2 G722/8000 PCMU/8000 PCMA/8000 telephone-event/8000 telephone-event/48000"},
		"trunk":      {media.Trunk, "PCMA/8000 PCMU/8000 G722/8000 telephone-event/8000"},
	} {
		p := c.make()
		if p.Name != name || named(p.Plan()) != c.codecs {
			t.Errorf("%s: named %q, with %q", name, p.Name, named(p.Plan()))
		}
		if secure := p.Security == media.DTLS; secure != p.ICE || secure != p.Mux || secure != p.Bundle {
			t.Errorf("%s: ICE %v, mux %v, BUNDLE %v with %v", name, p.ICE, p.Mux, p.Bundle, p.Security)
		}
		pictures := name != "phone" && name != "trunk"
		if (len(p.Video) > 0) != pictures || p.Feedback.Has(media.PLI|media.FIR) != pictures {
			t.Errorf("%s: pictures %v with feedback %v", name, p.Video, p.Feedback)
		}
		p.Audio[0].Name = "changed"
		if named(c.make().Plan()) != c.codecs {
			t.Errorf("%s: a changed value changes the next one", name)
		}
	}
}
