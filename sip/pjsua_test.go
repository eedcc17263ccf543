package sip_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// pjsuaCase is one message for pjsua, and what it answers.
type pjsuaCase struct {
	Args         string   `json:"pjsua_args"`
	SDP          string   `json:"sdp"`
	Status       int      `json:"resp_code"`
	Include      []string `json:"resp_include"`
	Exclude      []string `json:"resp_exclude"`
	ExtraHeaders string   `json:"extra_headers"`
	Body         string   `json:"body"`
	Whole        string   `json:"complete_msg"`
	File         string   `json:"file"`
}

// pjsuaOurs are the cases that we answer in another way, and why that is as good.
var pjsuaOurs = map[string]int{
	"152_err_sdp_no_media.py":           488, // without an m-line an offer is well-formed: RFC 3264 section 5
	"156_err_sdp_bad_net_type.py":       200, // the address is read whatever network it says it is of
	"157_err_sdp_bad_addr_type.py":      200, // likewise
	"161_err_replaces_dlg_not_found.py": 400, // without its tags Replaces is malformed, RFC 3891 section 6.1
	"361_non_sip_uri.py":                400, // the fault is the caller's
	"174_timer_se_too_small.py":         200, // the least is 90 s, RFC 4028 section 4
	"999_message_no_body.py":            400, // the body is shorter than it says
	"001_torture_4475_3_1_1_4.py":       405, // REGISTER is not taken

	"300_srtp_duplicated_crypto_tag.py":          200, // a key line that is of no use is passed over, RFC 8643 section 3.2
	"300_srtp_invalid_crypto_tag_non_numeric.py": 200,
	"300_srtp_receive_no_key_1.py":               200,
	"300_srtp_receive_no_key_2.py":               200,
	"300_srtp_receive_no_key_3.py":               200,
	"320_srtp2_no_crypto.py":                     488, // it is the description that is not acceptable
	"323_srtp2_receive_too_long_key.py":          488,
	"323_srtp2_unsupported_crypto.py":            488,
	"321_srtp2_recv_avp.py":                      200, // with keys on both sides RTP/AVP is protected too, RFC 8643
}

// pjsuaWordsTable are cases that we answer with the same status in other words, and why that is as good.
var pjsuaWordsTable = map[string]string{
	"172_timer_supported_but_not_used.py": "we ask for a timer where the caller knows it, RFC 4028 section 9",
	"330_srtp_prefer_rtp_savp.py":         "of two m-lines of sound the first that fits is taken",
}

// pjsuaSkipTable are cases that need what an agent is not, or not by a name's beginning alone, and why.
var pjsuaSkipTable = map[string]string{
	"200_ice": "ICE without protected media", "201_ice": "ICE without protected media",
	"363": "SUBSCRIBE", "364": "SUBSCRIBE", "500": "SUBSCRIBE",
	"400": "G.722.1", "401": "G.722.1", "402": "G.722.1", "41": "AMR",
}

// pjsuaSkips returns why a case is not run.
func pjsuaSkips(name string) string {
	for prefix, why := range pjsuaSkipTable {
		if strings.HasPrefix(name, prefix) {
			return why
		}
	}
	return ""
}

// pjsuaMust is how many of the cases run at least.
const pjsuaMust = 75

// TestPjsuaCases runs pjsua's own cases but for those that need what we have not, which are counted.
func TestPjsuaCases(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testutil.Corpora(t), "sip", "pjsua-cases", "sendto.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []pjsuaCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	ran, skipped := 0, map[string]int{}
	for _, c := range cases {
		name := filepath.Base(c.File)
		if why := pjsuaSkips(name); why != "" {
			skipped[why]++
			continue
		}
		ran++
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &sip.Options{Bridge: bridge.Func(answerAll), Policy: c.policy(), Message: func(context.Context, *sip.Message) error { return nil }})
				want := c.Status
				if ours, ok := pjsuaOurs[name]; ok {
					want = ours
				}
				w.peer.send(c.message())
				var res *sipmsg.Response
				for res == nil || res.StatusCode < 200 {
					msg := w.peer.receive(time.Second)
					if msg == nil {
						break
					}
					res, _ = msg.(*sipmsg.Response)
				}
				if res == nil || res.StatusCode != want {
					t.Fatalf("got %s, want %d\n%s", head(res), want, c.message())
				}
				if want != c.Status || pjsuaWordsTable[name] != "" {
					return
				}
				got := strings.ReplaceAll(string(w.peer.raw), "\r\n", "\n")
				for _, p := range c.Include {
					if !regexp.MustCompile(p).MatchString(got) {
						t.Errorf("no %q in\n%s", p, got)
					}
				}
				for _, p := range c.Exclude {
					if regexp.MustCompile(p).MatchString(got) {
						t.Errorf("%q in\n%s", p, got)
					}
				}
			})
		})
	}
	t.Logf("%d of %d cases, %d of them answered in another way; not run: %v", ran, len(cases), len(pjsuaOurs)+len(pjsuaWordsTable), skipped)
	if ran < pjsuaMust {
		t.Errorf("%d cases ran, want %d at least", ran, pjsuaMust)
	}
}

// policy returns what pjsua's arguments say of SRTP: none, taken where it is offered, or wanted. nil is none.
func (c *pjsuaCase) policy() *media.Policy {
	p := media.Phone()
	switch {
	case strings.Contains(c.Args, "--use-srtp 1"):
		p.Security = media.SDESOptional
	case strings.Contains(c.Args, "--use-srtp 2"):
		p.Security = media.SDES
	default:
		return nil
	}
	return p
}

// message returns the case's message as it would go out from the peer.
func (c *pjsuaCase) message() string {
	fill := strings.NewReplacer("$LOCAL_IP", "192.0.2.2", "$LOCAL_PORT", "5070", "$FROM_TAG", ";tag=x1", "$BRANCH", "x2",
		"192.168.0.14:5060", "192.0.2.2:5070", "localhost:5070", "192.0.2.2:5070", "192.168.1.11:5060;branch", "192.0.2.2:5070;branch",
		"UDP host1.example.com;rport", "UDP 192.0.2.2:5070;rport")
	crlf := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n") }
	if c.Whole != "" {
		head, body, _ := strings.Cut(crlf(fill.Replace(c.Whole)), "\r\n\r\n")
		if body != "" { // the addresses that were filled in have changed its length
			head = regexp.MustCompile(`(?i)(Content-Length *:) *[0-9]+`).ReplaceAllString(head, fmt.Sprintf("$1 %d", len(body)))
		}
		return strings.TrimRight(head, "\r\n") + "\r\n\r\n" + body
	}
	body := crlf(strings.TrimPrefix(c.SDP+c.Body, "\n"))
	extra := strings.TrimSpace(c.ExtraHeaders)
	if !strings.Contains(extra, "Content-Type") {
		extra = strings.TrimSpace(extra + "\nContent-Type: application/sdp")
	}
	return crlf(fmt.Sprintf("INVITE sip:room@192.0.2.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2:5070;rport;branch=z9hG4bKx\nMax-Forwards: 70\n"+
		"From: <sip:caller@pjsip.org>;tag=x1\nTo: <sip:192.0.2.1>\nContact: <sip:192.0.2.2:5070>\nCall-ID: call-x\nCSeq: 10 INVITE\n%s\nContent-Length: %d\n\n",
		extra, len(body))) + body
}
