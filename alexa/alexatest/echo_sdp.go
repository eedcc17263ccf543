package alexatest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// direction is an SDP direction attribute, always from the point of view of the side that wrote it.
type direction string

const (
	sendRecv direction = "sendrecv"
	sendOnly direction = "sendonly"
	recvOnly direction = "recvonly"
	inactive direction = "inactive"
)

var directionTable = []string{string(sendRecv), string(sendOnly), string(recvOnly), string(inactive)}

func (d direction) sends() bool    { return d == sendRecv || d == sendOnly }
func (d direction) receives() bool { return d == sendRecv || d == recvOnly }

// directionOf is the direction of a side that may send and may receive.
func directionOf(sends, receives bool) direction {
	switch {
	case sends && receives:
		return sendRecv
	case sends:
		return sendOnly
	case receives:
		return recvOnly
	default:
		return inactive
	}
}

// against is what a side that wants d may do when the other side said far.
func (d direction) against(far direction) direction {
	return directionOf(d.sends() && far.receives(), d.receives() && far.sends())
}

// payload is one format of an audio section with the name of its codec as in [EchoOptions].Codecs; "" for codecs that no Echo has.
type payload struct {
	pt   uint8
	name string
}

// section is what has to be kept of an m-section to give it its place in later descriptions.
type section struct {
	kind    string
	protos  []string
	formats []string
	mid     string
}

// layout is the order of the m-sections of a call, which never changes (RFC 3264, section 8). One audio section is used and, by an Echo
// with a camera, one video section; all others are rejected.
type layout struct {
	sections []section
	audio    int
	video    int  // -1: none
	bundled  bool // the audio section stands in a BUNDLE group
}

func (l layout) mid() string { return l.sections[l.audio].mid }

// remoteSDP is a description received from the skill, read once.
type remoteSDP struct {
	text     string // as received
	layout   layout
	dir      direction
	payloads []payload
	audio    *sdp.MediaDescription
	session  *sdp.SessionDescription

	video    *sdp.MediaDescription // nil: none in use
	videoDir direction             // inactive without video
	pictures []payload
}

// readSDP parses a description and checks that a WebRTC peer without trickle can work with it: what it names as error is the skill's
// fault. ICE, DTLS and rtcp-mux are required by Amazon's page "get-started-calling-api-for-asp" and by RFC 8829.
func readSDP(text string, offer bool) (*remoteSDP, error) {
	d := &sdp.SessionDescription{}
	if err := d.UnmarshalString(text); err != nil {
		return nil, fmt.Errorf("SDP does not parse")
	}
	r := &remoteSDP{text: text, session: d}
	r.layout.audio, r.layout.video = -1, -1
	for i, m := range d.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		r.layout.sections = append(r.layout.sections, section{
			kind: m.MediaName.Media, protos: m.MediaName.Protos, formats: m.MediaName.Formats, mid: mid,
		})
		if r.audio == nil && m.MediaName.Media == "audio" && m.MediaName.Port.Value != 0 {
			r.layout.audio, r.audio = i, m
		}
		if r.video == nil && m.MediaName.Media == "video" && m.MediaName.Port.Value != 0 {
			r.layout.video, r.video = i, m
		}
	}
	if r.audio == nil {
		return nil, fmt.Errorf("SDP has no audio section that is in use")
	}
	for _, a := range d.Attributes {
		if a.Key == "group" && slices.Contains(strings.Fields(a.Value), r.layout.mid()) && strings.HasPrefix(a.Value, "BUNDLE ") {
			r.layout.bundled = true
		}
	}
	r.dir, r.videoDir = r.readDirection(r.audio), inactive
	r.payloads = readPayloads(r.audio)
	if r.video != nil {
		r.videoDir, r.pictures = r.readDirection(r.video), readPayloads(r.video)
	}
	return r, r.checkTransport(offer)
}

func (r *remoteSDP) checkTransport(offer bool) error {
	if p := strings.Join(r.audio.MediaName.Protos, "/"); p != "UDP/TLS/RTP/SAVPF" && p != "RTP/SAVPF" {
		return fmt.Errorf("SDP's audio section has a transport other than UDP/TLS/RTP/SAVPF")
	}
	for _, key := range []string{"ice-ufrag", "ice-pwd", "fingerprint", "setup"} {
		if r.attribute(key) == "" {
			return fmt.Errorf("SDP's audio section has no a=%s", key)
		}
	}
	setups := []string{"active", "passive"}
	if offer {
		setups = append(setups, "actpass")
	}
	if !slices.Contains(setups, r.attribute("setup")) {
		return fmt.Errorf("SDP has a=setup other than %s", strings.Join(setups, ", "))
	}
	if _, ok := r.audio.Attribute("rtcp-mux"); !ok {
		return fmt.Errorf("SDP's audio section has no a=rtcp-mux")
	}
	if _, ok := r.audio.Attribute("candidate"); !ok {
		return fmt.Errorf("SDP's audio section has no a=candidate, and there is no trickle")
	}
	return nil
}

