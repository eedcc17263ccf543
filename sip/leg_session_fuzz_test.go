package sip

import (
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// FuzzFields reads what far sides write of session timers and reliable responses.
func FuzzFields(f *testing.F) {
	for _, text := range []string{"1800;refresher=uac", "90 ; Refresher = UAS;x", "4294967296", "18446744073709551616", "-1", "", ";", "1;refresher", "776656 1 INVITE", "1 2 3 4", "4294967296 1 INVITE", "0 0 invite"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		req := sipmsg.NewRequest(sipmsg.PRACK, sipmsg.Uri{Scheme: "sip", Host: "example.com"})
		for _, name := range []string{"Session-Expires", "Min-SE", "RAck", "Supported", "Require"} {
			req.AppendHeader(sipmsg.NewHeader(name, text))
		}
		every, refresher := sessionOf(req)
		if every < 0 || every > maxSession*time.Second || every == 0 && refresher != "" || refresher != "" && refresher != "uac" && refresher != "uas" {
			t.Errorf("%q: every %v, by %q", text, every, refresher)
		}
		if least := durationOf(text); least != every {
			t.Errorf("%q: Min-SE %v, Session-Expires %v", text, least, every)
		}
		if every > 0 {
			if again, _ := sessionOf(withSession(every)); again != every {
				t.Errorf("%q: %v, read back as %v", text, every, again)
			}
		}
		if rseq, cseq, ok := readRAck(req); ok && len(strings.Fields(text)) != 3 {
			t.Errorf("%q: RAck %d %d", text, rseq, cseq)
		}
		if requires(req, tagTimer) && len(unknown(req)) == 0 && !supports(req, tagTimer) {
			t.Errorf("%q is required and not supported", text)
		}
	})
}

func withSession(every time.Duration) *sipmsg.Request {
	req := sipmsg.NewRequest(sipmsg.INVITE, sipmsg.Uri{Scheme: "sip", Host: "example.com"})
	new(session).put(req, every, ";refresher=uac")
	return req
}
