package alexatest_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// offerOf returns the offer of an Echo that calls a skill which does nothing.
func offerOf(t *testing.T, o *alexatest.EchoOptions) string {
	t.Helper()
	cloud := newCloud(t, &alexatest.CloudOptions{NoSockets: true, SkillHandler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		receipt(w)
	})})
	defer cloud.Close()
	call, err := newEcho(t, cloud, "7201", o).Call(testContext(t), "reception")
	must(t, err)
	return call.LocalSDP()
}

// TestCapturedOffer compares the order of lines with that of the offers which were captured from Alexa, and their oddities.
func TestCapturedOffer(t *testing.T) {
	for _, noMedia := range []bool{true, false} {
		offer := offerOf(t, &alexatest.EchoOptions{NoMedia: noMedia, OfferStyle: alexatest.OfferCaptured})
		var keys []string
		for line := range strings.SplitSeq(strings.TrimSuffix(offer, "\r\n"), "\r\n") {
			key, _, _ := strings.Cut(line, ":")
			if !strings.HasPrefix(line, "a=") {
				key = line[:2]
			}
			keys = append(keys, key)
		}
		want := strings.Fields("v= o= s= c= t= a=group m= a=candidate a=candidate a=candidate a=setup a=extmap a=rtpmap a=rtcp a=rtcp-mux " +
			"a=sendrecv a=mid a=ssrc a=ice-ufrag a=ice-pwd a=fingerprint")
		if !slices.Equal(keys, want) {
			t.Errorf("lines %v\nof\n%s", keys, offer)
		}
		for _, pattern := range []string{
			`\r\na=group:BUNDLE audio0\r\nm=audio 1 UDP/TLS/RTP/SAVPF 96 0 8\r\na=candidate:1 1 UDP \d+ 127\.0\.0\.1 \d+ typ host\r\n`,
			`\r\na=candidate:2 1 TCP \d+ 127\.0\.0\.1 9 typ host tcptype active\r\n`,
			`\r\na=candidate:1 2 UDP \d+ 127\.0\.0\.1 \d+ typ host\r\n`,
			`\r\na=ice-ufrag:[A-Za-z0-9+/]{4}\r\na=ice-pwd:[A-Za-z0-9+/]{22}\r\na=fingerprint:sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}\r\n`,
			`\r\na=rtpmap:96 opus/48000/2\r\na=rtcp:9 IN IP4 0\.0\.0\.0\r\n`,
		} {
			if !regexp.MustCompile(pattern).MatchString(offer) {
				t.Errorf("no %s in\n%s", pattern, offer)
			}
		}
	}
}

// TestModernOffer looks at the default style, and that nothing but loopback is offered.
func TestModernOffer(t *testing.T) {
	for _, noMedia := range []bool{true, false} {
		offer := offerOf(t, &alexatest.EchoOptions{NoMedia: noMedia, Codecs: []string{"PCMA", "opus", "telephone-event"}})
		for _, line := range []string{
			"m=audio 9 UDP/TLS/RTP/SAVPF 8 111 101\r\n", "a=rtpmap:8 PCMA/8000\r\n", "a=rtpmap:111 opus/48000/2\r\n",
			"a=rtpmap:101 telephone-event/8000\r\n", "a=fmtp:101 0-15\r\n", "a=mid:0\r\n", "a=group:BUNDLE 0\r\n", "a=sendrecv\r\n",
			"a=setup:actpass\r\n", "a=rtcp-mux\r\n", " 127.0.0.1 ", "a=end-of-candidates\r\n",
		} {
			if !strings.Contains(offer, line) {
				t.Errorf("no %q in\n%s", line, offer)
			}
		}
		for line := range strings.SplitSeq(offer, "\r\n") {
			if strings.HasPrefix(line, "a=candidate") && !strings.Contains(line, " 127.0.0.1 ") {
				t.Errorf("a candidate off loopback: %s", line)
			}
		}
	}
}

// TestSectionsKeepTheirPlace offers video and a second audio section to Echoes with and without media: they are rejected, and order and
// mids stay.
func TestSectionsKeepTheirPlace(t *testing.T) {
	audio := cannedSDP("actpass", "a", "0 8", "sendrecv")
	head, section, _ := strings.Cut(audio, "m=audio")
	offer := strings.Replace(head, "BUNDLE a", "BUNDLE v a b", 1) + "m=video 9 UDP/TLS/RTP/SAVPF 99\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\na=rtpmap:99 H264/90000\r\n" +
		"m=audio" + section + "m=audio" + strings.Replace(section, "a=mid:a", "a=mid:b", 1)
	for _, noMedia := range []bool{true, false} {
		ctx := testContext(t)
		cloud := newCloud(t, nil)
		echo := newEcho(t, cloud, "7201", &alexatest.EchoOptions{NoMedia: noMedia})
		s := newSkill(t, cloud, nil)
		s.say(ctx, "InitiateInboundCall", "s-1", parties("7201"), sdpMember("OFFER", offer))
		call, err := echo.NextCall(ctx)
		must(t, err)
		must(t, call.WaitState(ctx, alexatest.StateRinging))
		s.say(ctx, "CallRingingAck", "s-1")
		must(t, call.WaitState(ctx, alexatest.StateInProgress))
		answer := call.LocalSDP()
		var got []string
		for line := range strings.SplitSeq(answer, "\r\n") {
			if strings.HasPrefix(line, "m=") || strings.HasPrefix(line, "a=mid") || strings.HasPrefix(line, "a=group") {
				got = append(got, line)
			}
		}
		want := []string{
			"a=group:BUNDLE a", "m=video 0 UDP/TLS/RTP/SAVPF 99", "a=mid:v", "m=audio 9 UDP/TLS/RTP/SAVPF 0 8", "a=mid:a",
			"m=audio 0 UDP/TLS/RTP/SAVPF 0", "a=mid:b",
		}
		if !slices.Equal(got, want) {
			t.Errorf("no media %v: %q", noMedia, got)
		}
		must(t, call.Hangup(ctx))
		cloud.Close()
		s.close()
	}
}
