package media_test

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

// answerTo writes a phone's answer by hand: one m-line with these formats, then more lines.
func answerTo(formats string, more ...string) string {
	head := "v=0\no=bob 1 1 IN IP4 192.0.2.30\ns=-\nc=IN IP4 192.0.2.30\nt=0 0\nm=audio 5006 RTP/AVP " + formats + "\n"
	return head + strings.Join(append(more, ""), "\n")
}

// TestOffer writes first offers for wants and policies.
func TestOffer(t *testing.T) {
	te8, te48 := media.TelephoneEvent(8000), media.TelephoneEvent(48000)
	for _, c := range []struct {
		name   string
		want   media.Plan
		codecs string
		dir    media.Direction
	}{
		{"all that the policy allows", nil, "", sendRecv},
		{"one codec", audio(sendRecv, media.PCMA()), "PCMA/8000", sendRecv},
		{"the order of the want", audio(recvOnly, media.PCMA(), media.Opus()), "PCMA/8000 opus/48000/2", recvOnly},
		{"events at the clock of the sound", audio(inactive, media.PCMU(), te8, te48), "PCMU/8000 telephone-event/8000", inactive},
		{"events at another clock rather than none", audio(sendRecv, media.Opus(), te8), "opus/48000/2 telephone-event/8000", sendRecv},
		{"codecs that the policy does not know", audio(sendRecv, media.Codec{Name: "iLBC", ClockRate: 8000, Channels: 1}, media.PCMU()), "PCMU/8000", sendRecv},
		{"a codec twice", audio(sendRecv, media.PCMU(), media.PCMU()), "PCMU/8000", sendRecv},
		{"audio twice, and video", append(append(media.Plan{{Kind: media.Video, Dir: sendRecv, Codecs: []media.Codec{{Name: "H264", ClockRate: 90000, Channels: 1}}}},
			audio(sendOnly, media.PCMU())...), audio(sendRecv, media.PCMA())...), "PCMU/8000", sendOnly},
	} {
		for _, p := range []*media.Policy{media.Phone(), alexaSound()} {
			t.Run(c.name+" to "+p.Name, func(t *testing.T) {
				a := newParty(t, p)
				s := readSheet(sdpText(t, a.offer(c.want)))
				if len(s.media) != 1 {
					t.Fatalf("%d m-lines, want 1", len(s.media))
				}
				m := &s.media[0]
				var names []string
				for _, number := range m.numbers {
					names = append(names, strings.TrimSuffix(m.codec(number), "/1"))
				}
				want := c.codecs
				if c.want == nil {
					want = named(p.Plan())
				}
				if got := strings.Join(names, " "); !strings.EqualFold(got, want) {
					t.Errorf("offers %q, want %q", got, want)
				}
				if got := directions(m.lines); len(got) != 1 || got[0] != int(c.dir) {
					t.Errorf("direction %v, want %v", got, c.dir)
				}
				checkOfferTransport(t, s, p)
				if a.n.Agreed() != nil || a.n.Sections() != nil || a.n.Far() != nil {
					t.Error("an offer alone has changed what stands")
				}
			})
		}
	}
}

func checkOfferTransport(t *testing.T, s sheet, p *media.Policy) {
	t.Helper()
	m := s.media[0]
	proto, setup, group, mid, mux := "RTP/AVP", "", "", "", 0
	if p.Security == media.DTLS {
		proto, setup, group, mid, mux = "UDP/TLS/RTP/SAVPF", "actpass", "BUNDLE 0", "0", 1
	}
	if m.proto != proto || first(attr(m.lines, "setup")) != setup || len(attr(m.lines, "rtcp-mux")) != mux {
		t.Errorf("profile %s, setup %q, rtcp-mux %v", m.proto, attr(m.lines, "setup"), attr(m.lines, "rtcp-mux"))
	}
	if first(attr(s.session, "group")) != group || first(attr(m.lines, "mid")) != mid {
		t.Errorf("group %q, mid %q; want %q and %q", attr(s.session, "group"), attr(m.lines, "mid"), group, mid)
	}
}

