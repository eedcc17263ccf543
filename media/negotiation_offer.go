package media

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Offer describes what the party that we speak for wants, nil for all that p allows. The codecs are those of want that p allows, in
// want's order. What stands does not change before Accept. The error is ErrPending while an earlier offer waits, or ErrNoCommonCodec.
func (n Negotiation) Offer(p *Policy, l Local, want Plan) (Negotiation, Description, error) {
	if n.waiting() {
		return n, Description{}, ErrPending
	}
	if want == nil {
		want = p.Plan()
	}
	s := n.next()
	o := offering{p: p, l: &l, want: want, sections: sectionsOf(s.sections)}
	for i := range o.sections {
		o.again(&o.sections[i])
	}
	for _, m := range want {
		o.add(m)
	}
	if firstLive(o.sections) < 0 {
		return n, Description{}, ErrNoCommonCodec
	}
	o.bundle()
	s.asked = &asked{waiting: true, offer: p.keep(o.sections, s.sections), far: s.far, secured: s.secured}
	offer, err := s.describe(p, l, o.sections, true)
	if err != nil {
		return n, Description{}, err
	}
	return Negotiation{&s}, offer, nil
}

// Accept takes the far side's answer to the last offer. It may be called again with another answer to the same offer, a fork's, until
// Settle. The error is ErrRefused where no offer can be answered: there is none, or it has been given up, also if the same answer comes
// again. Some devices answer with fewer m-lines than they were offered, or with one of another kind (RFC 3264 section 6 wants each in
// its place): they have refused what they leave out.
func (n Negotiation) Accept(p *Policy, answer Description) (Negotiation, error) {
	if n.s == nil || n.s.asked == nil {
		return n, fmt.Errorf("%w: an answer without an offer", ErrRefused)
	}
	s, offer := n.next(), sectionsOf(n.s.asked.offer)
	switch {
	case answer.d == nil:
		return n, &DescriptionError{Reason: "empty"}
	case len(answer.d.sections) > len(offer) || len(answer.d.sections) == 0:
		return n, &DescriptionError{Reason: "number of m-lines is not that of the offer"}
	}
	sections := slices.Clone(offer)
	for i := range sections {
		if i >= len(answer.d.sections) || answer.d.sections[i].media != sections[i].media {
			sections[i].decline()
			continue
		}
		if err := sections[i].accept(p, answer.d, &answer.d.sections[i], s.asked.secured[sections[i].kind]); err != nil {
			return n, err
		}
	}
	if firstLive(sections) < 0 {
		if answer.d.sections[0].media != offer[0].media {
			return n, &DescriptionError{Reason: "m-lines are not in the order of the offer"}
		}
		return n, ErrNoCommonCodec
	}
	p.share(sections, func(s *section) { s.dir = Inactive })
	s.secured = s.asked.secured.with(sections)
	s.far = p.keepPlan(meant(p.read(answer.Plan()), offer, planOf(s.asked.far)))
	s.asked = &asked{offer: s.asked.offer, far: s.asked.far, secured: s.asked.secured}
	s.sections = p.keep(sections, s.asked.offer)
	return Negotiation{&s}, nil
}

// meant puts an answer together with what was said before: see Far.
func meant(answer Plan, offer []section, before Plan) Plan {
	for i := range answer {
		m := &answer[i]
		at := indexSection(offer, func(s *section) bool { return s.live && s.kind == m.Kind })
		if at < 0 {
			continue
		}
		old := SendRecv
		if b, ok := before.Find(m.Kind); ok {
			old = b.Dir
		}
		open := offer[at].dir.Reverse()
		m.Dir = m.Dir&open | old&^open
	}
	return answer
}

// accept narrows an offered section to what the answer takes of it. Video that cannot be agreed on as answered does not end the call: it
// stays without packets, and the next offer refuses it.
func (s *section) accept(p *Policy, d *sdpSession, m *sdpSection, secured bool) error {
	if !s.live {
		return nil
	}
	if m.port == 0 {
		s.decline()
		return nil
	}
	err := s.take(p, d, m, secured)
	if err != nil && s.kind == Video {
		s.live = false
		return nil
	}
	return err
}

