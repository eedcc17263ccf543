package sip

import (
	"maps"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
)

// FuzzRefer reads REFERs of any kind. What is taken of one can be written into an INVITE, and is read there as it was meant.
func FuzzRefer(f *testing.F) {
	for _, seed := range []string{
		"<sip:dave@example.com>", "sip:dave@example.com", `"Dave" <sips:d@[2001:db8::1]:5061;transport=tls>;x=y`, "<tel:+46-70-123;phone-context=x>",
		"<sip:d@example.com;method=INVITE?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces>", "<sip:d@x?Replaces=a;to-tag=1;from-tag=2%0d%0a>",
		"<sip:d@x>, <sip:e@y>", "<", ">", "<http://example.com>", "<sip:%00@x>",
	} {
		f.Add(seed, `"Carol" <sip:carol@example.com>;cid="x"`)
	}
	f.Fuzz(func(t *testing.T, to, by string) {
		if strings.ContainsAny(to+by, "\r\n") || len(to)+len(by) > 20_000 {
			return // the parser of messages has no such header fields
		}
		req := sipmsg.NewRequest(sipmsg.REFER, sipmsg.Uri{Scheme: "sip", Host: "example.com"})
		req.AppendHeader(sipmsg.NewHeader("Refer-To", to))
		req.AppendHeader(sipmsg.NewHeader("Referred-By", by))
		ref, r := parseRefer(req)
		if r != nil {
			return
		}
		if _, err := checkTarget(ref.to); err != nil || len(ref.to) > maxURI+len("tel:") {
			t.Fatalf("%q has become %q, which cannot be called: %v", to, ref.to, err)
		}
		invite := sipmsg.NewRequest(sipmsg.INVITE, sipmsg.Uri{Scheme: "sip", Host: "example.com"})
		for _, h := range fieldsOf(ref.attr) {
			if hasControl(h.Value()) {
				t.Fatalf("%q in an INVITE", h.Value())
			}
			invite.AppendHeader(h)
		}
		if got := referredBy(invite); got != ref.attr[attrReferredBy] {
			t.Fatalf("Referred-By %q is read as %q", ref.attr[attrReferredBy], got)
		}
		if text := headerText(invite, "replaces"); text != ref.attr[attrReplaces] {
			t.Fatalf("Replaces %q is written as %q", ref.attr[attrReplaces], text)
		}
		if len(withoutOurs(ref.attr)) != 0 || len(withoutOurs(maps.Clone(map[string]string{"x": "y"}))) != 1 {
			t.Fatal("what belongs to one transfer goes on, or something else does not")
		}
	})
}

// FuzzReplaces reads what Replaces may say, as a header field and within a URI.
func FuzzReplaces(f *testing.F) {
	for _, seed := range []string{"a@b;to-tag=1;from-tag=2", "a;from-tag=2 ; early-only; to-tag=1;x=y", "a;to-tag=1", ";;;", "a b;to-tag=1;from-tag=2", "a;to-tag=1;to-tag=2;from-tag=3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := parseReplaces(text)
		if !ok {
			return
		}
		if again, ok := parseReplaces(r.String()); !ok || again != r {
			t.Fatalf("%q is written as %q and read as %+v", text, r.String(), again)
		}
		escaped := escapeHeader(r.String())
		if back, ok := unescapeHeader(escaped); !ok || back != r.String() || strings.ContainsAny(escaped, ";?&=<>\" \r\n") {
			t.Fatalf("%q in a URI is %q and is read as %q", r.String(), escaped, back)
		}
	})
}

// FuzzFrag reads what NOTIFY may carry.
func FuzzFrag(f *testing.F) {
	for _, seed := range []string{"SIP/2.0 200 OK\r\n", "SIP/2.0 486 Busy Here\r\nTo: x\r\n", "SIP/2.0 100", "sip/2.0  180  x", "SIP/2.0 -10 x", "INVITE sip:a@b SIP/2.0", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		status, phrase, ok := parseFrag(body)
		if !ok {
			return
		}
		if status < 100 || status > 699 || hasControl(phrase) || len(phrase) > maxErrorText {
			t.Fatalf("%q is read as %d %q", body, status, phrase)
		}
		again, same, ok := parseFrag(sipfrag(status, phrase))
		if !ok || again != status || same != strings.TrimSpace(phrase) {
			t.Fatalf("%d %q is written and read as %d %q", status, phrase, again, same)
		}
	})
}
