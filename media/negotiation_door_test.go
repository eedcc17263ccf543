package media_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// doorFaults returns how an answer breaks what Alexa asks of it beyond the rules of offer and answer. It knows that from the documentation
// of RTCSessionController and from the field, and shares no code with the negotiator.
func doorFaults(offerText, answerText string) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	offer, answer := readSheet(offerText), readSheet(answerText)
	for i, m := range answer.media {
		if m.portNumber() == 0 {
			if n := m.numbers[0]; offer.media[i].codec(n) != "" && len(attr(offer.media[i].lines, "rtpmap")) > 0 && m.codec(n) == "" {
				say("section %d is refused without the rtpmap of %s", i, n)
			}
			continue
		}
		if len(m.numbers) != 1 {
			say("section %d is answered with %q, where one codec is to be named", i, m.numbers)
		}
		if len(attr(m.lines, "end-of-candidates")) != 1 || len(attr(m.lines, "rtcp-mux")) != 1 {
			say("section %d without the end of candidates or rtcp-mux", i)
		}
		candidates := attr(m.lines, "candidate")
		if len(candidates) == 0 {
			say("section %d without candidates", i)
		}
		for _, c := range candidates {
			f := strings.Fields(c)
			if len(f) < 8 || f[1] != "1" {
				say("section %d has a candidate of another component: %s", i, c)
				continue
			}
			if a, err := netip.ParseAddr(f[4]); err != nil || !a.Is4() {
				say("section %d has a candidate that is not of IPv4: %s", i, c)
			}
		}
		if !slices.Equal(candidates, attr(answer.media[firstTaken(&answer)].lines, "candidate")) {
			say("section %d has candidates of its own", i)
		}
	}
	for _, option := range attr(answer.session, "ice-options") {
		say("trickle or another option of ICE: %s", option)
	}
	return faults
}

func firstTaken(s *sheet) int {
	return slices.IndexFunc(s.media, func(m sheetMedia) bool { return m.portNumber() != 0 })
}

