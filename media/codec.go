package media

import (
	"strconv"
	"strings"
)

// A Codec is a media format. Codecs are comparable; payload types are not part of them and stay inside the negotiator.
type Codec struct {
	Name      string // encoding name as registered: "opus", "PCMU", "telephone-event"
	Params    string // format parameters (a=fmtp), such as "minptime=10;useinbandfec=1"
	ClockRate int    // of RTP timestamps, in Hz
	Channels  int    // 1 or more
}

// Encoding names as this house writes them. SDP compares names without regard to case (RFC 8866 section 6.6).
const (
	nameOpus           = "opus"
	namePCMU           = "PCMU"
	namePCMA           = "PCMA"
	nameTelephoneEvent = "telephone-event"
)

// Opus returns the Opus codec (RFC 7587), with in-band error correction wanted.
func Opus() Codec {
	return Codec{Name: nameOpus, ClockRate: 48000, Channels: 2, Params: "minptime=10;useinbandfec=1"}
}

// PCMU returns G.711 µ-law (RFC 3551 section 4.5.14).
func PCMU() Codec { return Codec{Name: namePCMU, ClockRate: 8000, Channels: 1} }

// PCMA returns G.711 A-law (RFC 3551 section 4.5.14).
func PCMA() Codec { return Codec{Name: namePCMA, ClockRate: 8000, Channels: 1} }

// TelephoneEvent returns named telephone events (RFC 4733), the digits 0-9 * # A-D and flash, at a clock rate in Hz.
func TelephoneEvent(clockRate int) Codec {
	return Codec{Name: nameTelephoneEvent, ClockRate: clockRate, Channels: 1, Params: "0-16"}
}

// Matches reports whether c and d are the same format, so that a packet of one may be sent as the other without a change of its
// payload. Parameters that only state a receiver's preference do not count.
func (c Codec) Matches(d Codec) bool {
	return strings.EqualFold(c.Name, d.Name) && c.ClockRate == d.ClockRate && c.Channels == d.Channels
}

// IsDigits reports whether c carries telephone events and not sound.
func (c Codec) IsDigits() bool { return strings.EqualFold(c.Name, nameTelephoneEvent) }

// String returns c as in an SDP rtpmap, such as "opus/48000/2".
func (c Codec) String() string {
	s := c.Name + "/" + strconv.Itoa(c.ClockRate)
	if c.Channels > 1 {
		s += "/" + strconv.Itoa(c.Channels)
	}
	return s
}

// staticFormats are the static payload types of RFC 3551 section 6 that phones offer without an rtpmap.
func staticFormat(number uint8) (Codec, bool) {
	switch number {
	case 0:
		return PCMU(), true
	case 8:
		return PCMA(), true
	default:
		return Codec{}, false
	}
}

// canonicalName returns the house's spelling of an encoding name that differs from it only in case.
func canonicalName(name string) string {
	for _, known := range [...]string{nameOpus, namePCMU, namePCMA, nameTelephoneEvent} {
		if strings.EqualFold(name, known) {
			return known
		}
	}
	return name
}
