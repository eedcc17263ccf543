package media_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// TestAnswerWants answers one offer for different wishes: the answer has what offer, wish and policy share, in the offer's order.
func TestAnswerWants(t *testing.T) {
	te8, te48 := media.TelephoneEvent(8000), media.TelephoneEvent(48000)
	noise := media.Codec{Name: "CN", ClockRate: 8000, Channels: 1}
	video := media.Media{Kind: media.Video, Dir: sendRecv, Codecs: []media.Codec{{Name: "VP8", ClockRate: 90000, Channels: 1}}}
	for _, c := range []struct {
		name, codecs string
		want         media.Plan
	}{
		{"nil", "111 9 0 8 110 126", nil},
		{"one codec", "8", audio(sendRecv, media.PCMA())},
		{"another order", "0 8", audio(sendRecv, media.PCMA(), media.PCMU())},
		{"with video", "111", append(audio(sendRecv, media.Opus()), video)},
		{"wide sound that need not be transcoded", "9 0", audio(sendRecv, media.G722(), media.PCMU())},
		{"a codec that the policy has not", "0", audio(sendRecv, noise, media.PCMU())},
		{"other case", "111", audio(sendRecv, media.Codec{Name: "OPUS", ClockRate: 48000, Channels: 2})},
		{"events of both clocks", "111 0 110 126", audio(sendRecv, media.Opus(), media.PCMU(), te8, te48)},
		{"events of the wide sound only", "111 110", audio(sendRecv, media.Opus(), te8, te48)},
		{"events of the narrow sound only", "0 126", audio(sendRecv, media.PCMU(), te8, te48)},
		{"events at another clock rather than none", "111 126", audio(sendRecv, media.Opus(), te8)},
		{"no events", "111 0", audio(sendRecv, media.Opus(), media.PCMU())},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newParty(t, alexaSound())
			text := a.answerText(browserOffer, c.want)
			if got, want := mLines(text), "audio taken UDP/TLS/RTP/SAVPF "+c.codecs+"; video refused UDP/TLS/RTP/SAVPF 96"; got != want {
				t.Errorf("m-lines %q, want %q", got, want)
			}
			s := a.n.Sections()[0]
			if numbers(s.In) != c.codecs || numbers(s.Out) != c.codecs {
				t.Errorf("receives %s and sends %s, want %s", numbers(s.In), numbers(s.Out), c.codecs)
			}
		})
	}
	n, d, err := media.Negotiation{}.Answer(alexaSound(), local(), media.Plan{video}, parse(t, browserOffer))
	if !errors.Is(err, media.ErrNoCommonCodec) || !d.IsZero() || n.Agreed() != nil {
		t.Errorf("a wish without audio: %v, want ErrNoCommonCodec", err)
	}
}

// TestParameters checks whose format parameters go where: in the answer those of the party that we speak for, in the plan the far side's.
func TestParameters(t *testing.T) {
	opus := media.Opus()
	opus.Params = "maxplaybackrate=16000"
	bare := media.Codec{Name: "opus", ClockRate: 48000, Channels: 2}
	far := strings.Replace(browserOffer, "a=fmtp:111 minptime=10;useinbandfec=1", "a=fmtp:111 stereo=1", 1)
	for _, c := range []struct {
		want media.Plan
		fmtp string
	}{
		{nil, "111 minptime=10;useinbandfec=1"},
		{audio(sendRecv, bare), "111 minptime=10;useinbandfec=1"}, // those of the policy
		{audio(sendRecv, opus), "111 maxplaybackrate=16000"},
	} {
		a := newParty(t, alexaSound())
		text := a.answerText(far, c.want)
		if got := first(attr(readSheet(text).media[0].lines, "fmtp")); got != c.fmtp {
			t.Errorf("for %v the answer has fmtp %q, want %q", c.want, got, c.fmtp)
		}
		s := a.n.Sections()[0]
		if in, out := s.In[0].Codec.Params, s.Out[0].Codec.Params; "111 "+in != c.fmtp || out != "stereo=1" {
			t.Errorf("we receive with %q and send with %q", in, out)
		}
		if m, _ := a.n.Agreed().Find(media.Audio); m.Codecs[0].Params != "stereo=1" {
			t.Errorf("the far side is passed on as %q", m.Codecs[0].Params)
		}
	}
}

// TestAgreedAndFar tells what is agreed from all that the far side can do.
func TestAgreedAndFar(t *testing.T) {
	a := newParty(t, alexaSound())
	a.answerText(alexaOffer, audio(sendOnly, media.PCMU()))
	if got, want := a.n.Agreed().String(), "audio recvonly PCMU/8000"; got != want {
		t.Errorf("agreed on %q, want %q", got, want)
	}
	if got, want := a.n.Far().String(), "audio sendrecv opus/48000/2 PCMU/8000, video sendrecv H264/90000"; got != want {
		t.Errorf("the far side can do %q, want %q", got, want)
	}
	if got, want := parse(t, alexaOffer).Plan().String(), a.n.Far().String(); got != want {
		t.Errorf("the offer says %q, want %q", got, want)
	}
	if p := (media.Description{}).Plan(); p != nil {
		t.Errorf("no description says %v", p)
	}
	if p := parse(t, "v=0\ns=-\n").Plan(); p == nil || len(p) != 0 {
		t.Errorf("a description without m-lines says %v, want nothing, and not nil", p)
	}
	if p := parse(t, strings.Replace(phoneOffer, "49170", "0", 1)).Plan(); len(p) != 0 {
		t.Errorf("a refused section says %v", p)
	}
}

