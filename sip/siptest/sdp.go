package siptest

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// digitsType is the payload type of telephone events in the phone's own offers.
const digitsType = 101

// profile is the one transport the phone speaks.
const profile = "RTP/AVP"

var errNoAudio = errors.New("siptest: no audio in common")

// agreement is the phone's side of offer and answer (RFC 3264) for one call. Its owner guards it.
type agreement struct {
	user    string
	codecs  []companding // in order of preference
	addr    netip.Addr   // where media is received
	port    uint16
	id      uint32
	version uint32
	sent    string    // the last description sent, without its origin
	layout  []section // all sections of the last exchange; those but the audio one stay refused
	audio   int       // index of the audio section in layout
	digits  uint8     // payload type of telephone events
	lens    *lens     // nil without pictures
}

// outcome is what an exchange came to: how media is sent, and what is taken as it comes.
type outcome struct {
	codec       companding
	payloadType uint8 // of codec
	digits      uint8 // payload type of telephone events that are sent
	hasDigits   bool
	send        bool
	to          netip.AddrPort
	controlTo   netip.AddrPort // RTCP
	sounds      map[uint8]companding
	digitsIn    uint8 // payload type of telephone events that are received
	hasDigitsIn bool
	video       videoTerms
}

// newAgreement returns an agreement before its first exchange.
func newAgreement(user string, codecs []companding, media netip.AddrPort, id uint32) *agreement {
	return &agreement{user: user, codecs: codecs, addr: media.Addr(), port: media.Port(), id: id, version: id, digits: digitsType}
}

// offer returns an offer of all that the phone can do. Once there has been an exchange its sections keep their places.
func (a *agreement) offer(dir direction) string {
	layout, audio := a.layout, a.audio
	if layout == nil {
		layout, audio = []section{{kind: "audio"}}, 0
		if a.lens != nil {
			layout = append(layout, section{kind: "video"})
			a.lens.section = 1
		}
	}
	var formats []format
	for _, c := range a.codecs {
		formats = append(formats, format{payloadType: c.static, name: c.name, rate: sampleRate})
	}
	formats = append(formats, format{payloadType: a.digits, name: eventName, rate: sampleRate})
	a.layout, a.audio = layout, audio
	pictures := ""
	if a.lens != nil && a.lens.section >= 0 {
		pictures = a.lens.write(a.lens.Feedback, a.lens.wants(dir))
	}
	return a.write(formats, dir, pictures)
}

// eventName is the encoding name of telephone events, in capitals (RFC 4733 section 7.1.1).
const eventName = "TELEPHONE-EVENT"

// answer returns the answer to an offer and what comes of it. The audio section is the first that the phone can take up, with the
// first codec of the offerer that the phone has; want is what the phone would do by itself. Nothing changes when it fails.
func (a *agreement) answer(offer description, want direction) (string, outcome, error) {
	audio, codec, chosen, ok := a.choose(offer)
	if !ok {
		return "", outcome{}, errNoAudio
	}
	s := &offer.sections[audio]
	formats := []format{chosen}
	o := a.outcome(s, codec, chosen.payloadType)
	o.sounds = map[uint8]companding{chosen.payloadType: codec}
	if event, ok := s.find(eventName); ok {
		formats = append(formats, event)
		a.digits = event.payloadType
		o.digitsIn, o.hasDigitsIn = event.payloadType, true
	}
	theirs := s.dir
	if s.addr.IsUnspecified() {
		theirs.recv = false // RFC 3264 section 8.4: the older way to hold
	}
	dir := direction{send: want.send && theirs.recv, recv: want.recv && theirs.send}
	o.send = o.send && dir.send
	a.layout, a.audio = offer.sections, audio
	pictures := ""
	pictures, o.video = a.show(offer, want)
	return a.write(formats, dir, pictures), o, nil
}

// show returns the section of pictures of the answer to an offer, and what comes of it: that of the first section that the phone can take
// up. It is "" when there is none.
func (a *agreement) show(offer description, want direction) (string, videoTerms) {
	if a.lens == nil {
		return "", videoTerms{}
	}
	a.lens.section = -1
	for i := range offer.sections {
		if text, terms, ok := a.lens.answer(i, &offer.sections[i], want, a.addr); ok {
			return text, terms
		}
	}
	return "", videoTerms{}
}

