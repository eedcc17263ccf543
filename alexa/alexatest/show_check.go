package alexatest

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// showAnswer is an answer that can be used.
type showAnswer struct {
	session  *sdp.SessionDescription
	payloads []payload // of the audio section
	dir      direction // of the audio section, as the skill wrote it
	audio    bool      // not rejected
	video    bool
	pictures []uint8 // payload types of H.264
	ssrc     uint32  // of the video; 0: not declared
}

// verdict collects what is wrong with an answer.
type verdict struct {
	at     string // of the section in hand
	faults []string
	fatal  string // the first with which the answer cannot be used
}

func (v *verdict) wrong(format string, args ...any) {
	if len(v.faults) < maxFaults {
		v.faults = append(v.faults, "SDP: "+v.at+fmt.Sprintf(format, args...))
	}
}

func (v *verdict) useless(format string, args ...any) {
	v.wrong(format, args...)
	if v.fatal == "" {
		v.fatal = v.at + fmt.Sprintf(format, args...)
	}
}

// checkShowAnswer tells what is wrong with an answer to an offer (RFC 3264, RFC 8829 section 5.3.1, RFC 8843; and the page
// "alexa-rtcsessioncontroller"). The error says why the Show cannot work with it; faults has that too.
func checkShowAnswer(offerText, text string) (answer *showAnswer, faults []string, err error) {
	v := &verdict{}
	r := v.read(offerText, text)
	if v.fatal != "" {
		return nil, v.faults, fmt.Errorf("alexatest: the answer cannot be used: %s", v.fatal)
	}
	return r, v.faults, nil
}

func (v *verdict) read(offerText, text string) *showAnswer {
	offer, answer := &sdp.SessionDescription{}, &sdp.SessionDescription{}
	r := &showAnswer{session: answer}
	if err := offer.UnmarshalString(offerText); err != nil {
		v.useless("the offer does not parse")
		return r
	}
	if err := answer.UnmarshalString(text); err != nil {
		v.useless("does not parse")
		return r
	}
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		v.wrong("lines that end with LF alone")
	}
	if len(answer.MediaDescriptions) != len(offer.MediaDescriptions) {
		v.useless("%d m-sections, the offer has %d", len(answer.MediaDescriptions), len(offer.MediaDescriptions))
		return r
	}
	for i, m := range answer.MediaDescriptions {
		v.at = fmt.Sprintf("m-section %d: ", i)
		v.section(r, m, offer.MediaDescriptions[i])
	}
	v.at = ""
	v.bundle(offer, answer)
	if !r.audio && !r.video {
		v.useless("every m-section is rejected")
		return r
	}
	v.transport(answer)
	return r
}

// section checks one m-section against that of the offer.
func (v *verdict) section(r *showAnswer, m, offered *sdp.MediaDescription) {
	mid, _ := m.Attribute("mid")
	wanted, _ := offered.Attribute("mid")
	switch {
	case m.MediaName.Media != offered.MediaName.Media:
		v.useless("%.20q in place of %s", m.MediaName.Media, offered.MediaName.Media)
		return
	case mid != wanted:
		v.useless("mid %.40q in place of %s", mid, wanted)
		return
	case !slices.Equal(m.MediaName.Protos, offered.MediaName.Protos):
		v.wrong("another transport than that of the offer")
	}
	if m.MediaName.Port.Value == 0 {
		v.rejected(m, offered)
		return
	}
	theirs, ours := readPayloads(m), readPayloads(offered)
	if len(theirs) == 0 {
		v.useless("no formats")
	}
	for _, p := range theirs {
		if !slices.ContainsFunc(ours, func(o payload) bool { return o == p && p.name != "" }) {
			v.useless("payload type %d does not stand for what it was offered for", p.pt)
		}
	}
	dir := (&remoteSDP{session: r.session}).readDirection(m)
	if m.MediaName.Media == "audio" {
		r.audio, r.payloads, r.dir = true, theirs, dir
	} else {
		r.video = true
		for _, p := range theirs {
			r.pictures = append(r.pictures, p.pt)
		}
		ssrc, _ := m.Attribute("ssrc")
		ssrc, _, _ = strings.Cut(ssrc, " ")
		n, _ := strconv.ParseUint(ssrc, 10, 32)
		r.ssrc = uint32(n)
		v.pictures(m, offered)
	}
	if _, ok := m.Attribute("rtcp-mux"); !ok {
		v.useless("no a=rtcp-mux")
	}
	v.subset(m, offered, "rtcp-fb")
	v.subset(m, offered, "extmap")
}

