package alexatest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// TestShowOffers looks at the oddities of each style.
func TestShowOffers(t *testing.T) {
	for _, tt := range []struct {
		o         alexatest.ShowOptions
		has, none []string
	}{
		{alexatest.ShowOptions{}, []string{
			"a=group:BUNDLE audio0 video0\r\n", "m=audio 1 UDP/TLS/RTP/SAVPF 96 0 8\r\na=candidate:1 1 UDP ", "m=video 1 UDP/TLS/RTP/SAVPF 99\r\n",
			" tcptype active\r\na=setup:actpass\r\n", "a=rtpmap:96 opus/48000/2\r\n", "tcptype active\r\nb=AS:2500\r\n", " 2 UDP 2013266430 ",
			" tcptype passive\r\n", "a=rtcp:9 IN IP4 0.0.0.0\r\n", "a=rtcp-fb:99 ccm fir\r\n", "s=a 2 z\r\n",
		}, []string{"rtpmap:0", "rtpmap:8", "fmtp"}},
		{alexatest.ShowOptions{Style: alexatest.ShowBundleVideo}, []string{"a=group:BUNDLE video0\r\n", "a=mid:audio0\r\n"}, []string{"BUNDLE audio0"}},
		{alexatest.ShowOptions{Style: alexatest.ShowDocumented}, []string{
			"m=audio 1 RTP/SAVPF 96 0\r\n", "m=video 1 RTP/SAVPF 99\r\n", "b=AS:500\r\n",
		}, []string{"UDP/TLS", "rtpmap:0"}},
		{alexatest.ShowOptions{Style: alexatest.ShowNumbered}, []string{
			"a=group:BUNDLE 0 1\r\n", "m=audio 1 UDP/TLS/RTP/SAVPF 111 0 8\r\n", "m=video 1 UDP/TLS/RTP/SAVPF 102 112\r\n",
			"a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\n", "a=rtcp-fb:112 nack pli\r\n",
		}, []string{"audio0"}},
		{alexatest.ShowOptions{LineFeeds: true}, []string{"v=0\no=- "}, []string{"\r"}},
		{alexatest.ShowOptions{AudioOnly: true}, []string{"a=group:BUNDLE audio0\r\n"}, []string{"m=video"}},
		{alexatest.ShowOptions{TCP: true, Codecs: []string{"pcmu"}}, []string{"m=audio 1 UDP/TLS/RTP/SAVPF 0\r\n", " TCP "}, []string{" UDP 2", "opus"}},
	} {
		atHome(t, &tt.o, func(t *testing.T, d *door, show *alexatest.Show) {
			k, err := show.Talk(t.Context(), frontDoor)
			must(t, err)
			offer := k.Offer()
			for _, w := range tt.has {
				if !strings.Contains(offer, w) {
					t.Errorf("%+v: no %q in\n%s", tt.o, w, offer)
				}
			}
			for _, w := range tt.none {
				if strings.Contains(offer, w) {
					t.Errorf("%+v: %q in\n%s", tt.o, w, offer)
				}
			}
			if !tt.o.LineFeeds {
				d.noViolations()
			}
		})
	}
}

func TestShowOptions(t *testing.T) {
	h, err := alexatest.NewHome(&alexatest.HomeOptions{NoSockets: true})
	must(t, err)
	defer h.Close()
	for _, o := range []alexatest.ShowOptions{
		{Codecs: []string{"telephone-event", "PCMU"}},
		{Codecs: []string{"G722", "PCMU"}},
		{Codecs: []string{"AAC"}},
		{Loss: 0.6},
		{Loss: -1},
		{Style: 9},
		{Style: alexatest.ShowBundleVideo, AudioOnly: true},
		{Play: alexatest.Tone(5000)},
	} {
		if _, err := h.NewShow(&o); err == nil {
			t.Errorf("a Show with %+v", o)
		}
	}
	h.Close()
	show, err := h.NewShow(&alexatest.ShowOptions{NoMedia: true})
	must(t, err)
	if _, err := show.Talk(t.Context(), frontDoor); err == nil {
		t.Error("a talk in a closed home")
	}
}

