package media_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// repairing is a browser's profile with VP8 alone.
func repairing() *media.Policy {
	p := media.Browser()
	p.Video = []media.Codec{media.VP8()}
	return p
}

const transportWide = " http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

// theirVideo is a browser's offer of VP8 with what comes beside it.
func theirVideo(lines ...string) string {
	head, _, _ := strings.Cut(browserOffer, "m=video")
	_, video, _ := strings.Cut(browserOffer, "m=video")
	_, tail, _ := strings.Cut(video, "\n")
	return head + "m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=rtpmap:96 VP8/90000\na=rtpmap:97 rtx/90000\n" + strings.Join(lines, "\n") + "\n" + withoutFormats(tail)
}

// withoutFormats leaves out what is said of formats.
func withoutFormats(lines string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(lines, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "a=rtpmap") || strings.HasPrefix(line, "a=fmtp") || strings.HasPrefix(line, "a=rtcp-fb") || strings.HasPrefix(line, "a=extmap")
	}), "\n")
}

// videoSection returns what was agreed on pictures.
func videoSection(t *testing.T, n media.Negotiation) media.Section {
	t.Helper()
	for _, s := range n.Sections() {
		if s.Kind == media.Video {
			return s
		}
	}
	t.Fatal("no pictures were agreed on")
	return media.Section{}
}

// TestRepairAnswers takes retransmissions where they are offered for a format that is taken, with NACK; and numbers on the transport
// where both the feedback and the extension are offered.
func TestRepairAnswers(t *testing.T) {
	for _, c := range []struct {
		why      string
		lines    []string
		repair   []media.Repair
		feedback media.Feedback
		id       uint8
	}{
		{
			"everything",
			[]string{"a=fmtp:97 apt=96", "a=rtcp-fb:96 nack", "a=rtcp-fb:96 goog-remb", "a=rtcp-fb:96 transport-cc", "a=extmap:5" + transportWide},
			[]media.Repair{{Number: 97, Of: 96}},
			media.NACK | media.REMB | media.TransportCC, 5,
		},
		{"for all formats", []string{"a=fmtp:97 apt=96", "a=rtcp-fb:* nack"}, []media.Repair{{Number: 97, Of: 96}}, media.NACK, 0},
		{"without NACK", []string{"a=fmtp:97 apt=96", "a=rtcp-fb:96 nack pli"}, nil, media.PLI, 0},
		{"of a format that there is not", []string{"a=fmtp:97 apt=99", "a=rtcp-fb:96 nack"}, nil, media.NACK, 0},
		{"of itself", []string{"a=fmtp:97 apt=97", "a=rtcp-fb:* nack"}, nil, media.NACK, 0},
		{"of nothing", []string{"a=fmtp:97 rtx-time=3000", "a=rtcp-fb:96 nack"}, nil, media.NACK, 0},
		{"with its time", []string{"a=fmtp:97 apt=96;rtx-time=3000", "a=rtcp-fb:96 nack"}, []media.Repair{{Number: 97, Of: 96}}, media.NACK, 0},
		{"feedback without numbers", []string{"a=rtcp-fb:96 transport-cc", "a=rtcp-fb:96 goog-remb"}, nil, media.REMB, 0},
		{"numbers without feedback", []string{"a=extmap:5" + transportWide}, nil, 0, 0},
		{"numbers one way", []string{"a=extmap:5/sendonly" + transportWide, "a=rtcp-fb:96 transport-cc"}, nil, 0, 0},
		{"an id of the long form", []string{"a=extmap:15" + transportWide, "a=rtcp-fb:96 transport-cc"}, nil, 0, 0},
		{"an id that stands for two", []string{"a=extmap:5" + transportWide, "a=extmap:5 urn:x", "a=rtcp-fb:96 transport-cc"}, nil, 0, 0},
	} {
		t.Run(c.why, func(t *testing.T) {
			a := newParty(t, repairing())
			a.l.VideoSSRC, a.l.RepairSSRC = 4712, 4713
			text := a.answerText(theirVideo(c.lines...), nil)
			s := videoSection(t, a.n)
			if !slices.Equal(s.RepairIn, c.repair) || !slices.Equal(s.RepairOut, c.repair) || s.Feedback != c.feedback || s.Ext[media.TransportSeq] != c.id {
				t.Errorf("agreed on %v, %v, %v, id %d", s.RepairIn, s.RepairOut, s.Feedback, s.Ext[media.TransportSeq])
			}
			if named := strings.Contains(text, "a=ssrc-group:FID 4712 4713\r\n"); named != (c.repair != nil) {
				t.Errorf("names the source of retransmissions: %v\n%s", named, text)
			}
		})
	}
}

