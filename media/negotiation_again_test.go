package media_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// TestReofferKeeps makes offers of ours after one of the far side: m-lines, mids, profile and payload types stay as they are.
func TestReofferKeeps(t *testing.T) {
	a := newParty(t, alexaSound())
	offer := strings.Replace(browserOffer, "a=setup:actpass", "a=setup:active", 1)
	a.answerText(offer, nil)
	for _, c := range []struct {
		why    string
		want   media.Plan
		mLines string
	}{
		{"the same again", nil, "audio taken UDP/TLS/RTP/SAVPF 111 9 0 8 126 110; video refused UDP/TLS/RTP/SAVPF 96"},
		{"hold", audio(sendOnly, media.PCMU(), media.Opus()), "audio taken UDP/TLS/RTP/SAVPF 0 111; video refused UDP/TLS/RTP/SAVPF 96"},
	} {
		s := sdpText(t, a.offer(c.want))
		if got := mLines(s); got != c.mLines {
			t.Errorf("%s: m-lines %q, want %q", c.why, got, c.mLines)
		}
		if got := readSheet(s); first(attr(got.session, "group")) != "BUNDLE 0" || first(attr(got.media[0].lines, "setup")) != "actpass" {
			t.Errorf("%s: group %q, setup %q", c.why, attr(got.session, "group"), attr(got.media[0].lines, "setup"))
		}
		a.n = a.n.Rollback()
	}
}

// TestReofferBundles offers BUNDLE where the policy does, though the far side's offer left the audio out of it: peers refuse a section
// outside the only group they know.
func TestReofferBundles(t *testing.T) {
	a := newParty(t, alexaSound())
	a.answerText(echoShowOffer, nil)
	if got := first(attr(readSheet(sdpText(t, a.offer(nil))).session, "group")); got != "BUNDLE audio0" {
		t.Errorf("group %q, want BUNDLE audio0", got)
	}
	phone := newParty(t, media.Phone())
	phone.answerText(strings.Replace(phoneOffer, "a=ptime:20", "a=mid:x", 1), nil)
	phone.offer(nil)
	phone.accept(parse(t, strings.Replace(answerTo("0", "a=mid:x"), "t=0 0", "t=0 0\na=group:BUNDLE x", 1)))
	if got := attr(readSheet(sdpText(t, phone.offer(nil))).session, "group"); got != nil {
		t.Errorf("an answer has brought the group %q into our offer", got)
	}
	withoutMids := strings.NewReplacer("a=mid:audio0\n", "", "a=mid:video0\n", "", "a=group:BUNDLE audio0 video0\n", "").Replace(alexaOffer)
	b := newParty(t, alexaSound())
	b.answerText(withoutMids, nil)
	if got := attr(readSheet(sdpText(t, b.offer(nil))).session, "group"); got != nil {
		t.Errorf("group %q of sections without mids", got)
	}
	c := newParty(t, media.Browser())
	c.answerText(withoutMids, audio(sendRecv, media.Opus()))
	if got := attr(readSheet(sdpText(t, c.offer(nil))).session, "group"); got != nil {
		t.Errorf("group %q of sections without mids, one in the place of a refused one", got)
	}
	d := newParty(t, seeing(alexaSound()))
	d.answerText(strings.ReplaceAll(strings.Replace(alexaOffer, "a=rtpmap:99 H264", "a=rtpmap:99 VP8", 1), "video0", "audio0"), nil)
	if got := first(attr(readSheet(sdpText(t, d.offer(nil))).session, "group")); got != "BUNDLE audio0" {
		t.Errorf("group %q of two sections with one mid, want BUNDLE audio0", got)
	}
}

