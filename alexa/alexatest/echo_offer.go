package alexatest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// OfferStyle says how an Echo writes its offers. Its answers are always in the style of pion/webrtc.
type OfferStyle uint8

const (
	// OfferModern is pion/webrtc's own style: mids 0, 1, port 9, an rtpmap for every codec.
	OfferModern OfferStyle = iota
	// OfferCaptured is the style of the offers that were captured from Alexa: mid audio0, port 1 in the m-line, candidates before
	// all other attributes, TCP candidates and a second component among them, no rtpmap for payload types 0 and 8, ice-ufrag of 4
	// and ice-pwd of 22 characters.
	OfferCaptured
	// OfferBundleVideo is OfferCaptured with a BUNDLE group that lists video0 alone, although audio0 is there too, as an Echo Show was
	// seen to write it. It needs EchoOptions.Camera.
	OfferBundleVideo
)

const (
	capturedMid      = "audio0"
	capturedVideoMid = "video0"
)

// place writes the Echo's own sections, taken from text, at their places in the call: with the directions of sound and pictures, with the
// mids of the other side, and with all other m-sections rejected (RFC 8829, section 5.3.1: port 0; the mid stays, as Alexa's peers want it).
func place(text string, l layout, dir, videoDir direction) (string, error) {
	d := &sdp.SessionDescription{}
	if err := d.UnmarshalString(text); err != nil {
		return "", fmt.Errorf("alexatest: own SDP: %w", err)
	}
	i := slices.IndexFunc(d.MediaDescriptions, func(m *sdp.MediaDescription) bool { return m.MediaName.Media == "audio" })
	if i < 0 {
		return "", fmt.Errorf("alexatest: own SDP has no audio section")
	}
	own, pictures := d.MediaDescriptions[i], ownVideo(d)
	directed(own, dir, l.mid() != "")
	d.MediaDescriptions = nil
	bundle := []string{l.mid()}
	for k, s := range l.sections {
		switch {
		case k == l.audio:
			d.MediaDescriptions = append(d.MediaDescriptions, own)
		case k == l.video && pictures != nil:
			directed(pictures, videoDir, s.mid != "")
			d.MediaDescriptions = append(d.MediaDescriptions, pictures)
			bundle = append(bundle, s.mid)
		default:
			d.MediaDescriptions = append(d.MediaDescriptions, rejected(s))
		}
	}
	d.Attributes = slices.DeleteFunc(d.Attributes, func(a sdp.Attribute) bool { return a.Key == "group" })
	if l.bundled {
		d.Attributes = append(d.Attributes, sdp.NewAttribute("group", "BUNDLE "+strings.Join(bundle, " ")))
	}
	out, err := d.Marshal()
	return string(out), err
}

func ownVideo(d *sdp.SessionDescription) *sdp.MediaDescription {
	i := slices.IndexFunc(d.MediaDescriptions, func(m *sdp.MediaDescription) bool { return m.MediaName.Media == "video" })
	if i < 0 {
		return nil
	}
	return d.MediaDescriptions[i]
}

// directed gives a section its direction, and takes its mid where the call has none.
func directed(m *sdp.MediaDescription, dir direction, mid bool) {
	m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool {
		return slices.Contains(directionTable, a.Key) || a.Key == "mid" && !mid
	})
	m.Attributes = append(m.Attributes, sdp.NewPropertyAttribute(string(dir)))
}

// narrow leaves the audio section of an answer no formats but those that the offer has. pion goes on to name all that were ever agreed.
func narrow(answer string, offered []string) (string, error) {
	d := &sdp.SessionDescription{}
	if err := d.UnmarshalString(answer); err != nil {
		return "", fmt.Errorf("alexatest: own SDP: %w", err)
	}
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media != "audio" {
			continue
		}
		gone := func(format string) bool { return !slices.Contains(offered, format) }
		m.MediaName.Formats = slices.DeleteFunc(m.MediaName.Formats, gone)
		m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool {
			format, _, _ := strings.Cut(a.Value, " ")
			return slices.Contains([]string{"rtpmap", "fmtp", "rtcp-fb"}, a.Key) && format != "*" && gone(format)
		})
	}
	out, err := d.Marshal()
	return string(out), err
}

func rejected(s section) *sdp.MediaDescription {
	m := &sdp.MediaDescription{
		MediaName: sdp.MediaName{Media: s.kind, Protos: s.protos, Formats: s.formats[:min(1, len(s.formats))]},
		ConnectionInformation: &sdp.ConnectionInformation{
			NetworkType: "IN", AddressType: "IP4", Address: &sdp.Address{Address: "0.0.0.0"},
		},
	}
	if s.mid != "" {
		m.Attributes = append(m.Attributes, sdp.NewAttribute("mid", s.mid))
	}
	m.Attributes = append(m.Attributes, sdp.NewPropertyAttribute(string(inactive)))
	return m
}

