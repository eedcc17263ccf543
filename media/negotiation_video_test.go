package media_test

import (
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// seeing returns a profile with video: H.264 of constrained baseline at level 3.1 in both modes, and VP8.
func seeing(p *media.Policy) *media.Policy {
	p.Video = []media.Codec{media.H264("42e01f", 1), media.H264("42e01f", 0), media.VP8()}
	p.Feedback = media.PLI | media.FIR
	return p
}

// videoOffer is a phone's offer of sound and pictures; the lines are those of the video section.
func videoOffer(formats string, lines ...string) string {
	return phoneOffer + "m=video 49180 RTP/AVP " + formats + "\na=" + strings.Join(lines, "\na=") + "\n"
}

func pictures(dir media.Direction, codecs ...media.Codec) media.Plan {
	return append(audio(sendRecv, media.PCMU(), media.PCMA()), media.Media{Kind: media.Video, Dir: dir, Codecs: codecs})
}

// videoOf returns what an answer has of video: its formats with their parameters, or "refused".
func videoOf(text string) string {
	for _, m := range readSheet(text).media {
		if m.kind != "video" {
			continue
		}
		if m.portNumber() == 0 {
			return "refused"
		}
		var all []string
		for _, n := range m.numbers {
			one := n + " " + strings.TrimSuffix(m.codec(n), "/90000/1")
			for _, v := range attr(m.lines, "fmtp") {
				if number, params, _ := strings.Cut(v, " "); number == n {
					one += " " + params
				}
			}
			all = append(all, one)
		}
		return strings.Join(all, ", ")
	}
	return "none"
}

// TestH264Answers answers offers of H.264 by the rules of RFC 6184 section 8.2.2: profile and packetization mode have to be the same, the
// level is the lower one unless both sides let it differ.
func TestH264Answers(t *testing.T) {
	const ours = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id="
	for _, c := range []struct {
		why, fmtp string
		want      media.Codec // zero: what the policy has
		answer    string
	}{
		{"our level", "profile-level-id=42e01f;packetization-mode=1", media.Codec{}, ours + "42e01f"},
		{"their level is lower", "profile-level-id=42e00d;packetization-mode=1", media.Codec{}, ours + "42e00d"},
		{"their level is higher", "profile-level-id=42e028;packetization-mode=1", media.Codec{}, ours + "42e01f"},
		{"levels may differ", "level-asymmetry-allowed=1;profile-level-id=42e00d;packetization-mode=1", media.Codec{}, ours + "42e01f"},
		{"their spelling of the profile at their level", "profile-level-id=42C015; packetization-mode=1", media.Codec{}, ours + "42C015"},
		{"level 1b is below 1.1", "profile-level-id=42f00b;packetization-mode=1", media.H264("42e00b", 1), ours + "42f00b"},
		{"the mode for single units", "profile-level-id=42e01f", media.Codec{}, strings.Replace(ours, "mode=1", "mode=0", 1) + "42e01f"},
		{"interleaved, which we have not", "profile-level-id=42e01f;packetization-mode=2", media.Codec{}, "refused"},
		{"a profile that we have not", "profile-level-id=64001f;packetization-mode=1", media.Codec{}, "refused"},
		{"baseline by default, which we have not", "", media.Codec{}, "refused"},
		{"malformed", "profile-level-id=42e0;packetization-mode=1", media.Codec{}, "refused"},
	} {
		t.Run(c.why, func(t *testing.T) {
			a := newParty(t, seeing(media.Phone()))
			want := media.Plan(nil)
			if c.want != (media.Codec{}) {
				want = pictures(sendRecv, c.want)
			}
			text := a.answerText(videoOffer("97", "rtpmap:97 H264/90000", "fmtp:97 "+c.fmtp), want)
			if got := videoOf(text); got != c.answer && got != "97 h264 "+c.answer {
				t.Errorf("answers %q, want %q", got, c.answer)
			}
			m, ok := a.n.Agreed().Find(media.Video)
			if ok == (c.answer == "refused") || ok && m.Codecs[0].Params != c.fmtp {
				t.Errorf("passes on %v", m)
			}
		})
	}
}

// TestH264ManyFormats answers a browser that lists H.264 in every variety: each that is ours under its number, retransmission refused.
func TestH264ManyFormats(t *testing.T) {
	a := newParty(t, seeing(media.Phone()))
	text := a.answerText(videoOffer("96 97 98 99 100 101 102",
		"rtpmap:96 VP8/90000", "rtpmap:97 rtx/90000", "fmtp:97 apt=96",
		"rtpmap:98 H264/90000", "fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
		"rtpmap:99 H264/90000", "fmtp:99 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f",
		"rtpmap:100 H264/90000", "fmtp:100 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
		"rtpmap:101 red/90000", "rtpmap:102 ulpfec/90000"), nil)
	const want = "96 vp8, 99 h264 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f, " +
		"100 h264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
	if got := videoOf(text); got != want {
		t.Errorf("answers %q, want %q", got, want)
	}
}

// TestH264OfAnEcho reads H.264 without parameters as the policy says: as whatever the other leg has up to High at level 4.1. A policy
// without that rule reads it by the RFC.
func TestH264OfAnEcho(t *testing.T) {
	for _, c := range []struct {
		why, fmtp string
		other     media.Codec
		answer    string
	}{
		{"constrained baseline", "", media.H264("42e01f", 1), "packetization-mode=1;profile-level-id=42e01f"},
		{"single units", "", media.H264("42e01f", 0), "packetization-mode=0;profile-level-id=42e01f"},
		{"main", "", media.H264("4d0028", 1), "packetization-mode=1;profile-level-id=4d0028"},
		{"high", "", media.H264("640029", 1), "packetization-mode=1;profile-level-id=640029"},
		{"a mode alone", "fmtp:99 packetization-mode=0", media.H264("42e01f", 0), "packetization-mode=0;profile-level-id=42e01f"},
		{"another mode", "fmtp:99 packetization-mode=0", media.H264("42e01f", 1), ""},
		{"a profile that is said counts", "fmtp:99 profile-level-id=640029;packetization-mode=1", media.H264("42e01f", 1), ""},
		{"beyond what an Echo decodes", "", media.H264("7a0029", 1), ""},
	} {
		for _, lenient := range []bool{true, false} {
			p := media.AlexaCalling()
			p.Video, p.AnyH264 = []media.Codec{c.other}, lenient
			a := newParty(t, p)
			offer := strings.Replace(alexaOffer, "a=rtpmap:99 H264/90000\n", "a=rtpmap:99 H264/90000\na="+c.fmtp+"\n", 1)
			got := videoOf(a.answerText(offer, nil))
			want := "refused"
			if lenient && c.answer != "" {
				want = "99 h264 level-asymmetry-allowed=1;" + c.answer
			}
			if got != want {
				t.Errorf("%s, lenient %v: answers %q, want %q", c.why, lenient, got, want)
			}
			m, ok := a.n.Far().Find(media.Video)
			if !ok || lenient && c.answer != "" && !m.Codecs[len(m.Codecs)-1].Matches(m.Codecs[len(m.Codecs)-1]) {
				t.Errorf("%s: the Echo is told to have %v", c.why, m.Codecs)
			}
		}
	}
}

// TestH264OfAnEchoToAPhone lets an Echo that says nothing of its H.264 call a phone: the phone is offered what its own policy has, and
// its choice is what the Echo is answered.
func TestH264OfAnEchoToAPhone(t *testing.T) {
	alexa, desk := seeing(media.AlexaCalling()), seeing(media.Phone())
	echo, phone := newParty(t, alexa), newParty(t, desk)
	far := parse(t, alexaOffer)
	probe, _, err := echo.n.Answer(alexa, echo.l, nil, far)
	if err != nil {
		t.Fatal(err)
	}
	if read := alexa.Read(far); !read.Equal(probe.Far()) {
		t.Errorf("the offer reads as %v, and after its answer as %v", read, probe.Far())
	}
	offer := sdpText(t, phone.offer(alexa.Read(far)))
	const both = "97 h264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e029, 98 h264 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e029"
	if got := videoOf(offer); got != both {
		t.Errorf("the phone is offered %q, want %q", got, both)
	}
	phone.accept(parse(t, answerTo("0")+"m=video 6000 RTP/AVP 97\na=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=42e014;packetization-mode=1\n"))
	text := sdpText(t, echo.answer(far, phone.n.Agreed()))
	if got, want := videoOf(text), "99 h264 profile-level-id=42e014;packetization-mode=1"; got != want {
		t.Errorf("the Echo is answered %q, want %q", got, want)
	}
}

// TestPass agrees on what a policy only passes on where both legs have it, and offers it never of itself.
func TestPass(t *testing.T) {
	const aac, latm = "mode=AAC-hbr;config=1190;sizelength=13;indexlength=3;indexdeltalength=3", "cpresent=0;config=400024203fc0"
	offer := strings.Replace(phoneOffer, "0 8 97 101", "98 99 0", 1) +
		"a=rtpmap:98 MPEG4-GENERIC/48000/2\na=fmtp:98 " + aac + "\na=rtpmap:99 MP4A-LATM/90000\na=fmtp:99 " + latm + "\n"
	generic := media.Codec{Name: "mpeg4-generic", ClockRate: 48000, Channels: 2, Params: aac}
	other := generic
	other.Params = strings.Replace(aac, "1190", "1210", 1)
	for _, c := range []struct {
		why    string
		pass   []string
		want   media.Plan
		answer string
	}{
		{"wanted by nobody", []string{"mpeg4-generic", "MP4A-LATM"}, nil, "0"},
		{"the other leg has it", []string{"MPEG4-generic"}, audio(sendRecv, generic, media.PCMU()), "98 0"},
		{"the other leg has it and nothing else", []string{"mpeg4-generic"}, audio(sendRecv, generic), "98"},
		{"the other leg has another configuration", []string{"mpeg4-generic"}, audio(sendRecv, other, media.PCMU()), "0"},
		{"the policy does not pass it", nil, audio(sendRecv, generic, media.PCMU()), "0"},
		{"LATM", []string{"mp4a-latm"}, audio(sendRecv, media.Codec{Name: "MP4A-LATM", ClockRate: 90000, Channels: 1, Params: latm}), "99"},
	} {
		p := media.Phone()
		p.Pass = c.pass
		a := newParty(t, p)
		text := a.answerText(offer, c.want)
		if got := strings.Join(readSheet(text).media[0].numbers, " "); got != c.answer {
			t.Errorf("%s: answers %s, want %s", c.why, got, c.answer)
		}
	}
	p := media.Phone()
	p.Pass = []string{"mpeg4-generic"}
	if text := sdpText(t, newParty(t, p).offer(nil)); strings.Contains(text, "mpeg4") {
		t.Errorf("offers of itself\n%s", text)
	}
	text := sdpText(t, newParty(t, p).offer(audio(sendRecv, generic, media.PCMU())))
	if !strings.Contains(text, "mpeg4-generic/48000/2\r\na=fmtp:96 "+aac) {
		t.Errorf("does not offer what the other leg has\n%s", text)
	}
}
