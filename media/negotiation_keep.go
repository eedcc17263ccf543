package media

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A section is large, and of one with plain sound, of which there may be thousands, nearly all is empty. So a Negotiation keeps its
// sections in a smaller form, that shares the codecs with the policy and nothing with the text that the far side has sent.

// The profiles of plain RTP (RFC 3551, RFC 4585).
const protoAVP, protoAVPF = "RTP/AVP", "RTP/AVPF"

// kept is a section as it is kept from one description to the next.
type kept struct {
	whole *section // instead of what follows, where that does not say it all

	in, out, known  []keptFormat
	addr            netip.AddrPort // of the far side
	rtcp            uint16         // its port for RTCP at that address; 0: none
	mux, client     bool
	shared, avpf    bool
	kind            Kind
	wanted, dir     Direction
	ptime, maxPTime time.Duration
}

// keptFormat is a Format whose codec stands elsewhere.
type keptFormat struct {
	codec  *Codec
	number uint8
}

// keptMedia is a Media whose codecs stand elsewhere.
type keptMedia struct {
	codecs []*Codec
	kind   Kind
	dir    Direction
}

// keeping is the work of keeping something: what is the same is kept once.
type keeping struct {
	p     *Policy
	own   []*Codec // that p has not
	lists [][]keptFormat
}

// plain reports whether kept has a place for all that s says.
func (s *section) plain() bool {
	far := &s.far
	return s.live && !s.declined && s.media == s.kind.String() && (s.proto == protoAVP || s.proto == protoAVPF) && s.mid == "" && !s.bundled && s.security == Plain &&
		s.keyIn == (Key{}) && s.keyOut == (Key{}) && s.tag == "" && s.offered == nil && s.feedback == nil && s.repairIn == nil && s.repairOut == nil && s.ssrcs == nil && s.ext == Extensions{} &&
		far.Candidates == nil && far.Ufrag == "" && far.Pwd == "" && far.Fingerprint == "" && !far.Lite &&
		(far.RTCP == netip.AddrPort{} || far.RTCP.Addr() == far.Addr.Addr() && far.RTCP.Port() != 0)
}

// keep returns sections in the form that is kept. They share with others what is the same.
func (p *Policy) keep(sections []section, others []kept) []kept {
	w, all := keeping{p: p}, make([]kept, len(sections))
	for i := range others {
		w.lists = append(w.lists, others[i].in, others[i].out, others[i].known)
	}
	for i := range sections {
		s := &sections[i]
		if !s.plain() {
			all[i] = kept{whole: new(*s)}
			continue
		}
		all[i] = kept{
			in: w.formats(s.kind, s.in), out: w.formats(s.kind, s.out), known: w.formats(s.kind, s.known),
			addr: s.far.Addr, rtcp: s.far.RTCP.Port(), mux: s.far.Mux, client: s.far.Client, shared: s.shared, avpf: s.proto == protoAVPF,
			kind: s.kind, wanted: s.wanted, dir: s.dir, ptime: s.ptime, maxPTime: s.maxPTime,
		}
	}
	return all
}

// section returns what is kept.
func (k *kept) section() section {
	if k.whole != nil {
		return *k.whole
	}
	s := section{
		media: k.kind.String(), proto: protoAVP, kind: k.kind, live: true, in: formatsOf(k.in), out: formatsOf(k.out), known: formatsOf(k.known),
		wanted: k.wanted, dir: k.dir, far: Transport{Addr: k.addr, Mux: k.mux, Client: k.client}, shared: k.shared,
		ptime: k.ptime, maxPTime: k.maxPTime,
	}
	if k.avpf {
		s.proto = protoAVPF
	}
	if k.rtcp != 0 {
		s.far.RTCP = netip.AddrPortFrom(k.addr.Addr(), k.rtcp)
	}
	if len(s.in) > 0 {
		s.refused = []string{strconv.Itoa(int(s.in[0].Number)), s.in[0].Codec.String()}
	}
	return s
}

// sectionsOf returns all that are kept.
func sectionsOf(all []kept) []section {
	var sections []section
	for i := range all {
		sections = append(sections, all[i].section())
	}
	return sections
}

// formats returns a list in the form that is kept, nil for nil.
func (w *keeping) formats(k Kind, fs []Format) []keptFormat {
	if fs == nil {
		return nil
	}
	list := make([]keptFormat, len(fs))
	for i, f := range fs {
		list[i] = keptFormat{w.codec(k, f.Codec), f.Number}
	}
	for _, had := range w.lists {
		if slices.Equal(had, list) {
			return had
		}
	}
	w.lists = append(w.lists, list)
	return list
}

func formatsOf(list []keptFormat) []Format {
	var fs []Format
	for _, f := range list {
		fs = append(fs, Format{f.number, *f.codec})
	}
	return fs
}

// codec returns where a codec stands: with the policy, if it has just that.
func (w *keeping) codec(k Kind, c Codec) *Codec {
	ours := w.p.codecs(k)
	if i := slices.Index(ours, c); i >= 0 {
		return &ours[i]
	}
	if i := slices.IndexFunc(w.own, func(own *Codec) bool { return *own == c }); i >= 0 {
		return w.own[i]
	}
	c.Name, c.Params = strings.Clone(c.Name), strings.Clone(c.Params)
	w.own = append(w.own, &c)
	return &c
}

// keepPlan returns a plan in the form that is kept, nil for nil.
func (p *Policy) keepPlan(plan Plan) []keptMedia {
	if plan == nil {
		return nil
	}
	w, all := keeping{p: p}, make([]keptMedia, len(plan))
	for i, m := range plan {
		all[i] = keptMedia{kind: m.Kind, dir: m.Dir, codecs: make([]*Codec, len(m.Codecs))}
		for j, c := range m.Codecs {
			all[i].codecs[j] = w.codec(m.Kind, c)
		}
	}
	return all
}

func planOf(all []keptMedia) Plan {
	if all == nil {
		return nil
	}
	plan := make(Plan, len(all))
	for i, m := range all {
		plan[i] = Media{Kind: m.kind, Dir: m.dir, Codecs: make([]Codec, len(m.codecs))}
		for j, c := range m.codecs {
			plan[i].Codecs[j] = *c
		}
	}
	return plan
}