// TestRepairOffers offers a retransmission for each codec, behind them all, and takes of it what the answer has.
func TestRepairOffers(t *testing.T) {
	a := newParty(t, media.Browser())
	a.l.VideoSSRC, a.l.RepairSSRC = 4712, 4713
	text := sdpText(t, a.offer(nil))
	m := readSheet(text).media[1]
	if got := strings.Join(m.numbers, " "); got != "99 100 101 102 103 104" {
		t.Errorf("formats %s", got)
	}
	for _, f := range append(formFaults(text), repairFaults(nil, &m)...) {
		t.Error(f)
	}
	for _, want := range []string{
		"a=rtpmap:104 rtx/90000", "a=fmtp:104 apt=101", "a=rtcp-fb:101 nack", "a=rtcp-fb:101 goog-remb", "a=rtcp-fb:101 transport-cc",
		"a=extmap:2" + transportWide, "a=ssrc:4713 cname:cnameofours",
	} {
		if !slices.Contains(m.lines, want) {
			t.Errorf("no %q", want)
		}
	}
	b := newParty(t, repairing())
	answer := sdpText(t, b.answer(parse(t, text), nil))
	for _, f := range answerFaults(text, answer) {
		t.Error(f)
	}
	a.accept(parse(t, answer))
	want := []media.Repair{{Number: 104, Of: 101}}
	for _, n := range []media.Negotiation{a.n, b.n} {
		if s := videoSection(t, n); !slices.Equal(s.RepairIn, want) || !slices.Equal(s.RepairOut, want) || s.Ext[media.TransportSeq] != 2 || s.Feedback != media.NACK|media.PLI|media.FIR|media.REMB|media.TransportCC {
			t.Errorf("agreed on %v, %v, %v, %v", s.RepairIn, s.RepairOut, s.Ext, s.Feedback)
		}
	}
	if again := sdpText(t, a.offer(nil)); !slices.Equal(readSheet(again).media[1].numbers, m.numbers) || !strings.Contains(again, "a=extmap:2"+transportWide) {
		t.Errorf("the next offer has other numbers:\n%s", again)
	}
}

// TestRepairAnswerForeign takes nothing of an answer that was not offered.
func TestRepairAnswerForeign(t *testing.T) {
	p := repairing()
	p.RTX, p.Feedback, p.Extensions = false, media.PLI, []media.Extension{media.TransportSeq}
	a := newParty(t, p)
	text := sdpText(t, a.offer(nil))
	if strings.Contains(text, "rtx") || strings.Contains(text, "extmap") {
		t.Fatalf("offers\n%s", text)
	}
	b := newParty(t, repairing())
	answer := sdpText(t, b.answer(parse(t, text), nil))
	number := readSheet(text).media[1].numbers[0]
	forged := strings.Replace(answer, "RTP/SAVPF "+number+"\r\n", "RTP/SAVPF "+number+" 120\r\n", 1) +
		"a=rtpmap:120 rtx/90000\r\na=fmtp:120 apt=" + number + "\r\na=rtcp-fb:* nack\r\na=rtcp-fb:* transport-cc\r\na=extmap:5" + transportWide + "\r\n"
	if !strings.Contains(forged, number+" 120\r\n") {
		t.Fatalf("not forged:\n%s", forged)
	}
	a.accept(parse(t, forged))
	if s := videoSection(t, a.n); s.RepairIn != nil || s.RepairOut != nil || s.Feedback&^media.PLI != 0 || s.Ext != (media.Extensions{}) {
		t.Errorf("took %v, %v, %v, %v", s.RepairIn, s.RepairOut, s.Feedback, s.Ext)
	}
}

// TestRepairIDs keeps the ids that the far side has given, and gives new ones beside them.
func TestRepairIDs(t *testing.T) {
	p := repairing()
	p.Extensions = []media.Extension{media.AudioLevel, media.TransportSeq, media.Orientation}
	a := newParty(t, p)
	offer := theirVideo("a=fmtp:97 apt=96", "a=rtcp-fb:96 nack", "a=rtcp-fb:96 transport-cc", "a=extmap:2"+transportWide)
	a.answerText(offer, nil)
	text := sdpText(t, a.offer(nil))
	sound, pictures := readSheet(text).media[0], readSheet(text).media[1]
	if got := attr(pictures.lines, "extmap"); !slices.Equal(got, []string{"2" + transportWide, "3 urn:3gpp:video-orientation"}) {
		t.Errorf("pictures: %q", got)
	}
	if got := attr(sound.lines, "extmap"); !slices.Equal(got, []string{"1 urn:ietf:params:rtp-hdrext:ssrc-audio-level"}) {
		t.Errorf("sound: %q", got)
	}
}