// TestPayloadTypesForLife leaves codecs away and takes them up again: a number never comes to mean another codec
// (RFC 3264 section 8.3.2), whoever gave it.
func TestPayloadTypesForLife(t *testing.T) {
	offer := strings.Replace(phoneOffer, "0 8 97 101", "0 96 97", 1)
	offer = strings.Replace(offer, "a=rtpmap:97 iLBC/8000", "a=rtpmap:97 opus/48000/2", 1)
	offer = strings.Replace(offer, "rtpmap:101", "rtpmap:96", 1)
	a := newParty(t, media.Phone())
	a.answerText(offer, nil)

	a.offer(audio(sendRecv, media.PCMU()))
	a.accept(parse(t, answerTo("0")))
	again := sdpText(t, a.offer(nil))
	if got, want := mLines(again), "audio taken RTP/AVP 97 9 0 8 96 98"; got != want {
		t.Errorf("all codecs again: %q, want %q", got, want)
	}
	a.accept(parse(t, answerTo("97 8", "a=rtpmap:97 opus/48000/2")))
	if got, want := mLines(sdpText(t, a.offer(nil))), "audio taken RTP/AVP 97 9 0 8 96 98"; got != want {
		t.Errorf("after a refresh: %q, want %q", got, want)
	}
	a.n = a.n.Rollback()

	// The far side leaves them away.
	c := newParty(t, media.Phone())
	c.answerText(offer, nil)
	c.answerText(strings.Replace(offer, "0 96 97", "0", 1), nil)
	if got, want := mLines(sdpText(t, c.offer(nil))), "audio taken RTP/AVP 97 9 0 8 96 98"; got != want {
		t.Errorf("after a shorter offer of the far side: %q, want %q", got, want)
	}

	// A phone that gives our static number to something else.
	b := newParty(t, media.Phone())
	b.answerText(strings.Replace(offer, "a=rtpmap:0 PCMU/8000", "a=rtpmap:0 telephone-event/48000", 1), nil)
	s := readSheet(sdpText(t, b.offer(nil)))
	if got := s.media[0].codec("0"); got != "telephone-event/48000/1" {
		t.Errorf("0 was telephone-event/48000 and is %s", got)
	}
}

// TestNumbersOfBothSides keeps the two number spaces of an asymmetric agreement apart.
func TestNumbersOfBothSides(t *testing.T) {
	a := newParty(t, media.Phone())
	a.offer(audio(sendRecv, media.Opus(), media.TelephoneEvent(48000)))
	a.accept(parse(t, answerTo("97 96", "a=rtpmap:97 opus/48000/2", "a=rtpmap:96 telephone-event/48000")))
	s := a.n.Sections()[0]
	if in, out := numbers(s.In), numbers(s.Out); in != "96 97" || out != "97 96" {
		t.Fatalf("receives %s, sends %s", in, out)
	}
	if got, want := mLines(sdpText(t, a.offer(nil))), "audio taken RTP/AVP 96 9 0 8 98 97"; got != want {
		t.Errorf("the next offer is %q, want %q", got, want)
	}
}

// TestNumbersOfTheAnswer leaves a number that the answer has given to a codec to it.
func TestNumbersOfTheAnswer(t *testing.T) {
	a := newParty(t, media.Phone())
	a.offer(audio(sendRecv, media.Opus()))
	a.accept(parse(t, answerTo("97", "a=rtpmap:97 opus/48000/2")))
	if got, want := mLines(sdpText(t, a.offer(nil))), "audio taken RTP/AVP 96 9 0 8 98 99"; got != want {
		t.Errorf("the next offer is %q, want %q", got, want)
	}
}

// TestVersions counts the o-line's version through a call.
func TestVersions(t *testing.T) {
	a := newParty(t, media.Phone())
	version := func(want uint64, why string) {
		t.Helper()
		if _, got, _ := origin(a.sent); got != want {
			t.Errorf("%s: version %d, want %d", why, got, want)
		}
	}
	a.answerText(phoneOffer, nil)
	version(1, "the first description")
	a.answerText(phoneOffer, nil)
	version(1, "a refresh")
	a.answerText(directed(phoneOffer, "a=sendonly", "section"), nil)
	version(2, "hold")
	a.answerText(phoneOffer, nil)
	version(3, "resume")
	a.l.Port = 40002
	a.answerText(phoneOffer, nil)
	version(4, "another port of ours")
	a.offer(audio(sendRecv, media.PCMU()))
	version(5, "an offer")
	a.n = a.n.Rollback()
	a.offer(audio(sendRecv, media.PCMU()))
	version(5, "the same offer after Rollback")
	a.accept(parse(t, answerTo("0")))
	a.offer(audio(sendRecv, media.PCMU()))
	version(5, "the same offer again")
}

