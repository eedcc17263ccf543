package media_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// A specimen is an SDP of the third-party test data.
type specimen struct{ name, sdp string }

// placeholders are what SIPp scenarios have in the place of ports and addresses.
var placeholders = []struct {
	is *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`\[\w*port(\+\d)?\]`), "40010"},
	{regexp.MustCompile(`\[\w*ip_type\]`), "4"},
	{regexp.MustCompile(`\[\w*ip\]`), "192.0.2.10"},
}

// specimens returns every SDP of the test data, or skips the test where there is none.
func specimens(t testing.TB) []specimen {
	t.Helper()
	dir := filepath.Join(testutil.Corpora(t), "sdp")
	var all []specimen
	for _, pattern := range []string{"real/*.sdp", "sdp-transform/*.sdp", "sofia/*.sdp"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, specimen{filepath.Base(path), string(text)})
		}
	}
	f, err := os.Open(filepath.Join(dir, "bulk.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var record struct {
			Repo, Path, SDP string
		}
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		for _, p := range placeholders {
			record.SDP = p.is.ReplaceAllString(record.SDP, p.as)
		}
		all = append(all, specimen{record.Repo + "/" + record.Path, record.SDP})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDescriptionsOfTheWorld parses what real devices and other projects' tests have written: each is taken and keeps its text, or is
// refused with a place and a reason.
func TestDescriptionsOfTheWorld(t *testing.T) {
	taken, refused := 0, map[string]int{}
	for _, s := range specimens(t) {
		d, err := media.ParseDescription([]byte(s.sdp))
		if err != nil {
			bad, ok := errors.AsType[*media.DescriptionError](err)
			if !ok || bad.Reason == "" {
				t.Errorf("%s: error %v of type %T, want a *DescriptionError with a reason", s.name, err, err)
				continue
			}
			refused[bad.Reason]++
			continue
		}
		taken++
		text := sdpText(t, d)
		again, err := media.ParseDescription([]byte(text))
		if err != nil {
			t.Errorf("%s: its own text does not parse: %v", s.name, err)
		} else if got := sdpText(t, again); got != text {
			t.Errorf("%s: parsed twice it reads\n%s\nwant\n%s", s.name, got, text)
		}
	}
	t.Logf("%d parsed, refused %v", taken, refused)
	if taken < 1500 {
		t.Errorf("only %d parsed", taken)
	}
}

// TestAnswersToTheWorld answers every SDP of the test data as an offer and holds each answer against the rules. What has a codec of
// ours and the transport that the policy asks for must be answered.
func TestAnswersToTheWorld(t *testing.T) {
	for _, policy := range []*media.Policy{media.Phone(), media.AlexaCalling()} {
		t.Run(policy.Name, func(t *testing.T) {
			answered, due := 0, 0
			refused := map[string]int{}
			for _, s := range specimens(t) {
				offer, err := media.ParseDescription([]byte(s.sdp))
				if err != nil {
					continue
				}
				n, answer, err := media.Negotiation{}.Answer(policy, local(), nil, offer)
				must := answerable(readSheet(s.sdp), policy)
				if must {
					due++
				}
				if err != nil {
					refused[refusal(t, s.name, err)]++
					if must {
						t.Errorf("%s: refused: %v\n%s", s.name, err, s.sdp)
					}
					continue
				}
				answered++
				if faults := answerFaults(s.sdp, sdpText(t, answer)); faults != nil {
					t.Errorf("%s: %s\noffer\n%s\nanswer\n%s", s.name, strings.Join(faults, "; "), s.sdp, sdpText(t, answer))
				}
				checkRefresh(t, s, policy, n, answer, offer)
			}
			t.Logf("%d answered (%d had to be), refused %v", answered, due, refused)
			if due == 0 {
				t.Error("nothing had to be answered: the test data or the test is at fault")
			}
		})
	}
}

// checkRefresh offers the same again: the answer is the same, and its version stays.
func checkRefresh(t *testing.T, s specimen, p *media.Policy, n media.Negotiation, answer, offer media.Description) {
	t.Helper()
	if n.Restarts(offer) {
		t.Errorf("%s: the same offer again counts as an ICE restart", s.name)
	}
	_, again, err := n.Answer(p, local(), nil, offer)
	if err != nil {
		t.Errorf("%s: a refresh is refused: %v", s.name, err)
		return
	}
	if got, want := sdpText(t, again), sdpText(t, answer); got != want {
		t.Errorf("%s: the answer to a refresh is\n%s\nwant\n%s", s.name, got, want)
	}
}

// refusal names the reason of an error, which must be one of the documented ones.
func refusal(t *testing.T, name string, err error) string {
	t.Helper()
	if bad, ok := errors.AsType[*media.DescriptionError](err); ok {
		return bad.Reason
	}
	for _, known := range []error{media.ErrNoCommonCodec, media.ErrRefused} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	t.Errorf("%s: undocumented error %v", name, err)
	return "undocumented"
}

// answerable says by the checker's own reading whether one of our profiles has to answer an offer: an audio section that is not
// refused, over the right transport, with Opus, PCMU or PCMA in it.
func answerable(s sheet, p *media.Policy) bool {
	for _, m := range s.media {
		if m.kind != "audio" || m.portNumber() == 0 {
			continue
		}
		speech := false
		for _, number := range m.numbers {
			switch m.codec(number) {
			case "opus/48000/2", "pcmu/8000/1", "pcma/8000/1":
				speech = true
			}
		}
		if speech && reachable(s, m, p) {
			return true
		}
	}
	return false
}

func reachable(s sheet, m sheetMedia, p *media.Policy) bool {
	proto := strings.ToUpper(m.proto)
	if p.Security == media.Plain {
		conn := lineOf(m.lines, "c=")
		if conn == "" {
			conn = lineOf(s.session, "c=")
		}
		f := strings.Fields(conn)
		if len(f) != 3 {
			return false
		}
		host, _, _ := strings.Cut(f[2], "/")
		_, err := netip.ParseAddr(host)
		return err == nil && (proto == "RTP/AVP" || proto == "RTP/AVPF")
	}
	if !strings.HasPrefix(strings.TrimPrefix(proto, "UDP/TLS/"), "RTP/SAVP") {
		return false
	}
	for _, name := range []string{"fingerprint", "ice-ufrag", "ice-pwd"} {
		if first(attr(m.lines, name)) == "" && first(attr(s.session, name)) == "" {
			return false
		}
	}
	return true
}

// lineOf returns the last line of a type, without its type.
func lineOf(lines []string, prefix string) string {
	value := ""
	for _, line := range lines {
		if v, ok := strings.CutPrefix(line, prefix); ok {
			value = v
		}
	}
	return value
}
