package media

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
)

// usualBody is as long as a description of sound alone is without its o-line, in bytes, so that it is written in one piece.
const usualBody = 384

// describe writes sections as our next description and keeps a hash of its text, to know whether the version has to grow.
func (s *negotiated) describe(p *Policy, l Local, sections []section, offer bool) (Description, error) {
	w := writer{p: p, l: l, offer: offer}
	w.b.Grow(usualBody)
	w.session(sections)
	for i := range sections {
		if sections[i].live {
			w.section(&sections[i])
		} else {
			w.refused(&sections[i])
		}
	}
	if w.bad {
		return Description{}, &DescriptionError{Reason: "a value with a line break in it"}
	}
	body := w.b.String()
	if sum := sha256.Sum256([]byte(body)); s.version == 0 || s.body != binary.BigEndian.Uint64(sum[:]) {
		s.body = binary.BigEndian.Uint64(sum[:])
		s.version++
	}
	family := "IP4"
	if strings.Contains(l.Addr, ":") {
		family = "IP6"
	}
	text := "v=0\r\no=- " + strconv.FormatUint(l.ID, 10) + " " + strconv.FormatUint(s.version, 10) + " IN " + family + " " + l.Addr + "\r\n" + body
	if len(text) > MaxDescription {
		return Description{}, errTooLong()
	}
	d, err := parseSDP(text)
	return Description{d}, err
}

// writer writes everything after the o-line.
type writer struct {
	b     strings.Builder
	p     *Policy
	l     Local
	offer bool
	bad   bool // a value would have broken out of its line
}

// line writes one line from its parts.
func (w *writer) line(parts ...string) {
	for _, part := range parts {
		if strings.ContainsAny(part, "\r\n\x00") {
			w.bad = true
			return
		}
		w.b.WriteString(part)
	}
	w.b.WriteString("\r\n")
}

func (w *writer) session(sections []section) {
	w.line("s=-")
	w.conn()
	w.line("t=0 0")
	if w.p.ICE && w.p.Lite {
		w.line("a=ice-lite")
	}
	var mids []string
	for i := range sections {
		if sections[i].live && sections[i].bundled {
			mids = append(mids, sections[i].mid)
		}
	}
	if mids != nil {
		w.line("a=group:BUNDLE ", strings.Join(mids, " "))
	}
}

func (w *writer) conn() {
	if strings.Contains(w.l.Addr, ":") {
		w.line("c=IN IP6 ", w.l.Addr)
		return
	}
	w.line("c=IN IP4 ", w.l.Addr)
}

func (w *writer) section(s *section) {
	numbers := make([]string, len(s.in), len(s.in)+len(s.repairIn))
	for i, f := range s.in {
		numbers[i] = strconv.Itoa(int(f.Number))
	}
	all := numbers
	for _, r := range s.repairIn {
		all = append(all, strconv.Itoa(int(r.Number)))
	}
	w.line("m=", s.media, " ", strconv.Itoa(int(w.l.Port)), " ", s.proto, " ", strings.Join(all, " "))
	for i, f := range s.in {
		w.line("a=rtpmap:", numbers[i], " ", f.Codec.String())
		if f.Codec.Params != "" {
			w.line("a=fmtp:", numbers[i], " ", f.Codec.Params)
		}
	}
	w.repairs(s)
	if s.kind == Audio {
		w.line("a=ptime:20")
	}
	w.feedback(s, numbers)
	w.extensions(s)
	if s.mid != "" {
		w.line("a=mid:", s.mid)
	}
	w.line("a=", s.dir.String())
	w.rtcp(s)
	w.transport(s)
}

// feedback lists the RTCP feedback of video: what the policy has in an offer, what both have in an answer.
func (w *writer) feedback(s *section, numbers []string) {
	if s.kind != Video {
		return
	}
	for i, number := range numbers {
		set := w.p.Feedback
		if !w.offer {
			set = s.feedback[i]
		}
		for _, v := range set.values() {
			w.line("a=rtcp-fb:", number, " ", v)
		}
	}
}

// rtcp says where RTCP goes. The answer takes multiplexing if it was offered (RFC 5761 section 5.1.1). WebRTC knows a sender by its
// stream and its source (RFC 8830, RFC 5576); all of ours are one stream, so that sound and pictures are played in step.
func (w *writer) rtcp(s *section) {
	if w.offer && w.p.Mux || !w.offer && s.far.Mux {
		w.line("a=rtcp-mux")
	} else if w.l.RTCPPort != 0 && w.l.RTCPPort != w.l.Port+1 {
		w.line("a=rtcp:", strconv.Itoa(int(w.l.RTCPPort)))
	}
	if w.p.Security == DTLS && s.dir.Sends() {
		ssrc := w.l.SSRC
		if s.kind == Video {
			ssrc = w.l.VideoSSRC
		}
		w.line("a=msid:", w.l.CNAME, " ", s.media)
		w.line("a=ssrc:", strconv.FormatUint(uint64(ssrc), 10), " cname:", w.l.CNAME)
		if s.repairIn != nil && w.l.RepairSSRC != 0 { // RFC 4588 section 8.5 by RFC 5576 section 4.2
			repair := strconv.FormatUint(uint64(w.l.RepairSSRC), 10)
			w.line("a=ssrc:", repair, " cname:", w.l.CNAME)
			w.line("a=ssrc-group:FID ", strconv.FormatUint(uint64(ssrc), 10), " ", repair)
		}
	}
}

func (w *writer) transport(s *section) {
	if w.p.Security == DTLS {
		setup := "active"
		if w.offer {
			setup = "actpass"
		} else if !s.far.Client {
			setup = "passive"
		}
		w.line("a=setup:", setup)
		w.line("a=fingerprint:", w.l.Fingerprint)
	}
	if w.p.sdes() {
		w.crypto(s)
	}
	if w.p.ICE {
		w.line("a=ice-ufrag:", w.l.Ufrag)
		w.line("a=ice-pwd:", w.l.Pwd)
		for _, c := range w.l.Candidates {
			w.line("a=candidate:", c)
		}
		w.line("a=end-of-candidates")
	}
}

// refused keeps the place of a section that is not wanted: port 0 (RFC 3264 section 6), its mid, one format, inactive.
func (w *writer) refused(s *section) {
	w.line("m=", s.media, " 0 ", s.proto, " ", s.refused[0])
	if len(s.refused) > 1 {
		w.line("a=rtpmap:", s.refused[0], " ", s.refused[1])
	}
	if s.mid != "" {
		w.line("a=mid:", s.mid)
	}
	w.line("a=inactive")
}