func TestOfferNothing(t *testing.T) {
	video := media.Plan{{Kind: media.Video, Dir: sendRecv, Codecs: []media.Codec{{Name: "VP8", ClockRate: 90000, Channels: 1}}}}
	strange := media.Plan{{Kind: 200, Dir: sendRecv, Codecs: []media.Codec{media.PCMU()}}}
	for _, want := range []media.Plan{{}, video, strange, audio(sendRecv), audio(sendRecv, media.TelephoneEvent(8000))} {
		n, d, err := media.Negotiation{}.Offer(media.Phone(), local(), want)
		if !errors.Is(err, media.ErrNoCommonCodec) || !d.IsZero() {
			t.Errorf("%v: error %v, want ErrNoCommonCodec", want, err)
		}
		if _, _, err := n.Offer(media.Phone(), local(), nil); err != nil {
			t.Errorf("%v: the next offer: %v", want, err)
		}
	}
}

// TestAccept narrows an offer to what its answer takes.
func TestAccept(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		in, out      string // numbers
		codecs       string
		dir          media.Direction
	}{
		{
			"all", answerTo("96 0 8 97 98", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 telephone-event/8000", "a=rtpmap:98 telephone-event/48000"),
			"96 0 8 97 98", "96 0 8 97 98", "opus/48000/2 PCMU/8000 PCMA/8000 telephone-event/8000 telephone-event/48000", sendRecv,
		},
		{"fewer codecs", answerTo("8", "a=rtpmap:8 PCMA/8000"), "8", "8", "PCMA/8000", sendRecv},
		{"its own order", answerTo("8 0"), "8 0", "8 0", "PCMA/8000 PCMU/8000", sendRecv},
		{
			"its own numbers", answerTo("0 111 101", "a=rtpmap:111 OPUS/48000/2", "a=rtpmap:101 telephone-event/8000"),
			"0 96 97", "0 111 101", "PCMU/8000 opus/48000/2 telephone-event/8000", sendRecv,
		},
		{"a codec that was not offered", answerTo("18 0", "a=rtpmap:18 G729/8000"), "0", "0", "PCMU/8000", sendRecv},
		{"recvonly", answerTo("0", "a=recvonly"), "0", "0", "PCMU/8000", sendOnly},
		{"inactive", answerTo("0", "a=inactive"), "0", "0", "PCMU/8000", inactive},
		{
			"events of a sound that was not taken", answerTo("0 97 98", "a=rtpmap:97 telephone-event/8000", "a=rtpmap:98 telephone-event/48000"),
			"0 97", "0 97", "PCMU/8000 telephone-event/8000", sendRecv,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newParty(t, media.Phone())
			a.offer(nil)
			a.accept(parse(t, c.answer))
			s := a.n.Sections()
			if len(s) != 1 {
				t.Fatalf("%d sections, want 1", len(s))
			}
			if in, out := numbers(s[0].In), numbers(s[0].Out); in != c.in || out != c.out {
				t.Errorf("receives %s and sends %s, want %s and %s", in, out, c.in, c.out)
			}
			if got := named(a.n.Agreed()); got != c.codecs {
				t.Errorf("agreed on %s, want %s", got, c.codecs)
			}
			if s[0].Dir != c.dir || s[0].Transport.Addr.String() != "192.0.2.30:5006" {
				t.Errorf("direction %v to %v", s[0].Dir, s[0].Transport.Addr)
			}
		})
	}
}

func numbers(fs []media.Format) string {
	var s []string
	for _, f := range fs {
		s = append(s, strconv.Itoa(int(f.Number)))
	}
	return strings.Join(s, " ")
}