// swap replaces what must be there.
func swap(t testing.TB, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("no %q in\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// doorStyle is one way in which Echo devices were seen to offer a talk with the door.
type doorStyle struct {
	why, offer    string
	audio, video  string   // payload types of Opus and of H.264 in mode 1; no video: ""
	g711, refusal []string // payload types of PCMU and PCMA; what a refusal of the video says
}

func doorStyles(t testing.TB) []doorStyle {
	t.Helper()
	both, none := []string{"0", "8"}, []string(nil)
	refused := []string{"m=video 0 UDP/TLS/RTP/SAVPF 99", "a=rtpmap:99 H264/90000", "a=mid:video0", "a=inactive"}
	old := slices.Clone(refused)
	old[0] = "m=video 0 RTP/SAVPF 99"
	captured := swap(t, echoShowOffer, "BUNDLE video0", "BUNDLE audio0 video0")
	newer := swap(t, captured, "audio0 video0", "0 1", "a=mid:audio0", "a=mid:0", "a=mid:video0", "a=mid:1", "SAVPF 96 0 8", "SAVPF 111 0 8", "rtpmap:96", "rtpmap:111",
		"SAVPF 99", "SAVPF 102 112", "a=rtpmap:99 H264/90000\n",
		"a=rtpmap:102 H264/90000\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\n"+
			"a=rtpmap:112 H264/90000\na=fmtp:112 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640029\n", "rtcp-fb:99", "rtcp-fb:*")
	cut := captured[:strings.Index(captured, "m=video")]
	video := captured[len(cut):]
	return []doorStyle{
		{"as captured, without an rtpmap of G.711", captured, "96", "99", both, refused},
		{"with an rtpmap of G.711", swap(t, captured, "a=rtpmap:96", "a=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\na=rtpmap:96"), "96", "99", both, refused},
		{"as in the documentation", alexaOffer, "96", "99", both[:1], old},
		{"without UDP/TLS, with PCMA", swap(t, captured, "UDP/TLS/", ""), "96", "99", both, old},
		{"no G.711", swap(t, captured, "SAVPF 96 0 8", "SAVPF 96"), "96", "99", none, refused},
		{"one rtpmap for the profile", swap(t, captured, "SAVPF 96 0 8", "SAVPF 96 0"), "96", "99", both[:1], refused},
		{"BUNDLE names the video alone", echoShowOffer, "96", "99", both, refused},
		{"BUNDLE names the video alone, which has no candidates", cut[:strings.Index(cut, "a=group")] + "a=group:BUNDLE video0\n" + cut[strings.Index(cut, "m=audio"):] +
			regexp.MustCompile(`a=candidate.*\n`).ReplaceAllString(video, ""), "96", "99", both, refused},
		{"BUNDLE names the video alone, and the sound has no candidates", swap(t, regexp.MustCompile(`a=candidate.*\n`).ReplaceAllString(cut, ""),
			"BUNDLE audio0 video0", "BUNDLE video0") + video, "96", "99", both, refused},
		{"no BUNDLE", swap(t, captured, "a=group:BUNDLE audio0 video0\n", ""), "96", "99", both, refused},
		{"newer mids and numbers", newer, "111", "102", both, []string{"m=video 0 UDP/TLS/RTP/SAVPF 102", "a=rtpmap:102 H264/90000", "a=mid:1", "a=inactive"}},
		{"video first", swap(t, cut[:strings.Index(cut, "m=audio")], "audio0 video0", "video0 audio0") + video + cut[strings.Index(cut, "m=audio"):], "96", "99", both, refused},
		{"sound alone", swap(t, cut, "BUNDLE audio0 video0", "BUNDLE audio0"), "96", "", both, nil},
		{"a mode of H.264 without a profile", swap(t, captured, "a=rtpmap:99 H264/90000\n", "a=rtpmap:99 H264/90000\na=fmtp:99 packetization-mode=1\n"), "96", "99", both, refused},
	}
}

// numbersOf returns what an answer takes of a kind: payload types, "refused", or "" without a section.
func numbersOf(text, kind string) string {
	for _, m := range readSheet(text).media {
		switch {
		case m.kind != kind:
		case m.portNumber() == 0:
			return "refused"
		default:
			return strings.Join(m.numbers, " ")
		}
	}
	return ""
}

// TestDoorStyles answers every observed style of an Echo's offer, with each kind of line end, for what doors there are: the sections keep
// their order and mids, one codec is answered, and what is not wanted is refused in its place.
func TestDoorStyles(t *testing.T) {
	for _, s := range doorStyles(t) {
		for _, end := range []string{"\n", "\r\n"} {
			t.Run(fmt.Sprintf("%s %q", s.why, end), func(t *testing.T) {
				offer := strings.ReplaceAll(s.offer, "\n", end)
				sound := func(c ...media.Codec) media.Plan { return audio(sendRecv, c...) }
				door := pictures(sendOnly, media.H264("42e01f", 1))
				door[0].Codecs = []media.Codec{media.PCMU()}
				pcmu, refused := "refused", "refused"
				if s.g711 != nil {
					pcmu = s.g711[0]
				}
				if s.video == "" {
					refused = ""
				}
				for _, c := range []struct {
					why          string
					want         media.Plan
					audio, video string
				}{
					{"all that we have", nil, s.audio, s.video},
					{"a door of PCMU and pictures", door, pcmu, s.video},
					{"a door of sound that prefers G.711", sound(media.PCMU(), media.Opus()), cmpOr(s.g711, s.audio), refused},
					{"a door with Opus", sound(media.Opus(), media.PCMU()), s.audio, refused},
				} {
					if c.audio == "refused" && c.video == "" {
						continue
					}
					a := newParty(t, media.AlexaDoor())
					text := a.answerText(offer, c.want)
					a.blame(doorFaults(offer, text), text)
					if got, other := numbersOf(text, "audio"), numbersOf(text, "video"); got != c.audio || other != c.video {
						t.Errorf("%s: sound %q and pictures %q, want %q and %q\n%s", c.why, got, other, c.audio, c.video, text)
					}
					if other := numbersOf(text, "video"); other == "refused" {
						for _, line := range s.refusal {
							if !strings.Contains(text, line+"\r\n") {
								t.Errorf("%s: the refusal has no %q\n%s", c.why, line, text)
							}
						}
					}
					for _, section := range a.n.Sections() {
						if !section.Shared || section.Transport.Candidates == nil && section.Kind == media.Audio && c.video != "refused" {
							t.Errorf("%s: %v is not on the one transport: %+v", c.why, section.Kind, section.Transport)
						}
					}
				}
			})
		}
	}
}

func cmpOr(g711 []string, opus string) string {
	if g711 == nil {
		return opus
	}
	return g711[0]
}

// TestDoorOffersOfTheWorld answers the offers of the test data that were captured from Alexa.
func TestDoorOffersOfTheWorld(t *testing.T) {
	seen := 0
	for _, s := range specimens(t) {
		if !strings.Contains(s.sdp, "\ns=a 2 z") || !strings.Contains(s.sdp, "a=fingerprint") {
			continue
		}
		seen++
		a := newParty(t, media.AlexaDoor())
		text := a.answerText(s.sdp, nil)
		a.blame(doorFaults(s.sdp, text), s.name+"\n"+text)
		offer := readSheet(s.sdp)
		for i, m := range readSheet(text).media {
			if m.portNumber() == 0 || m.kind == "audio" && m.codec(m.numbers[0]) != "opus/48000/2" || m.kind != offer.media[i].kind {
				t.Errorf("%s: section %d is answered %s %s", s.name, i, m.kind, m.numbers)
			}
		}
	}
	if seen < 3 {
		t.Errorf("%d offers of Alexa among the test data", seen)
	}
}

// TestDoorChecker plants what an Echo was seen to stumble over into a good answer: the checker must name each.
func TestDoorChecker(t *testing.T) {
	offer := crlf(echoShowOffer)
	good := newParty(t, media.AlexaDoor()).answerText(offer, nil)
	wantFault(t, doorFaults(offer, good), "")
	for _, c := range []struct{ old, planted, fault string }{
		{"SAVPF 96\r", "SAVPF 96 0\r", "one codec"},
		{"a=candidate:1 1", "a=candidate:1 2", "another component"},
		{"192.0.2.1 40000 typ", "2001:db8::1 40000 typ", "not of IPv4"},
		{"a=end-of-candidates\r\n", "", "end of candidates"},
		{"a=rtcp-mux\r\n", "", "rtcp-mux"},
		{"t=0 0\r\n", "t=0 0\r\na=ice-options:trickle\r\n", "trickle"},
	} {
		wantFault(t, doorFaults(offer, swap(t, good, c.old, c.planted)), c.fault)
	}
	at := strings.LastIndex(good, "a=candidate")
	wantFault(t, doorFaults(offer, good[:at]+swap(t, good[at:], "40000 typ", "40002 typ")), "of its own")
	at = strings.Index(good, "m=video")
	wantFault(t, doorFaults(offer, good[:at]+"m=video 0 UDP/TLS/RTP/SAVPF 99\r\na=mid:video0\r\na=inactive\r\n"), "without the rtpmap")
}
