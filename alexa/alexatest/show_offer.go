package alexatest

import (
	"fmt"
	"strings"
)

// ShowStyle says how a Show writes its offers. All of them were observed.
type ShowStyle uint8

const (
	// ShowCaptured is the style of the captured offers: UDP/TLS/RTP/SAVPF, formats 96 0 8 without an rtpmap for 0 and 8, mids audio0 and
	// video0, port 1, candidates of both components, UDP and TCP, before all other attributes, b=AS:2500 behind a= lines, H.264 without
	// parameters, ice-ufrag of 4 and ice-pwd of 22 characters.
	ShowCaptured ShowStyle = iota
	// ShowBundleVideo is ShowCaptured with a BUNDLE group that lists video0 alone, although audio0 is there too and has the same transport.
	ShowBundleVideo
	// ShowDocumented is the older style of the offer on Amazon's page: RTP/SAVPF, formats 96 0, b=AS:500.
	ShowDocumented
	// ShowNumbered is the newer style: mids 0 and 1, Opus 111, H.264 twice, 102 and 112, with its parameters.
	ShowNumbered
)

// ShowStyles returns all styles, in their order.
func ShowStyles() []ShowStyle {
	return []ShowStyle{ShowCaptured, ShowBundleVideo, ShowDocumented, ShowNumbered}
}

// String returns the style's name in lower case.
func (s ShowStyle) String() string {
	return [...]string{"captured", "bundle video", "documented", "numbered", "unknown"}[min(s, ShowNumbered+1)]
}

// codecs are those of the style's audio.
func (s ShowStyle) codecs() []string {
	if s == ShowDocumented {
		return []string{CodecOpus, CodecPCMU}
	}
	return []string{CodecOpus, CodecPCMU, CodecPCMA}
}

func (s ShowStyle) mids() (audio, video string) {
	if s == ShowNumbered {
		return "0", "1"
	}
	return capturedMid, capturedVideoMid
}

// offerStyle has the same payload types.
func (s ShowStyle) offerStyle() OfferStyle {
	if s == ShowNumbered {
		return OfferModern
	}
	return OfferCaptured
}

// numberedPictures are the parameters of the two H.264 formats of ShowNumbered.
const (
	numberedBaseline = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"
	numberedHigh     = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640029"
	numberedSecond   = 112
)

// host is where a Show can be reached.
type host struct {
	ip      string
	udp     int // 0: not by UDP
	passive int // port of TCP; 0: none listens
}

// showOffer is what an offer says, apart from its style.
type showOffer struct {
	style            ShowStyle
	lineFeeds        bool
	codecs           []string
	audioOnly        bool
	ufrag, pwd       string
	fingerprint      string // with the hash function
	session          uint64
	audioSSRC, video uint32
	hosts            []host
}

// text writes the offer.
func (o *showOffer) text() string {
	var b strings.Builder
	end := "\r\n"
	if o.lineFeeds {
		end = "\n"
	}
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+end, args...) }
	audio, video := o.style.mids()
	line("v=0")
	line("o=- %d %d IN IP4 0.0.0.0", o.session, o.session)
	line("s=a 2 z")
	line("c=IN IP4 0.0.0.0")
	line("t=0 0")
	switch {
	case o.style == ShowBundleVideo:
		line("a=group:BUNDLE %s", video)
	case o.audioOnly:
		line("a=group:BUNDLE %s", audio)
	default:
		line("a=group:BUNDLE %s %s", audio, video)
	}
	o.audio(line, audio)
	if !o.audioOnly {
		o.pictures(line, video)
	}
	return b.String()
}

func (o *showOffer) proto() string {
	if o.style == ShowDocumented {
		return "RTP/SAVPF"
	}
	return "UDP/TLS/RTP/SAVPF"
}

func (o *showOffer) audio(line func(string, ...any), mid string) {
	formats := make([]string, 0, len(o.codecs))
	for _, name := range o.codecs {
		formats = append(formats, fmt.Sprint(payloadType(name, o.style.offerStyle())))
	}
	line("m=audio 1 %s %s", o.proto(), strings.Join(formats, " "))
	o.candidates(line)
	line("a=setup:actpass")
	line("a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time")
	for _, name := range o.codecs {
		if name == CodecOpus {
			line("a=rtpmap:%d %s", payloadType(name, o.style.offerStyle()), encodingName(name))
		}
	}
	o.transport(line, mid, o.audioSSRC, nil)
}

func (o *showOffer) pictures(line func(string, ...any), mid string) {
	first := payloadType(codecH264, o.style.offerStyle())
	formats, rate := []int{int(first)}, 2500
	switch o.style {
	case ShowDocumented:
		rate = 500
	case ShowNumbered:
		formats = append(formats, numberedSecond)
	case ShowCaptured, ShowBundleVideo:
	}
	words := make([]string, 0, len(formats))
	for _, f := range formats {
		words = append(words, fmt.Sprint(f))
	}
	line("m=video 1 %s %s", o.proto(), strings.Join(words, " "))
	o.candidates(line)
	line("b=AS:%d", rate)
	line("a=setup:actpass")
	line("a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time")
	var feedback []string
	for n, f := range formats {
		line("a=rtpmap:%d H264/90000", f)
		if o.style == ShowNumbered {
			line("a=fmtp:%d %s", f, []string{numberedBaseline, numberedHigh}[n])
		}
		for _, kind := range []string{"nack", "nack pli", "ccm fir"} {
			feedback = append(feedback, fmt.Sprintf("a=rtcp-fb:%d %s", f, kind))
		}
		if o.style == ShowNumbered {
			feedback = append(feedback, fmt.Sprintf("a=rtcp-fb:%d goog-remb", f))
		}
	}
	o.transport(line, mid, o.video, feedback)
}

// transport writes what follows the formats of a section.
func (o *showOffer) transport(line func(string, ...any), mid string, ssrc uint32, feedback []string) {
	line("a=rtcp:9 IN IP4 0.0.0.0")
	line("a=rtcp-mux")
	line("a=sendrecv")
	line("a=mid:%s", mid)
	for _, f := range feedback {
		line("%s", f)
	}
	line("a=ssrc:%d cname:user%d@host-%.8s", ssrc, o.audioSSRC, o.ufrag)
	line("a=ice-ufrag:%s", o.ufrag)
	line("a=ice-pwd:%s", o.pwd)
	line("a=fingerprint:%s", o.fingerprint)
}

// candidates writes those of both components: rtcp-mux makes the second ones useless, so that they lead nowhere.
func (o *showOffer) candidates(line func(string, ...any)) {
	n := 0
	write := func(component int, transport string, priority int, ip string, port int, more string) {
		n++
		line("a=candidate:%d %d %s %d %s %d typ host%s", n, component, transport, priority, ip, port, more)
	}
	for component := 1; component <= 2; component++ {
		for _, v := range o.hosts {
			port := func(p int) int {
				if component == 2 {
					return 9
				}
				return p
			}
			if v.udp != 0 {
				write(component, "UDP", 2013266432-component, v.ip, port(v.udp), "")
			}
			if v.passive != 0 {
				write(component, "TCP", 1010827776-component, v.ip, port(v.passive), " tcptype passive")
			}
			write(component, "TCP", 1015022080-component, v.ip, 9, " tcptype active")
		}
	}
}
