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

// TestPjmediaExchanges runs the offer/answer examples of RFC 3264 and RFC 4317 and the regressions in pjmedia's tests: all 31. A leg here
// has one section of each kind, with sound in it if it is of sound: of what pjmedia takes beyond that the refusal is checked. Its host
// names, which we do not resolve, become an address.
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
	ran := 0
	for _, c := range file.Tests {
		t.Run(c.Title, func(t *testing.T) {
			var n media.Negotiation
			last := ""
			for _, x := range c.Exchanges {
				if x.Type != last || x.InitialLocal != "" {
					n, last = media.Negotiation{}, x.Type
				}
				if x.Type == "LOCAL_OFFER" {
					n = runLocalOffer(t, n, x)
				} else {
					n = runRemoteOffer(t, n, x)
				}
				ran++
			}
		})
	}
	if ran != 31 {
		t.Errorf("%d exchanges ran, want 31", ran)
	}
}

// runRemoteOffer answers an offer with the codecs that pjmedia's answer has, and compares each section.
func runRemoteOffer(t *testing.T, n media.Negotiation, x pjmediaExchange) media.Negotiation {
	t.Helper()
	p := media.Phone()
	want := mainSections(t, x.LocalAnswer)
	next, d, err := n.Answer(policyOf(p, want), local(), planOf(want), parse(t, x.RemoteOffer))
	if err != nil {
		t.Fatalf("%v\n%s", err, x.RemoteOffer)
	}
	answer := sdpText(t, d)
	if faults := answerFaults(x.RemoteOffer, answer); faults != nil {
		t.Errorf("%s\n%s", strings.Join(faults, "; "), answer)
	}
	theirs := readSheet(x.LocalAnswer)
	for i, got := range readSheet(answer).media {
		w := want[got.kind]
		if main := w != nil && slices.Equal(w.numbers, theirs.media[i].numbers) && w.port == theirs.media[i].port; !main {
			if got.portNumber() != 0 {
				t.Errorf("section %d is taken, and pjmedia has %s", i, theirs.media[i].port)
			}
			continue
		}
		if got.portNumber() == 0 || !slices.Equal(got.numbers, w.numbers) {
			t.Errorf("section %d is answered port %s %v, pjmedia has port %s %v", i, got.port, got.numbers, w.port, w.numbers)
		}
		if g, w := dirOfSection(&got), dirOfSection(w); g != w {
			t.Errorf("section %d is answered %v, pjmedia has %v", i, g, w)
		}
	}
	return next
}

// runLocalOffer offers the codecs that pjmedia offers, takes the answer's sections in the order of our offer, and compares what is agreed
// with what is active in pjmedia. An answer with fewer m-lines, or with one of another kind, is taken as it stands.
func runLocalOffer(t *testing.T, n media.Negotiation, x pjmediaExchange) media.Negotiation {
	t.Helper()
	active, answered, offered := mainSections(t, x.LocalActive), mainSections(t, x.RemoteAnswer), readSheet(x.LocalOffer)
	wish := map[string]*sheetMedia{}
	for i := range offered.media { // of each kind the section that stays, else the first
		m := &offered.media[i]
		if was, a := wish[m.kind], active[m.kind]; was == nil || a != nil && slices.Contains(m.numbers, a.numbers[0]) && !slices.Contains(was.numbers, a.numbers[0]) {
			wish[m.kind] = m
		}
	}
	next, d, err := n.Offer(policyOf(media.Phone(), wish), local(), planOf(wish))
	if err != nil {
		t.Fatal(err)
	}
	answer := x.RemoteAnswer
	if broken := len(readSheet(answer).media) < len(offered.media) || readSheet(answer).media[len(offered.media)-1].kind != offered.media[len(offered.media)-1].kind && len(answered) == 1; !broken {
		answer = reorder(x.RemoteAnswer, readSheet(sdpText(t, d)), answered)
	}
	next, err = next.Accept(policyOf(media.Phone(), wish), parse(t, answer))
	if err != nil {
		t.Fatalf("%v\n%s", err, answer)
	}
	for kind, k := range map[string]media.Kind{"audio": media.Audio, "video": media.Video} {
		m, ok := next.Agreed().Find(k)
		if want := active[kind]; ok != (want != nil) {
			t.Errorf("%s is agreed: %v, in pjmedia: %v", kind, ok, want != nil)
		} else if ok && (!slices.EqualFunc(m.Codecs, codecsOf(want), media.Codec.Matches) || m.Dir.Reverse() != dirOfSection(want)) {
			t.Errorf("agreed on %v, pjmedia on %v %v", m, codecsOf(want), dirOfSection(want))
		}
	}
	return next
}

