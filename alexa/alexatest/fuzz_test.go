package alexatest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

func FuzzRequest(f *testing.F) {
	for _, body := range goodRequests() {
		f.Add([]byte(body))
	}
	f.Add([]byte(`{"type":"Alexa.Comms.CallSignaling.InitiateInboundCall","sessionId":"s","participants":[null,{"id":{}}]}`))
	f.Add([]byte(strings.Repeat("2", 1000))) // no number that there is
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := alexatest.ParseRequest(body); err != nil && len(err.Error()) > 1000 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	})
}

// FuzzSDP reads a description; one that passes the check must give pion something to parse, and an answer with its m-sections.
func FuzzSDP(f *testing.F) {
	own := cannedSDP("active", "0", "0", "sendrecv")
	f.Add(own)
	f.Add(cannedSDP("actpass", "audio0", "96 0 8 101", "sendonly") + "m=video 9 UDP/TLS/RTP/SAVPF 99\r\na=mid:video0\r\n")
	f.Add("m=video 1 RTP/SAVPF 99\r\n" + own)
	if captured, err := alexatest.CapturedStyle(cannedSDP("actpass", "audio0", "96 0 8", "sendrecv")); err == nil {
		f.Add(captured)
		f.Add(strings.ReplaceAll(captured, "\r\n", "\n"))
	} else {
		f.Error(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		forPion, answer, err := alexatest.ReadSDP(text, true, own)
		if err != nil {
			return
		}
		in, pion, out := &sdp.SessionDescription{}, &sdp.SessionDescription{}, &sdp.SessionDescription{}
		if err := in.UnmarshalString(text); err != nil {
			t.Fatalf("pion/sdp does not parse what passed: %v", err)
		}
		if err := pion.UnmarshalString(forPion); err != nil || len(pion.MediaDescriptions) != 1 {
			t.Errorf("what pion is given: %v\n%s", err, forPion)
		}
		if err := out.UnmarshalString(answer); err != nil || len(out.MediaDescriptions) != len(in.MediaDescriptions) {
			t.Errorf("the answer: %v\n%s", err, answer)
		}
		_, _ = alexatest.CapturedStyle(text)
	})
}

func FuzzWAV(f *testing.F) {
	f.Add(wavOf(8000, 1, sine(440, 8000, 20, 1)))
	f.Add(wavOf(48000, 2, sine(440, 48000, 120, 2)))
	f.Add(alexatest.FormatWAV(sine(440, 8000, 20, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if samples, err := alexatest.ParseWAV(data); err == nil && (len(samples) == 0 || len(samples) > len(data)) {
			t.Errorf("%d samples of %d bytes", len(samples), len(data))
		}
	})
}

// FuzzEvent reads what a smart-home skill answers or posts.
func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"event":{"header":{"namespace":"Alexa","name":"ErrorResponse","payloadVersion":"3","messageId":"m"},"payload":{"type":"X","message":"m"}}}`))
	f.Add([]byte(`{"event":{"header":{"namespace":"Alexa.Discovery","name":"Discover.Response","payloadVersion":"3","messageId":"m"},"payload":{"endpoints":[null,{"capabilities":[1]}]}}}`))
	f.Add([]byte(strings.Repeat("2", 1000))) // no number that there is
	f.Add([]byte(`{"context":{"properties":[{}]},"event":{"header":{"namespace":"Alexa.DoorbellEventSource","name":"DoorbellPress"}}}`))
	if body, err := json.Marshal(object{"event": object{
		"header":  object{"namespace": "Alexa.Discovery", "name": "Discover.Response", "payloadVersion": "3", "messageId": "m"},
		"payload": object{"endpoints": []any{describe()}},
	}}); err == nil {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		faults, extra, devices := alexatest.ReadEvent(body)
		for _, s := range append(faults, extra...) {
			if len(s) > 1000 {
				t.Errorf("a fault of %d bytes", len(s))
			}
		}
		if len(devices) > 300 {
			t.Errorf("%d devices", len(devices))
		}
	})
}

// FuzzShowAnswer checks an answer; one that can be used must give pion something to parse.
func FuzzShowAnswer(f *testing.F) {
	const offer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=a 2 z\r\nt=0 0\r\na=group:BUNDLE audio0 video0\r\n" +
		"m=audio 1 UDP/TLS/RTP/SAVPF 96 0 8\r\na=rtpmap:96 opus/48000/2\r\na=mid:audio0\r\n" +
		"m=video 1 UDP/TLS/RTP/SAVPF 99\r\na=rtpmap:99 H264/90000\r\na=fmtp:99 packetization-mode=1\r\na=mid:video0\r\na=rtcp-fb:99 nack\r\n"
	good := doorAnswer(offer)
	f.Add(good)
	f.Add(rejectVideo(good))
	f.Add(strings.ReplaceAll(good, "a=fmtp:99 packetization-mode=1", "a=fmtp:99 profile-level-id=640029;packetization-mode=1"))
	f.Fuzz(func(t *testing.T, text string) {
		_, forPion, err := alexatest.CheckShowAnswer(offer, text)
		if err != nil {
			return
		}
		d := &sdp.SessionDescription{}
		if err := d.UnmarshalString(forPion); err != nil || len(d.MediaDescriptions) != 2 {
			t.Errorf("what pion is given: %v\n%s", err, forPion)
		}
	})
}
