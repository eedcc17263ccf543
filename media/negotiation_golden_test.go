package media_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
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
	return []*media.Policy{media.AlexaCalling(), media.Browser(), media.Phone(), media.VideoPhone(), media.Trunk(), keys, dtls}
}

// TestAnswersGolden answers every SDP of the test data as an offer, under every stance, and holds the codecs that were accepted against
// a golden file. Each is answered by the rules of the checker, or refused with a typed error.
func TestAnswersGolden(t *testing.T) {
	var got strings.Builder
	due, unmet := 0, map[string]int{}
	got.WriteString("# The codecs that each SDP of the test data is answered with, by policy: sound, then pictures. Written by go test -run Golden -update.\n")
	for _, s := range specimens(t) {
		verdict := verdicts(t, s)
		fmt.Fprintf(&got, "%s:%s\n", s.name, verdict)
		if sheet := readSheet(s.sdp); talks(sheet) {
			due++
			if !strings.Contains(verdict, "=") {
				unmet[obstacle(t, s.name, sheet, verdict)]++
			}
		}
	}
	t.Logf("%d offers of sound that we have on profiles that we know; not accepted %v", due, unmet)
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

// verdicts returns what each stance accepts of a specimen.
func verdicts(t *testing.T, s specimen) string {
	t.Helper()
	offer, err := media.ParseDescription([]byte(s.sdp))
	if err != nil {
		bad, ok := errors.AsType[*media.DescriptionError](err)
		if !ok {
			t.Errorf("%s: error %v of type %T, want a *DescriptionError", s.name, err, err)
			return " untyped"
		}
		return " malformed, " + bad.Reason
	}
	all := ""
	for _, p := range answerers() {
		l := local()
		l.Keys, l.VideoKeys = p.NewKeys(), p.NewKeys()
		n, answer, err := media.Negotiation{}.Answer(p, l, nil, offer)
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
		}
		all += " " + p.Name + "=" + strings.Join(codecs, "+")
	}
	if all == "" {
		return " refused"
	}
	return all
}

// talks reports whether an offer has sound that we have, on an RTP profile that we know.
func talks(s sheet) bool {
	return slices.ContainsFunc(s.media, func(m sheetMedia) bool {
		known := slices.Contains([]string{"RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"}, strings.ToUpper(m.proto))
		return m.kind == "audio" && m.portNumber() > 0 && known && slices.ContainsFunc(m.numbers, func(number string) bool { return speech(m.codec(number), nil) })
	})
}

// obstacle says by the checker's own reading what keeps such an offer from being accepted: it is no SDP, names no address, or does not
// say how it protects what it says is protected. There is no other reason.
func obstacle(t *testing.T, name string, s sheet, verdict string) string {
	t.Helper()
	for _, m := range s.media {
		switch secure := !strings.HasPrefix(strings.ToUpper(m.proto), "RTP/AVP"); {
		case m.kind != "audio":
		case strings.Contains(verdict, "malformed"):
			return "malformed"
		case !secure && !addressed(s, m), secure && !addressed(s, m) && !said(s, m, "ice-ufrag"):
			return "without an address"
		case secure && !said(s, m, "fingerprint") && !slices.ContainsFunc(attr(m.lines, "crypto"), usableCrypto.MatchString):
			return "without the keys of its profile"
		}
	}
	t.Errorf("%s: sound that we have is not accepted", name)
	return "none"
}
