package siptest

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

// both are an agreement that knows both codecs.
func both(first string) *agreement {
	names := []string{codecPCMU, codecPCMA}
	if first == codecPCMA {
		names = []string{codecPCMA, codecPCMU}
	}
	var codecs []companding
	for _, n := range names {
		c, _ := law(n)
		codecs = append(codecs, c)
	}
	return newAgreement("desk", codecs, netip.MustParseAddrPort("127.0.0.1:4000"), 1)
}

func TestOfferAgreesWithPion(t *testing.T) {
	a := both(codecPCMA)
	text := a.offer(direction{send: true})
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		t.Fatal(err)
	}
	m := d.MediaDescriptions[0]
	if m.MediaName.String() != "audio 4000 RTP/AVP 8 0 101" || d.Origin.Username != "desk" || d.ConnectionInformation.Address.Address != "127.0.0.1" {
		t.Errorf("pion reads %s of\n%s", m.MediaName.String(), text)
	}
	if _, ok := m.Attribute("sendonly"); !ok {
		t.Errorf("no sendonly in\n%s", text)
	}
	for number, want := range map[uint8]string{0: "PCMU", 8: "PCMA", 101: "telephone-event"} {
		if c, err := d.GetCodecForPayloadType(number); err != nil || c.Name != want {
			t.Errorf("payload type %d is %v, %v", number, c, err)
		}
	}
}

func TestAnswerTakesTheOfferersChoice(t *testing.T) {
	offer := "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n" +
		"m=audio 0 RTP/AVP 0\r\n" +
		"m=audio 6000 RTP/AVP 9 97 0 96 13\r\na=rtpmap:97 pcma/8000\r\na=rtpmap:96 telephone-event/8000\r\na=rtcp:7001\r\n"
	d, err := parseSDP([]byte(offer))
	if err != nil {
		t.Fatal(err)
	}
	a := both(codecPCMU)
	text, o, err := a.answer(d, wanted(false))
	if err != nil {
		t.Fatal(err)
	}
	if want := "m=audio 0 RTP/AVP 0\r\nm=audio 4000 RTP/AVP 97 96\r\na=rtpmap:97 PCMA/8000\r\na=rtpmap:96 telephone-event/8000\r\n"; !strings.Contains(text, want) {
		t.Errorf("answer:\n%s\nwant in it:\n%s", text, want)
	}
	if o.codec.name != codecPCMA || o.payloadType != 97 || o.digits != 96 || !o.send || o.to != netip.MustParseAddrPort("10.0.0.1:6000") ||
		o.controlTo != netip.MustParseAddrPort("10.0.0.1:7001") || len(o.sounds) != 1 || o.sounds[97].name != codecPCMA || o.digitsIn != 96 {
		t.Errorf("outcome: %+v", o)
	}
	// The phone's own offer afterwards keeps the sections and the numbers.
	text = a.offer(wanted(true))
	if want := "m=audio 0 RTP/AVP 0\r\nm=audio 4000 RTP/AVP 0 8 96\r\n"; !strings.Contains(text, want) || !strings.Contains(text, "a=sendonly") {
		t.Errorf("offer:\n%s\nwant in it:\n%s", text, want)
	}
}

func TestVersionGrowsWithChange(t *testing.T) {
	a := both(codecPCMU)
	version := func(text string) string { return strings.Fields(text)[3] }
	first := version(a.offer(wanted(false)))
	if again := version(a.offer(wanted(false))); again != first {
		t.Errorf("version %s after %s without a change", again, first)
	}
	if held := version(a.offer(wanted(true))); held == first {
		t.Errorf("version %s stays with a change", held)
	}
}

func TestDescriptionLimits(t *testing.T) {
	head := "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
	for name, text := range map[string]string{
		"too long":          head + strings.Repeat("a=x\r\n", maxSDP/5),
		"too many sections": head + strings.Repeat("m=audio 4000 RTP/AVP 0\r\n", maxSections+1),
		"too many formats":  head + "m=audio 4000 RTP/AVP" + strings.Repeat(" 0", maxFormats+1) + "\r\n",
		"no version":        "o=- 1 1 IN IP4 10.0.0.1\r\n",
		"no origin":         "v=0\r\ns=-\r\n",
		"short origin":      "v=0\r\no=- 1 1\r\n",
		"no address":        "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n",
		"name as address":   strings.Replace(head, "c=IN IP4 10.0.0.1", "c=IN IP4 example.com", 1),
		"bad port":          head + "m=audio 70000 RTP/AVP 0\r\n",
		"bad payload type":  head + "m=audio 4000 RTP/AVP 128\r\n",
		"bad rtpmap":        head + "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96\r\n",
		"not a line":        head + "hello\r\n",
		"empty":             "",
	} {
		if _, err := parseSDP([]byte(text)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := parseSDP([]byte(strings.ReplaceAll(head, "\r\n", "\n") + "m=audio 4000 RTP/AVP 0\n")); err != nil {
		t.Errorf("bare line feeds: %v", err)
	}
}

func FuzzSDP(f *testing.F) {
	f.Add(both(codecPCMU).offer(wanted(false)))
	f.Add("v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\nm=video 1 RTP/SAVPF 96\nm=audio 2/2 RTP/AVP 0 8 101\na=rtpmap:101 telephone-event/8000\na=rtcp:9\na=inactive\n")
	f.Add("v=0\no=- 1 1 IN IP6 ::1\ns=-\nc=IN IP6 ::1/64\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\nm=audio 65535 RTP/AVP 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseSDP([]byte(text))
		if err != nil {
			return
		}
		a := both(codecPCMU)
		answer, o, err := a.answer(d, wanted(false))
		if err != nil {
			return
		}
		back, err := parseSDP([]byte(answer))
		if err != nil {
			t.Fatalf("the phone does not understand its own answer: %v\n%s", err, answer)
		}
		if len(back.sections) != len(d.sections) {
			t.Fatalf("%d sections are answered with %d", len(d.sections), len(back.sections))
		}
		for i, s := range back.sections {
			if s.kind != d.sections[i].kind || s.proto != d.sections[i].proto || (s.port != 0) != (i == a.audio) {
				t.Fatalf("section %d is answered with %+v", i, s)
			}
		}
		if o.to.Port() == 0 || o.codec.encode == nil {
			t.Fatalf("outcome: %+v", o)
		}
	})
}