// rejected checks a section with port 0: it keeps its mid and one offered format, and says inactive.
func (v *verdict) rejected(m, offered *sdp.MediaDescription) {
	for _, f := range m.MediaName.Formats {
		if !slices.Contains(offered.MediaName.Formats, f) {
			v.wrong("rejected with format %.10s, which was not offered", f)
		}
	}
	if _, ok := m.Attribute(string(inactive)); !ok {
		v.wrong("rejected without a=inactive")
	}
}

// subset checks that all attributes of a kind were offered. An extension may narrow its direction (RFC 8285, section 6).
func (v *verdict) subset(m, offered *sdp.MediaDescription, key string) {
	words := func(a sdp.Attribute) []string {
		f := strings.Fields(a.Value)
		if key == "extmap" && len(f) > 0 {
			f[0], _, _ = strings.Cut(f[0], "/")
		}
		return f
	}
	for _, a := range m.Attributes {
		if a.Key == key && !slices.ContainsFunc(offered.Attributes, func(o sdp.Attribute) bool {
			return o.Key == key && slices.Equal(words(o), words(a))
		}) {
			v.wrong("a=%s:%.80s was not offered", key, a.Value)
		}
	}
}

// pictures checks H.264: up to High 4.1, with the parameters of the offer where that has some (RFC 6184, section 8.2.2), and with the
// feedback that the page demands.
func (v *verdict) pictures(m, offered *sdp.MediaDescription) {
	ours, theirs := parametersOf(offered), parametersOf(m)
	for _, pt := range m.MediaName.Formats {
		have, want := theirs[pt], ours[pt]
		level := have["profile-level-id"]
		profile, err := hex.DecodeString(level)
		switch {
		case level == "":
		case err != nil || len(profile) != 3:
			v.wrong("profile-level-id of format %s is not three octets", pt)
		case !slices.Contains([]byte{66, 77, 88, 100}, profile[0]) || profile[2] > 41:
			v.wrong("format %s is beyond High 4.1", pt)
		}
		if o := want["profile-level-id"]; len(o) >= 4 && (len(level) < 4 || !strings.EqualFold(level[:4], o[:4])) {
			v.wrong("another profile of format %s than was offered", pt)
		}
		if want != nil && have["packetization-mode"] != want["packetization-mode"] {
			v.wrong("another packetization-mode of format %s than was offered", pt)
		}
	}
	for _, need := range []string{"nack", "nack pli", "ccm fir"} {
		if !slices.ContainsFunc(m.Attributes, func(a sdp.Attribute) bool {
			_, kind, _ := strings.Cut(a.Value, " ")
			return a.Key == "rtcp-fb" && kind == need
		}) {
			v.wrong("no a=rtcp-fb of %s", need)
		}
	}
}

// parametersOf returns the fmtp of each format of a section.
func parametersOf(m *sdp.MediaDescription) map[string]map[string]string {
	out := make(map[string]map[string]string)
	for _, a := range m.Attributes {
		pt, text, ok := strings.Cut(a.Value, " ")
		if a.Key != "fmtp" || !ok {
			continue
		}
		out[pt] = make(map[string]string)
		for p := range strings.SplitSeq(text, ";") {
			key, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			out[pt][key] = value
		}
	}
	return out
}

// bundle checks the groups (RFC 8843, section 7.3): no section joins that was not offered in a group, none leaves that is in use.
func (v *verdict) bundle(offer, answer *sdp.SessionDescription) {
	offered, answered := bundles(offer), bundles(answer)
	if len(answered) > 1 {
		v.wrong("more than one group of BUNDLE")
	}
	var group []string
	for _, g := range answered {
		group = append(group, g...)
	}
	for _, mid := range group {
		if !slices.Contains(slices.Concat(offered...), mid) {
			v.wrong("BUNDLE of %.40s, which was not offered", mid)
		}
	}
	for i, m := range answer.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		in := slices.Contains(group, mid)
		switch {
		case m.MediaName.Port.Value == 0 && in:
			v.wrong("m-section %d: rejected, and in BUNDLE", i)
		case m.MediaName.Port.Value != 0 && !in && slices.Contains(slices.Concat(offered...), mid):
			v.wrong("m-section %d: not in BUNDLE, which was offered", i)
		}
	}
}

