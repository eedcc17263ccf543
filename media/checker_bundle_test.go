package media_test

import (
	"fmt"
	"slices"
	"strings"
)

// tagged returns the section whose transport m shares: the first one in use of its BUNDLE group (RFC 9143 section 7.1.3), else m.
func (s *sheet) tagged(m *sheetMedia) *sheetMedia {
	for _, group := range attr(s.session, "group") {
		mids := strings.Fields(group)
		if len(mids) < 2 || mids[0] != "BUNDLE" || !slices.Contains(mids[1:], first(attr(m.lines, "mid"))) {
			continue
		}
		for _, mid := range mids[1:] {
			for i := range s.media {
				if t := &s.media[i]; first(attr(t.lines, "mid")) == mid && t.portNumber() != 0 {
					return t
				}
			}
		}
	}
	return m
}

// bundle returns the mids of a description's BUNDLE groups, and how many there are.
func (s *sheet) bundle() (mids []string, groups int) {
	for _, v := range attr(s.session, "group") {
		if f := strings.Fields(v); len(f) > 0 && f[0] == "BUNDLE" {
			mids = append(mids, f[1:]...)
			groups++
		}
	}
	return mids, groups
}

// bundleFaults checks the answer's BUNDLE group (RFC 9143 section 7.3): within the offered one, and with every accepted section that is
// bundle-only.
func bundleFaults(offer, answer *sheet) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	offered, _ := offer.bundle()
	mids, _ := answer.bundle()
	for _, mid := range mids {
		if !slices.Contains(offered, mid) {
			say("BUNDLE names %q, which was not offered in it", mid)
		}
	}
	for i, m := range answer.media {
		if m.portNumber() != 0 && offer.media[i].portNumber() == 0 && !slices.Contains(mids, first(attr(m.lines, "mid"))) {
			say("section %d was offered bundle-only and is taken without BUNDLE", i)
		}
	}
	return faults
}

// groupFaults checks the BUNDLE group of every description that we write: one, of sections that are in use, each once.
func groupFaults(s *sheet) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	mids, groups := s.bundle()
	if groups > 1 || groups == 1 && len(mids) == 0 {
		say("%d BUNDLE groups with %q", groups, mids)
	}
	for i, mid := range mids {
		inUse := func(m sheetMedia) bool { return m.portNumber() != 0 && first(attr(m.lines, "mid")) == mid }
		switch {
		case slices.Contains(mids[:i], mid):
			say("BUNDLE names %q twice", mid)
		case !slices.ContainsFunc(s.media, inUse):
			say("BUNDLE names %q, which is refused", mid)
		}
	}
	return faults
}