// TestFormats reads what payload types stand for, written well and badly.
func TestFormats(t *testing.T) {
	for _, c := range []struct{ number, rtpmap, want string }{
		{"0", "", "PCMU/8000"},
		{"8", "", "PCMA/8000"},
		{"008", "", "PCMA/8000"},
		{"0", "0 pcmu/8000/1", "PCMU/8000"},
		{"0", "0 PCMA/8000", "PCMA/8000"}, // RFC 3551 is overruled
		{"96", "96 OPUS/48000", "opus/48000/2"},
		{"96", "96 opus/48000/1", "opus/48000/2"},
		{"96", "96  L16 / 44100 / 2", "L16/44100/2"},
		{"96", "96 Telephone-Event/8000", "telephone-event/8000"},
		{"96", "97 PCMU/8000", ""},
		{"96", "", ""},
		{"9", "", "G722/8000"},
		{"18", "", "G729/8000"},
		{"19", "", ""},
		{"0", "0 PCMU", ""},
		{"0", "0 /8000", ""},
		{"0", "0 PCMU/", ""},
		{"0", "0 PCMU/0", ""},
		{"0", "0 PCMU/-8000", ""},
		{"0", "0 PCMU/1000001", ""},
		{"0", "0 PCMU/8000/0", ""},
		{"0", "0 PCMU/8000/256", ""},
		{"128", "128 PCMU/8000", ""},
		{"-1", "-1 PCMU/8000", ""},
		{"*", "* PCMU/8000", ""},
	} {
		d := parse(t, "v=0\nm=audio 9 RTP/AVP "+c.number+"\na=rtpmap:"+c.rtpmap+"\n")
		if got := named(d.Plan()); got != c.want {
			t.Errorf("%s with rtpmap %q is %q, want %q", c.number, c.rtpmap, got, c.want)
		}
	}
}

// TestStands asks whether there is something to offer.
func TestStands(t *testing.T) {
	h264 := media.Media{Kind: media.Video, Dir: sendRecv, Codecs: []media.Codec{{Name: "H264", ClockRate: 90000, Channels: 1}}}
	both := []media.Codec{media.PCMU(), media.PCMA()}
	if (media.Negotiation{}).Stands(media.Phone(), nil) {
		t.Error("something stands before anything was said")
	}
	a := newParty(t, media.Phone())
	a.offer(audio(sendRecv, both...))
	if a.n.Stands(a.p, audio(sendRecv, both...)) {
		t.Error("an offer that waits stands")
	}
	a.accept(parse(t, answerTo("0", "a=recvonly")))
	for _, c := range []struct {
		why   string
		want  media.Plan
		stand bool
	}{
		{"what was wanted", audio(sendRecv, both...), true},
		{"what came of it", audio(sendRecv, media.PCMU()), true},
		{"all that the policy allows, refused before", nil, true},
		{"the codecs in another order", audio(sendRecv, media.PCMA(), media.PCMU()), true},
		{"video, which the policy has not", append(audio(sendRecv, both...), h264), true},
		{"the direction that came of it", audio(sendOnly, both...), false},
		{"hold", audio(inactive, both...), false},
		{"without the codec that stands", audio(sendRecv, media.PCMA()), false},
		{"nothing", media.Plan{}, false},
	} {
		if got := a.n.Stands(a.p, c.want); got != c.stand {
			t.Errorf("%s: %v, want %v", c.why, got, c.stand)
		}
	}
	b := newParty(t, media.Phone())
	b.answerText(directed(phoneOffer, "a=sendonly", "section"), nil)
	if got := named(b.n.Agreed()); !strings.Contains(got, "telephone-event") || !b.n.Stands(b.p, audio(sendRecv, both...)) {
		t.Errorf("digits, which are agreed in %q, count as a codec", got)
	}
	if !b.n.Stands(b.p, nil) || b.n.Stands(b.p, audio(recvOnly, b.p.Audio...)) {
		t.Error("after an answer the direction that was wanted is not the one that stands")
	}
}

// TestPlanIsAValue checks that the negotiator leaves wants and policies as they are, and that a plan that it hands out is no part of
// its state.
func TestPlanIsAValue(t *testing.T) {
	p, want := alexaSound(), audio(sendRecv, media.PCMU(), media.Opus())
	before, allowed := want.Clone(), len(p.Audio)
	a := newParty(t, p)
	a.answerText(browserOffer, want)
	a.offer(want)
	a.n = a.n.Rollback()
	if !want.Equal(before) || len(p.Audio) != allowed || !p.Plan().Equal(alexaSound().Plan()) {
		t.Errorf("the negotiator changed the want to %v or the policy to %v", want, p.Plan())
	}
	agreed := a.n.Agreed()
	agreed[0].Codecs[0].Name = "spoilt"
	if got := named(a.n.Agreed()); strings.Contains(got, "spoilt") {
		t.Error("a plan that was handed out is the negotiator's own")
	}
}