// decline takes the far side's refusal of an offered section.
func (s *section) decline() { s.live, s.declined = false, s.live || s.declined }

// take reads an answer that does not refuse the section.
func (s *section) take(p *Policy, d *sdpSession, m *sdpSection, secured bool) error {
	before := s.far
	s.far = d.transport(m)
	if s.far.Mux && !p.Mux {
		s.far.Mux = false
		s.far.RTCP = m.rtcpAddr(s.far)
	}
	if !s.secureAccept(p, m, secured) || !p.reachable(s.far, m) {
		return p.refusal(m)
	}
	offered := s.in
	s.in, s.out = nil, nil
	formats := m.formatList()
	for _, f := range formats {
		var one [1]Codec
		if in, reading, ok := p.asOffered(offered, f); ok {
			s.in, s.out = append(s.in, in), append(s.out, Format{f.Number, reading})
			continue
		}
		i, reading := taken(offered, p.readings(one[:0], f.Codec))
		if i >= 0 {
			s.in, s.out = append(s.in, offered[i]), append(s.out, Format{f.Number, reading})
		}
	}
	if s.in, s.out = matchEvents(s.in), matchEvents(s.out); len(s.in) == 0 {
		return fmt.Errorf("%w: the answer takes nothing of the offer", ErrNoCommonCodec)
	}
	s.known = remember(s.known, s.out)
	s.dir &= d.direction(m).Reverse()
	s.bundled = s.bundled && d.bundled(m)
	s.describes(p, m)
	s.repairs(p, formats, s.repairIn)
	s.ext = p.extensions(s.kind, m).within(s.ext)
	s.withoutNumbers()
	if before.Fingerprint != "" && before.Fingerprint == s.far.Fingerprint {
		s.far.Client = before.Client // the association stands with its roles, whatever the answer makes of actpass
		return nil
	}
	s.far.Client = strings.EqualFold(d.transportValue(m, "setup"), "passive")
	return nil
}

// taken finds the offered format that one of an answer stands for, by what it can be read as.
func taken(offered []Format, readings []Codec) (int, Codec) {
	for i, o := range offered {
		for _, r := range readings {
			if o.Codec.Matches(r) {
				return i, r
			}
		}
	}
	return -1, Codec{}
}

// offering is the work on one offer.
type offering struct {
	p        *Policy
	l        *Local
	want     Plan
	sections []section
	done     [2]bool // kinds that have their section
}

// again offers a section that exists: as wanted now, or refused.
func (o *offering) again(s *section) {
	m, wanted := o.want.Find(s.kind)
	if _, known := kindOf(s.media); !known || !wanted || o.done[s.kind] || !s.live {
		s.live = false
		return
	}
	s.live = o.fill(s, m)
}

// add offers a section for a kind that has none, in the place of a refused one if there is one.
func (o *offering) add(m Media) {
	if int(m.Kind) >= len(o.done) || o.done[m.Kind] {
		return
	}
	s := section{media: m.Kind.String(), kind: m.Kind, proto: o.p.profile()}
	at := indexSection(o.sections, func(s *section) bool { return !s.live && s.media == m.Kind.String() })
	if at >= 0 {
		s.mid, s.known = o.sections[at].mid, o.sections[at].known
	} else if o.p.Bundle {
		s.mid = o.freshMid()
	}
	if s.live = o.fill(&s, m); !s.live {
		return
	}
	if at >= 0 {
		o.sections[at] = s
		return
	}
	o.sections = append(o.sections, s)
}

// bundle groups the sections that can be told by their mids: the far side may have given none, or one mid to several.
func (o *offering) bundle() {
	for i := range o.sections {
		s := &o.sections[i]
		first := indexSection(o.sections, func(other *section) bool { return other.mid == s.mid })
		s.bundled = s.mid != "" && i == first && (s.bundled || o.p.Bundle)
	}
}

