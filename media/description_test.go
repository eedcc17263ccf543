package media_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

func parse(t testing.TB, sdp string) media.Description {
	t.Helper()
	d, err := media.ParseDescription([]byte(sdp))
	if err != nil {
		t.Fatalf("%v\n%s", err, sdp)
	}
	return d
}

func TestDescriptionLineEnds(t *testing.T) {
	want := strings.ReplaceAll(alexaOffer, "\n", "\r\n")
	for name, sdp := range map[string]string{
		"LF":                    alexaOffer,
		"CR":                    strings.ReplaceAll(alexaOffer, "\n", "\r"),
		"CRLF":                  want,
		"mixed":                 strings.Replace(alexaOffer, "\n", "\r\n", 4),
		"empty lines":           "\n\r\n" + strings.ReplaceAll(alexaOffer, "\n", "\n\n"),
		"no end after the last": strings.TrimRight(alexaOffer, "\n"),
	} {
		if got := sdpText(t, parse(t, sdp)); got != want {
			t.Errorf("%s: reads\n%q\nwant\n%q", name, got, want)
		}
	}
}

func TestDescriptionLimits(t *testing.T) {
	const head = "v=0\no=- 1 1 IN IP4 192.0.2.2\ns=-\nc=IN IP4 192.0.2.2\nt=0 0\n"
	const audio = "m=audio 5004 RTP/AVP 0\n"
	formats := func(n int) string { return "m=audio 5004 RTP/AVP" + strings.Repeat(" 0", n) + "\n" }
	filled := func(size int) string {
		sdp := strings.ReplaceAll(head, "\n", "\r\n") + "i="
		return sdp + strings.Repeat("x", size-len(sdp)-2) + "\r\n"
	}
	for _, c := range []struct {
		name, within, beyond, reason string
		line                         int
	}{
		{"bytes", filled(media.MaxDescription), filled(media.MaxDescription + 1), "longer than", 0},
		{
			"bytes once the lines end in CRLF", filled(media.MaxDescription - 2000), head + strings.Repeat("i\n", media.MaxDescription/2-len(head)),
			"longer than", 0,
		},
		{"m-lines", head + strings.Repeat(audio, 16), head + strings.Repeat(audio, 17), "more than 16 m-lines", 22},
		{"formats", head + formats(64), head + formats(65), "more than 64 formats", 6},
		{
			"candidates", head + audio + strings.Repeat("a=candidate:1 1 udp 1 192.0.2.2 5004 typ host\n", 64),
			head + audio + strings.Repeat("a=candidate:1 1 udp 1 192.0.2.2 5004 typ host\n", 65), "more than 64 candidates", 71,
		},
		{
			"attributes of a section", head + audio + strings.Repeat("a=x\n", 512),
			head + audio + strings.Repeat("a=x\n", 513), "more than 512 attributes", 519,
		},
		{
			"attributes of the session", head + strings.Repeat("a=x\n", 512) + audio + "a=x\n",
			head + strings.Repeat("a=x\n", 513), "more than 512 attributes", 518,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			parse(t, c.within)
			wantBad(t, c.beyond, c.line, c.reason)
		})
	}
}

func TestDescriptionMalformed(t *testing.T) {
	for _, c := range []struct {
		name, sdp, reason string
		line              int
	}{
		{"nothing", "", "empty", 0},
		{"line ends only", "\r\n\n\r", "empty", 0},
		{"another version", "v=1\ns=-\n", "does not begin with v=0", 1},
		{"not an SDP", "{\"type\":\"offer\"}", "does not begin with v=0", 1},
		{"m-line without a profile", "v=0\nm=audio 5004\n", "m-line with fewer than three fields", 2},
		{"port beyond 16 bits", "v=0\ns=-\nm=audio 65536 RTP/AVP 0\n", "bad port in m-line", 3},
		{"port below zero", "v=0\nm=audio -1 RTP/AVP 0\n", "bad port in m-line", 2},
		{"port in words", "v=0\nm=audio any RTP/AVP 0\n", "bad port in m-line", 2},
		{"NUL", "v=0\ns=a\x00b\n", "NUL", 2},
	} {
		t.Run(c.name, func(t *testing.T) { wantBad(t, c.sdp, c.line, c.reason) })
	}
}

func wantBad(t *testing.T, sdp string, line int, reason string) {
	t.Helper()
	d, err := media.ParseDescription([]byte(sdp))
	bad, ok := errors.AsType[*media.DescriptionError](err)
	switch {
	case !ok:
		t.Fatalf("error %v, want a *DescriptionError", err)
	case bad.Line != line || !strings.HasPrefix(bad.Reason, reason):
		t.Errorf("line %d %q, want line %d %q", bad.Line, bad.Reason, line, reason)
	case !strings.HasPrefix(err.Error(), "media: ") || !strings.Contains(err.Error(), bad.Reason):
		t.Errorf("reads %q", err)
	}
	if !d.IsZero() {
		t.Error("a description came with the error")
	}
}

