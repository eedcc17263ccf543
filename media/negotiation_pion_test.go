package media_test

import (
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"github.com/alexacall/alexacall/media"
)

// An echo is a peer of pion/webrtc with the codecs, numbers and mids of an Echo device.
type echo struct {
	t     *testing.T
	pc    *webrtc.PeerConnection
	audio *webrtc.RTPTransceiver
}

// newEcho makes a peer that offers, with tracks, or that only answers.
func newEcho(t *testing.T, offers bool) *echo {
	t.Helper()
	var m webrtc.MediaEngine
	for _, c := range []struct {
		kind   webrtc.RTPCodecType
		number webrtc.PayloadType
		codec  webrtc.RTPCodecCapability
	}{
		{webrtc.RTPCodecTypeAudio, 96, webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}},
		{webrtc.RTPCodecTypeAudio, 0, webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: 8000}},
		{webrtc.RTPCodecTypeAudio, 8, webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMA, ClockRate: 8000}},
		{webrtc.RTPCodecTypeVideo, 99, webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000}},
	} {
		must(t, m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: c.codec, PayloadType: c.number}, c.kind))
	}
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetSDPMediaLevelFingerprints(true)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(&m), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	must(t, err)
	t.Cleanup(func() { must(t, pc.GracefulClose()) })
	e := &echo{t: t, pc: pc}
	if offers {
		track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "audio", "echo")
		must(t, err)
		e.audio, err = pc.AddTransceiverFromTrack(track)
		must(t, err)
		must(t, e.audio.SetMid("audio0"))
		video, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo)
		must(t, err)
		must(t, video.SetMid("video0"))
	}
	return e
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// describe sets a local description and returns it with all candidates.
func (e *echo) describe(d webrtc.SessionDescription, err error) string {
	e.t.Helper()
	must(e.t, err)
	gathered := webrtc.GatheringCompletePromise(e.pc)
	must(e.t, e.pc.SetLocalDescription(d))
	select {
	case <-gathered:
	case <-time.After(20 * time.Second):
		e.t.Fatal("pion gathered no candidates in 20 s")
	}
	return e.pc.LocalDescription().SDP
}

func (e *echo) take(kind webrtc.SDPType, text string) {
	e.t.Helper()
	if err := e.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: text}); err != nil {
		e.t.Fatalf("pion refuses our %v: %v\n%s", kind, err, text)
	}
}

// asEcho writes an offer of pion the way an Echo does: port 1, no rtpmap for 0 and 8, bandwidth after attributes, no c= in sections.
func asEcho(offer, proto, bundle string) string {
	offer = strings.ReplaceAll(offer, "UDP/TLS/RTP/SAVPF", proto)
	for _, r := range []struct{ old, planted string }{
		{`(m=\w+) \d+ `, "$1 1 "},
		{`a=rtpmap:[08] .*\r\n`, ""},
		{`a=(msid|extmap-allow-mixed|ice-options|msid-semantic).*\r\n`, ""},
		{`c=.*\r\n`, ""},
		{`s=-\r\n`, "s=a 2 z\r\nc=IN IP4 0.0.0.0\r\n"},
		{`a=group:BUNDLE .*\r\n`, "a=group:BUNDLE " + bundle + "\r\n"},
		{`a=mid:video0\r\n`, "a=mid:video0\r\nb=AS:2500\r\n"},
	} {
		offer = regexp.MustCompile(r.old).ReplaceAllString(offer, r.planted)
	}
	return offer
}

// onLoopback gives a party a candidate on loopback that some socket holds.
func (a *party) onLoopback() *party {
	a.t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(a.t, err)
	a.t.Cleanup(func() { must(a.t, conn.Close()) })
	_, port, err := net.SplitHostPort(conn.LocalAddr().String())
	must(a.t, err)
	a.l.Candidates = []string{"1 1 udp 2130706431 127.0.0.1 " + port + " typ host"}
	return a
}

