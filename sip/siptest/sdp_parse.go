package siptest

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Limits of a session description from the other side.
const (
	maxSDP      = 16 << 10 // bytes
	maxSections = 16       // m-lines
	maxFormats  = 64       // of one m-line
)

// direction is which way media flows, as its writer sees it (RFC 8866 section 6.7).
type direction struct{ send, recv bool }

// String returns d as an SDP attribute.
func (d direction) String() string {
	switch {
	case d.send && d.recv:
		return "sendrecv"
	case d.send:
		return "sendonly"
	case d.recv:
		return "recvonly"
	}
	return "inactive"
}

// directionOf returns the direction that an attribute names.
func directionOf(attribute string) (direction, bool) {
	switch attribute {
	case "sendrecv":
		return direction{send: true, recv: true}, true
	case "sendonly":
		return direction{send: true}, true
	case "recvonly":
		return direction{recv: true}, true
	case "inactive":
		return direction{}, true
	}
	return direction{}, false
}

// format is one payload type of a media section.
type format struct {
	payloadType uint8
	name        string // encoding name in capitals; empty when the description does not say
	rate        int    // in Hz
	params      string // of a=fmtp
}

// param returns a parameter of f, "" when it has none of that name.
func (f format) param(name string) string {
	for one := range strings.SplitSeq(f.params, ";") {
		if key, value, ok := strings.Cut(strings.TrimSpace(one), "="); ok && strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// section is one m-line with what belongs to it.
type section struct {
	kind, proto string
	port        int
	formats     []format
	rawFormats  []string // as written
	addr        netip.Addr
	dir         direction
	rtcpPort    int      // of a=rtcp; 0: the next port
	feedback    []string // values of a=rtcp-fb
}

// description is what a session description says, as far as a phone cares.
type description struct {
	sections []section
}

// parseSDP returns what body says.
func parseSDP(body []byte) (description, error) {
	if len(body) > maxSDP {
		return description{}, fmt.Errorf("siptest: session description longer than %d bytes", maxSDP)
	}
	p := sdpParser{dir: direction{send: true, recv: true}}
	for i, line := range strings.Split(string(body), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			continue
		}
		if len(line) < 2 || line[1] != '=' {
			return description{}, fmt.Errorf("siptest: line %d of the session description is malformed", i+1)
		}
		if i == 0 && line != "v=0" {
			return description{}, errors.New("siptest: session description does not begin with v=0")
		}
		if err := p.line(line[0], line[2:]); err != nil {
			return description{}, fmt.Errorf("siptest: line %d of the session description: %w", i+1, err)
		}
	}
	if !p.origin {
		return description{}, errors.New("siptest: session description without an o= line")
	}
	for i, s := range p.d.sections {
		if s.port != 0 && !s.addr.IsValid() {
			return description{}, fmt.Errorf("siptest: media section %d has no connection address", i)
		}
	}
	return p.d, nil
}

// sdpParser holds what applies to the sections that follow.
type sdpParser struct {
	d      description
	origin bool
	addr   netip.Addr // of the session
	dir    direction  // of the session
}

// line takes in the line of the given type.
func (p *sdpParser) line(kind byte, value string) error {
	var current *section
	if n := len(p.d.sections); n > 0 {
		current = &p.d.sections[n-1]
	}
	switch kind {
	case 'o':
		if len(strings.Fields(value)) != 6 {
			return errors.New("malformed origin")
		}
		p.origin = true
	case 'c':
		addr, err := parseConnection(value)
		if err != nil {
			return err
		}
		if current != nil {
			current.addr = addr
		} else {
			p.addr = addr
		}
	case 'm':
		if len(p.d.sections) == maxSections {
			return fmt.Errorf("more than %d media sections", maxSections)
		}
		s, err := parseMedia(value)
		if err != nil {
			return err
		}
		s.addr, s.dir = p.addr, p.dir
		p.d.sections = append(p.d.sections, s)
	case 'a':
		name, rest, _ := strings.Cut(value, ":")
		if dir, ok := directionOf(name); ok {
			if current != nil {
				current.dir = dir
			} else {
				p.dir = dir
			}
			return nil
		}
		if current != nil {
			return current.attribute(name, rest)
		}
	}
	return nil
}

// parseConnection returns the address of a c-line. A name instead of an address is refused: nothing here resolves names.
func parseConnection(value string) (netip.Addr, error) {
	f := strings.Fields(value)
	if len(f) != 3 || f[0] != "IN" || f[1] != "IP4" && f[1] != "IP6" {
		return netip.Addr{}, errors.New("malformed connection")
	}
	host, _, _ := strings.Cut(f[2], "/")
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, errors.New("connection is not an address")
	}
	return addr.Unmap(), nil
}

// parseMedia returns the section that an m-line begins.
func parseMedia(value string) (section, error) {
	f := strings.Fields(value)
	if len(f) < 4 || len(f) > 3+maxFormats {
		return section{}, errors.New("malformed media line")
	}
	first, _, _ := strings.Cut(f[1], "/")
	port, err := strconv.ParseUint(first, 10, 16)
	if err != nil {
		return section{}, errors.New("malformed port")
	}
	s := section{kind: f[0], proto: f[2], port: int(port), rawFormats: f[3:]}
	if !strings.HasPrefix(s.proto, "RTP/") {
		return s, nil
	}
	for _, raw := range f[3:] {
		n, err := strconv.ParseUint(raw, 10, 7)
		if err != nil {
			return section{}, errors.New("malformed payload type")
		}
		entry := format{payloadType: uint8(n)}
		switch n {
		case 0:
			entry.name, entry.rate = codecPCMU, sampleRate
		case 8:
			entry.name, entry.rate = codecPCMA, sampleRate
		}
		s.formats = append(s.formats, entry)
	}
	return s, nil
}

// attribute takes in an attribute of the section.
func (s *section) attribute(name, value string) error {
	switch name {
	case "rtpmap":
		number, encoding, ok := strings.Cut(value, " ")
		n, err := strconv.ParseUint(number, 10, 7)
		if !ok || err != nil {
			return errors.New("malformed rtpmap")
		}
		parts := strings.Split(strings.TrimSpace(encoding), "/")
		if len(parts) < 2 {
			return errors.New("malformed rtpmap")
		}
		rate, err := strconv.Atoi(parts[1])
		if err != nil {
			return errors.New("malformed rtpmap")
		}
		for i := range s.formats {
			if f := &s.formats[i]; f.payloadType == uint8(n) {
				f.name, f.rate = strings.ToUpper(parts[0]), rate
			}
		}
	case "fmtp":
		number, params, _ := strings.Cut(value, " ")
		for i := range s.formats {
			if f := &s.formats[i]; strconv.Itoa(int(f.payloadType)) == number {
				f.params = params
			}
		}
	case "rtcp-fb":
		if len(s.feedback) < maxFormats {
			s.feedback = append(s.feedback, strings.TrimSpace(value))
		}
	case "rtcp":
		number, _, _ := strings.Cut(value, " ")
		port, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return errors.New("malformed rtcp attribute")
		}
		s.rtcpPort = int(port)
	}
	return nil
}

// control returns where RTCP goes; the zero value when there is no such port.
func (s *section) control() netip.AddrPort {
	port := s.rtcpPort
	if port == 0 {
		port = s.port + 1
	}
	if port > 0xFFFF {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(s.addr, uint16(port))
}

// find returns the first format of s called name at 8 kHz.
func (s *section) find(name string) (format, bool) {
	for _, f := range s.formats {
		if f.name == name && f.rate == sampleRate {
			return f, true
		}
	}
	return format{}, false
}