// TestDescriptionOddities parses what is wrong by the letter and understood all the same.
func TestDescriptionOddities(t *testing.T) {
	for name, sdp := range map[string]string{
		"no o, s and t lines":        "v=0\nc=IN IP4 192.0.2.2\nm=audio 5004 RTP/AVP 0\n",
		"lines in a wrong order":     "v=0\nt=0 0\nc=IN IP4 192.0.2.2\ns=-\no=- 1 1 IN IP4 192.0.2.2\nm=audio 5004 RTP/AVP 0\n",
		"bandwidth after attributes": "v=0\nc=IN IP4 192.0.2.2\nm=audio 5004 RTP/AVP 0\na=sendrecv\nb=AS:64\n",
		"unknown lines":              "v=0\nc=IN IP4 192.0.2.2\ny=1\nnonsense\n=\nm=audio 5004 RTP/AVP 0\nx\n",
		"number of ports":            "v=0\nc=IN IP4 192.0.2.2\nm=audio 5004/2 RTP/AVP 0\n",
		"upper case":                 "v=0\nc=IN IP4 192.0.2.2\nm=AUDIO 5004 rtp/avp 0\na=rtpmap:0 pcmu/8000\n",
		"spaces":                     "v=0 \nc=IN  IP4 192.0.2.2 \nm= audio  5004  RTP/AVP  0 \na=rtpmap:0  PCMU/8000 \n",
		"a time to live":             "v=0\nc=IN IP4 192.0.2.2/127\nm=audio 5004 RTP/AVP 0\n",
	} {
		t.Run(name, func(t *testing.T) {
			n, _, err := media.Negotiation{}.Answer(media.Phone(), local(), nil, parse(t, sdp))
			if err != nil {
				t.Fatal(err)
			}
			if want := (media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU()}}}); !n.Agreed().Equal(want) {
				t.Errorf("agreed on %v, want %v", n.Agreed(), want)
			}
			if got := n.Sections()[0].Transport.Addr.String(); got != "192.0.2.2:5004" {
				t.Errorf("sends to %s, want 192.0.2.2:5004", got)
			}
		})
	}
}

func TestDescriptionZero(t *testing.T) {
	var d media.Description
	if !d.IsZero() || parse(t, alexaOffer).IsZero() {
		t.Error("IsZero is not right")
	}
	if got := sdpText(t, d); got != "" {
		t.Errorf("the zero description reads %q", got)
	}
	if got := d.LogValue().String(); got != "" {
		t.Errorf("the zero description logs as %q", got)
	}
	if _, _, err := (media.Negotiation{}).Answer(media.Phone(), local(), nil, d); err == nil {
		t.Error("the zero description was answered")
	}
	text, err := parse(t, alexaOffer).AppendText([]byte("before:"))
	if err != nil || !bytes.HasPrefix(text, []byte("before:v=0\r\no=- ")) {
		t.Errorf("AppendText gave %.20q, %v", text, err)
	}
}

// withoutTime leaves the time out of a log: its digits are chance.
func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// TestDescriptionLogs greps logs of descriptions for what must not be in them, however they got there.
func TestDescriptionLogs(t *testing.T) {
	offer := parse(t, alexaOffer)
	_, answer, err := media.Negotiation{}.Answer(alexaSound(), local(), nil, offer)
	if err != nil {
		t.Fatal(err)
	}
	type holder struct {
		SDP    media.Description
		hidden media.Description
	}
	for _, d := range []media.Description{offer, answer} {
		var out bytes.Buffer
		o := &slog.HandlerOptions{ReplaceAttr: withoutTime}
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, o), slog.NewJSONHandler(&out, o)} {
			log := slog.New(h)
			log.Info("call", "sdp", d)
			log.Info("call", "group", slog.GroupValue(slog.Any("sdp", d)))
			log.Info("call", "held", holder{d, d}, "list", []media.Description{d}, "pointer", &d)
			log.Info(fmt.Sprintf("%v %+v %s %q %x %#v", d, d, d, d, d, d))
			log.Info(fmt.Sprintf("%v %+v %#v", holder{d, d}, holder{d, d}, holder{d, d}))
		}
		shown := regexp.MustCompile(`0x[0-9a-f]+`).ReplaceAllString(out.String(), "pointer") // chance writes secrets into those too
		for _, secret := range []string{
			"ice-pwd", "h3JAYGhIaQ", "ourPasswordOurPassword", "AGVf", "oUfr", "fingerprint", "34:D4:54", "A5:A5", "192.0.2", "8620", "user2571875795",
			fmt.Sprintf("%x", "ice-pwd"),
		} {
			if strings.Contains(shown, secret) {
				t.Errorf("a log shows %q:\n%s", secret, shown)
			}
		}
		if want := "audio RTP/SAVPF 96 0; video RTP/SAVPF 99"; d == offer && !strings.Contains(shown, want) {
			t.Errorf("no log shows the outline %q:\n%s", want, shown)
		}
	}
}
