package media_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// versionFaults checks the o-lines of two descriptions that we sent one after the other: the same session, a version that grows by
// one with a change and else stays (RFC 3264 section 8).
func versionFaults(before, after string) (faults []string) {
	idA, versionA, bodyA := origin(before)
	idB, versionB, bodyB := origin(after)
	want := versionA
	if bodyA != bodyB {
		want++
	}
	if idA != idB {
		faults = append(faults, "session id "+idA+" became "+idB)
	}
	if versionB != want {
		faults = append(faults, fmt.Sprintf("version %d became %d, want %d", versionA, versionB, want))
	}
	return faults
}

// origin returns session id and version of the o-line, and all but these two.
func origin(text string) (id string, version uint64, body string) {
	for line := range strings.SplitAfterSeq(text, "\r\n") {
		if f := strings.Fields(line); strings.HasPrefix(line, "o=") && len(f) == 6 {
			id = f[1]
			version, _ = strconv.ParseUint(f[2], 10, 64)
			body += f[0] + strings.Join(f[3:], " ")
		} else {
			body += line
		}
	}
	return id, version, body
}

// offerFaults checks a new offer of ours against the description that we sent before it (RFC 3264 section 8): the m-lines keep their
// place, kind and mid, and a payload type never comes to mean another codec.
func offerFaults(before, after string) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	was, is := readSheet(before), readSheet(after)
	if len(is.media) < len(was.media) {
		say("%d m-lines where %d were", len(is.media), len(was.media))
		return faults
	}
	var mids []string
	for i := range is.media {
		m := &is.media[i]
		mid := first(attr(m.lines, "mid"))
		theirs := i < len(was.media) && first(attr(was.media[i].lines, "mid")) == mid
		if mid != "" && slices.Contains(mids, mid) && !theirs {
			say("mid %q twice", mid)
		}
		mids = append(mids, mid)
		for j, number := range m.numbers {
			if slices.Contains(m.numbers[:j], number) {
				say("format %s twice", number)
			}
		}
		if i >= len(was.media) {
			continue
		}
		old := &was.media[i]
		if m.kind != old.kind {
			say("section %d was %s and is %s", i, old.kind, m.kind)
		}
		if oldMid := first(attr(old.lines, "mid")); mid != oldMid {
			say("the mid of section %d was %q and is %q", i, oldMid, mid)
		}
		for _, number := range m.numbers {
			if c := old.codec(number); slices.Contains(old.numbers, number) && c != "" && c != m.codec(number) {
				say("format %s was %s and is %s", number, c, m.codec(number))
			}
		}
	}
	return faults
}