// TestShowAnswers changes one thing in the SDP of an answer at a time.
func TestShowAnswers(t *testing.T) {
	swap := func(old, with string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, with, 1) }
	}
	all := func(old, with string) func(string) string {
		return func(s string) string { return strings.ReplaceAll(s, old, with) }
	}
	for _, tt := range []struct {
		style  alexatest.ShowStyle
		change func(string) string
		want   []string // violations
		usable bool
	}{
		{alexatest.ShowCaptured, func(s string) string { return s }, nil, true},
		{alexatest.ShowBundleVideo, func(s string) string { return s }, nil, true},
		{alexatest.ShowDocumented, func(s string) string { return s }, nil, true},
		{alexatest.ShowNumbered, func(s string) string { return s }, nil, true},
		{alexatest.ShowCaptured, all("\r\n", "\n"), []string{"LF alone"}, true},
		{alexatest.ShowCaptured, swap("v=0", "w=0"), []string{"does not parse"}, false},
		{alexatest.ShowCaptured, func(s string) string { return s[:strings.Index(s, "m=video")] }, []string{"1 m-sections, the offer has 2"}, false},
		{alexatest.ShowCaptured, swap("m=audio", "m=text"), []string{`"text" in place of audio`}, false},
		{alexatest.ShowCaptured, swap("a=mid:video0", "a=mid:video1"), []string{`mid "video1"`}, false},
		{alexatest.ShowCaptured, swap("UDP/TLS/RTP/SAVPF", "RTP/SAVPF"), []string{"another transport"}, true},
		{alexatest.ShowDocumented, all("RTP/SAVPF", "UDP/TLS/RTP/SAVPF"), []string{"another transport", "another transport"}, true},
		{alexatest.ShowCaptured, swap("SAVPF 96", "SAVPF 97"), []string{"payload type 97"}, false},
		{alexatest.ShowCaptured, swap("rtpmap:96 opus/48000/2", "rtpmap:96 PCMU/8000"), []string{"payload type 96"}, false},
		{alexatest.ShowCaptured, swap("a=rtcp-mux\r\n", ""), []string{"no a=rtcp-mux"}, false},
		{alexatest.ShowCaptured, swap("a=setup:active", "a=setup:actpass"), []string{"a=setup:actpass", "another transport"}, false},
		{alexatest.ShowCaptured, swap("a=ice-ufrag:door", "a=ice-ufrag:window"), []string{"another transport"}, true},
		{alexatest.ShowCaptured, swap("a=ice-ufrag:door\r\n", ""), []string{"no ice-ufrag", "another transport"}, false},
		{alexatest.ShowCaptured, all("sha-256", "sha-1"), []string{"no fingerprint", "no fingerprint"}, false},
		{alexatest.ShowCaptured, swap("BUNDLE audio0 video0", "BUNDLE video0"), []string{"not in BUNDLE"}, true},
		{alexatest.ShowBundleVideo, swap("BUNDLE video0", "BUNDLE audio0 video0"), []string{"audio0, which was not offered"}, true},
		{alexatest.ShowCaptured, swap("a=candidate:1 1 UDP", "a=candidate:1 2 UDP"), []string{"component 2"}, true},
		{alexatest.ShowCaptured, swap("127.0.0.1 9 typ", "::1 9 typ"), []string{"IPv4"}, true},
		{alexatest.ShowCaptured, swap("127.0.0.1 9 typ", "x.local 9 typ"), []string{"IPv4"}, true},
		{alexatest.ShowCaptured, swap("1 UDP 2130706431 127.0.0.1 9", "1 TCP 2130706431 127.0.0.1 9"), []string{"tcptype"}, true},
		{alexatest.ShowCaptured, all("a=candidate", "a=x-candidate"), []string{"no a=candidate"}, false},
		{alexatest.ShowCaptured, swap("a=rtcp-fb:99 ccm fir\r\n", ""), []string{"no a=rtcp-fb of ccm fir"}, true},
		{alexatest.ShowCaptured, swap("a=rtcp-fb:99 nack\r\n", "a=rtcp-fb:99 nack\r\na=rtcp-fb:99 goog-remb\r\n"), []string{"goog-remb was not offered"}, true},
		{alexatest.ShowCaptured, swap("a=mid:audio0\r\n", "a=mid:audio0\r\na=extmap:4 urn:x\r\n"), []string{"extmap:4"}, true},
		{alexatest.ShowCaptured, swap("a=rtpmap:99", "a=fmtp:99 profile-level-id=64002a;packetization-mode=1\r\na=rtpmap:99"), []string{"beyond High 4.1"}, true},
		{alexatest.ShowCaptured, swap("a=rtpmap:99", "a=fmtp:99 profile-level-id=640029;packetization-mode=1\r\na=rtpmap:99"), nil, true},
		{alexatest.ShowNumbered, swap("packetization-mode=1", "packetization-mode=0"), []string{"packetization-mode"}, true},
		{alexatest.ShowNumbered, swap("profile-level-id=42001f", "profile-level-id=640029"), []string{"another profile"}, true},
		{alexatest.ShowCaptured, rejectVideo, nil, true},
		{alexatest.ShowCaptured, func(s string) string { return strings.Replace(rejectVideo(s), "a=inactive\r\n", "", 1) }, []string{"without a=inactive"}, true},
		{alexatest.ShowCaptured, func(s string) string {
			return strings.Replace(rejectVideo(s), "BUNDLE audio0", "BUNDLE audio0 video0", 1)
		}, []string{"rejected, and in BUNDLE"}, true},
		{alexatest.ShowCaptured, func(s string) string { return strings.Replace(rejectVideo(s), "SAVPF 99", "SAVPF 0", 1) }, []string{"format 0"}, true},
		{alexatest.ShowCaptured, all(" 9 UDP/TLS/", " 0 UDP/TLS/"), []string{
			"without a=inactive", "without a=inactive", "rejected, and", "rejected, and", "every m-section",
		}, false},
	} {
		atHome(t, &alexatest.ShowOptions{Style: tt.style}, func(t *testing.T, d *door, show *alexatest.Show) {
			var answer string
			d.media = func(_, offer string) (string, error) {
				answer = tt.change(doorAnswer(offer))
				return answer, nil
			}
			_, err := show.Talk(t.Context(), frontDoor)
			got := d.home.Violations()
			fits := slices.EqualFunc(got, tt.want, strings.Contains)
			if !fits || (err == nil) != tt.usable {
				t.Errorf("violations %q, want %q; error %v\n%s", got, tt.want, err, answer)
			}
		})
	}
}

// rejectVideo is an answer without video.
func rejectVideo(answer string) string {
	answer = strings.Replace(answer, "BUNDLE audio0 video0", "BUNDLE audio0", 1)
	return answer[:strings.Index(answer, "m=video")] +
		"m=video 0 UDP/TLS/RTP/SAVPF 99\r\nc=IN IP4 0.0.0.0\r\na=mid:video0\r\na=rtpmap:99 H264/90000\r\na=inactive\r\n"
}
