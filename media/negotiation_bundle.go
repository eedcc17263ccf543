package media

import (
	"slices"
	"strings"
)

// turnedDown reports whether port 0 refuses m. A section that is bundle-only has it too (RFC 9143 section 6).
func (s *sdpSession) turnedDown(m *sdpSection) bool {
	return m.port == 0 && (!m.has("bundle-only") || !s.bundled(m))
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

// bundled reports whether m is in the group. Of sections with one mid, which RFC 5888 section 4 forbids, the group means the first.
func (s *sdpSession) bundled(m *sdpSection) bool {
	mid, ok := m.value("mid")
	return ok && slices.Contains(s.bundleGroup(), mid) && s.named(mid) == m
}

// named returns the first section with a mid; nil without any.
func (s *sdpSession) named(mid string) *sdpSection {
	for i := range s.sections {
		if have, ok := s.sections[i].value("mid"); ok && have == mid {
			return &s.sections[i]
		}
	}
	return nil
}

// tagged returns the section that describes the transport of the group which m is in: the first that is in use (RFC 9143 section 7.1.3).
// It is m itself where m is not bundled.
func (s *sdpSession) tagged(m *sdpSection) *sdpSection {
	if !s.bundled(m) {
		return m
	}
	for _, mid := range s.bundleGroup() {
		if t := s.named(mid); t != nil && t.port != 0 {
			return t
		}
	}
	return m
}

// sameWay reports whether two sections of one description name the same transport though they are not bundled, as an Echo does: the same
// credentials, with the same candidates or with candidates in one of the two alone, or the same address.
func (t *Transport) sameWay(u *Transport) bool {
	if t.Fingerprint != u.Fingerprint || t.Ufrag != u.Ufrag || t.Pwd != u.Pwd {
		return false
	}
	if t.Ufrag == "" {
		return t.Addr.IsValid() && t.Addr == u.Addr
	}
	ours, theirs := t.places(), u.places()
	return ours == nil || theirs == nil || slices.Equal(ours, theirs)
}

// places returns where the candidates of RTP are, sorted.
func (t *Transport) places() []string {
	var all []string
	for _, c := range t.Candidates {
		if f := strings.Fields(c); len(f) > 5 && f[1] == "1" {
			all = append(all, strings.ToLower(f[2])+" "+f[4]+" "+f[5])
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// firstLive returns the index of the section that carries the transport of the leg: the first live one with sound, else the first live
// one; -1 without any.
func firstLive(sections []section) int {
	if i := indexSection(sections, func(s *section) bool { return s.live && s.kind == Audio }); i >= 0 {
		return i
	}
	return indexSection(sections, func(s *section) bool { return s.live })
}

// share finds out which live sections go the way of the first one. With ICE or DTLS there is one agent or association for a leg, so
// apart is told of every other one.
func (p *Policy) share(sections []section, apart func(*section)) {
	at := firstLive(sections)
	for i := range sections {
		s := &sections[i]
		if !s.live {
			continue
		}
		first := &sections[at].far
		s.shared = i == at || s.bundled && sections[at].bundled || s.far.sameWay(first)
		switch {
		case s.shared && first.Candidates == nil && s.far.Ufrag == first.Ufrag:
			first.Candidates = s.far.Candidates // it is whose candidates are tried
		case !s.shared && (p.ICE || p.Security == DTLS):
			apart(s)
		}
	}
}
