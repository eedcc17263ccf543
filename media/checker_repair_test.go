package media_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// extensionFaults checks the header extensions of an answer (RFC 8285 sections 5 and 6): each was offered under its id, none twice, and
// ids of the one-byte form. Transport-wide feedback needs the one with the numbers.
func extensionFaults(o, a *sheetMedia) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	used := map[string]bool{}
	numbered := false
	for _, v := range attr(a.lines, "extmap") {
		id, uri, _ := strings.Cut(v, " ")
		if !slices.ContainsFunc(attr(o.lines, "extmap"), func(w string) bool { return slices.Equal(strings.Fields(w)[:2], []string{id, uri}) }) {
			say("header extension %q was not offered (RFC 8285 section 6)", v)
		}
		if n, err := strconv.Atoi(id); err != nil || n < 1 || n > 14 || used[id] || used[uri] {
			say("header extension %q: bad id, or twice", v)
		}
		used[id], used[uri] = true, true
		numbered = numbered || strings.Contains(uri, "transport-wide-cc")
	}
	for _, v := range attr(a.lines, "rtcp-fb") {
		if strings.HasSuffix(v, " transport-cc") && !numbered {
			say("transport-cc without the numbers that it is about")
		}
	}
	return faults
}

// repairFaults checks the retransmissions of a description against those of the one before it, or in itself where that is nil (RFC 4588
// sections 8.1 and 8.6): each names a format of the m-line that is no retransmission, has NACK, and is the only one of it.
func repairFaults(o, a *sheetMedia) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	repaired := map[string]bool{}
	for _, n := range a.numbers {
		if a.codec(n) != "rtx/90000/1" {
			continue
		}
		apt := aptOf(a, n)
		switch {
		case !slices.Contains(a.numbers, apt) || strings.HasPrefix(a.codec(apt), "rtx/"):
			say("retransmission %s of %q, which there is not", n, apt)
		case repaired[apt]:
			say("a second retransmission of %s", apt)
		case !slices.ContainsFunc(attr(a.lines, "rtcp-fb"), func(v string) bool { return v == apt+" nack" }):
			say("retransmission %s of %s, which nobody may ask for", n, apt)
		case o != nil && aptOf(o, n) != apt:
			say("retransmission %s of %s was offered of %q", n, apt, aptOf(o, n))
		}
		repaired[apt] = true
	}
	for _, v := range attr(a.lines, "ssrc-group") {
		f := strings.Fields(v)
		named := func(id string) bool {
			return slices.ContainsFunc(attr(a.lines, "ssrc"), func(w string) bool { return strings.HasPrefix(w, id+" ") })
		}
		if len(f) != 3 || f[0] != "FID" || f[1] == f[2] || !named(f[1]) || !named(f[2]) || len(repaired) == 0 {
			say("group of sources %q (RFC 5576 section 4.2)", v)
		}
	}
	return faults
}

// aptOf returns what a format retransmits.
func aptOf(m *sheetMedia, number string) string {
	for _, v := range attr(m.lines, "fmtp") {
		n, params, _ := strings.Cut(v, " ")
		first, _, _ := strings.Cut(params, ";")
		if apt, ok := strings.CutPrefix(strings.TrimSpace(first), "apt="); ok && n == number {
			return apt
		}
	}
	return ""
}

func TestCheckerOfRepairs(t *testing.T) {
	read := func(text string) *sheetMedia { s := readSheet(text); return &s.media[0] }
	const (
		plain  = "m=video 9 RTP/SAVPF 97 98\na=rtpmap:97 VP8/90000\na=rtpmap:98 rtx/90000\na=fmtp:98 apt=97\n"
		good   = plain + "a=rtcp-fb:97 nack\n"
		cc     = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\n"
		number = "a=extmap:3 " + cc
	)
	for _, c := range []struct{ offer, answer, fault string }{
		{good, good, ""},
		{good, plain, "nobody may ask for"},
		{good, strings.Replace(good, "apt=97", "apt=99", 1), "which there is not"},
		{good, strings.Replace(good, "apt=97", "apt=98", 1), "which there is not"},
		{strings.Replace(good, "apt=97", "apt=96", 1), good, "was offered of"},
		{good, strings.Replace(good, "97 98", "97 98 99", 1) + "a=rtpmap:99 rtx/90000\na=fmtp:99 apt=97\n", "a second"},
		{good, good + "a=ssrc:1 cname:x\na=ssrc:2 cname:x\na=ssrc-group:FID 1 2\n", ""},
		{good, good + "a=ssrc:1 cname:x\na=ssrc-group:FID 1 2\n", "group of sources"},
		{good + number, good + number, ""},
		{good, good + number, "was not offered"},
		{good + number, good + strings.Replace(number, ":3", ":4", 1), "was not offered"},
		{good + number + number, good + number + number, "twice"},
		{good + "a=extmap:15 " + cc, good + "a=extmap:15 " + cc, "bad id"},
		{good + number, good + "a=rtcp-fb:97 transport-cc\n", "without the numbers"},
	} {
		o, a := read(c.offer), read(c.answer)
		wantFault(t, append(extensionFaults(o, a), repairFaults(o, a)...), c.fault)
	}
}
