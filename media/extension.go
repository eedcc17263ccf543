package media

import (
	"slices"
	"strconv"
	"strings"
)

// An Extension is a header extension of RTP packets that this package knows.
type Extension uint8

// The header extensions.
const (
	TransportSeq Extension = iota // number of the packet on its transport, for feedback (draft-holmer-rmcat-transport-wide-cc-extensions)
	AudioLevel                    // how loud the sound in the packet is (RFC 6464)
	Orientation                   // how the picture is to be turned (3GPP TS 26.114 section 7.4.5)
)

// extensionTable names the URIs, and the kinds of media that have them.
var extensionTable = [...]struct {
	uri   string
	audio bool
	video bool
}{
	TransportSeq: {uri: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", video: true},
	AudioLevel:   {uri: "urn:ietf:params:rtp-hdrext:ssrc-audio-level", audio: true},
	Orientation:  {uri: "urn:3gpp:video-orientation", video: true},
}

// extends reports whether p has x for a kind. A number on the transport is of use for feedback alone.
func (p *Policy) extends(x Extension, k Kind) bool {
	if int(x) >= len(extensionTable) || x == TransportSeq && !p.Feedback.Has(TransportCC) {
		return false
	}
	return k == Audio && extensionTable[x].audio || k == Video && extensionTable[x].video
}

// Extensions are the ids, from 1 to 14, that header extensions have in the packets of one section (RFC 8285 section 4.2), by Extension; 0
// of one that is not agreed.
type Extensions [len(extensionTable)]uint8

// maxExtensionID is the highest id of the one-byte form; 15 is reserved.
const maxExtensionID = 14

// extensions returns those of p that m names and that go both ways. An id that stands for two things stands for none of them.
func (p *Policy) extensions(k Kind, m *sdpSection) Extensions {
	var all Extensions
	var named [maxExtensionID + 1]int
	for _, v := range m.values("extmap") {
		text, rest, _ := strings.Cut(v, " ")
		n, err := strconv.ParseUint(text, 10, 8) // with a direction in it, it is not for both ways
		if err != nil || n < 1 || n > maxExtensionID {
			continue
		}
		named[n]++
		uri, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		for _, x := range p.Extensions {
			if p.extends(x, k) && extensionTable[x].uri == uri && all[x] == 0 {
				all[x] = uint8(n)
			}
		}
	}
	for x, id := range all {
		if named[id] > 1 {
			all[x] = 0
		}
	}
	return all
}

// within returns what of e has the same id in the other.
func (e Extensions) within(other Extensions) Extensions {
	for x := range e {
		if e[x] != other[x] {
			e[x] = 0
		}
	}
	return e
}

// extend gives an id to each header extension that a section offers: the one that it has on this leg, for sections that share a transport
// have one id for each (RFC 9143 section 9.1), else one that nothing has.
func (o *offering) extend(s *section) {
	before := s.ext
	s.ext = Extensions{}
	for _, x := range o.p.Extensions {
		if !o.p.extends(x, s.kind) {
			continue
		}
		id := before[x]
		for i := range o.sections {
			if other := o.sections[i].ext[x]; id == 0 {
				id = other
			}
		}
		for n := uint8(1); id == 0 && n <= maxExtensionID; n++ {
			if !slices.Contains(before[:], n) && !slices.Contains(s.ext[:], n) && indexSection(o.sections, func(s *section) bool { return slices.Contains(s.ext[:], n) }) < 0 {
				id = n
			}
		}
		s.ext[x] = id
	}
}

// extensions lists those of a section.
func (w *writer) extensions(s *section) {
	for x, id := range s.ext {
		if id != 0 {
			w.line("a=extmap:", strconv.Itoa(int(id)), " ", extensionTable[x].uri)
		}
	}
}
