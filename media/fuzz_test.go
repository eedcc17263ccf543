package media_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// seeds returns descriptions to begin fuzzing with: ours, and the third-party test data where it is there.
func seeds(t testing.TB) []string {
	all := []string{
		alexaOffer, echoShowOffer, crlf(phoneOffer), browserOffer,
		directed(phoneOffer, "a=sendonly", "section"), directed(phoneOffer, "a=inactive", "session"),
		strings.Replace(phoneOffer, "c=IN IP4 192.0.2.20", "c=IN IP4 0.0.0.0", 1),
		strings.ReplaceAll(alexaOffer, "AGVf", "BGVf"),
		phoneOffer + "m=video 49172 RTP/AVP 31\na=mid:v\n",
		answerTo("0 111 101", "a=rtpmap:111 opus/48000/2", "a=rtpmap:101 telephone-event/8000", "a=rtcp:53020 IN IP4 192.0.2.21"),
		strings.Replace(answerTo("0"), "5006", "0", 1),
		"v=0\nm=audio 1 RTP/AVP 0", "v=0\r\nc=IN IP6 ::1%lo\r\nm=audio 65535/2 rtp/avpf 8 0 127\r\na=rtcp-mux",
	}
	if os.Getenv(testutil.CorporaEnv) != "" {
		for _, s := range specimens(t) {
			all = append(all, s.sdp)
		}
	}
	return all
}

func FuzzParseDescription(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, sdp []byte) {
		d, err := media.ParseDescription(sdp)
		if err != nil {
			if bad, ok := errors.AsType[*media.DescriptionError](err); !ok || bad.Reason == "" || !d.IsZero() {
				t.Fatalf("error %v with %v, want a *DescriptionError alone", err, d)
			}
			return
		}
		text := sdpText(t, d)
		if len(text) > media.MaxDescription || strings.Contains(text, "\r\n\r\n") || strings.ContainsRune(strings.ReplaceAll(text, "\r\n", ""), '\n') {
			t.Fatalf("its text is %d bytes, or its lines do not end in CRLF", len(text))
		}
		again, err := media.ParseDescription([]byte(text))
		if err != nil {
			t.Fatalf("its own text does not parse: %v", err)
		}
		if got := sdpText(t, again); got != text {
			t.Fatalf("parsed twice it reads %q, want %q", got, text)
		}
		if !again.Plan().Equal(d.Plan()) || again.String() != d.String() {
			t.Fatalf("parsed twice it says %v, want %v", again.Plan(), d.Plan())
		}
		s := readSheet(text)
		for _, m := range s.media {
			if pwd := first(attr(m.lines, "ice-pwd")); len(pwd) > 20 && strings.Contains(d.LogValue().String(), pwd) {
				t.Fatalf("a log shows the password %q", pwd)
			}
		}
	})
}

// stances returns a policy and a wish for each value of choice.
func stances(choice byte) (*media.Policy, media.Plan) {
	policies := []*media.Policy{media.Phone(), alexaSound()}
	muxed, dtls := media.Phone(), alexaSound()
	muxed.Mux, muxed.Bundle = true, true
	dtls.ICE, dtls.Mux, dtls.Bundle = false, false, false
	keyed, video := sdes(media.SDES), media.VideoPhone()
	optional := seeing(sdes(media.SDESOptional))
	policies = append(policies, muxed, dtls, keyed, optional, video, media.AlexaCalling(), media.AlexaDoor(), media.Browser())
	dir := media.Direction(choice >> 6)
	wants := []media.Plan{
		nil, audio(dir, media.PCMU()), audio(dir, media.Opus(), media.TelephoneEvent(8000)),
		audio(dir, media.PCMA(), media.PCMU(), media.TelephoneEvent(48000), media.TelephoneEvent(8000)),
	}
	return policies[int(choice&0x3f)%len(policies)], wants[choice>>2&3]
}

// A bout is one fuzzed negotiation; it checks all that we send, and that errors are documented ones and change nothing.
type bout struct {
	t    *testing.T
	n    media.Negotiation
	p    *media.Policy
	want media.Plan
	sent string
	l    media.Local
	safe [2]bool // kinds that keys have protected
}

func newBout(t *testing.T, choice byte) *bout {
	b := &bout{t: t, l: local()}
	b.p, b.want = stances(choice)
	b.l.Keys, b.l.VideoKeys, b.l.VideoSSRC = b.p.NewKeys(), b.p.NewKeys(), 4712
	return b
}

