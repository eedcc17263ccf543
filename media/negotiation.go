package media

import (
	"iter"
	"slices"
	"time"
)

// A Negotiation is what stands between us and one far side by offer and answer (RFC 3264, and what a server needs of RFC 8829). It is
// an immutable value without I/O: each method returns the next one, and on an error the old one still stands. The zero Negotiation
// is the beginning.
//
// It never repeats a description that it kept: each is written anew from what is wanted and what stands. Order and mids of the
// m-sections stay for the life of the leg, payload types are the offerer's, and the version in the o-line grows only on change.
type Negotiation struct{ s *negotiated }

type negotiated struct {
	version  uint64 // of our last description
	body     uint64 // a hash of it: all but the o-line
	sections []kept // as agreed, by m-line
	far      []keptMedia
	secured  secured
	asked    *asked // nil: no offer of ours can be answered
}

// asked is our last offer, which may be answered more than once.
type asked struct {
	waiting bool   // it is not answered yet
	offer   []kept // by m-line
	far     []keptMedia
	secured secured // as it was when the offer was made, like far
}

// secured says of which kinds SDES has protected a section: they go without it no more.
type secured [2]bool

// with adds the kinds that SDES protects now.
func (s secured) with(sections []section) secured {
	for i := range sections {
		if one := &sections[i]; one.live && one.security == SDES {
			s[one.kind] = true
		}
	}
	return s
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
	shared            bool     // its packets go the way of the first live section
	declined          bool     // the far side refused our offer of it
	refused           []string // where not live: a format to name in it and, where known, its rtpmap

	security        Security   // what protects it
	keyIn, keyOut   Key        // of SDES
	tag             string     // of the a=crypto line that was taken
	offered         []Key      // of our offer, preferred first
	feedback        []Feedback // of each format of out
	repairIn        []Repair   // in an offer of ours: what it names
	repairOut       []Repair
	ext             Extensions
	ssrcs           []uint32
	ptime, maxPTime time.Duration
}

// Agreed returns what the far side says of itself, cut to what is agreed; nil before there is an agreement.
func (n Negotiation) Agreed() Plan {
	var p Plan
	for s := range n.live() {
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
	return planOf(n.s.far)
}

// Sections returns what was agreed, for an engine to act upon.
func (n Negotiation) Sections() []Section {
	var out []Section
	for s := range n.live() {
		out = append(out, Section{
			Kind: s.kind, Mid: s.mid, Dir: s.dir, In: s.in, Out: s.out, Transport: s.far, Shared: s.shared,
			Security: s.security, KeyIn: s.keyIn, KeyOut: s.keyOut,
			Feedback: union(s.feedback), RepairIn: s.repairIn, RepairOut: s.repairOut, Ext: s.ext, SSRCs: s.ssrcs, PTime: s.ptime, MaxPTime: s.maxPTime,
		})
	}
	return out
}

// Rollback drops an offer that was not answered.
func (n Negotiation) Rollback() Negotiation {
	if !n.waiting() {
		return n
	}
	s := *n.s
	s.asked = nil
	return Negotiation{&s}
}

// Settle gives up an offer of ours that has been answered, with all that is kept for another answer to it: the call has been accepted, and
// forks that answer later are hung up. An offer that waits stays, until Settle after its answer.
func (n Negotiation) Settle() Negotiation {
	if n.s == nil || n.s.asked == nil || n.s.asked.waiting {
		return n
	}
	s := *n.s
	s.asked = nil
	return Negotiation{&s}
}

// Restarts reports whether offer restarts ICE: credentials other than those that stand (RFC 8839 section 4.4.1.1.1).
func (n Negotiation) Restarts(offer Description) bool {
	if n.s == nil || offer.d == nil {
		return false
	}
	for i := range min(len(n.s.sections), len(offer.d.sections)) {
		s, m := n.s.sections[i].section(), &offer.d.sections[i]
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
// codec agreed that want does not have. A kind that the far side refused stands as refused until something else is wanted of it. Then
// there is nothing to offer.
func (n Negotiation) Stands(p *Policy, want Plan) bool {
	if n.s == nil || n.waiting() {
		return false
	}
	if want == nil {
		want = p.Plan()
	}
	left := len(slices.DeleteFunc(slices.Clone(want), func(m Media) bool { return len(p.codecs(m.Kind)) == 0 }))
	for s := range n.live() {
		m, ok := want.Find(s.kind)
		if !ok || m.Dir != s.wanted || slices.ContainsFunc(s.out, func(f Format) bool { return !f.Codec.IsDigits() && !hasCodec(m.Codecs, f.Codec) }) {
			return false
		}
		left--
	}
	for i := range n.s.sections {
		s := n.s.sections[i].section()
		if m, ok := want.Find(s.kind); ok && s.declined && m.Dir == s.wanted && len(p.codecs(s.kind)) > 0 {
			left--
		}
	}
	return left == 0
}

func hasCodec(list []Codec, c Codec) bool {
	_, ok := findCodec(list, c)
	return ok
}

func (n Negotiation) waiting() bool { return n.s != nil && n.s.asked != nil && n.s.asked.waiting }

// next returns a copy of the state to change.
func (n Negotiation) next() negotiated {
	if n.s == nil {
		return negotiated{}
	}
	return *n.s
}

// live yields the sections that neither side has refused.
func (n Negotiation) live() iter.Seq[*section] {
	return func(yield func(*section) bool) {
		if n.s == nil {
			return
		}
		for i := range n.s.sections {
			if s := n.s.sections[i].section(); s.live && !yield(&s) {
				return
			}
		}
	}
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
