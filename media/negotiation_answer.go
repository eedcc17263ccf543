package media

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Answer takes the far side's offer and returns the answer to it. want is what the party that we speak for says of itself, nil for
// all that p allows. The error is a *DescriptionError for what breaks the rules of offer and answer, ErrPending while an offer of our
// own waits, ErrNoCommonCodec, or ErrRefused if p asks for protection that the offer does not have.
func (n Negotiation) Answer(p *Policy, l Local, want Plan, offer Description) (Negotiation, Description, error) {
	if n.waiting() {
		return n, Description{}, ErrPending
	}
	s := n.next()
	sections, err := s.answer(p, &l, want, offer)
	if err != nil {
		return n, Description{}, err
	}
	p.share(sections, func(s *section) { s.live = false })
	s.sections, s.asked = p.keep(sections, s.sections), nil
	s.secured = s.secured.with(sections)
	s.far = p.keepPlan(p.read(offer.Plan()))
	answer, err := s.describe(p, l, sections, false)
	if err != nil {
		return n, Description{}, err
	}
	return Negotiation{&s}, answer, nil
}

// Foresee returns the error of Answer to an offer that begins a call, if there is no plan whatever that could be agreed on.
func (p *Policy) Foresee(offer Description) error {
	keys := p.NewKeys() // that nobody is shown
	_, err := new(negotiated).answer(p, &Local{Keys: keys, VideoKeys: keys}, p.most(offer), offer)
	return err
}

// most returns a plan that agrees to whatever p can agree to of an offer: also to what p only passes on, or takes as others have it.
func (p *Policy) most(offer Description) Plan {
	all := p.Plan()
	if offer.d == nil || len(p.Pass) == 0 && !p.AnyH264 {
		return all
	}
	for i := range offer.d.sections {
		m := &offer.d.sections[i]
		at := slices.IndexFunc(all, func(one Media) bool { return one.Kind.String() == m.media })
		if at < 0 {
			continue
		}
		for _, f := range m.formatList() {
			all[at].Codecs = p.readings(all[at].Codecs, f.Codec)
		}
	}
	return all
}

// answer returns the m-sections of the answer to an offer, of which one is live at the least.
func (s *negotiated) answer(p *Policy, l *Local, want Plan, offer Description) ([]section, error) {
	switch {
	case offer.d == nil:
		return nil, &DescriptionError{Reason: "empty"}
	case len(offer.d.sections) == 0:
		return nil, fmt.Errorf("%w: no m-line", ErrNoCommonCodec)
	case len(offer.d.sections) < len(s.sections):
		return nil, &DescriptionError{Reason: "fewer m-lines than before"}
	}
	if want == nil {
		want = p.Plan()
	}
	a := answering{p: p, l: l, want: want, offer: offer.d, secured: s.secured, why: ErrNoCommonCodec}
	sections := make([]section, len(offer.d.sections))
	for i := range sections {
		var before section
		if i < len(s.sections) {
			before = s.sections[i].section()
		}
		sections[i] = a.section(&offer.d.sections[i], &before)
	}
	if firstLive(sections) < 0 {
		return nil, a.why
	}
	return sections, nil
}

// answering is the work on one offer.
type answering struct {
	p       *Policy
	l       *Local
	want    Plan
	offer   *sdpSession
	secured secured // before
	taken   [2]bool // kinds that have their section
	why     error   // why the last section was refused
}

// section answers one m-section: taken, or refused in its place.
func (a *answering) section(m *sdpSection, before *section) section {
	s := section{media: m.media, proto: m.proto, refused: firstFormat(m), known: before.known}
	formats := m.formatList()
	if len(formats) > 0 && strconv.Itoa(int(formats[0].Number)) == m.formats[0] {
		s.known = remember(s.known, formats[:1]) // a refusal names it
	}
	s.mid, _ = m.value("mid")
	var ok bool
	if s.kind, ok = kindOf(m.media); !ok || a.taken[s.kind] {
		return s
	}
	wanted, ok := a.want.Find(s.kind)
	if !ok || len(a.p.codecs(s.kind)) == 0 || a.offer.turnedDown(m) {
		return s
	}
	s.far = a.offer.transport(m)
	if !s.secureAnswer(a.p, a.l, m, a.secured[s.kind]) || !a.p.reachable(s.far, m) {
		a.why = a.p.refusal(m)
		return s
	}
	s.in, s.out = a.p.common(s.kind, formats, wanted.Codecs)
	if len(s.in) == 0 {
		return s
	}
	if a.p.Single {
		s.in, s.out = single(s.in, s.out, wanted.Codecs)
	}
	s.known = remember(s.known, s.out)
	s.live, a.taken[s.kind] = true, true
	s.bundled = a.offer.bundled(m)
	s.describes(a.p, m)
	s.repairs(a.p, formats, nil)
	s.ext = a.p.extensions(s.kind, m)
	s.withoutNumbers()
	s.wanted = wanted.Dir
	s.dir = wanted.Dir & a.offer.direction(m).Reverse()
	s.far.Client = a.client(m, &s, before)
	return s
}

// describes takes from m what it says of the packets of a live section.
func (s *section) describes(p *Policy, m *sdpSection) {
	s.ssrcs, s.ptime, s.maxPTime = m.ssrcs(), m.milliseconds("ptime"), m.milliseconds("maxptime")
	s.feedback = nil
	if s.kind == Video {
		for _, f := range s.out {
			s.feedback = append(s.feedback, p.Feedback&m.feedback(f.Number))
		}
	}
}

// withoutNumbers takes transport-wide feedback out where packets have no number on their transport that it could name.
func (s *section) withoutNumbers() {
	for i := range s.feedback {
		if s.ext[TransportSeq] == 0 {
			s.feedback[i] &^= TransportCC
		}
	}
	if !union(s.feedback).Has(TransportCC) {
		s.ext[TransportSeq] = 0
	}
}

// client decides whether we begin the DTLS handshake (RFC 5763 section 5, RFC 8842 section 5.3). An association that stands keeps
// its roles.
func (a *answering) client(m *sdpSection, s, before *section) bool {
	switch strings.ToLower(a.offer.transportValue(m, "setup")) {
	case "active":
		return false
	case "passive":
		return true
	default:
		if before.live && before.far.Fingerprint == s.far.Fingerprint {
			return before.far.Client
		}
		return true
	}
}

// firstFormat returns what a refused section names: its first format and the rtpmap of it, since an m-line needs one.
func firstFormat(m *sdpSection) []string {
	if len(m.formats) == 0 {
		return []string{"0"}
	}
	first := []string{m.formats[0]}
	if v, ok := m.numbered("rtpmap", m.formats[0]); ok {
		first = append(first, v)
	}
	return first
}