// answer answers an offer and reports whether it could.
func (b *bout) answer(offer media.Description) bool {
	b.t.Helper()
	n, d, err := b.n.Answer(b.p, b.l, b.want, offer)
	if !b.well(n, d, err) {
		return false
	}
	b.send(answerFaults(sdpText(b.t, offer), sdpText(b.t, d)), sdpText(b.t, offer), d)
	b.n = n
	b.whole()
	b.secured()
	if lenient := b.p.AnyH264 && b.p.Video != nil; !lenient && !b.n.Far().Equal(offer.Plan()) {
		b.t.Fatalf("after an offer of %v the far side is read as %v", offer.Plan(), b.n.Far())
	}
	return true
}

func (b *bout) offer() bool {
	b.t.Helper()
	n, d, err := b.n.Offer(b.p, b.l, b.want)
	if !b.well(n, d, err) {
		return false
	}
	b.send(offerFaults(b.sent, sdpText(b.t, d)), b.sent, d)
	b.secured() // forks of the offer before are over
	b.n = n
	return true
}

func (b *bout) accept(answer media.Description) bool {
	b.t.Helper()
	n, err := b.n.Accept(b.p, answer)
	if !b.well(n, media.Description{}, err) {
		return false
	}
	b.n = n
	b.whole()
	return true
}

// well checks an error; there is none if it returns true.
func (b *bout) well(n media.Negotiation, d media.Description, err error) bool {
	b.t.Helper()
	if err == nil {
		return true
	}
	_, bad := errors.AsType[*media.DescriptionError](err)
	if !bad && !errors.Is(err, media.ErrNoCommonCodec) && !errors.Is(err, media.ErrRefused) || !strings.HasPrefix(err.Error(), "media: ") {
		b.t.Fatalf("undocumented error %v", err)
	}
	if n != b.n || !d.IsZero() {
		b.t.Fatalf("the error %v came with a change", err)
	}
	return false
}

func (b *bout) send(faults []string, before string, d media.Description) {
	b.t.Helper()
	text := sdpText(b.t, d)
	faults = append(faults, formFaults(text)...)
	if b.sent != "" {
		faults = append(faults, versionFaults(b.sent, text)...)
	}
	if faults != nil {
		b.t.Fatalf("%s\n%s\nbefore it\n%s", strings.Join(faults, "; "), text, before)
	}
	again, err := media.ParseDescription([]byte(text))
	if err != nil || sdpText(b.t, again) != text {
		b.t.Fatalf("our own description does not parse: %v\n%s", err, text)
	}
	b.sent = text
}

// whole checks that what stands makes sense to an engine.
func (b *bout) whole() {
	b.t.Helper()
	sections, agreed := b.n.Sections(), b.n.Agreed()
	if len(sections) == 0 || len(agreed) != len(sections) {
		b.t.Fatalf("%d sections, agreed on %v", len(sections), agreed)
	}
	for i, s := range sections {
		m := agreed[i]
		if s.Kind != m.Kind || s.Dir != m.Dir.Reverse() || len(s.In) == 0 || len(s.In) != len(s.Out) || len(m.Codecs) != len(s.Out) {
			b.t.Fatalf("section %v does not fit %v", s, m)
		}
		for j := range s.In {
			fits := func(c media.Codec) bool { return c.Matches(s.Out[j].Codec) }
			if !fits(s.In[j].Codec) || !fits(m.Codecs[j]) || !slices.ContainsFunc(map[media.Kind][]media.Codec{media.Audio: b.p.Audio, media.Video: b.p.Video}[s.Kind], fits) && (!b.p.AnyH264 || s.Out[j].Codec.Name != "H264") {
				b.t.Fatalf("receives %v, sends %v, agreed on %v", s.In, s.Out, m.Codecs)
			}
		}
		b.locked(s)
		far := s.Transport
		if b.p.ICE && (far.Ufrag == "" || far.Pwd == "") || (b.p.Security == media.DTLS) && far.Fingerprint == "" || far.Addr.IsValid() && far.Addr.Port() == 0 || far.RTCP.IsValid() && far.RTCP.Port() == 0 {
			b.t.Fatalf("a transport that is no use to policy %q: %v %v", b.p.Name, far.Addr, far.RTCP)
		}
	}
}

// locked checks the keys of a section: two of one suite, or none at all and none before.
func (b *bout) locked(s media.Section) {
	b.t.Helper()
	switch {
	case s.Security != b.p.Security && b.p.Security != media.SDESOptional || s.Security == media.SDESOptional:
		b.t.Fatalf("%v under a policy of %v", s.Security, b.p.Security)
	case s.Security == media.SDES && (s.KeyIn.IsZero() || s.KeyOut.IsZero() || s.KeyIn.Suite != s.KeyOut.Suite || s.KeyIn == s.KeyOut):
		b.t.Fatalf("protected with %v in and %v out", s.KeyIn, s.KeyOut)
	case s.Security != media.SDES && (b.safe[s.Kind] || !s.KeyIn.IsZero() || !s.KeyOut.IsZero()):
		b.t.Fatalf("%v is not protected any more, or has keys: %v", s.Kind, s.KeyIn)
	case b.p.ICE && !s.Shared && s.Dir != media.Inactive:
		b.t.Fatalf("a second transport with ICE: %v", s)
	}
}

