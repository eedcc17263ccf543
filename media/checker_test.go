package media_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The checker holds an answer against its offer. It knows the rules from the RFCs and shares no code with the negotiator, so that
// a mistake in one of the two shows.

// A sheet is an SDP cut into lines, as the checker reads it.
type sheet struct {
	session []string
	media   []sheetMedia
}

type sheetMedia struct {
	kind, port, proto string
	numbers           []string
	lines             []string
}

func readSheet(text string) sheet {
	var s sheet
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if f := strings.Fields(line[min(2, len(line)):]); strings.HasPrefix(line, "m=") && len(f) >= 3 {
			s.media = append(s.media, sheetMedia{strings.ToLower(f[0]), f[1], f[2], f[3:], nil})
		} else if n := len(s.media); n > 0 {
			s.media[n-1].lines = append(s.media[n-1].lines, line)
		} else {
			s.session = append(s.session, line)
		}
	}
	return s
}

// attr returns the values of every a=name line; a line without a colon gives "".
func attr(lines []string, name string) []string {
	var values []string
	for _, line := range lines {
		if line == "a="+name {
			values = append(values, "")
		} else if v, ok := strings.CutPrefix(line, "a="+name+":"); ok {
			values = append(values, strings.TrimSpace(v))
		}
	}
	return values
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func (m *sheetMedia) portNumber() int {
	text, _, _ := strings.Cut(m.port, "/")
	n, _ := strconv.Atoi(text)
	return n
}

// codec returns what a payload type stands for as "name/rate/channels" in lower case, by rtpmap or, for 0, 8 and 9, by RFC 3551.
// Opus has two channels whatever is written (RFC 7587 section 7). An rtpmap without a name or a clock spoils its number.
func (m *sheetMedia) codec(number string) string {
	for _, v := range attr(m.lines, "rtpmap") {
		n, what, _ := strings.Cut(v, " ")
		if n != number {
			continue
		}
		f := append(strings.Split(strings.ToLower(strings.TrimSpace(what)), "/"), "1", "1")
		name := strings.TrimSpace(f[0])
		rate, err := strconv.Atoi(strings.TrimSpace(f[1]))
		channels, err2 := strconv.Atoi(strings.TrimSpace(f[2]))
		switch {
		case name == "" || len(f) < 4 || err != nil || err2 != nil || rate < 1:
			return ""
		case name == "opus":
			channels = 2
		}
		return fmt.Sprintf("%s/%d/%d", name, rate, channels)
	}
	switch n, err := strconv.Atoi(number); {
	case err == nil && n == 0:
		return "pcmu/8000/1"
	case err == nil && n == 8:
		return "pcma/8000/1"
	case err == nil && n == 9:
		return "g722/8000/1"
	}
	return ""
}

// directions returns what the direction attributes among lines say as bits, 1 to send and 2 to receive. Several make it ambiguous.
func directions(lines []string) (found []int) {
	for bits, name := range []string{"inactive", "sendonly", "recvonly", "sendrecv"} {
		if len(attr(lines, name)) > 0 {
			found = append(found, bits)
		}
	}
	return found
}

// mayAnswer returns the direction bits that an answer to section i may have (RFC 3264 section 6.1).
func (s *sheet) mayAnswer(i int) int {
	found := directions(s.media[i].lines)
	if found == nil {
		found = directions(s.session)
	}
	if found == nil {
		return 3
	}
	may := 0
	for _, d := range found {
		may |= d>>1 | d&1<<1
	}
	return may
}

// answerFaults returns how an answer breaks the rules of offer and answer; none means a good one.
func answerFaults(offerText, answerText string) []string {
	faults := formFaults(answerText)
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	offer, answer := readSheet(offerText), readSheet(answerText)
	if len(offer.media) != len(answer.media) {
		say("%d m-lines answer %d (RFC 3264 section 6)", len(answer.media), len(offer.media))
		return faults
	}
	live := 0
	for i := range offer.media {
		for _, fault := range sectionFaults(&offer, &answer, i) {
			say("section %d: %s", i, fault)
		}
		if answer.media[i].portNumber() != 0 {
			live++
		}
	}
	if live == 0 {
		say("nothing is taken")
	}
	return append(faults, bundleFaults(&offer, &answer)...)
}

func sectionFaults(offer, answer *sheet, i int) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	o, a := &offer.media[i], &answer.media[i]
	if a.kind != o.kind || a.proto != o.proto {
		say("%s %s answers %s %s", a.kind, a.proto, o.kind, o.proto)
	}
	if got, want := attr(a.lines, "mid"), first(attr(o.lines, "mid")); first(got) != want || len(got) > 1 {
		say("mid %q answers %q (RFC 5888 section 9.1)", got, want)
	}
	dirs := directions(a.lines)
	if len(dirs) != 1 {
		say("%d direction attributes", len(dirs))
		return faults
	}
	if a.portNumber() == 0 {
		if len(a.numbers) != 1 || len(o.numbers) > 0 && !slices.Contains(o.numbers, a.numbers[0]) {
			say("refused with formats %q, offered %q", a.numbers, o.numbers)
		}
		if dirs[0] != 0 || len(attr(a.lines, "candidate")) > 0 {
			say("refused, but not inactive or with candidates")
		}
		return faults
	}
	if o.portNumber() == 0 && len(attr(o.lines, "bundle-only")) == 0 {
		say("takes a section that was offered with port 0 (RFC 3264 section 6)")
	}
	if may := offer.mayAnswer(i); dirs[0]&^may != 0 {
		say("direction %02b where %02b is allowed (RFC 3264 section 6.1)", dirs[0], may)
	}
	if len(attr(a.lines, "rtcp-mux")) > 0 && len(attr(o.lines, "rtcp-mux")) == 0 {
		say("rtcp-mux was not offered (RFC 5761 section 5.1.1)")
	}
	faults = append(append(faults, formatFaults(o, a)...), mediaFaults(o, a)...)
	return append(faults, transportFaults(offer, answer, i)...)
}