// attribute returns the value of an attribute of the audio section or, failing that, of the session.
func (r *remoteSDP) attribute(key string) string {
	if v, ok := r.audio.Attribute(key); ok {
		return v
	}
	v, _ := r.session.Attribute(key)
	return v
}

func (r *remoteSDP) readDirection(m *sdp.MediaDescription) direction {
	for _, attrs := range [][]sdp.Attribute{m.Attributes, r.session.Attributes} {
		for _, a := range attrs {
			if slices.Contains(directionTable, a.Key) {
				return direction(a.Key)
			}
		}
	}
	return sendRecv // RFC 8866, section 6.7
}

// checkAnswer tells what is wrong with an answer as reply to an offer with the given layout and payloads (RFC 3264, section 6).
func (r *remoteSDP) checkAnswer(l layout, offered []payload) error {
	if len(r.layout.sections) != len(l.sections) {
		return fmt.Errorf("SDP answer has %d m-sections, the offer has %d", len(r.layout.sections), len(l.sections))
	}
	for i, s := range r.layout.sections {
		if s.kind != l.sections[i].kind || s.mid != l.sections[i].mid {
			return fmt.Errorf("SDP answer has another kind or mid in m-section %d than the offer", i)
		}
	}
	if r.layout.audio != l.audio {
		return fmt.Errorf("SDP answer uses an m-section that the offer rejected")
	}
	speech := false
	for _, p := range append(slices.Clone(r.payloads), r.pictures...) {
		if !slices.Contains(offered, p) {
			return fmt.Errorf("SDP answer names payload type %d, which was not offered so", p.pt)
		}
		speech = speech || isSpeech(p.name)
	}
	if !speech {
		return fmt.Errorf("SDP answer has no audio codec of the offer")
	}
	return nil
}

// readPayloads returns the formats of an audio section in order. Types 0 and 8 need no rtpmap (RFC 3551), and Alexa sends none.
func readPayloads(m *sdp.MediaDescription) []payload {
	maps := make(map[string]string)
	for _, a := range m.Attributes {
		if a.Key == "rtpmap" {
			pt, codec, _ := strings.Cut(a.Value, " ")
			maps[pt] = codecName(codec)
		}
	}
	var ps []payload
	for _, f := range m.MediaName.Formats {
		pt, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			continue
		}
		name, ok := maps[f]
		if !ok {
			switch pt {
			case 0:
				name = CodecPCMU
			case 8:
				name = CodecPCMA
			case 9:
				name = CodecG722
			}
		}
		ps = append(ps, payload{uint8(pt), name})
	}
	return ps
}

// codecName turns the right side of an rtpmap into a name of [EchoOptions].Codecs.
func codecName(encoding string) string {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "opus/48000/2":
		return CodecOpus
	case "pcmu/8000", "pcmu/8000/1":
		return CodecPCMU
	case "pcma/8000", "pcma/8000/1":
		return CodecPCMA
	case "g722/8000", "g722/8000/1":
		return CodecG722
	case "telephone-event/8000", "telephone-event/8000/1":
		return CodecTelephoneEvent
	case "h264/90000":
		return codecH264
	default:
		return ""
	}
}

func isSpeech(name string) bool {
	return name != "" && name != CodecTelephoneEvent && slices.Contains(codecTable, name)
}

// forPion returns the description as the Echo's pion/webrtc peer is to see it: the audio section alone, always sendrecv. Directions
// stay with us, because pion ends a transceiver for good when the other side says inactive. A peer that does not declare its SSRC is
// given an attribute that declares nothing, because pion otherwise adds a transceiver for it; the audio is heard below pion's tracks
// in any case.
func (r *remoteSDP) forPion() (string, error) {
	mid := r.layout.mid()
	if mid == "" {
		mid = "0"
	}
	m := *r.audio
	m.MediaName.Protos = []string{"UDP", "TLS", "RTP", "SAVPF"}
	m.Attributes = nil
	ssrc := "none"
	for _, a := range r.audio.Attributes {
		switch {
		case a.Key == "ssrc" && ssrc == "none":
			ssrc, _, _ = strings.Cut(a.Value, " ")
			ssrc += " cname:peer"
		case slices.Contains(directionTable, a.Key):
		case slices.Contains([]string{"ssrc", "ssrc-group", "msid", "rid", "simulcast", "mid"}, a.Key):
		default:
			m.Attributes = append(m.Attributes, a)
		}
	}
	m.Attributes = append(m.Attributes, sdp.NewAttribute("mid", mid), sdp.NewAttribute("ssrc", ssrc), sdp.NewPropertyAttribute(string(sendRecv)))
	d := *r.session
	d.Attributes = nil
	for _, a := range r.session.Attributes {
		if a.Key != "group" && !slices.Contains(directionTable, a.Key) {
			d.Attributes = append(d.Attributes, a)
		}
	}
	d.Attributes = append(d.Attributes, sdp.NewAttribute("group", "BUNDLE "+mid))
	d.MediaDescriptions = []*sdp.MediaDescription{&m}
	text, err := d.Marshal()
	return string(text), err
}
