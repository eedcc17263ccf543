package alexatest_test

import (
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
