package media_test

import (
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// TestH264OfADoor offers a door phone what an Echo has, and takes what the door answers as what its camera does: door phones answer with another
// profile than they were offered, or with none, and the Echo is answered just that.
func TestH264OfADoor(t *testing.T) {
	const sets = ";sprop-parameter-sets=Z0LgHw==,aM48"
	for _, c := range []struct{ why, lines, echo string }{
		{"as offered", "m=video 6000 RTP/AVP 97\na=rtpmap:97 H264/90000\na=fmtp:97 packetization-mode=1;profile-level-id=42e01f" + sets, "packetization-mode=1;profile-level-id=42e01f" + sets},
		{"without a mode", "m=video 6000 RTP/AVP 97\na=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=42e01f", "profile-level-id=42e01f;packetization-mode=1"},
		{"nothing at all", "m=video 6000 RTP/AVP 97\na=rtpmap:97 H264/90000", "profile-level-id=42e029;packetization-mode=1"},
		{"what a decoder has to be told alone", "m=video 6000 RTP/AVP 97\na=rtpmap:97 H264/90000\na=fmtp:97 sprop-parameter-sets=Z0LgHw==,aM48", sets[1:] + ";profile-level-id=42e029;packetization-mode=1"},
		{"baseline", "m=video 6000 RTP/AVP 97\na=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=42801F; packetization-mode=1", "profile-level-id=42801F; packetization-mode=1"},
		{"high", "m=video 6000 RTP/AVP 97\na=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=640028;packetization-mode=1" + sets, "profile-level-id=640028;packetization-mode=1" + sets},
		{"the other mode under its number", "m=video 6000 RTP/AVP 98\na=rtpmap:98 H264/90000\na=fmtp:98 profile-level-id=42e01f;packetization-mode=0", "profile-level-id=42e01f;packetization-mode=0"},
		{"the other mode under this number", "m=video 6000 RTP/AVP 97\na=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=42e01f;packetization-mode=0", "profile-level-id=42e01f;packetization-mode=0"},
		{"malformed", "m=video 6000 RTP/AVP 97\na=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=baseline;packetization-mode=1", ""},
		{"beyond what an Echo decodes", "m=video 6000 RTP/AVP 97\na=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=7a0029;packetization-mode=1", ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			echo, door := newParty(t, media.AlexaDoor()), newParty(t, media.VideoPhone())
			far := parse(t, alexaOffer)
			probe, _, err := echo.n.Answer(echo.p, echo.l, nil, far)
			if err != nil {
				t.Fatal(err)
			}
			offer := sdpText(t, door.offer(probe.Far()))
			if got := strings.Count(offer, "H264/90000"); got != 2 || !strings.Contains(offer, "m=video 40000 RTP/AVP 97 98\r\n") {
				t.Fatalf("%d formats of H.264 in\n%s", got, offer)
			}
			door.accept(parse(t, answerTo("0")+c.lines+"\n"))
			if s := door.n.Sections(); len(s) == 2 {
				number := strings.Fields(c.lines)[3]
				if in := s[1].In[0]; len(s[1].In) != 1 || in.Codec.Name != "H264" || number[:2] != numberText(in.Number) || !in.Codec.Matches(s[1].Out[0].Codec) {
					t.Errorf("receives %v, sends %v", s[1].In, s[1].Out)
				}
			}
			text := sdpText(t, echo.answer(far, door.n.Agreed()))
			want := "99 h264 " + c.echo
			if c.echo == "" {
				want = "refused"
			}
			if got := videoOf(text); got != want {
				t.Errorf("the Echo is answered %q, want %q", got, want)
			}
			if c.echo == "" {
				return
			}
			again := sdpText(t, door.offer(echo.n.Agreed())) // what was agreed, to the door
			door.accept(parse(t, answerTo("0")+strings.NewReplacer("97", firstNumber(again), "98", firstNumber(again)).Replace(c.lines)+"\n"))
			if m, ok := door.n.Agreed().Find(media.Video); !ok {
				t.Errorf("after another offer the pictures are gone: %v", m)
			}
		})
	}
}

func numberText(n uint8) string { return string([]byte{'0' + n/10, '0' + n%10}) }

// firstNumber returns the first payload type of the video of a description.
func firstNumber(text string) string {
	for _, m := range readSheet(text).media {
		if m.kind == "video" {
			return m.numbers[0]
		}
	}
	return ""
}

// TestH264OfARingingDoor answers a door phone that offers, with whatever profile its camera has, where the Echo takes that.
func TestH264OfARingingDoor(t *testing.T) {
	echo := newParty(t, media.AlexaDoor())
	probe, _, err := echo.n.Answer(echo.p, echo.l, nil, parse(t, alexaOffer))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ fmtp, want string }{
		{"profile-level-id=64001f;packetization-mode=1", "97 h264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f"},
		{"profile-level-id=42801f", "97 h264 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42801f"},
		{"profile-level-id=7a001f;packetization-mode=1", "refused"},
	} {
		door := newParty(t, media.VideoPhone())
		text := door.answerText(videoOffer("97", "rtpmap:97 H264/90000", "fmtp:97 "+c.fmtp), probe.Far())
		if got := videoOf(text); got != c.want {
			t.Errorf("%s: answered %q, want %q", c.fmtp, got, c.want)
		}
	}
	sheet := videoOf(newParty(t, media.VideoPhone()).answerText(videoOffer("97", "rtpmap:97 H264/90000"), probe.Far()))
	if want := "97 h264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e029"; sheet != want {
		t.Errorf("without format parameters: answered %q, want %q", sheet, want)
	}
}

// TestH264AnswersRefused takes no answer under the number of an offered format that is no H.264 of RFC 6184, or one that is not passed on here.
func TestH264AnswersRefused(t *testing.T) {
	for _, c := range []struct {
		why, lines string
		taken      bool
	}{
		{"as it should be", "rtpmap:99 H264/90000\na=fmtp:99 profile-level-id=640028;packetization-mode=1", true},
		{"another clock", "rtpmap:99 H264/8000\na=fmtp:99 profile-level-id=42e01f;packetization-mode=1", false},
		{"channels", "rtpmap:99 H264/90000/2\na=fmtp:99 profile-level-id=42e01f;packetization-mode=1", false},
		{"interleaved", "rtpmap:99 H264/90000\na=fmtp:99 profile-level-id=42e01f;packetization-mode=2;sprop-interleaving-depth=4", false},
		{"no mode", "rtpmap:99 H264/90000\na=fmtp:99 profile-level-id=42e01f;packetization-mode=none", false},
	} {
		door := newParty(t, media.VideoPhone())
		if text := sdpText(t, door.offer(nil)); !strings.Contains(text, "a=rtpmap:99 H264/90000\r\n") {
			t.Fatalf("offers\n%s", text)
		}
		door.accept(parse(t, answerTo("0")+"m=video 6000 RTP/AVP 99\na="+c.lines+"\n"))
		if m, taken := door.n.Agreed().Find(media.Video); taken != c.taken {
			t.Errorf("%s: agreed %v, want it taken: %v", c.why, m, c.taken)
		}
	}
}