func bundles(d *sdp.SessionDescription) [][]string {
	var out [][]string
	for _, a := range d.Attributes {
		if f := strings.Fields(a.Value); a.Key == "group" && len(f) > 0 && f[0] == "BUNDLE" {
			out = append(out, f[1:])
		}
	}
	return out
}

// transport checks ICE, DTLS and the candidates. All sections in use share one transport: the Show's media comes from one place, whatever
// its offer lists in BUNDLE.
func (v *verdict) transport(answer *sdp.SessionDescription) {
	first, candidates := "", 0
	for i, m := range answer.MediaDescriptions {
		if m.MediaName.Port.Value == 0 {
			continue
		}
		v.at = fmt.Sprintf("m-section %d: ", i)
		value := func(key string) string {
			if a, ok := m.Attribute(key); ok {
				return a
			}
			a, _ := answer.Attribute(key)
			return a
		}
		setup := value("setup")
		if setup != "active" && setup != "passive" {
			v.useless("a=setup:%.20s in an answer", setup)
		}
		if len(value("ice-ufrag")) < 4 || len(value("ice-pwd")) < 22 {
			v.useless("no ice-ufrag of 4 and ice-pwd of 22 characters")
		}
		if !isFingerprint(value("fingerprint")) {
			v.useless("no fingerprint of sha-256")
		}
		all := strings.Join([]string{setup, value("ice-ufrag"), value("ice-pwd"), value("fingerprint")}, " ")
		if first == "" {
			first = all
		}
		if all != first {
			v.wrong("another transport than the section before")
		}
		if c := m.ConnectionInformation; c != nil && c.AddressType != "IP4" {
			v.wrong("c= of %.10s", c.AddressType)
		}
		for _, a := range m.Attributes {
			if a.Key == "candidate" {
				candidates++
				v.candidate(a.Value)
			}
		}
	}
	v.at = ""
	if candidates == 0 {
		v.useless("no a=candidate, and there is no trickle")
	}
}

func isFingerprint(s string) bool {
	hash, digest, _ := strings.Cut(s, " ")
	octets := strings.Split(digest, ":")
	if !strings.EqualFold(hash, "sha-256") || len(octets) != 32 {
		return false
	}
	return !slices.ContainsFunc(octets, func(o string) bool {
		_, err := strconv.ParseUint(o, 16, 8)
		return err != nil || len(o) != 2
	})
}

// candidate checks one a=candidate (RFC 8839, section 5.1; RFC 6544, section 4.5): IPv4 and, with rtcp-mux, component 1.
func (v *verdict) candidate(text string) {
	f := strings.Fields(text)
	if len(f) < 8 || f[6] != "typ" {
		v.wrong("a=candidate does not parse")
		return
	}
	ip, err := netip.ParseAddr(f[4])
	port, badPort := strconv.ParseUint(f[5], 10, 16)
	_, badPriority := strconv.ParseUint(f[3], 10, 32)
	tcp := strings.EqualFold(f[2], "tcp")
	switch {
	case f[1] != "1":
		v.wrong("candidate of component %.5s, though rtcp-mux is agreed", f[1])
	case err != nil || !ip.Is4():
		v.wrong("candidate without an IPv4 address")
	case badPort != nil || port == 0 || badPriority != nil:
		v.wrong("candidate with a port or priority that is none")
	case !tcp && !strings.EqualFold(f[2], "udp"):
		v.wrong("candidate over %.10s", f[2])
	case tcp && !slices.Contains(f[8:], "tcptype"):
		v.wrong("TCP candidate without tcptype")
	case !slices.Contains([]string{"host", "srflx", "prflx", "relay"}, f[7]):
		v.wrong("candidate of type %.10s", f[7])
	}
}