// secured notes what keys protect, once no other fork can answer.
func (b *bout) secured() {
	for _, s := range b.n.Sections() {
		b.safe[s.Kind] = b.safe[s.Kind] || s.Security == media.SDES
	}
}

// FuzzNegotiationAnswer answers an offer, makes one of our own that fails, and answers a second offer on what stands.
func FuzzNegotiationAnswer(f *testing.F) {
	all := seeds(f)
	for i, s := range all {
		f.Add([]byte(s), []byte(all[(i+1)%len(all)]), byte(i*37))
		f.Add([]byte(s), []byte(s), byte(i*4+1))
	}
	f.Fuzz(answerBoth)
}

func answerBoth(t *testing.T, one, two []byte, choice byte) {
	b := newBout(t, choice)
	for _, sdp := range [][]byte{one, two} {
		offer, err := media.ParseDescription(sdp)
		if err != nil {
			continue
		}
		_ = b.n.Restarts(offer)
		if !b.answer(offer) {
			continue
		}
		before := b.sent
		if !b.answer(offer) || b.sent != before || b.n.Restarts(offer) {
			t.Fatalf("a refresh is not answered as before\n%s\nbut\n%s", before, b.sent)
		}
		if b.offer() {
			b.n = b.n.Rollback()
		}
	}
}

// FuzzNegotiationAccept makes an offer, accepts an answer and another fork's, offers again and accepts the second once more.
func FuzzNegotiationAccept(f *testing.F) {
	all := seeds(f)
	for i, s := range all {
		f.Add([]byte(s), []byte(all[(i+1)%len(all)]), byte(i*37))
		f.Add([]byte(s), []byte(s), byte(i*4+1))
	}
	f.Fuzz(acceptBoth)
}

func acceptBoth(t *testing.T, one, two []byte, choice byte) {
	b := newBout(t, choice)
	if !b.offer() {
		t.Fatal("a first offer cannot be made")
	}
	for range 2 {
		for _, sdp := range [][]byte{one, two} {
			if answer, err := media.ParseDescription(sdp); err == nil {
				b.accept(answer)
			}
		}
		b.n = b.n.Rollback()
		if offer, err := media.ParseDescription(two); err == nil {
			b.answer(offer)
		}
		if !b.offer() {
			return
		}
	}
}

// TestMutants shuffles the lines of descriptions, which reaches states that fuzzing by octets seldom does.
func TestMutants(t *testing.T) {
	all := seeds(t)
	var pool []string // of lines
	for _, s := range all {
		pool = append(pool, strings.FieldsFunc(s, func(r rune) bool { return r == '\r' || r == '\n' })...)
	}
	random := rand.New(rand.NewPCG(4566, 3264))
	mutant := func() []byte {
		s := strings.FieldsFunc(all[random.IntN(len(all))], func(r rune) bool { return r == '\r' || r == '\n' })
		for range random.IntN(6) {
			at := random.IntN(len(s))
			switch random.IntN(4) {
			case 0:
				s = slices.Delete(s, at, at+1)
			case 1:
				s = slices.Insert(s, at, pool[random.IntN(len(pool))])
			case 2:
				to := random.IntN(len(s))
				s[at], s[to] = s[to], s[at]
			default:
				s[at] = pool[random.IntN(len(pool))]
			}
			if len(s) == 0 {
				break
			}
		}
		return []byte(strings.Join(s, "\n"))
	}
	const rounds = 4000
	answered := 0
	var one, two []byte
	var choice byte
	defer func() {
		if t.Failed() {
			t.Logf("a file for testdata/fuzz/FuzzNegotiationAnswer or FuzzNegotiationAccept that repeats it:\ngo test fuzz v1\n[]byte(%q)\n[]byte(%q)\nbyte(%d)", one, two, choice)
		}
	}()
	for range rounds {
		one, two, choice = mutant(), mutant(), byte(random.Uint32())
		answerBoth(t, one, two, choice)
		acceptBoth(t, one, two, choice)
		if offer, err := media.ParseDescription(one); err == nil {
			p, want := stances(choice)
			if _, _, err := (media.Negotiation{}).Answer(p, newBout(t, choice).l, want, offer); err == nil {
				answered++
			}
		}
	}
	t.Logf("%d of %d mutants are answered", answered, rounds)
	if answered < rounds/10 {
		t.Error("too few: the mutants are at fault")
	}
}
