package media_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/media"
)

// TestPacketTimes reads ptime and maxptime in every way that phones write them (RFC 8866 sections 6.4 and 6.5).
func TestPacketTimes(t *testing.T) {
	for _, c := range []struct {
		lines      string
		ptime, max time.Duration
	}{
		{"a=ptime:20", 20 * time.Millisecond, 0},
		{"a=ptime:30\na=maxptime:60", 30 * time.Millisecond, 60 * time.Millisecond},
		{"a=maxptime:150", 0, 150 * time.Millisecond},
		{"a=ptime:20.0", 20 * time.Millisecond, 0},
		{"a=ptime:2.5", 2500 * time.Microsecond, 0},
		{"a=ptime: 40 ", 40 * time.Millisecond, 0},
		{"a=ptime:0", 0, 0},
		{"a=ptime:-20", 0, 0},
		{"a=ptime:NaN", 0, 0},
		{"a=ptime:1e9", 0, 0},
		{"a=ptime", 0, 0},
		{"a=ptime:10\na=ptime:20", 10 * time.Millisecond, 0},
	} {
		a := newParty(t, media.Phone())
		a.answerText(strings.Replace(phoneOffer, "a=ptime:20", c.lines, 1), nil)
		b := newParty(t, media.Phone())
		b.offer(nil)
		b.accept(parse(t, answerTo("0", c.lines)))
		for who, s := range map[string]media.Section{"an offer": a.n.Sections()[0], "an answer": b.n.Sections()[0]} {
			if s.PTime != c.ptime || s.MaxPTime != c.max {
				t.Errorf("%s with %q: %v and %v, want %v and %v", who, c.lines, s.PTime, s.MaxPTime, c.ptime, c.max)
			}
		}
	}
}

// TestSources reads the sources of the far side (RFC 5576), without those that only retransmit or repair.
func TestSources(t *testing.T) {
	for _, c := range []struct {
		lines string
		want  []uint32
	}{
		{"a=x", nil},
		{"a=ssrc:11 cname:a", []uint32{11}},
		{"a=ssrc:11 cname:a\na=ssrc:11 msid:s t\na=ssrc:12 cname:a", []uint32{11, 12}},
		{"a=ssrc-group:FID 11 12\na=ssrc:11 cname:a\na=ssrc:12 cname:a", []uint32{11}},
		{"a=ssrc-group:FEC-FR 11 13\na=ssrc-group:FID 11 12\na=ssrc:11 cname:a\na=ssrc:12 cname:a\na=ssrc:13 cname:a", []uint32{11}},
		{"a=ssrc-group:SIM 11 12\na=ssrc:11 cname:a\na=ssrc:12 cname:a", []uint32{11, 12}},
		{"a=ssrc:4294967295 cname:a\na=ssrc:4294967296 cname:a\na=ssrc:x cname:a\na=ssrc:-1 cname:a\na=ssrc:", []uint32{4294967295}},
	} {
		a := newParty(t, media.Phone())
		a.answerText(phoneOffer+c.lines+"\n", nil)
		if got := a.n.Sections()[0].SSRCs; !slices.Equal(got, c.want) {
			t.Errorf("%q names %v, want %v", c.lines, got, c.want)
		}
	}
}

// TestOurSources names our source, its stream and its canonical name in each section that sends (RFC 8830), and takes no extension of
// the header where the policy has none.
func TestOurSources(t *testing.T) {
	p := seeing(media.Browser())
	p.Extensions = nil
	a := newParty(t, p)
	a.l.VideoSSRC = 4712
	offer := strings.Replace(browserOffer, "a=rtpmap:96 VP8/90000", "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\na=rtpmap:96 VP8/90000", 1)
	for _, c := range []struct {
		dir     media.Direction
		sources string
	}{
		{sendRecv, "4711 cname:cnameofours,4712 cname:cnameofours"},
		{sendOnly, "4711 cname:cnameofours,4712 cname:cnameofours"},
		{recvOnly, "4711 cname:cnameofours,"},
		{inactive, "4711 cname:cnameofours,"},
	} {
		text := a.answerText(offer, append(audio(sendRecv, media.Opus()), media.Media{Kind: media.Video, Dir: c.dir, Codecs: []media.Codec{media.VP8()}}))
		var ssrcs, msids []string
		for _, m := range readSheet(text).media {
			ssrcs, msids = append(ssrcs, first(attr(m.lines, "ssrc"))), append(msids, first(attr(m.lines, "msid")))
		}
		if got := strings.Join(ssrcs, ","); got != c.sources {
			t.Errorf("video %v: sources %q, want %q", c.dir, got, c.sources)
		}
		if want := "cnameofours audio"; msids[0] != want || (msids[1] == "cnameofours video") != c.dir.Sends() {
			t.Errorf("video %v: streams %q", c.dir, msids)
		}
		if strings.Contains(text, "extmap") {
			t.Errorf("an extension is taken:\n%s", text)
		}
	}
	if text := sdpText(t, newParty(t, p).offer(nil)); strings.Contains(text, "extmap") {
		t.Errorf("an extension is offered:\n%s", text)
	}
	if text := newParty(t, media.Phone()).answerText(phoneOffer, nil); strings.Contains(text, "ssrc") || strings.Contains(text, "msid") {
		t.Errorf("a phone is told of sources:\n%s", text)
	}
}

// TestFeedback agrees on the feedback that both sides have, by number or for all formats.
func TestFeedback(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  media.Feedback
	}{
		{nil, 0},
		{[]string{"rtcp-fb:97 nack pli"}, media.PLI},
		{[]string{"rtcp-fb:* ccm fir", "rtcp-fb:97 nack  pli"}, media.PLI | media.FIR},
		{[]string{"rtcp-fb:97 nack", "rtcp-fb:97 goog-remb", "rtcp-fb:97 ccm tmmbr"}, 0},
		{[]string{"rtcp-fb:98 nack pli", "rtcp-fb:x ccm fir", "rtcp-fb:"}, 0},
	} {
		a := newParty(t, seeing(media.Phone()))
		text := a.answerText(videoOffer("97", append([]string{"rtpmap:97 VP8/90000"}, c.lines...)...), nil)
		if got := a.n.Sections()[1].Feedback; got != c.want {
			t.Errorf("%q: agrees on %q, want %q", c.lines, got, c.want)
		}
		if got := len(attr(readSheet(text).media[1].lines, "rtcp-fb")); got != strings.Count(c.want.String(), ",")+min(1, len(c.want.String())) {
			t.Errorf("%q: %d lines in\n%s", c.lines, got, text)
		}
		if len(attr(readSheet(text).media[0].lines, "rtcp-fb")) > 0 {
			t.Error("feedback for sound")
		}
	}
	p := seeing(media.Phone())
	p.Feedback = media.NACK | media.PLI | media.FIR | media.REMB | media.TransportCC
	offer := readSheet(sdpText(t, newParty(t, p).offer(nil)))
	m := &offer.media[1]
	if got, want := strings.Join(attr(m.lines, "rtcp-fb")[:5], ","), m.numbers[0]+" nack,"+m.numbers[0]+" nack pli,"+m.numbers[0]+" ccm fir,"+m.numbers[0]+" goog-remb,"+m.numbers[0]+" transport-cc"; got != want {
		t.Errorf("offers %q, want %q", got, want)
	}
}
