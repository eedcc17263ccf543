package media

import (
	"net/netip"
	"strconv"
	"strings"
)

// sdpSession is a parsed description. It keeps what offer and answer need; the rest stays in the text.
type sdpSession struct {
	text string // with CRLF line ends
	sdpAttrs
	conn     sdpConn
	sections []sdpSection
}

// sdpSection is one m-section.
type sdpSection struct {
	sdpAttrs
	conn    sdpConn // of the section, else of the session
	media   string  // "audio", "video", "application" ...
	port    int
	proto   string
	formats []string // as written: payload types for RTP
}

// sdpConn is a c= line.
type sdpConn struct {
	set  bool
	addr netip.Addr // invalid for a host name
}

type sdpAttr struct{ name, value string }

type sdpAttrs struct {
	attrs      []sdpAttr
	candidates int
}

// value returns the value of the first attribute of a name.
func (a *sdpAttrs) value(name string) (string, bool) {
	for i := range a.attrs {
		if a.attrs[i].name == name {
			return a.attrs[i].value, true
		}
	}
	return "", false
}

func (a *sdpAttrs) has(name string) bool {
	_, ok := a.value(name)
	return ok
}

// values returns the values of all attributes of a name, in order.
func (a *sdpAttrs) values(name string) []string {
	var vs []string
	for i := range a.attrs {
		if a.attrs[i].name == name {
			vs = append(vs, a.attrs[i].value)
		}
	}
	return vs
}

func (a *sdpAttrs) add(value string) string {
	name, value, _ := strings.Cut(value, ":")
	if name == "candidate" {
		if a.candidates++; a.candidates > maxCandidates {
			return "more than " + strconv.Itoa(maxCandidates) + " candidates"
		}
	}
	if len(a.attrs) == maxAttributes {
		return "more than " + strconv.Itoa(maxAttributes) + " attributes"
	}
	a.attrs = append(a.attrs, sdpAttr{name, strings.TrimSpace(value)})
	return ""
}

// parseSDP parses normalised text. Order of lines within a section does not matter, unknown lines are passed over.
func parseSDP(text string) (*sdpSession, error) {
	s := &sdpSession{text: text}
	n := 0
	for line := range strings.SplitSeq(text, "\r\n") {
		if line == "" {
			continue
		}
		n++
		if n == 1 && !strings.HasPrefix(line, "v=0") {
			return nil, &DescriptionError{1, "does not begin with v=0"}
		}
		if reason := s.line(line); reason != "" {
			return nil, &DescriptionError{n, reason}
		}
	}
	if n == 0 {
		return nil, &DescriptionError{Reason: "empty"}
	}
	for i := range s.sections {
		if !s.sections[i].conn.set {
			s.sections[i].conn = s.conn
		}
	}
	return s, nil
}

// line takes one line into s and returns what is wrong with it, or nothing.
func (s *sdpSession) line(line string) (reason string) {
	if strings.IndexByte(line, 0) >= 0 {
		return "NUL"
	}
	if len(line) < 2 || line[1] != '=' {
		return "" // not an SDP line: RFC 8866 section 5 lets us pass over it
	}
	value := line[2:]
	attrs, conn := &s.sdpAttrs, &s.conn
	if n := len(s.sections); n > 0 {
		attrs, conn = &s.sections[n-1].sdpAttrs, &s.sections[n-1].conn
	}
	switch line[0] {
	case 'a':
		return attrs.add(value)
	case 'c':
		*conn = parseConn(value)
	case 'm':
		if len(s.sections) == maxSections {
			return "more than " + strconv.Itoa(maxSections) + " m-lines"
		}
		var m sdpSection
		m, reason = parseMediaLine(value)
		s.sections = append(s.sections, m)
	}
	return reason
}

// parseMediaLine parses "audio 49170/2 RTP/AVP 0 8" (RFC 8866 section 5.14). Gateways send m-lines without a format, which are
// then refused in their place.
func parseMediaLine(value string) (sdpSection, string) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return sdpSection{}, "m-line with fewer than three fields"
	}
	portText, _, _ := strings.Cut(f[1], "/")
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return sdpSection{}, "bad port in m-line"
	}
	if len(f)-3 > maxFormats {
		return sdpSection{}, "more than " + strconv.Itoa(maxFormats) + " formats"
	}
	return sdpSection{media: strings.ToLower(f[0]), port: int(port), proto: f[2], formats: f[3:]}, ""
}

// parseConn parses "IN IP4 192.0.2.1" and drops a multicast TTL. What is not an address leaves the address invalid.
func parseConn(value string) sdpConn {
	c := sdpConn{set: true}
	if f := strings.Fields(value); len(f) >= 3 {
		host, _, _ := strings.Cut(f[2], "/")
		c.addr, _ = netip.ParseAddr(host)
	}
	return c
}