// freshMid returns a mid that no section has, refused ones counted.
func (o *offering) freshMid() string {
	for n := len(o.sections); ; n++ {
		mid := strconv.Itoa(n)
		if indexSection(o.sections, func(s *section) bool { return s.mid == mid }) < 0 {
			return mid
		}
	}
}

// fill sets codecs and direction of a section and reports whether there are any.
func (o *offering) fill(s *section, m Media) bool {
	var fs []Format
	for _, c := range m.Codecs {
		ours, ok := o.p.allowed(m.Kind, c)
		if !ok && o.p.takesH264(c) && slices.ContainsFunc(s.known, func(f Format) bool { return f.Codec.Matches(c) }) {
			ours, ok = c, true // the far side has said it
		}
		if !ok || slices.ContainsFunc(fs, func(f Format) bool { return f.Codec.Matches(c) }) {
			continue
		}
		if c.Params == "" {
			c.Params = ours.Params
		}
		n, ok := o.number(c, fs, s)
		if ok {
			fs = append(fs, Format{n, c})
		}
	}
	s.in, s.wanted, s.dir = matchEvents(fs), m.Dir, m.Dir
	s.known = remember(s.known, s.in)
	o.repair(s)
	o.extend(s)
	s.declined, s.offered = false, o.p.offerKeys(o.l, s.kind, s.keyOut.Suite)
	o.done[m.Kind] = len(s.in) > 0
	if o.done[m.Kind] {
		s.refused = []string{strconv.Itoa(int(s.in[0].Number)), s.in[0].Codec.String()}
	}
	return o.done[m.Kind]
}

// number finds the payload type for a codec: the one it had on this leg, its static one, or a free dynamic one (RFC 3551 section 6).
// A number that stood for another codec is not used again (RFC 3264 section 8.3.2), nor one of another section: packets of sections that
// share a transport are told apart by it (RFC 9143 section 9.1).
func (o *offering) number(c Codec, taken []Format, s *section) (uint8, bool) {
	for _, before := range [...][]Format{s.in, s.out, s.known} {
		for _, f := range before {
			if f.Codec.Matches(c) && !uses(taken, f.Number) {
				return f.Number, true
			}
		}
	}
	for n := range uint8(96) {
		if static, ok := staticFormat(n); ok && static.Matches(c) && !uses(taken, n) && !uses(s.known, n) {
			return n, true
		}
	}
	elsewhere := func(n uint8) bool {
		return indexSection(o.sections, func(s *section) bool { return uses(s.known, n) }) >= 0
	}
	for n := uint8(96); n < 128; n++ {
		if !uses(taken, n) && !uses(s.known, n) && !elsewhere(n) {
			return n, true
		}
	}
	return 0, false
}

// indexSection is slices.IndexFunc without copies: a section is so large that they make the stacks of the calls' goroutines grow.
func indexSection(sections []section, f func(*section) bool) int {
	for i := range sections {
		if f(&sections[i]) {
			return i
		}
	}
	return -1
}

// remember adds formats to what is known. A number that the far side has given to another codec stands for that from then on.
func remember(known, fs []Format) []Format {
	all := append(make([]Format, 0, len(known)+len(fs)), known...)
	for _, f := range fs {
		if i := slices.IndexFunc(all, func(k Format) bool { return k.Number == f.Number }); i >= 0 {
			all[i] = f
		} else {
			all = append(all, f)
		}
	}
	return all
}

func uses(fs []Format, n uint8) bool {
	return slices.ContainsFunc(fs, func(f Format) bool { return f.Number == n })
}

// profile returns the RTP profile that p offers.
func (p *Policy) profile() string {
	switch p.Security {
	case DTLS:
		return "UDP/TLS/RTP/SAVPF"
	case SDES:
		return "RTP/SAVP"
	default:
		return "RTP/AVP" // with keys in it for SDESOptional (RFC 8643 section 3.1)
	}
}
