package media_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// A pjmediaExchange is one offer and its answer of pjmedia's own tests, seen from the local side.
type pjmediaExchange struct {
	Type         string
	LocalOffer   string `json:"local_offer"`
	RemoteAnswer string `json:"remote_answer"`
	LocalActive  string `json:"local_active"`
	RemoteOffer  string `json:"remote_offer"`
	InitialLocal string `json:"initial_local"`
	LocalAnswer  string `json:"local_answer"`
}

// TestPjmediaExchanges runs the offer/answer examples of RFC 3264 and RFC 4317 and the regressions in pjmedia's tests, as far as they
// are about one audio section. Its host names, which we do not resolve, become an address.
func TestPjmediaExchanges(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testutil.Corpora(t), "sdp", "pjmedia-offer-answer.json"))
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`IN IP4 [a-z][\w.]*`).ReplaceAll(text, []byte("IN IP4 192.0.2.40"))
	var file struct {
		Tests []struct {
			Title     string
			Exchanges []pjmediaExchange
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	ran, notApplicable := 0, 0
	for _, c := range file.Tests {
		t.Run(c.Title, func(t *testing.T) {
			var n media.Negotiation
			last := ""
			for i, x := range c.Exchanges {
				if x.Type != last || x.InitialLocal != "" {
					n, last = media.Negotiation{}, x.Type
				}
				run := runRemoteOffer
				if x.Type == "LOCAL_OFFER" {
					run = runLocalOffer
				}
				if next, ok := run(t, n, x); ok {
					n = next
					ran++
				} else {
					t.Logf("exchange %d is not about one audio section", i)
					notApplicable++
				}
			}
		})
	}
	t.Logf("%d exchanges ran, %d do not apply", ran, notApplicable)
	if ran < 20 {
		t.Errorf("only %d exchanges ran", ran)
	}
}

// runRemoteOffer answers an offer with the codecs that pjmedia's answer has, and compares the audio section.
func runRemoteOffer(t *testing.T, n media.Negotiation, x pjmediaExchange) (media.Negotiation, bool) {
	t.Helper()
	want, at := soundSection(x.LocalAnswer)
	if want == nil {
		return n, false
	}
	p := media.Phone()
	p.Audio = codecsOf(want)
	next, d, err := n.Answer(p, local(), audio(dirOfSection(want), p.Audio...), parse(t, x.RemoteOffer))
	if err != nil {
		t.Fatalf("%v\n%s", err, x.RemoteOffer)
	}
	answer := sdpText(t, d)
	if faults := answerFaults(x.RemoteOffer, answer); faults != nil {
		t.Errorf("%s\n%s", strings.Join(faults, "; "), answer)
	}
	got := &readSheet(answer).media[at]
	if got.portNumber() == 0 || !slices.Equal(got.numbers, want.numbers) {
		t.Errorf("section %d is answered port %s %v, pjmedia has port %s %v", at, got.port, got.numbers, want.port, want.numbers)
	}
	if g, w := dirOfSection(got), dirOfSection(want); g != w {
		t.Errorf("section %d is answered %v, pjmedia has %v", at, g, w)
	}
	return next, true
}

// runLocalOffer offers the codecs that pjmedia offers and takes the audio section of the answer to it.
func runLocalOffer(t *testing.T, n media.Negotiation, x pjmediaExchange) (media.Negotiation, bool) {
	t.Helper()
	offered, at := soundSection(x.LocalOffer)
	answered, atToo := soundSection(x.RemoteAnswer)
	active, _ := soundSection(x.LocalActive)
	if offered == nil || answered == nil || active == nil || at != atToo {
		return n, false
	}
	p := media.Phone()
	p.Audio = codecsOf(offered)
	next, _, err := n.Offer(p, local(), audio(dirOfSection(offered), p.Audio...))
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(x.RemoteAnswer, "m=")
	sections := strings.SplitAfter(x.RemoteAnswer, "m=")
	next, err = next.Accept(p, parse(t, head+"m="+strings.TrimSuffix(sections[at+1], "m=")))
	if err != nil {
		t.Fatalf("%v\n%s", err, x.RemoteAnswer)
	}
	m, _ := next.Agreed().Find(media.Audio)
	if want := codecsOf(active); !slices.EqualFunc(m.Codecs, want, media.Codec.Matches) {
		t.Errorf("agreed on %v, pjmedia on %v", m.Codecs, want)
	}
	if want := dirOfSection(active); m.Dir.Reverse() != want {
		t.Errorf("agreed on %v, pjmedia on %v", m.Dir.Reverse(), want)
	}
	return next, true
}

// soundSection returns the first audio section that is not refused and has more than digits, and its index.
func soundSection(text string) (*sheetMedia, int) {
	s := readSheet(text)
	for i := range s.media {
		m := &s.media[i]
		isSound := func(number string) bool {
			c := m.codec(number)
			return c != "" && !strings.HasPrefix(c, "telephone-event/")
		}
		if m.kind == "audio" && m.portNumber() != 0 && slices.ContainsFunc(m.numbers, isSound) {
			return m, i
		}
	}
	return nil, 0
}

func codecsOf(m *sheetMedia) []media.Codec {
	var cs []media.Codec
	for _, number := range m.numbers {
		if f := strings.Split(m.codec(number), "/"); len(f) == 3 {
			rate, _ := strconv.Atoi(f[1])
			cs = append(cs, media.Codec{Name: f[0], ClockRate: rate, Channels: 1})
		}
	}
	return cs
}

func dirOfSection(m *sheetMedia) media.Direction {
	if found := directions(m.lines); found != nil {
		return media.Direction(found[0])
	}
	return sendRecv
}