// TestPionTakesOurAnswers answers offers of a real WebRTC peer, rewritten into every style seen of Echo devices, and lets the peer
// judge. Then both sides offer again: a hold, and a refresh.
func TestPionTakesOurAnswers(t *testing.T) {
	for _, proto := range []string{"UDP/TLS/RTP/SAVPF", "RTP/SAVPF"} {
		for _, bundle := range []string{"audio0 video0", "video0"} {
			for _, end := range []string{"\r\n", "\n"} {
				t.Run(proto+" "+bundle+" "+strings.Trim(strings.ReplaceAll(strings.ReplaceAll(end, "\r", "CR"), "\n", "LF"), " "), func(t *testing.T) {
					e, a := newEcho(t, true), newParty(t, alexaSound()).onLoopback()
					offer := asEcho(e.describe(e.pc.CreateOffer(nil)), proto, bundle)
					answer := a.answerText(strings.ReplaceAll(offer, "\r\n", end), nil)
					if got, want := mLines(answer), "audio taken "+proto+" 96 0 8; video refused "+proto+" 99"; got != want {
						t.Errorf("m-lines %q, want %q", got, want)
					}
					if far := a.n.Sections()[0].Transport; len(far.Candidates) == 0 || far.Ufrag == "" {
						t.Error("pion's candidates are not in what the engine is told")
					}
					e.take(webrtc.SDPTypeAnswer, answer)
					if got := e.audio.Sender().GetParameters().Codecs; len(got) == 0 || got[0].PayloadType != 96 {
						t.Errorf("pion would send with %v, want payload type 96 first", got)
					}
					checkReoffers(t, e, a)
				})
			}
		}
	}
}

// checkReoffers puts a call on hold and takes it back, by offers of ours, and then answers an offer of the peer.
func checkReoffers(t *testing.T, e *echo, a *party) {
	t.Helper()
	for _, dir := range []media.Direction{sendOnly, sendRecv} {
		e.take(webrtc.SDPTypeOffer, sdpText(t, a.offer(audio(dir, media.Opus(), media.PCMU()))))
		a.accept(parse(t, e.describe(e.pc.CreateAnswer(nil))))
		if got := dirOf(a.n.Agreed()); got != dir.Reverse() {
			t.Errorf("after an offer of %v the agreement is %v", dir, got)
		}
		if a.n.Sections()[0].Transport.Client != true {
			t.Error("the DTLS roles have changed")
		}
	}
	e.take(webrtc.SDPTypeAnswer, a.answerText(e.describe(e.pc.CreateOffer(nil)), nil))
	if got := dirOf(a.n.Far()); got != sendRecv {
		t.Errorf("pion is read as %v, want sendrecv", got)
	}
}

// TestPionAnswersOurOffers lets a real WebRTC peer answer offers of ours, and Accept take the answers.
func TestPionAnswersOurOffers(t *testing.T) {
	for name, want := range map[string]media.Plan{
		"opus/48000/2 PCMU/8000 PCMA/8000": nil,
		"PCMU/8000":                        audio(sendRecv, media.PCMU()),
		"PCMA/8000 opus/48000/2":           audio(sendRecv, media.PCMA(), media.Opus()),
	} {
		t.Run(name, func(t *testing.T) {
			e, a := newEcho(t, false), newParty(t, alexaSound()).onLoopback()
			e.take(webrtc.SDPTypeOffer, sdpText(t, a.offer(want)))
			answer := e.describe(e.pc.CreateAnswer(nil))
			a.accept(parse(t, answer))
			if got := named(a.n.Agreed()); got != name {
				t.Errorf("agreed on %q, want %q\n%s", got, name, answer)
			}
			s := a.n.Sections()[0]
			if s.Transport.Client || !s.Transport.Mux || len(s.Transport.Candidates) == 0 || s.Transport.Ufrag == "" {
				t.Errorf("client %v, mux %v, %d candidates", s.Transport.Client, s.Transport.Mux, len(s.Transport.Candidates))
			}
			// pion answered active, so it begins the handshake; that stays so when it offers.
			if text := a.answerText(e.describe(e.pc.CreateOffer(nil)), want); !strings.Contains(text, "a=setup:passive\r\n") {
				t.Errorf("the roles have changed:\n%s", text)
			} else {
				e.take(webrtc.SDPTypeAnswer, text)
			}
		})
	}
}