// TestAcceptRefuses refuses answers that break the rules or take nothing; the offer still waits and a better answer is taken.
func TestAcceptRefuses(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		policy       *media.Policy
		is           error // nil for any *DescriptionError
	}{
		{"no m-line", "v=0\ns=-\n", media.Phone(), nil},
		{"another m-line", answerTo("0") + "m=video 0 RTP/AVP 31\n", media.Phone(), nil},
		{"another kind", strings.Replace(answerTo("0"), "m=audio", "m=video", 1), media.Phone(), nil},
		{"refused", strings.Replace(answerTo("0"), "5006", "0", 1), media.Phone(), media.ErrNoCommonCodec},
		{"nothing of the offer", answerTo("18 3"), media.Phone(), media.ErrNoCommonCodec},
		{"digits alone", answerTo("97", "a=rtpmap:97 telephone-event/8000"), media.Phone(), media.ErrNoCommonCodec},
		{"without an address", strings.Replace(answerTo("0"), "c=IN IP4 192.0.2.30\n", "", 1), media.Phone(), media.ErrRefused},
		{"secured otherwise", strings.Replace(answerTo("0"), "RTP/AVP", "RTP/SAVP", 1), media.Phone(), media.ErrRefused},
		{"not secured", answerTo("0"), alexaSound(), media.ErrRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newParty(t, c.policy)
			offer := a.offer(nil)
			n, err := a.n.Accept(a.p, parse(t, c.answer))
			bad, _ := errors.AsType[*media.DescriptionError](err)
			if c.is == nil && bad == nil || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %v, want %v or else a *DescriptionError", err, c.is)
			}
			if n.Agreed() != nil || n.Sections() != nil || n.Far() != nil {
				t.Errorf("a refused answer left %v", n.Agreed())
			}
			b := newParty(t, c.policy)
			a.accept(b.answer(offer, nil))
			if a.n.Agreed() == nil {
				t.Error("a good answer afterwards is not taken")
			}
		})
	}
	if n, err := (media.Negotiation{}).Accept(media.Phone(), parse(t, answerTo("0"))); !errors.Is(err, media.ErrRefused) || n.Agreed() != nil {
		t.Errorf("an answer without an offer: %v", err)
	}
	a := newParty(t, media.Phone())
	a.offer(nil)
	if _, err := a.n.Accept(a.p, media.Description{}); err == nil {
		t.Error("the zero description was taken as an answer")
	}
}

// TestForks accepts a second and a third answer to one offer: each replaces the one before, and none after another exchange.
func TestForks(t *testing.T) {
	a := newParty(t, media.Phone())
	offer := a.offer(nil)
	a.accept(parse(t, answerTo("8", "a=inactive")))
	a.accept(parse(t, strings.ReplaceAll(answerTo("0 111", "a=rtpmap:111 opus/48000/2"), "192.0.2.30", "192.0.2.31")))
	s := a.n.Sections()[0]
	if got := named(a.n.Agreed()); got != "PCMU/8000 opus/48000/2" || s.Transport.Addr.String() != "192.0.2.31:5006" || s.Dir != sendRecv {
		t.Errorf("the second answer gives %s %v to %v", got, s.Dir, s.Transport.Addr)
	}
	if got := dirOf(a.n.Far()); got != sendRecv {
		t.Errorf("the second fork is read as %v, want sendrecv", got)
	}
	if n, err := a.n.Accept(a.p, parse(t, answerTo("18"))); err == nil || named(n.Agreed()) != named(a.n.Agreed()) {
		t.Errorf("a third answer that takes nothing: %v, %v", err, n.Agreed())
	}
	a.answerText(phoneOffer, nil)
	if _, err := a.n.Accept(a.p, parse(t, answerTo("0"))); !errors.Is(err, media.ErrRefused) {
		t.Errorf("an answer to %v, after another exchange: %v", offer, err)
	}
}