// TestReanswerSections follows the m-lines of a far side that adds, drops and reorders its sections.
func TestReanswerSections(t *testing.T) {
	video := "m=video 49172 RTP/AVP 31\na=mid:v\n"
	a := newParty(t, media.Phone())
	a.answerText(phoneOffer+video, nil)
	if got, want := mLines(a.answerText(phoneOffer+video+"m=application 9 TCP/BFCP *\n", nil)),
		"audio taken RTP/AVP 0 8 101; video refused RTP/AVP 31; application refused TCP/BFCP *"; got != want {
		t.Errorf("one section more: %q, want %q", got, want)
	}
	_, d, err := a.n.Answer(a.p, a.l, nil, parse(t, phoneOffer+video))
	if bad, ok := errors.AsType[*media.DescriptionError](err); !ok || bad.Reason != "fewer m-lines than before" || !d.IsZero() {
		t.Errorf("one section less: %v", err)
	}
	if got := named(a.n.Agreed()); got != "PCMU/8000 PCMA/8000 telephone-event/8000" {
		t.Errorf("after a refused offer %s stands", got)
	}
	if got, want := mLines(sdpText(t, a.offer(nil))), "audio taken RTP/AVP 96 9 0 8 101 97; video refused RTP/AVP 31; application refused TCP/BFCP *"; got != want {
		t.Errorf("our offer: %q, want %q", got, want)
	}
}

// TestSecondAudioSection takes the first audio section that can be taken and refuses the others.
func TestSecondAudioSection(t *testing.T) {
	second := "m=audio 49174 RTP/AVP 8\na=mid:second\n"
	a := newParty(t, media.Phone())
	if got, want := mLines(a.answerText(phoneOffer+second, nil)), "audio taken RTP/AVP 0 8 101; audio refused RTP/AVP 8"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	b := newParty(t, media.Phone())
	if got, want := mLines(b.answerText(strings.Replace(phoneOffer, "0 8 97 101", "97", 1)+second, nil)), "audio refused RTP/AVP 97; audio taken RTP/AVP 8"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := b.n.Sections()[0].Transport.Addr.Port(); got != 49174 {
		t.Errorf("sends to port %d, want 49174", got)
	}
	if got, want := mLines(sdpText(t, b.offer(nil))), "audio refused RTP/AVP 97; audio taken RTP/AVP 96 9 0 8 98 99"; got != want {
		t.Errorf("our offer: %q, want %q", got, want)
	}
}

// TestEmptyMLine answers gateways that send an m-line without any format.
func TestEmptyMLine(t *testing.T) {
	a := newParty(t, media.Phone())
	if got, want := mLines(a.answerText(phoneOffer+"m=video 36924 RTP/AVP\n", nil)), "audio taken RTP/AVP 0 8 101; video refused RTP/AVP 0"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestBundleOnly takes a section with port 0 only where BUNDLE gives it a port (RFC 9143 section 6).
func TestBundleOnly(t *testing.T) {
	offer := strings.Replace(browserOffer, "m=audio 9 ", "m=audio 0 ", 1)
	offer = strings.Replace(offer, "a=mid:0\n", "a=mid:0\na=bundle-only\n", 1)
	a := newParty(t, alexaSound())
	if got := first(attr(readSheet(a.answerText(offer, nil)).session, "group")); got != "BUNDLE 0" {
		t.Errorf("group %q, want BUNDLE 0", got)
	}
	alone := strings.Replace(offer, "a=group:BUNDLE 0 1", "a=group:BUNDLE 1", 1)
	if _, _, err := (media.Negotiation{}).Answer(a.p, a.l, nil, parse(t, alone)); !errors.Is(err, media.ErrNoCommonCodec) {
		t.Errorf("bundle-only outside the group: %v, want ErrNoCommonCodec", err)
	}
}
