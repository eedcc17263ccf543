package media

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Format is a codec under the payload type number that stands for it in one description.
type Format struct {
	Number uint8
	Codec  Codec
}

// A Section is what stands for one m-section: what an engine needs to move its packets.
type Section struct {
	Kind      Kind
	Mid       string        // a=mid; empty without
	Dir       Direction     // ours: what we may send and receive
	In        []Format      // what we may receive
	Out       []Format      // what we may send, preferred first
	Transport Transport     // of the far side
	Shared    bool          // it goes the way of the first live section: bundled (RFC 9143), or the far side describes the same transport twice
	Security  Security      // what protects it, never SDESOptional
	KeyIn     Key           // of SDES: what the far side protects with; it changes with a new key of theirs
	KeyOut    Key           // of SDES: one of the Local's
	Feedback  Feedback      // what either side may send the other about any of the formats
	RepairIn  []Repair      // retransmissions that we may receive, of formats of In
	RepairOut []Repair      // retransmissions that we may send, of formats of Out
	Ext       Extensions    // header extensions that either side may send
	SSRCs     []uint32      // of the far side, as far as it names them, without those of its retransmissions
	PTime     time.Duration // of sound in a packet, as the far side wishes; 0 if it does not say
	MaxPTime  time.Duration // at most; 0 if it does not say
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
	fs := make([]Format, 0, len(m.formats))
	for _, text := range m.formats {
		n, err := strconv.ParseUint(text, 10, 7)
		if err != nil || uses(fs, uint8(n)) {
			continue
		}
		c, ok := staticFormat(uint8(n))
		if value, said := m.numbered("rtpmap", text); said {
			c, ok = rtpmap(value)
		}
		if !ok {
			continue
		}
		c.Params = m.fmtp(text)
		fs = append(fs, Format{uint8(n), c})
	}
	return fs
}

// rtpmap parses "opus/48000/2" of "a=rtpmap:96 opus/48000/2".
func rtpmap(value string) (Codec, bool) {
	name, rest, ok := strings.Cut(value, "/")
	c := Codec{Name: canonicalName(strings.TrimSpace(name)), Channels: 1}
	if !ok || c.Name == "" {
		return Codec{}, false
	}
	rate, rest, said := strings.Cut(rest, "/")
	var err error
	if c.ClockRate, err = strconv.Atoi(strings.TrimSpace(rate)); err != nil || c.ClockRate < 1 || c.ClockRate > 1_000_000 {
		return Codec{}, false
	}
	if said {
		channels, _, _ := strings.Cut(rest, "/")
		if c.Channels, err = strconv.Atoi(strings.TrimSpace(channels)); err != nil || c.Channels < 1 || c.Channels > 255 {
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
	at := m
	if m.port == 0 {
		at = s.tagged(m) // whose address counts where BUNDLE gives m its port
	}
	if s.transportValue(m, "ice-ufrag") == "" && at.conn.addr.IsValid() && at.conn.addr.IsUnspecified() {
		d &= SendOnly
	}
	return d
}

// transport reads where the far side takes the media of m.
func (s *sdpSession) transport(m *sdpSection) Transport {
	tagged, at := s.tagged(m), m // at is where the address stands
	if m.port == 0 {
		at = tagged
	}
	t := Transport{Mux: m.has("rtcp-mux"), Candidates: m.values("candidate"), Lite: s.has("ice-lite")}
	if at.conn.addr.IsValid() && !at.conn.addr.IsUnspecified() && at.port > 0 {
		t.Addr = netip.AddrPortFrom(at.conn.addr.Unmap(), uint16(at.port))
	}
	t.RTCP = at.rtcpAddr(t)
	t.Ufrag = s.transportValue(m, "ice-ufrag")
	t.Pwd = s.transportValue(m, "ice-pwd")
	if t.Fingerprint = s.fingerprint(m); t.Fingerprint == "" {
		t.Fingerprint = s.fingerprint(tagged)
	}
	if t.Candidates == nil {
		t.Candidates = tagged.values("candidate")
	}
	return t
}

// transportValue returns an attribute of the transport of m: its own, that of the session, or that of the section which describes the
// transport for it.
func (s *sdpSession) transportValue(m *sdpSection, name string) string {
	v, ok := s.inherited(m, name)
	if !ok {
		v, _ = s.tagged(m).value(name)
	}
	return v
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

// ssrcs returns the sources that m names (RFC 5576), without those that only retransmit or repair (RFC 5576 section 4.2).
func (m *sdpSection) ssrcs() []uint32 {
	var all, helpers []uint32
	for _, v := range m.values("ssrc-group") {
		if f := strings.Fields(v); len(f) > 2 && (f[0] == "FID" || f[0] == "FEC-FR" || f[0] == "FEC") {
			for _, text := range f[2:] {
				if n, err := strconv.ParseUint(text, 10, 32); err == nil {
					helpers = append(helpers, uint32(n))
				}
			}
		}
	}
	for _, v := range m.values("ssrc") {
		text, _, _ := strings.Cut(v, " ")
		n, err := strconv.ParseUint(text, 10, 32)
		if err == nil && !slices.Contains(all, uint32(n)) && !slices.Contains(helpers, uint32(n)) {
			all = append(all, uint32(n))
		}
	}
	return all
}

// milliseconds returns a=ptime or a=maxptime (RFC 8866 sections 6.4 and 6.5); 0 without, or where it makes no sense.
func (m *sdpSection) milliseconds(name string) time.Duration {
	v, ok := m.value(name)
	if !ok {
		return 0
	}
	ms, err := strconv.ParseFloat(v, 64)        // some phones write "20.0"
	if err != nil || !(ms >= 1 && ms <= 1000) { // NaN is neither
		return 0
	}
	return time.Duration(ms * float64(time.Millisecond))
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