// TestSettle takes no second answer once a call has been accepted, be it a fork's or the same again; what stands stays, and offers within
// the call go on as ever.
func TestSettle(t *testing.T) {
	a, b := newParty(t, media.Phone()), newParty(t, media.Phone())
	if got := a.n.Settle(); got != a.n {
		t.Error("Settle of the beginning changed something")
	}
	offer := a.offer(nil)
	if a.n = a.n.Settle(); a.n == (media.Negotiation{}) {
		t.Fatal("Settle dropped an offer that waits")
	}
	if _, _, err := a.n.Offer(a.p, a.l, nil); !errors.Is(err, media.ErrPending) {
		t.Errorf("an offer beside one that waits: %v, want ErrPending", err)
	}
	a.accept(parse(t, answerTo("8", "a=sendonly"))) // a fork rings
	last := b.answer(offer, nil)
	a.accept(last)
	stood := a.n
	a.n = a.n.Settle()
	if a.n == stood || a.n.Settle() != a.n {
		t.Error("the offer is to be given up once")
	}
	refused := func(what string, answer media.Description) {
		t.Helper()
		n, err := a.n.Accept(a.p, answer)
		if !errors.Is(err, media.ErrRefused) || n != a.n {
			t.Errorf("%s: %v, want ErrRefused", what, err)
		}
		if !reflect.DeepEqual(n.Sections(), stood.Sections()) || !n.Agreed().Equal(stood.Agreed()) || !n.Far().Equal(stood.Far()) || !n.Stands(a.p, nil) {
			t.Errorf("%s has changed what stands to %v", what, n.Agreed())
		}
	}
	refused("a later fork's answer", parse(t, answerTo("8")))
	refused("the same answer again", last)
	if got := a.n.Rollback(); got != a.n {
		t.Error("Rollback has something to drop")
	}
	again := a.offer(audio(sendOnly, media.PCMU()))
	a.n = a.n.Settle()
	a.accept(b.answer(again, nil))
	if got := dirOf(a.n.Agreed()); got != media.RecvOnly {
		t.Errorf("an offer within the call gives %v of the far side, want recvonly", got)
	}
	a.n = a.n.Settle()
	a.accept(b.answer(a.offer(nil), nil))
	a.n = a.n.Settle()
	b.accept(a.answer(b.offer(nil), nil))
	if got := dirOf(b.n.Agreed()); got != sendRecv {
		t.Errorf("offers in turn leave %v", got)
	}
}

func TestGlareAndRollback(t *testing.T) {
	a, b := newParty(t, media.Phone()), newParty(t, media.Phone())
	exchange(a, b, nil, nil)
	before := a.n
	a.offer(audio(sendOnly, media.PCMU()))
	crossing := b.offer(nil)
	for range 2 {
		n, d, err := a.n.Answer(a.p, a.l, nil, crossing)
		if !errors.Is(err, media.ErrPending) || !d.IsZero() {
			t.Fatalf("an offer that crosses ours: %v, want ErrPending", err)
		}
		if _, _, err := n.Offer(a.p, a.l, nil); !errors.Is(err, media.ErrPending) {
			t.Fatalf("a second offer of ours: %v, want ErrPending", err)
		}
		if !n.Agreed().Equal(before.Agreed()) || !n.Far().Equal(before.Far()) {
			t.Errorf("an offer that waits changed what stands to %v", n.Agreed())
		}
	}
	a.n = a.n.Rollback()
	if _, err := a.n.Accept(a.p, parse(t, answerTo("0"))); !errors.Is(err, media.ErrRefused) {
		t.Errorf("an answer after Rollback: %v, want ErrRefused", err)
	}
	if !a.n.Agreed().Equal(before.Agreed()) || !a.n.Far().Equal(before.Far()) {
		t.Errorf("Rollback left %v, want %v", a.n.Agreed(), before.Agreed())
	}
	b.accept(a.answer(crossing, nil))
	if got := a.n.Rollback(); got != a.n {
		t.Error("Rollback without an offer changed something")
	}
	if got := (media.Negotiation{}).Rollback(); got != (media.Negotiation{}) {
		t.Error("Rollback of the beginning changed something")
	}
	a.n = a.n.Rollback() // as a late timer may do after the answer
	exchange(a, b, nil, nil)
}
