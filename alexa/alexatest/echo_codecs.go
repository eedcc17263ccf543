package alexatest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/webrtc/v4"
)

// Names for [EchoOptions].Codecs.
const (
	CodecOpus           = "opus"
	CodecPCMU           = "PCMU"
	CodecPCMA           = "PCMA"
	CodecG722           = "G722"
	CodecTelephoneEvent = "telephone-event"

	codecH264 = "H264" // of EchoOptions.Camera
)

var codecTable = []string{CodecOpus, CodecPCMU, CodecPCMA, CodecG722, CodecTelephoneEvent}

// opusSilence is 20 ms of silence: the CELT mode at full band, mono, one frame (RFC 6716, section 3.1), whose first symbol is the
// silence flag. Every decoder makes 960 zero samples of it.
const opusSilence = "\xf8\xff\xfe"

const opusFrameTicks = 960 // 20 ms at 48 kHz

// g722Silence is the octet of which a decoder of G.722 makes silence, as ffmpeg does; one is an eighth of a millisecond.
const g722Silence = 0xff

// checkCodecs brings names to their known spelling, and says when one is unknown or when there is no audio codec.
func checkCodecs(names []string) ([]string, error) {
	if len(names) == 0 {
		return slices.Clone(codecTable[:3]), nil
	}
	var out []string
	speech := false
	for _, n := range names {
		i := slices.IndexFunc(codecTable, func(k string) bool { return strings.EqualFold(k, n) })
		if i < 0 {
			return nil, fmt.Errorf("alexatest: unknown codec %q", n)
		}
		if !slices.Contains(out, codecTable[i]) {
			out = append(out, codecTable[i])
		}
		speech = speech || isSpeech(codecTable[i])
	}
	if !speech {
		return nil, fmt.Errorf("alexatest: no audio codec in %v", names)
	}
	return out, nil
}

// payloadType is the number that an Echo offers a codec with.
func payloadType(name string, style OfferStyle) uint8 {
	switch name {
	case CodecPCMU:
		return 0
	case CodecPCMA:
		return 8
	case CodecG722:
		return 9
	case CodecTelephoneEvent:
		return 101
	case codecH264:
		if style != OfferModern {
			return 99
		}
		return 102
	default:
		if style != OfferModern {
			return 96
		}
		return 111
	}
}

func encodingName(name string) string {
	switch name {
	case CodecOpus:
		return "opus/48000/2"
	case codecH264:
		return "H264/90000"
	default:
		return name + "/8000"
	}
}

func codecParameters(name string) string {
	switch name {
	case CodecTelephoneEvent:
		return "0-15"
	case codecH264: // constrained baseline, as Amazon's page has it
		return "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
	default:
		return ""
	}
}

// pionCodec describes a codec to pion. Opus has no parameters there, so that it matches whatever parameters the other side names.
func pionCodec(name string, style OfferStyle) webrtc.RTPCodecParameters {
	c := webrtc.RTPCodecCapability{MimeType: "audio/" + name, ClockRate: sampleRate, SDPFmtpLine: codecParameters(name)}
	if name == CodecOpus {
		c.ClockRate, c.Channels = 48000, 2
	}
	return webrtc.RTPCodecParameters{RTPCodecCapability: c, PayloadType: webrtc.PayloadType(payloadType(name, style))}
}