// formatFaults checks that every format was offered, under the same number and for the same codec, and that one of them is sound.
func formatFaults(o, a *sheetMedia) (faults []string) {
	sound := false
	for i, number := range a.numbers {
		same := func(offered string) bool {
			x, errX := strconv.Atoi(offered)
			y, errY := strconv.Atoi(number)
			return errX == nil && errY == nil && x == y && o.codec(offered) == a.codec(number)
		}
		switch {
		case slices.Contains(a.numbers[:i], number):
			faults = append(faults, "format "+number+" twice")
		case a.codec(number) == "":
			faults = append(faults, "format "+number+" without an rtpmap")
		case !slices.ContainsFunc(o.numbers, same):
			faults = append(faults, fmt.Sprintf("format %s %s was not offered", number, a.codec(number)))
		case !strings.HasPrefix(a.codec(number), "telephone-event/") && !strings.HasPrefix(a.codec(number), "rtx/"):
			sound = true
		}
	}
	if !sound {
		faults = append(faults, "no sound among the formats")
	}
	for _, name := range []string{"rtpmap", "fmtp"} {
		for _, v := range attr(a.lines, name) {
			if n, _, _ := strings.Cut(v, " "); !slices.Contains(a.numbers, n) {
				faults = append(faults, name+" of "+n+", which is not in the m-line")
			}
		}
	}
	return faults
}

// transportFaults checks the DTLS role (RFC 4145 section 4.1, RFC 5763 section 5) and that ICE and DTLS are taken only if offered.
func transportFaults(offer, answer *sheet, i int) (faults []string) {
	o, a := &offer.media[i], &answer.media[i]
	offered := func(name string) []string {
		if v := attr(o.lines, name); v != nil {
			return v
		}
		if v := attr(offer.session, name); v != nil {
			return v
		}
		return attr(offer.tagged(o).lines, name)
	}
	setups, fingerprints := attr(a.lines, "setup"), attr(a.lines, "fingerprint")
	if len(setups) != len(fingerprints) || len(setups) > 1 {
		faults = append(faults, fmt.Sprintf("%d setup and %d fingerprint attributes", len(setups), len(fingerprints)))
	}
	if len(setups) == 1 {
		legal := []string{"active", "passive"}
		switch strings.ToLower(first(offered("setup"))) {
		case "active":
			legal = []string{"passive"}
		case "passive":
			legal = []string{"active"}
		}
		if !slices.Contains(legal, setups[0]) {
			faults = append(faults, fmt.Sprintf("setup %q answers %q", setups[0], offered("setup")))
		}
	}
	for _, name := range []string{"fingerprint", "ice-ufrag", "ice-pwd"} {
		if v := attr(a.lines, name); len(v) > 0 && offered(name) == nil {
			faults = append(faults, name+" was not offered")
		}
	}
	return faults
}

// formFaults checks what holds for every description that we write: CRLF, the order of lines (RFC 8866 section 5), what must be there.
func formFaults(text string) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	lines := strings.Split(text, "\r\n")
	if lines[len(lines)-1] != "" {
		say("does not end with CRLF")
	}
	head := ""
	for _, line := range lines[:len(lines)-1] {
		switch {
		case strings.ContainsAny(line, "\r\n\x00"):
			say("a bare CR, LF or NUL in %q", line)
		case len(line) < 3 || line[1] != '=':
			say("not an SDP line: %q", line)
		case !strings.Contains(head, "m") && line[0] != 'a' || line[0] == 'm':
			head += line[:1]
		}
	}
	if trimmed := strings.TrimRight(head, "m"); trimmed != "vosct" || trimmed == head {
		say("lines in the order %q", head)
	}
	s := readSheet(text)
	for i, m := range s.media {
		for _, line := range m.lines {
			if line[0] != 'a' && line[0] != 'c' {
				say("section %d has a line %q", i, line)
			}
		}
	}
	if o := strings.Fields(strings.TrimPrefix(lines[min(1, len(lines)-1)], "o=")); len(o) != 6 {
		say("o-line with %d fields", len(o))
	}
	return append(faults, groupFaults(&s)...)
}
