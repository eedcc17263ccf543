package media_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// A specimen is an SDP of the third-party test data.
type specimen struct{ name, sdp string }

// placeholders are what SIPp scenarios have in the place of ports and addresses, and host names, which we do not resolve.
var placeholders = []struct {
	is *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`\[\w*port(\+\d)?\]`), "40010"},
	{regexp.MustCompile(`\[\w*ip_type\]`), "4"},
	{regexp.MustCompile(`\[\w*ip\]`), "192.0.2.10"},
	{regexp.MustCompile(`IN IP4 [a-zA-Z][\w.-]*`), "IN IP4 192.0.2.40"},
}

// specimens returns every SDP of the test data, in files or by the line of bulk.jsonl, or skips the test where there is none.
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
			all = append(all, specimen{strings.TrimSuffix(pattern, "*.sdp") + filepath.Base(path), filled(string(text))})
		}
	}
	files := len(all)
	f, err := os.Open(filepath.Join(dir, "bulk.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var record struct{ SDP string }
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		all = append(all, specimen{fmt.Sprintf("bulk/%04d", len(all)-files+1), filled(record.SDP)})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// filled puts values into the place of placeholders.
func filled(sdp string) string {
	for _, p := range placeholders {
		sdp = p.is.ReplaceAllString(sdp, p.as)
	}
	return sdp
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
	for _, policy := range answerers() {
		t.Run(policy.Name, func(t *testing.T) {
			l := local()
			l.Keys, l.VideoKeys = policy.NewKeys(), policy.NewKeys()
			answered, due := 0, 0
			refused := map[string]int{}
			for _, s := range specimens(t) {
				offer, err := media.ParseDescription([]byte(s.sdp))
				if err != nil {
					continue
				}
				n, answer, err := media.Negotiation{}.Answer(policy, l, nil, offer)
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
				checkRefresh(t, s, policy, l, n, answer, offer)
			}
			t.Logf("%d answered (%d had to be), refused %v", answered, due, refused)
			if due == 0 {
				t.Error("nothing had to be answered: the test data or the test is at fault")
			}
		})
	}
}

// checkRefresh offers the same again: the answer is the same, and its version stays.
func checkRefresh(t *testing.T, s specimen, p *media.Policy, l media.Local, n media.Negotiation, answer, offer media.Description) {
	t.Helper()
	if n.Restarts(offer) {
		t.Errorf("%s: the same offer again counts as an ICE restart", s.name)
	}
	_, again, err := n.Answer(p, l, nil, offer)
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
// refused, over the right transport, with a codec of p's in it.
func answerable(s sheet, p *media.Policy) bool {
	for _, m := range s.media {
		if m.kind == "audio" && m.portNumber() != 0 && reachable(s, m, p) && slices.ContainsFunc(m.numbers, func(number string) bool { return speech(m.codec(number), p) }) {
			return true
		}
	}
	return false
}

// speech reports whether a codec is one of Opus, PCMU, PCMA and G722 that p has; every one if p is nil.
func speech(codec string, p *media.Policy) bool {
	switch codec {
	case "opus/48000/2", "pcmu/8000/1", "pcma/8000/1", "g722/8000/1":
		return p == nil || slices.ContainsFunc(p.Audio, func(c media.Codec) bool {
			return strings.EqualFold(codec, fmt.Sprintf("%s/%d/%d", c.Name, c.ClockRate, c.Channels))
		})
	default:
		return false
	}
}

func reachable(s sheet, m sheetMedia, p *media.Policy) bool {
	proto := strings.ToUpper(m.proto)
	switch {
	case p.Security == media.DTLS:
		return strings.HasPrefix(strings.TrimPrefix(proto, "UDP/TLS/"), "RTP/SAVP") && said(s, m, "fingerprint") &&
			(p.ICE && said(s, m, "ice-ufrag") && said(s, m, "ice-pwd") || !p.ICE && addressed(s, m))
	case strings.HasPrefix(proto, "RTP/AVP"):
		return addressed(s, m)
	case p.Security == media.SDESOptional && strings.HasPrefix(proto, "RTP/SAVP"):
		return addressed(s, m) && slices.ContainsFunc(attr(m.lines, "crypto"), usableCrypto.MatchString)
	default:
		return false
	}
}

// usableCrypto is a line of a suite that we have, with a key of its length and without parameters that we do not know.
var usableCrypto = regexp.MustCompile(`(?i)^\d{1,9} (AES_CM_128_HMAC_SHA1_(80|32) inline:[\w+/]{40}|AEAD_AES_128_GCM inline:[\w+/]{38}(==)?|AEAD_AES_256_GCM inline:[\w+/]{59}=?)(\|2\^(31|48))?(\|1:[14])?( WSH=\d+)?$`)

func said(s sheet, m sheetMedia, name string) bool {
	return first(attr(m.lines, name)) != "" || first(attr(s.session, name)) != ""
}

// addressed reports whether a section has an address.
func addressed(s sheet, m sheetMedia) bool {
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
	return err == nil
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
