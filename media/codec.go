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
	nameG722           = "G722"
	nameTelephoneEvent = "telephone-event"
	nameNoise          = "CN"
	nameH264           = "H264"
	nameVP8            = "VP8"
	nameAAC            = "mpeg4-generic"
	nameLATM           = "MP4A-LATM"
)

// Opus returns the Opus codec (RFC 7587), with in-band error correction wanted.
func Opus() Codec {
	return Codec{Name: nameOpus, ClockRate: 48000, Channels: 2, Params: "minptime=10;useinbandfec=1"}
}

// PCMU returns G.711 µ-law (RFC 3551 section 4.5.14).
func PCMU() Codec { return Codec{Name: namePCMU, ClockRate: 8000, Channels: 1} }

// PCMA returns G.711 A-law (RFC 3551 section 4.5.14).
func PCMA() Codec { return Codec{Name: namePCMA, ClockRate: 8000, Channels: 1} }

// G722 returns G.722 at 64 kbit/s. Its clock rate is 8000 though it samples at 16 kHz (RFC 3551 section 4.5.2).
func G722() Codec { return Codec{Name: nameG722, ClockRate: 8000, Channels: 1} }

// VP8 returns the VP8 video codec (RFC 7741).
func VP8() Codec { return Codec{Name: nameVP8, ClockRate: 90000, Channels: 1} }

// H264 returns H.264 video (RFC 6184) of a profile and level, such as "42e01f" for constrained baseline 3.1, in a packetization mode:
// 0 for one NAL unit in a packet, 1 for aggregates and fragments. A receiver may take another level than it sends.
func H264(profileLevel string, packetizationMode int) Codec {
	return Codec{
		Name: nameH264, ClockRate: 90000, Channels: 1,
		Params: "level-asymmetry-allowed=1;packetization-mode=" + strconv.Itoa(packetizationMode) + ";profile-level-id=" + profileLevel,
	}
}

// TelephoneEvent returns named telephone events (RFC 4733), the digits 0-9 * # A-D and flash, at a clock rate in Hz.
func TelephoneEvent(clockRate int) Codec {
	return Codec{Name: nameTelephoneEvent, ClockRate: clockRate, Channels: 1, Params: "0-16"}
}

// IsDigits reports whether c carries telephone events and not sound.
func (c Codec) IsDigits() bool { return strings.EqualFold(c.Name, nameTelephoneEvent) }

// isNoise reports whether c says what a pause sounds like (RFC 3389), and carries no sound.
func (c Codec) isNoise() bool { return strings.EqualFold(c.Name, nameNoise) }

// String returns c as in an SDP rtpmap, such as "opus/48000/2".
func (c Codec) String() string {
	s := c.Name + "/" + strconv.Itoa(c.ClockRate)
	if c.Channels > 1 {
		s += "/" + strconv.Itoa(c.Channels)
	}
	return s
}

// staticFormatTable holds the static payload types of RFC 3551 section 6, which phones offer without an rtpmap.
var staticFormatTable = map[uint8]Codec{
	0:  PCMU(),
	3:  {Name: "GSM", ClockRate: 8000, Channels: 1},
	4:  {Name: "G723", ClockRate: 8000, Channels: 1},
	5:  {Name: "DVI4", ClockRate: 8000, Channels: 1},
	6:  {Name: "DVI4", ClockRate: 16000, Channels: 1},
	7:  {Name: "LPC", ClockRate: 8000, Channels: 1},
	8:  PCMA(),
	9:  G722(),
	10: {Name: "L16", ClockRate: 44100, Channels: 2},
	11: {Name: "L16", ClockRate: 44100, Channels: 1},
	12: {Name: "QCELP", ClockRate: 8000, Channels: 1},
	13: {Name: nameNoise, ClockRate: 8000, Channels: 1},
	14: {Name: "MPA", ClockRate: 90000, Channels: 1},
	15: {Name: "G728", ClockRate: 8000, Channels: 1},
	16: {Name: "DVI4", ClockRate: 11025, Channels: 1},
	17: {Name: "DVI4", ClockRate: 22050, Channels: 1},
	18: {Name: "G729", ClockRate: 8000, Channels: 1},
	25: {Name: "CelB", ClockRate: 90000, Channels: 1},
	26: {Name: "JPEG", ClockRate: 90000, Channels: 1},
	28: {Name: "nv", ClockRate: 90000, Channels: 1},
	31: {Name: "H261", ClockRate: 90000, Channels: 1},
	32: {Name: "MPV", ClockRate: 90000, Channels: 1},
	33: {Name: "MP2T", ClockRate: 90000, Channels: 1},
	34: {Name: "H263", ClockRate: 90000, Channels: 1},
}

// staticFormat returns the codec of a static payload type.
func staticFormat(number uint8) (Codec, bool) {
	c, ok := staticFormatTable[number]
	return c, ok
}

// canonicalName returns the house's spelling of an encoding name that differs from it only in case.
func canonicalName(name string) string {
	for _, known := range [...]string{
		nameOpus, namePCMU, namePCMA, nameG722, nameTelephoneEvent, nameH264, nameVP8, nameAAC, nameLATM, nameRTX,
	} {
		if strings.EqualFold(name, known) {
			return known
		}
	}
	return name
}
