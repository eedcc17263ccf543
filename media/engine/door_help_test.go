package engine_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
)

// echoStyle is a way in which Echo devices were seen to offer a talk with the door.
type echoStyle struct {
	name                     string
	audioMid, videoMid       string
	bundle, proto, end       string
	opus, h264               webrtc.PayloadType
	fmtp                     string
	once, mapped, soundAlone bool // candidates stand in the first section alone; G.711 has its rtpmap; there is no video
}

func echoStyles() []echoStyle {
	const dtls, old = "UDP/TLS/RTP/SAVPF", "RTP/SAVPF"
	const fmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
	return []echoStyle{
		{"captured", "audio0", "video0", "audio0 video0", dtls, "\r\n", 96, 99, "", false, false, false},
		{"documented", "audio0", "video0", "audio0 video0", old, "\n", 96, 99, "", false, false, false},
		{"video alone in BUNDLE", "audio0", "video0", "video0", dtls, "\n", 96, 99, "", false, false, false},
		{"video alone in BUNDLE, without candidates", "audio0", "video0", "video0", dtls, "\r\n", 96, 99, "", true, false, false},
		{"newer", "0", "1", "0 1", dtls, "\r\n", 111, 102, fmtp, true, true, false},
		{"sound alone", "audio0", "", "audio0", dtls, "\n", 96, 0, "", false, false, true},
	}
}

// newEcho makes a WebRTC peer with the numbers and mids of a style.
func newEcho(t *testing.T, s echoStyle) *viewer {
	t.Helper()
	m := &webrtc.MediaEngine{}
	register := func(kind webrtc.RTPCodecType, number webrtc.PayloadType, mime, fmtp string, clock uint32, channels uint16) {
		c := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: clock, Channels: channels, SDPFmtpLine: fmtp}
		if kind == webrtc.RTPCodecTypeVideo {
			c.RTCPFeedback = []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
		}
		if err := m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: c, PayloadType: number}, kind); err != nil {
			t.Fatal(err)
		}
	}
	register(webrtc.RTPCodecTypeAudio, s.opus, webrtc.MimeTypeOpus, "", 48000, 2)
	register(webrtc.RTPCodecTypeAudio, 0, webrtc.MimeTypePCMU, "", 8000, 0)
	register(webrtc.RTPCodecTypeAudio, 8, webrtc.MimeTypePCMA, "", 8000, 0)
	if !s.soundAlone {
		register(webrtc.RTPCodecTypeVideo, s.h264, webrtc.MimeTypeH264, s.fmtp, 90000, 0)
	}
	b := newBrowserOf(t, webrtc.Configuration{}, nil, m, func(e *webrtc.SettingEngine) { e.SetSDPMediaLevelFingerprints(true) })
	v := &viewer{browser: b}
	if !s.soundAlone {
		v = newViewerOf(t, b, webrtc.MimeTypeH264, s.fmtp)
	}
	for i, mid := range []string{s.audioMid, s.videoMid}[:len(b.pc.GetTransceivers())] {
		if err := b.pc.GetTransceivers()[i].SetMid(mid); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// written returns an offer of the peer's as an Echo writes it.
func (s echoStyle) written(t *testing.T, offer media.Description) media.Description {
	t.Helper()
	raw, err := offer.AppendText(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), "UDP/TLS/RTP/SAVPF", s.proto)
	candidates := strings.Join(regexp.MustCompile(`a=candidate:.*\r\n`).FindAllString(text, -1), "")
	replace := func(old, by string) { text = regexp.MustCompile(old).ReplaceAllString(text, by) }
	replace(`(m=\w+) \d+ `, "$1 1 ")
	if !s.mapped {
		replace(`a=rtpmap:[08] .*\r\n`, "")
	}
	replace(`a=(msid|extmap-allow-mixed|ice-options|msid-semantic|end-of-candidates).*\r\n`, "")
	replace(`c=.*\r\n`, "")
	replace(`s=-\r\n`, "s=a 2 z\r\nc=IN IP4 0.0.0.0\r\n")
	replace(`a=group:BUNDLE .*\r\n`, "a=group:BUNDLE "+s.bundle+"\r\n")
	if s.videoMid != "" {
		more := "a=mid:" + s.videoMid + "\r\nb=AS:2500\r\n"
		if !s.once {
			more += candidates
		}
		text = strings.ReplaceAll(text, "a=mid:"+s.videoMid+"\r\n", more)
	}
	d, err := media.ParseDescription([]byte(strings.ReplaceAll(text, "\r\n", s.end)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// door is a door phone with plain RTP: PCMU, and H.264 unless it has no eyes.
type door struct {
	sound, video *phone
	number       uint8 // of H.264
}

const doorH264 = "packetization-mode=1;profile-level-id=42e01f"

// newDoor has term answer the offer of a door phone. The lines are those of its video section after the rtpmap; nil: it has none.
func newDoor(t testing.TB, term media.Terminal, fmtp string, lines ...string) *door {
	t.Helper()
	d := &door{sound: newPhone(t), number: 97}
	text := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\na=rtcp-mux\r\n", d.sound.port())
	if fmtp != "" {
		d.video = newPhone(t)
		d.video.ssrc = 8
		text += fmt.Sprintf("m=video %d RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 %s\r\na=rtcp-mux\r\n", d.video.port(), fmtp)
		for _, line := range lines {
			text += line + "\r\n"
		}
	}
	offer, err := media.ParseDescription([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := term.Answer(offer, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := answer.AppendText(nil)
	ports := regexp.MustCompile(`m=\w+ (\d+) `).FindAllStringSubmatch(string(raw), -1)
	for i, p := range []*phone{d.sound, d.video} {
		if p != nil {
			port, err := strconv.ParseUint(ports[i][1], 10, 16)
			if err != nil || port == 0 {
				t.Fatalf("section %d of the door is refused:\n%s", i, raw)
			}
			p.to = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
		}
	}
	return d
}
