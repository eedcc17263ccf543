package siptest

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

const (
	videoType = 97 // payload type of pictures in the phone's own offers
	h264Name  = "H264"

	profileAVPF = "RTP/AVPF"
)

// lens is the phone's side of offer and answer for the pictures of one call.
type lens struct {
	*camera
	port        uint16
	section     int // index in the layout; -1: the exchange has none
	payloadType uint8
	proto       string
}

// videoTerms is what an exchange came to for pictures.
type videoTerms struct {
	agreed      bool
	send        bool
	payloadType uint8
	to          netip.AddrPort
	controlTo   netip.AddrPort
	feedback    []string
}

// newLens returns a lens before its first exchange.
func newLens(c *camera, port uint16) *lens {
	l := &lens{camera: c, port: port, section: -1, payloadType: videoType, proto: profile}
	if c.AVPF {
		l.proto = profileAVPF
	}
	return l
}

// wants returns the direction that the phone wants for its pictures, where that of the sound is given.
func (l *lens) wants(sound direction) direction {
	return direction{send: sound.send, recv: sound.recv && l.Receive}
}

// answer returns the section of an answer to s and what comes of it; false when the section is refused.
func (l *lens) answer(index int, s *section, want direction, local netip.Addr) (string, videoTerms, bool) {
	if s.kind != "video" || s.proto != profile && s.proto != profileAVPF || s.port == 0 || s.addr.Is4() != local.Is4() {
		return "", videoTerms{}, false
	}
	chosen, ok := l.choose(s)
	if !ok {
		return "", videoTerms{}, false
	}
	l.section, l.payloadType, l.proto = index, chosen.payloadType, s.proto
	theirs := s.dir
	if s.addr.IsUnspecified() {
		theirs.recv = false
	}
	want = l.wants(want)
	dir := direction{send: want.send && theirs.recv, recv: want.recv && theirs.send}
	terms := l.terms(s, chosen.payloadType)
	terms.send = dir.send
	return l.write(terms.feedback, dir), terms, true
}

// choose returns the first H.264 of s that is of the phone's own packetization mode and profile.
func (l *lens) choose(s *section) (format, bool) {
	mode := "1"
	if l.SingleNAL {
		mode = "0"
	}
	for _, f := range s.formats {
		if f.name != h264Name || f.rate != videoClock {
			continue
		}
		theirMode, theirProfile := f.param("packetization-mode"), f.param("profile-level-id")
		if theirMode == "" {
			theirMode = "0"
		}
		if theirMode == mode && (theirProfile == "" || len(theirProfile) == 6 && strings.EqualFold(theirProfile[:2], l.profile[:2])) {
			return f, true
		}
	}
	return format{}, false
}

// terms returns how pictures go to section s of the other side.
func (l *lens) terms(s *section, payloadType uint8) videoTerms {
	t := videoTerms{
		agreed: true, send: !s.addr.IsUnspecified(), payloadType: payloadType,
		to: netip.AddrPortFrom(s.addr, uint16(s.port)), controlTo: s.control(),
	}
	for _, f := range l.Feedback {
		if slices.Contains(s.feedback, fmt.Sprintf("%d %s", payloadType, f)) || slices.Contains(s.feedback, "* "+f) {
			t.feedback = append(t.feedback, f)
		}
	}
	return t
}

// accept returns what comes of section s of the answer to the last offer, whose direction for sound was want. A section that is refused,
// or that names nothing of the offer, comes to nothing.
func (l *lens) accept(s *section, want direction, local netip.Addr) videoTerms {
	if s.kind != "video" || s.proto != l.proto || s.port == 0 || s.addr.Is4() != local.Is4() {
		return videoTerms{}
	}
	chosen, ok := l.choose(s)
	if !ok {
		return videoTerms{}
	}
	t := l.terms(s, chosen.payloadType)
	t.send = t.send && l.wants(want).send && s.dir.recv
	return t
}

// write returns the phone's section with some feedback.
func (l *lens) write(feedback []string, dir direction) string {
	var b strings.Builder
	mode := 1
	if l.SingleNAL {
		mode = 0
	}
	fmt.Fprintf(&b, "m=video %d %s %d\r\na=rtpmap:%d %s/%d\r\n", l.port, l.proto, l.payloadType, l.payloadType, h264Name, videoClock)
	fmt.Fprintf(&b, "a=fmtp:%d profile-level-id=%s;packetization-mode=%d", l.payloadType, l.profile, mode)
	if l.Sets != SetsInBand {
		text := base64.StdEncoding.EncodeToString
		fmt.Fprintf(&b, ";sprop-parameter-sets=%s,%s", text(l.film.sequence), text(l.film.picture))
	}
	b.WriteString("\r\n")
	for _, f := range feedback {
		fmt.Fprintf(&b, "a=rtcp-fb:%d %s\r\n", l.payloadType, f)
	}
	fmt.Fprintf(&b, "a=%s\r\n", dir)
	return b.String()
}
