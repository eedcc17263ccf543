package media

import (
	"net/netip"
	"strconv"
	"strings"
)

// A Format is a codec under the payload type number that stands for it in one description.
type Format struct {
	Number uint8
	Codec  Codec
}

// A Section is what stands for one m-section: what an engine needs to move its packets.
type Section struct {
	Kind      Kind
	Dir       Direction // ours: what we may send and receive
	In        []Format  // what we may receive
	Out       []Format  // what we may send, preferred first
	Transport Transport // of the far side
}

// A Transport is where and how the far side takes media, as its description says.
type Transport struct {
	Addr        netip.AddrPort // of RTP; zero if it gave none to send to
	RTCP        netip.AddrPort // of RTCP; Addr when multiplexed; zero if there is none
	Mux         bool           // RTP and RTCP on one port (RFC 5761)
	Ufrag, Pwd  string         // of ICE; empty without
	Candidates  []string       // values of a=candidate
	Lite        bool           // the far side is an ICE-lite agent
	Fingerprint string         // of DTLS, such as "sha-256 AB:CD"; empty for plain RTP
	Client      bool           // we begin the DTLS handshake
}

// formatList returns the RTP formats of m that are known by rtpmap or statically, in the order of the m-line. Of a number that
// stands there twice, as some gateways write it, the first counts.
func (m *sdpSection) formatList() []Format {
	var fs []Format
	for _, text := range m.formats {
		n, err := strconv.ParseUint(text, 10, 7)
		if err != nil || uses(fs, uint8(n)) {
			continue
		}
		c, ok := m.rtpmap(text)
		if _, malformed := m.numbered("rtpmap", text); !ok && !malformed {
			c, ok = staticFormat(uint8(n))
		}
		if !ok {
			continue
		}
		c.Params = m.fmtp(text)
		fs = append(fs, Format{uint8(n), c})
	}
	return fs
}

// rtpmap parses "a=rtpmap:96 opus/48000/2" of one payload type.
func (m *sdpSection) rtpmap(number string) (Codec, bool) {
	value, ok := m.numbered("rtpmap", number)
	if !ok {
		return Codec{}, false
	}
	f := strings.Split(value, "/")
	c := Codec{Name: canonicalName(strings.TrimSpace(f[0])), Channels: 1}
	if len(f) < 2 || c.Name == "" {
		return Codec{}, false
	}
	var err error
	if c.ClockRate, err = strconv.Atoi(strings.TrimSpace(f[1])); err != nil || c.ClockRate < 1 || c.ClockRate > 1_000_000 {
		return Codec{}, false
	}
	if len(f) > 2 {
		if c.Channels, err = strconv.Atoi(strings.TrimSpace(f[2])); err != nil || c.Channels < 1 || c.Channels > 255 {
			return Codec{}, false
		}
	}
	if c.Name == nameOpus {
		c.Channels = 2 // RFC 7587 section 7 fixes it; some phones leave it out
	}
	return c, true
}

func (m *sdpSection) fmtp(number string) string {
	value, _ := m.numbered("fmtp", number)
	return value
}

// numbered finds "a=<name>:<number> <value>".
func (m *sdpSection) numbered(name, number string) (string, bool) {
	for i := range m.attrs {
		if m.attrs[i].name != name {
			continue
		}
		if n, value, _ := strings.Cut(m.attrs[i].value, " "); n == number {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// inherited returns an attribute of the section, else of the session.
func (s *sdpSession) inherited(m *sdpSection, name string) (string, bool) {
	if v, ok := m.value(name); ok {
		return v, true
	}
	return s.value(name)
}

// direction returns what the section says of itself. An address of zeros is the old way to hold (RFC 3264 section 8.4), except with
// ICE, where addresses stand in the candidates.
func (s *sdpSession) direction(m *sdpSection) Direction {
	d := SendRecv
	for _, attrs := range [...]*sdpAttrs{&s.sdpAttrs, &m.sdpAttrs} {
		for _, dir := range [...]Direction{Inactive, SendOnly, RecvOnly, SendRecv} {
			if attrs.has(dir.String()) {
				d = dir
			}
		}
	}
	if _, ice := s.inherited(m, "ice-ufrag"); !ice && m.conn.addr.IsValid() && m.conn.addr.IsUnspecified() {
		d &= SendOnly
	}
	return d
}

// transport reads where the far side takes the media of m.
func (s *sdpSession) transport(m *sdpSection) Transport {
	t := Transport{Mux: m.has("rtcp-mux"), Candidates: m.values("candidate"), Lite: s.has("ice-lite")}
	if m.conn.addr.IsValid() && !m.conn.addr.IsUnspecified() && m.port > 0 {
		t.Addr = netip.AddrPortFrom(m.conn.addr.Unmap(), uint16(m.port))
	}
	t.RTCP = m.rtcpAddr(t)
	t.Ufrag, _ = s.inherited(m, "ice-ufrag")
	t.Pwd, _ = s.inherited(m, "ice-pwd")
	t.Fingerprint = s.fingerprint(m)
	return t
}

// rtcpAddr applies rtcp-mux, a=rtcp (RFC 3605) or the port after that of RTP (RFC 3550 section 11). It is zero where there is none.
func (m *sdpSection) rtcpAddr(t Transport) netip.AddrPort {
	if t.Mux || !t.Addr.IsValid() {
		return t.Addr
	}
	addr, port := t.Addr.Addr(), t.Addr.Port()+1
	if v, ok := m.value("rtcp"); ok {
		portText, rest, _ := strings.Cut(v, " ")
		if p, err := strconv.ParseUint(portText, 10, 16); err == nil && p > 0 {
			port = uint16(p)
			if c := parseConn(rest); c.addr.IsValid() && !c.addr.IsUnspecified() {
				addr = c.addr.Unmap()
			}
		}
	}
	if port == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, port)
}

// fingerprint returns the strongest hash of the certificate that we can check (RFC 8122): sha-256 or longer before others.
func (s *sdpSession) fingerprint(m *sdpSection) string {
	best := ""
	for _, attrs := range [...]*sdpAttrs{&m.sdpAttrs, &s.sdpAttrs} {
		for _, v := range attrs.values("fingerprint") {
			if best == "" || !strings.HasPrefix(strings.ToLower(best), "sha-256") && strings.HasPrefix(strings.ToLower(v), "sha-256") {
				best = v
			}
		}
		if best != "" {
			break
		}
	}
	return best
}

// securedByDTLS reports whether an RTP profile runs over DTLS-SRTP. Alexa's older offers name the profile without "UDP/TLS/".
func securedByDTLS(proto string) bool {
	switch strings.ToUpper(proto) {
	case "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP":
		return true
	default:
		return false
	}
}

// plainRTP reports whether an RTP profile is not secured.
func plainRTP(proto string) bool {
	switch strings.ToUpper(proto) {
	case "RTP/AVP", "RTP/AVPF":
		return true
	default:
		return false
	}
}