// reorder gives an answer the m-lines of our offer: for each its main section, or a refusal.
func reorder(answer string, offer sheet, sections map[string]*sheetMedia) string {
	head, _, _ := strings.Cut(answer, "m=")
	used := map[string]bool{}
	for _, o := range offer.media {
		if m := sections[o.kind]; m != nil && !used[o.kind] && o.portNumber() != 0 {
			used[o.kind] = true
			head += "m=" + m.kind + " " + m.port + " " + m.proto + " " + strings.Join(m.numbers, " ") + "\r\n" + strings.Join(m.lines, "\r\n") + "\r\n"
		} else {
			head += "m=" + o.kind + " 0 " + o.proto + " " + o.numbers[0] + "\r\n"
		}
	}
	return head
}

// mainSections returns of each kind the first section that is not refused and has more than digits.
func mainSections(t *testing.T, text string) map[string]*sheetMedia {
	t.Helper()
	s, found := readSheet(text), map[string]*sheetMedia{}
	for i := range s.media {
		m := &s.media[i]
		content := slices.ContainsFunc(codecsOf(m), func(c media.Codec) bool { return !strings.HasPrefix(c.Name, "telephone-event") })
		if content && m.portNumber() != 0 && found[m.kind] == nil {
			found[m.kind] = m
		}
	}
	if len(found) == 0 {
		t.Fatalf("nothing in use in\n%s", text)
	}
	return found
}

func policyOf(p *media.Policy, sections map[string]*sheetMedia) *media.Policy {
	p.Audio, p.Video = nil, nil
	if m := sections["audio"]; m != nil {
		p.Audio = codecsOf(m)
	}
	if m := sections["video"]; m != nil {
		p.Video = codecsOf(m)
	}
	return p
}

func planOf(sections map[string]*sheetMedia) media.Plan {
	var p media.Plan
	for kind, k := range map[string]media.Kind{"audio": media.Audio, "video": media.Video} {
		if m := sections[kind]; m != nil {
			p = append(p, media.Media{Kind: k, Dir: dirOfSection(m), Codecs: codecsOf(m)})
		}
	}
	slices.SortFunc(p, func(a, b media.Media) int { return int(a.Kind) - int(b.Kind) })
	return p
}

// staticNames are the static payload types of the examples, by RFC 3551, that they name by number alone.
var staticNames = map[string]string{"4": "g723/8000/1", "18": "g729/8000/1", "31": "h261/90000/1", "32": "mpv/90000/1"}

func codecsOf(m *sheetMedia) []media.Codec {
	var cs []media.Codec
	for _, number := range m.numbers {
		name := m.codec(number)
		if name == "" {
			name = staticNames[number]
		}
		if f := strings.Split(name, "/"); len(f) == 3 {
			rate, _ := strconv.Atoi(f[1])
			c := media.Codec{Name: f[0], ClockRate: rate, Channels: 1}
			for _, v := range attr(m.lines, "fmtp") {
				if n, params, _ := strings.Cut(v, " "); n == number {
					c.Params = params
				}
			}
			cs = append(cs, c)
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