// capturedStyle rewrites an offer into [OfferCaptured] or [OfferBundleVideo], so that it stays as functional as it was: the transport, the
// payload types and the direction are kept.
func capturedStyle(text string, bundleVideo bool) (string, error) {
	d := &sdp.SessionDescription{}
	if err := d.UnmarshalString(text); err != nil {
		return "", fmt.Errorf("alexatest: own SDP: %w", err)
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0")
	line("o=- %d %d IN IP4 0.0.0.0", d.Origin.SessionID, d.Origin.SessionVersion)
	line("s=a 2 z")
	line("c=IN IP4 0.0.0.0")
	line("t=0 0")
	if group, ok := d.Attribute("group"); bundleVideo {
		var mid string
		if m := ownVideo(d); m != nil {
			mid, _ = m.Attribute("mid")
		}
		line("a=group:BUNDLE %s", mid)
	} else if ok {
		line("a=group:%s", group)
	}
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Port.Value == 0 {
			line("m=%s 0 %s %s", m.MediaName.Media, strings.Join(m.MediaName.Protos, "/"), strings.Join(m.MediaName.Formats, " "))
			for _, a := range m.Attributes {
				line("a=%s", attributeText(a))
			}
			continue
		}
		capturedSection(line, d, m)
	}
	return b.String(), nil
}

// capturedSection writes one section with its attributes in the order of the captures.
func capturedSection(line func(string, ...any), d *sdp.SessionDescription, m *sdp.MediaDescription) {
	value := func(key string) string {
		if v, ok := m.Attribute(key); ok {
			return v
		}
		v, _ := d.Attribute(key)
		return v
	}
	line("m=%s 1 UDP/TLS/RTP/SAVPF %s", m.MediaName.Media, strings.Join(m.MediaName.Formats, " "))
	capturedCandidates(line, m)
	pictures := m.MediaName.Media == "video"
	if pictures {
		line("b=AS:2500")
	}
	line("a=setup:%s", value("setup"))
	line("a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time")
	for _, a := range m.Attributes {
		static := strings.HasPrefix(a.Value, "0 ") || strings.HasPrefix(a.Value, "8 ")
		if a.Key == "rtpmap" && !static || a.Key == "fmtp" && !pictures {
			line("a=%s", attributeText(a))
		}
	}
	line("a=rtcp:9 IN IP4 0.0.0.0")
	line("a=rtcp-mux")
	for _, a := range m.Attributes {
		if slices.Contains(directionTable, a.Key) {
			line("a=%s", a.Key)
		}
	}
	line("a=mid:%s", value("mid"))
	for _, a := range m.Attributes {
		if pictures && a.Key == "rtcp-fb" {
			line("a=%s", attributeText(a))
		}
	}
	if ssrc, _, _ := strings.Cut(value("ssrc"), " "); ssrc != "" {
		line("a=ssrc:%s cname:user%s@host-%.8s", ssrc, ssrc, value("ice-ufrag"))
	}
	for _, key := range []string{"ice-ufrag", "ice-pwd", "fingerprint"} {
		line("a=%s:%s", key, value(key))
	}
}

// capturedCandidates writes the host candidates of the first component, then one TCP candidate (active, so that nothing has to
// listen), then the second component, which rtcp-mux makes useless.
func capturedCandidates(line func(string, ...any), m *sdp.MediaDescription) {
	seen := make(map[string]bool)
	var hosts [][]string
	for _, a := range m.Attributes {
		f := strings.Fields(a.Value)
		if a.Key != "candidate" || len(f) < 8 || f[1] != "1" || !strings.EqualFold(f[2], "udp") || seen[f[4]+" "+f[5]] {
			continue
		}
		seen[f[4]+" "+f[5]] = true
		hosts = append(hosts, f)
	}
	for i, f := range hosts {
		line("a=candidate:%d 1 UDP %s %s %s typ host", i+1, f[3], f[4], f[5])
	}
	for i, f := range hosts {
		line("a=candidate:%d 1 TCP 1015021823 %s 9 typ host tcptype active", len(hosts)+i+1, f[4])
	}
	for i, f := range hosts {
		line("a=candidate:%d 2 UDP 2013266430 %s %s typ host", i+1, f[4], f[5])
	}
}

func attributeText(a sdp.Attribute) string {
	if a.Value == "" {
		return a.Key
	}
	return a.Key + ":" + a.Value
}