// choose picks the section and the format of an offer that the phone takes up.
func (a *agreement) choose(offer description) (audio int, codec companding, chosen format, ok bool) {
	for i := range offer.sections {
		s := &offer.sections[i]
		if s.kind != "audio" || s.proto != profile || s.port == 0 || s.addr.Is4() != a.addr.Is4() {
			continue
		}
		for _, f := range s.formats {
			for _, c := range a.codecs {
				if f.name == c.name && f.rate == sampleRate {
					return i, c, f, true
				}
			}
		}
	}
	return 0, companding{}, format{}, false
}

// accept takes the answer to the last offer, which had the direction want, and returns what comes of it.
func (a *agreement) accept(answer description, want direction) (outcome, error) {
	if len(answer.sections) != len(a.layout) {
		return outcome{}, fmt.Errorf("siptest: the answer has %d media sections, the offer has %d", len(answer.sections), len(a.layout))
	}
	s := &answer.sections[a.audio]
	if s.kind != "audio" || s.proto != profile || s.port == 0 || s.addr.Is4() != a.addr.Is4() {
		return outcome{}, errNoAudio
	}
	var o outcome
	found := false
	for _, f := range s.formats {
		for _, c := range a.codecs {
			if !found && f.name == c.name && f.rate == sampleRate {
				o, found = a.outcome(s, c, f.payloadType), true
			}
		}
	}
	if !found {
		return outcome{}, errNoAudio
	}
	o.send = o.send && want.send && s.dir.recv
	in := a.offered()
	o.sounds, o.digitsIn, o.hasDigitsIn = in.sounds, in.digitsIn, in.hasDigitsIn
	if a.lens != nil && a.lens.section >= 0 {
		o.video = a.lens.accept(&answer.sections[a.lens.section], want, a.addr)
	}
	a.layout = answer.sections
	return o, nil
}

// offered returns what may come from the moment an offer is sent.
func (a *agreement) offered() outcome {
	o := outcome{sounds: make(map[uint8]companding, len(a.codecs)), digitsIn: a.digits, hasDigitsIn: true}
	for _, c := range a.codecs {
		o.sounds[c.static] = c
	}
	if a.lens != nil && a.lens.section >= 0 {
		o.video = videoTerms{agreed: true, payloadType: a.lens.payloadType}
	}
	return o
}

// outcome returns how media goes to section s of the other side.
func (a *agreement) outcome(s *section, codec companding, payloadType uint8) outcome {
	o := outcome{
		codec:       codec,
		payloadType: payloadType,
		send:        !s.addr.IsUnspecified(),
		to:          netip.AddrPortFrom(s.addr, uint16(s.port)),
		controlTo:   s.control(),
	}
	if event, ok := s.find(eventName); ok {
		o.digits, o.hasDigits = event.payloadType, true
	}
	return o
}

// write returns the description with the given audio formats and section of pictures. The version of its origin grows when anything
// has changed since the last one (RFC 3264 section 8).
func (a *agreement) write(formats []format, dir direction, pictures string) string {
	family := "IP4"
	if a.addr.Is6() {
		family = "IP6"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "s=siptest\r\nc=IN %s %s\r\nt=0 0\r\n", family, a.addr)
	for i, s := range a.layout {
		switch {
		case i == a.audio:
			writeAudio(&b, a.port, formats, dir)
			continue
		case pictures != "" && i == a.lens.section:
			b.WriteString(pictures)
			continue
		}
		fmt.Fprintf(&b, "m=%s 0 %s %s\r\n", s.kind, s.proto, strings.Join(s.rawFormats, " "))
	}
	body := b.String()
	if a.sent != "" && a.sent != body {
		a.version++
	}
	a.sent = body
	return fmt.Sprintf("v=0\r\no=%s %d %d IN %s %s\r\n%s", a.user, a.id, a.version, family, a.addr, body)
}

// writeAudio appends the audio section.
func writeAudio(b *strings.Builder, port uint16, formats []format, dir direction) {
	fmt.Fprintf(b, "m=audio %d %s", port, profile)
	for _, f := range formats {
		fmt.Fprintf(b, " %d", f.payloadType)
	}
	b.WriteString("\r\n")
	for _, f := range formats {
		if f.name == eventName {
			fmt.Fprintf(b, "a=rtpmap:%d telephone-event/%d\r\na=fmtp:%d 0-15\r\n", f.payloadType, f.rate, f.payloadType)
			continue
		}
		fmt.Fprintf(b, "a=rtpmap:%d %s/%d\r\n", f.payloadType, f.name, f.rate)
	}
	fmt.Fprintf(b, "a=ptime:20\r\na=%s\r\n", dir)
}
