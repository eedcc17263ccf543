package media

import (
	"slices"
	"strings"
)

// A Negotiation is what stands between us and one far side by offer and answer (RFC 3264, and what a server needs of RFC 8829). It is
// an immutable value without I/O: each method returns the next one, and on an error the old one still stands. The zero Negotiation
// is the beginning.
//
// It never repeats a description that it kept: each is written anew from what is wanted and what stands. Order and mids of the
// m-sections stay for the life of the leg, payload types are the offerer's, and the version in the o-line grows only on change.
type Negotiation struct{ s *negotiated }

type negotiated struct {
	version  uint64    // of our last description
	body     string    // of our last description: all but the o-line
	sections []section // as agreed, by m-line
	far      Plan
	farOld   Plan      // far when the last offer was made
	offer    []section // our last offer, by m-line
	waiting  bool      // offer is not answered yet
}

// section is one m-section as we hold it.
type section struct {
	media, proto, mid string
	kind              Kind
	live              bool // neither side has refused it
	bundled           bool
	in, out           []Format
	known             []Format  // what each payload type stands or has stood for
	wanted            Direction // of the party that we speak for
	dir               Direction // ours: wanted, as far as the far side agrees
	far               Transport
	refused           []string // where not live: a format to name in it and, where known, its rtpmap
}

// Agreed returns what the far side says of itself, cut to what is agreed; nil before there is an agreement.
func (n Negotiation) Agreed() Plan {
	var p Plan
	for _, s := range n.live() {
		codecs := make([]Codec, len(s.out))
		for i, f := range s.out {
			codecs[i] = f.Codec
		}
		p = append(p, Media{Kind: s.kind, Dir: s.dir.Reverse(), Codecs: codecs})
	}
	return p
}

// Far returns all that the far side last said it can do; nil before it said anything. An answer can say less than its sender means,
// for it is bound by the offer: whoever is offered sendonly can only answer recvonly. So of an answer only that is taken which the
// offer left open; the rest stays as it was said before.
func (n Negotiation) Far() Plan {
	if n.s == nil {
		return nil
	}
	return n.s.far
}

// Sections returns what was agreed, for an engine to act upon.
func (n Negotiation) Sections() []Section {
	var out []Section
	for _, s := range n.live() {
		out = append(out, Section{Kind: s.kind, Dir: s.dir, In: s.in, Out: s.out, Transport: s.far})
	}
	return out
}

// Rollback drops an offer that was not answered.
func (n Negotiation) Rollback() Negotiation {
	if !n.waiting() {
		return n
	}
	s := *n.s
	s.waiting, s.offer = false, nil
	return Negotiation{&s}
}

// Restarts reports whether offer restarts ICE: credentials other than those that stand (RFC 8839 section 4.4.1.1.1).
func (n Negotiation) Restarts(offer Description) bool {
	if n.s == nil || offer.d == nil {
		return false
	}
	for i := range min(len(n.s.sections), len(offer.d.sections)) {
		s, m := &n.s.sections[i], &offer.d.sections[i]
		if !s.live || s.far.Ufrag == "" || m.port == 0 {
			continue
		}
		if t := offer.d.transport(m); t.Ufrag != s.far.Ufrag || t.Pwd != s.far.Pwd {
			return true
		}
	}
	return false
}

// Stands reports whether want asks for nothing beyond what stands: the same kinds in the directions that were wanted last, and no
// codec agreed that want does not have. Then there is nothing to offer.
func (n Negotiation) Stands(p *Policy, want Plan) bool {
	if n.s == nil || n.waiting() {
		return false
	}
	if want == nil {
		want = p.Plan()
	}
	left := len(slices.DeleteFunc(slices.Clone(want), func(m Media) bool { return len(p.codecs(m.Kind)) == 0 }))
	for _, s := range n.live() {
		m, ok := want.Find(s.kind)
		if !ok || m.Dir != s.wanted || slices.ContainsFunc(s.out, func(f Format) bool { return !f.Codec.IsDigits() && !hasCodec(m.Codecs, f.Codec) }) {
			return false
		}
		left--
	}
	return left == 0
}

func hasCodec(list []Codec, c Codec) bool {
	_, ok := findCodec(list, c)
	return ok
}

func (n Negotiation) waiting() bool { return n.s != nil && n.s.waiting }

// next returns a copy of the state to change.
func (n Negotiation) next() negotiated {
	if n.s == nil {
		return negotiated{}
	}
	return *n.s
}

func (n Negotiation) live() []section {
	if n.s == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(n.s.sections), func(s section) bool { return !s.live })
}

// kindOf returns the kind that an m-line's media type stands for.
func kindOf(mediaType string) (Kind, bool) {
	switch mediaType {
	case "audio":
		return Audio, true
	case "video":
		return Video, true
	default:
		return 0, false
	}
}

// common returns the formats of `theirs` that both `wanted` and `allowed` have, in their order, each with the parameters of the
// party that the answer speaks for. Telephone events stay at the clock rates of the sound that stays, where they can (RFC 4733
// section 2.1). It is empty if no sound is left.
func common(theirs []Format, wanted, allowed []Codec) (in, out []Format) {
	for _, f := range theirs {
		ours, ok := findCodec(allowed, f.Codec)
		if !ok {
			continue
		}
		w, ok := findCodec(wanted, f.Codec)
		if !ok {
			continue
		}
		if w.Params == "" {
			w.Params = ours.Params
		}
		in, out = append(in, Format{f.Number, w}), append(out, f)
	}
	return matchEvents(in), matchEvents(out)
}

// matchEvents drops the telephone events whose clock is not that of any sound, unless none would be left, and everything if there
// is no sound.
func matchEvents(fs []Format) []Format {
	var clocks []int
	for _, f := range fs {
		if !f.Codec.IsDigits() {
			clocks = append(clocks, f.Codec.ClockRate)
		}
	}
	if clocks == nil {
		return nil
	}
	stray := func(f Format) bool { return f.Codec.IsDigits() && !slices.Contains(clocks, f.Codec.ClockRate) }
	if slices.ContainsFunc(fs, func(f Format) bool { return f.Codec.IsDigits() && !stray(f) }) {
		return slices.DeleteFunc(slices.Clone(fs), stray)
	}
	return fs
}

// secure checks that the far side's transport is protected and connected as the policy asks.
func (p *Policy) secure(proto string, t Transport, m *sdpSection) bool {
	switch p.Security {
	case DTLS:
		if !securedByDTLS(proto) || t.Fingerprint == "" {
			return false
		}
	default:
		if !plainRTP(proto) {
			return false
		}
	}
	if p.ICE {
		return t.Ufrag != "" && t.Pwd != ""
	}
	return m.conn.addr.IsValid() // zeros mean hold; a host name is not resolved
}

// turnedDown reports whether port 0 refuses m. A section that is bundle-only has it too (RFC 9143 section 6).
func (s *sdpSession) turnedDown(m *sdpSection) bool {
	mid, _ := m.value("mid")
	return m.port == 0 && (!m.has("bundle-only") || !slices.Contains(s.bundleGroup(), mid))
}

// bundleGroup returns the mids of the first BUNDLE group.
func (s *sdpSession) bundleGroup() []string {
	for _, v := range s.values("group") {
		if f := strings.Fields(v); len(f) > 1 && f[0] == "BUNDLE" {
			return f[1:]
		}
	}
	return nil
}
