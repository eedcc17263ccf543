package media_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

var update = flag.Bool("update", false, "write the golden files anew")

const goldenAnswers = "testdata/answers.golden"

// stances of the golden file: the profiles, and the ways to protect that none of them has.
func answerers() []*media.Policy {
	keys, dtls := media.VideoPhone(), media.Browser()
	keys.Name, keys.Security = "keys", media.SDESOptional
	dtls.Name, dtls.ICE = "dtls", false
	return []*media.Policy{media.AlexaCalling(), media.AlexaDoor(), media.Browser(), media.Phone(), media.VideoPhone(), media.Trunk(), keys, dtls}
}

// TestAnswersGolden answers every SDP of the test data as an offer, under every stance, and holds the codecs that were accepted against
// a golden file. Each is answered by the rules of the checker, or refused with a typed error.
func TestAnswersGolden(t *testing.T) {
	var got strings.Builder
	due, met, unmet := 0, 0, map[string]int{}
	got.WriteString("# The codecs that each SDP of the test data is answered with, by policy: sound, then pictures. Written by go test -run Golden -update.\n")
	for _, s := range specimens(t) {
		verdict, heard := verdicts(t, s)
		fmt.Fprintf(&got, "%s:%s\n", s.name, verdict)
		switch sheet := readSheet(s.sdp); {
		case !slices.ContainsFunc(sheet.media, talks):
			continue
		case heard:
			met++
		default:
			unmet[obstacle(t, s.name, sheet)]++
		}
		due++
	}
	t.Logf("of %d offers of sound that we have on profiles that we know %d are accepted with sound; the others are %v", due, met, unmet)
	if *update {
		if err := os.WriteFile(goldenAnswers, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	golden, err := os.ReadFile(goldenAnswers)
	if err != nil {
		t.Fatal(err)
	}
	is, want := strings.Split(got.String(), "\n"), strings.Split(string(golden), "\n")
	for i := range min(len(is), len(want)) {
		if is[i] != want[i] {
			t.Errorf("got  %s\nwant %s", is[i], want[i])
		}
	}
	if len(is) != len(want) {
		t.Errorf("%d lines, the golden file has %d", len(is), len(want))
	}
}

// verdicts returns what each stance accepts of a specimen, and whether one of them accepts sound.
func verdicts(t *testing.T, s specimen) (all string, heard bool) {
	t.Helper()
	offer, err := media.ParseDescription([]byte(s.sdp))
	if err != nil {
		bad, ok := errors.AsType[*media.DescriptionError](err)
		if !ok {
			t.Errorf("%s: error %v of type %T, want a *DescriptionError", s.name, err, err)
			return " untyped", false
		}
		return " malformed, " + bad.Reason, false
	}
	for _, p := range answerers() {
		l := local()
		l.Keys, l.VideoKeys = p.NewKeys(), p.NewKeys()
		n, answer, err := media.Negotiation{}.Answer(p, l, nil, offer)
		foreseen(t, s.name, p, l, offer, err)
		if err != nil {
			refusal(t, s.name, err)
			continue
		}
		if faults := answerFaults(s.sdp, sdpText(t, answer)); faults != nil {
			t.Errorf("%s to %s: %s\noffer\n%s\nanswer\n%s", s.name, p.Name, strings.Join(faults, "; "), s.sdp, sdpText(t, answer))
		}
		var codecs []string
		for _, section := range n.Sections() {
			i := slices.IndexFunc(section.In, func(f media.Format) bool { return !f.Codec.IsDigits() })
			codecs = append(codecs, section.In[i].Codec.String())
			heard = heard || section.Kind == media.Audio
		}
		all += " " + p.Name + "=" + strings.Join(codecs, "+")
	}
	if all == "" {
		return " refused", false
	}
	return all, heard
}

// foreseen holds what is foreseen of an offer against what comes of it, and also where the policy passes on what another leg has.
func foreseen(t *testing.T, name string, p *media.Policy, l media.Local, offer media.Description, came error) {
	t.Helper()
	if err := p.Foresee(offer); fmt.Sprint(err) != fmt.Sprint(came) {
		_, _, own := media.Negotiation{}.Answer(p, l, offer.Plan(), offer)
		if err != nil || own != nil || !p.AnyH264 || !errors.Is(came, media.ErrNoCommonCodec) { // what another leg may have
			t.Errorf("%s to %s: foreseen %v, Answer: %v", name, p.Name, err, came)
		}
	}
	passing := *p
	passing.Pass = []string{"AMR", "AMR-WB", "G729", "iLBC", "speex", "mpeg4-generic", "H265"}
	err := passing.Foresee(offer)
	if _, _, came := (media.Negotiation{}).Answer(&passing, l, offer.Plan(), offer); came == nil && err != nil {
		t.Errorf("%s to %s, which passes codecs on: foreseen %v, but the offer's own plan is agreed on", name, p.Name, err)
	}
}

// talks reports whether a section has sound that we have, on an RTP profile that we know.
func talks(m sheetMedia) bool {
	known := slices.Contains([]string{"RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"}, strings.ToUpper(m.proto))
	return m.kind == "audio" && m.portNumber() > 0 && known && slices.ContainsFunc(m.numbers, func(number string) bool { return speech(m.codec(number), nil) })
}

// possibleCrypto is a line that may be usable: of a suite that we have, with a key of its length, whatever is said of its lifetime and
// identifier, and without session parameters that forbid it.
var possibleCrypto = regexp.MustCompile(`(?i)^\d+\s+(AES_CM_128_HMAC_SHA1_(80|32)\s+inline:[\w+/]{40}|AEAD_AES_128_GCM\s+inline:[\w+/]{38}|AEAD_AES_256_GCM\s+inline:[\w+/]{59})=*(\|\S*)?(\s+(WSH=|-)\S*)*$`)

// obstacle says by the checker's own reading what keeps the sound of such an offer from being accepted: a port that there is not, no
// address, or no keys that we can use on a profile that needs them. There is no other reason.
func obstacle(t *testing.T, name string, s sheet) (why string) {
	t.Helper()
	for _, m := range s.media {
		switch secure := !strings.HasPrefix(strings.ToUpper(m.proto), "RTP/AVP"); {
		case !talks(m):
		case m.portNumber() > 65535:
			why = "malformed"
		case !addressed(s, m) && (!secure || !said(s, m, "ice-ufrag")):
			why = "without an address"
		case secure && !said(s, m, "fingerprint") && !slices.ContainsFunc(attr(m.lines, "crypto"), possibleCrypto.MatchString):
			why = "without usable keys"
		default:
			t.Errorf("%s: sound that we have is not accepted, and nothing is in its way", name)
			return "none"
		}
	}
	return why
}
