package sip

import (
	"bytes"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

func TestParseURI(t *testing.T) {
	for _, c := range []struct {
		in, want string // empty: refused
	}{
		{"sip:100@pbx.example.com", "sip:100@pbx.example.com"},
		{"sip:100@192.0.2.7:5070;transport=tcp", "sip:100@192.0.2.7:5070;transport=tcp"},
		{"SIP:+15550100@pbx", "sip:+15550100@pbx"},
		{"sip:*97#@pbx", "sip:*97#@pbx"},
		{"sip:a%20b:secret@[2001:db8::1]:5060", "sip:a%20b:secret@[2001:db8::1]:5060"},
		{"sips:x@y;lr", "sips:x@y;lr"},
		{"sip:pbx", "sip:pbx"},
		{"", ""},
		{"sip:", ""},
		{"sip:@", ""},
		{"x", ""},
		{"*", ""},
		{"tel:+1", ""},
		{"http://x", ""},
		{"sip://x", ""},
		{"sip:a b@c", ""},
		{"sip:a@b c", ""},
		{"sip:a\"@b", ""},
		{"sip:<a@b>", ""},
		{"sip:a@b\r\nX: y", ""},
		{"sip:a@b\n", ""},
		{"sip:a@b;x=\"y\"", ""},
		{"sip:a@b;x=y z", ""},
		{"sip:a@b?X=y", ""},
		{"sip:a@b,sip:c@d", ""},
		{"sip:a@b;=", ""},
		{"sip:a@[::1", ""},
		{"sip:a@[1.2.3.4]", ""},
		{"sip:a@[fe80::1%25eth0]", ""},
		{"sip:a@b:70000", ""},
		{"sip:a@b:-1", ""},
		{"sip:a@b:x", ""},
		{"sip:a@" + strings.Repeat("h", 300), ""},
		{"sip:" + strings.Repeat("u", 2000) + "@h", ""},
	} {
		u, err := parseURI(c.in)
		got := ""
		if err == nil {
			got = u.String()
		}
		if got != c.want {
			t.Errorf("%q: %q (%v), want %q", c.in, got, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"Ann", `A "B" \C`, "Zoë", `\`, `"`, "tab\there"} {
		if err := checkName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		h := sipmsg.FromHeader{DisplayName: quotedName(name), Address: sipmsg.Uri{Scheme: "sip", Host: "x"}}
		text := "INVITE sip:x SIP/2.0\r\nFrom: " + h.Value() + "\r\n\r\n"
		msg, err := sipmsg.ParseMessage([]byte(text))
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if got := unescape(msg.From().DisplayName); got != name {
			t.Errorf("%q comes back as %q", name, got)
		}
	}
	for _, name := range []string{"a\r\nb", "a\nb", "a\x00", "\x7f", strings.Repeat("x", 300)} {
		if checkName(name) == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

// TestEncodeGuard builds messages from texts with line breaks in every place: none is written.
func TestEncodeGuard(t *testing.T) {
	build := map[string]func(evil string) sipmsg.Message{
		"header value": func(evil string) sipmsg.Message {
			req := sipmsg.NewRequest(sipmsg.OPTIONS, sipmsg.Uri{Host: "h"})
			req.AppendHeader(sipmsg.NewHeader("Subject", evil))
			return req
		},
		"header name": func(evil string) sipmsg.Message {
			req := sipmsg.NewRequest(sipmsg.OPTIONS, sipmsg.Uri{Host: "h"})
			req.AppendHeader(sipmsg.NewHeader(evil, "x"))
			return req
		},
		"user": func(evil string) sipmsg.Message {
			return sipmsg.NewRequest(sipmsg.OPTIONS, sipmsg.Uri{User: evil, Host: "h"})
		},
		"method": func(evil string) sipmsg.Message {
			return sipmsg.NewRequest(sipmsg.RequestMethod(evil), sipmsg.Uri{Host: "h"})
		},
		"name": func(evil string) sipmsg.Message {
			req := sipmsg.NewRequest(sipmsg.OPTIONS, sipmsg.Uri{Host: "h"})
			req.AppendHeader(&sipmsg.FromHeader{DisplayName: evil, Address: sipmsg.Uri{Host: "h"}})
			return req
		},
		"tag": func(evil string) sipmsg.Message {
			res := sipmsg.NewResponse(200, "OK")
			to := &sipmsg.ToHeader{Address: sipmsg.Uri{Host: "h"}}
			to.Params.Add("tag", evil)
			res.AppendHeader(to)
			return res
		},
		"reason": func(evil string) sipmsg.Message { return sipmsg.NewResponse(200, evil) },
	}
	for name, f := range build {
		for _, evil := range []string{"a\r\nX: y", "a\nX: y", "a\rX: y", "\r\n\r\nbody", "\n"} {
			msg := f(evil)
			msg.SetBody(nil)
			var buf bytes.Buffer
			if err := encode(&buf, msg); err == nil {
				t.Errorf("%s %q is written:\n%s", name, evil, buf.String())
			}
		}
		msg := f("fine")
		msg.SetBody(nil)
		var buf bytes.Buffer
		if err := encode(&buf, msg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	big := sipmsg.NewResponse(200, "OK")
	big.SetBody(bytes.Repeat([]byte("x\r\n"), maxMessage))
	if err := encode(new(bytes.Buffer), big); err == nil {
		t.Error("a message beyond the limit is written")
	}
	big.SetBody(bytes.Repeat([]byte("\n"), 3000)) // a body has lines of its own
	if err := encode(new(bytes.Buffer), big); err != nil {
		t.Error(err)
	}
}

func TestRescue(t *testing.T) {
	head := "Via: SIP/2.0/UDP h;branch=z9\r\nf: a\r\n b\r\nTo: <\r\nCall-ID: c\r\nCSeq: 99999999999 INVITE\r\nX: y\r\n z\r\n"
	got := string(badRequest([]byte("INVITE <sip:x> SIP/2.0\r\n" + head + "\r\nbody")))
	want := "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP h;branch=z9\r\nf: a\r\n b\r\nTo: <\r\nCall-ID: c\r\nCSeq: 99999999999 INVITE\r\n" +
		"Server: alexacall\r\nContent-Length: 0\r\n\r\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, text := range []string{
		"", "\r\n\r\n", "hello", "SIP/2.0 200 OK\r\n" + head, "ACK sip:x SIP/2.0\r\n" + head, "INVITE sip:x HTTP/1.1\r\n" + head,
		"INVITE sip:x SIP/2.0\r\nX: y\r\n\r\n", "INVITE sip:x SIP/2.0\r\nVia: x\nY: z\r\nCSeq: 1 x\r\n\r\n", "INVITE sip:x SIP/2.0\r\nVia: x\x00\r\nCSeq: 1 x\r\n\r\n",
		"INVITE sip:x SIP/2.0\r\n" + strings.Repeat("a: b\r\n", 200) + head,
	} {
		if got := badRequest([]byte(text)); got != nil {
			t.Errorf("%.40q is answered with %q", text, got)
		}
	}
}

func TestValidate(t *testing.T) {
	good := "OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x@y>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
	for _, c := range []struct {
		name, text string
		status     int
	}{
		{"good", good, 0},
		{"version", strings.Replace(good, "SIP/2.0\r\nVia", "SIP/3.0\r\nVia", 1), 505},
		{"another method", strings.Replace(good, "1 OPTIONS", "1 INFO", 1), 400},
		{"two From", good + "From: <sip:z@b>;tag=1\r\n", 400},
		{"two From, compact", good + "f: <sip:z@b>;tag=1\r\n", 400},
		{"two lengths", good + "Content-Length: 0\r\nl: 0\r\n", 400},
		{"Via of another protocol", strings.Replace(good, "Via: SIP/2.0/UDP", "Via: HTTP/2.0/UDP", 1), 400},
		{"Via of another version", strings.Replace(good, "Via: SIP/2.0/UDP", "Via: SIP/1.0/UDP", 1), 400},
		{"Via port", strings.Replace(good, "UDP h;", "UDP h:99999;", 1), 400},
		{"too many fields", good + strings.Repeat("X: y\r\n", maxHeaders), 400},
		{"too many Vias", good + strings.Repeat("Via: SIP/2.0/UDP z;branch=z9hG4bKb\r\n", maxVias), 400},
		{"line feed", good + "X: a\nY: b\r\n", 400},
		{"scheme", strings.Replace(good, "sip:x@y SIP", "urn:x SIP", 1), 416},
		{"headers in URI", strings.Replace(good, "sip:x@y SIP", "sip:x@y?Z=1 SIP", 1), 400},
		{"quotes in URI", strings.Replace(good, "sip:x@y SIP", "sip:\"x\"@y SIP", 1), 400},
		{"telephone number", strings.Replace(good, "sip:x@y SIP", "tel:+15550100;phone-context=x SIP", 1), 0},
		{"no telephone number", strings.Replace(good, "sip:x@y SIP", "tel:;a=b SIP", 1), 400},
		{"extension", good + "Require: a\r\nRequire: b\r\n", 420},
		{"wildcard Contact", strings.ReplaceAll(good, "OPTIONS", "INVITE") + "Contact: *\r\n", 400},
		{"Contact of the web", strings.ReplaceAll(good, "OPTIONS", "INVITE") + "Contact: <http://x/>\r\n", 400},
		{"two Contacts", strings.ReplaceAll(good, "OPTIONS", "INVITE") + "Contact: <tel:+1>\r\nContact: <sip:x@y>\r\n", 0},
	} {
		msg, err := newParser().ParseSIP([]byte(c.text + "\r\n"))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		req, _ := msg.(*sipmsg.Request)
		got := 0
		if r := validate(req); r != nil {
			got = r.status
		}
		if got != c.status || !sound(req) {
			t.Errorf("%s: %d, sound %v, want %d", c.name, got, sound(req), c.status)
		}
	}
	for _, missing := range []string{"Via: SIP/2.0/UDP h;branch=z9hG4bKa\r\n", "From: <sip:a@b>;tag=1\r\n", "To: <sip:x@y>\r\n", "Call-ID: c\r\n", "CSeq: 1 OPTIONS\r\n"} {
		msg, err := newParser().ParseSIP([]byte(strings.Replace(good, missing, "", 1) + "\r\n"))
		if err != nil || sound(msg) {
			t.Errorf("without %q it is sound (%v)", missing, err)
		}
	}
}

// FuzzAddresses builds an INVITE from a caller and a called party: whatever they are, it has the header fields that it should, or none
// is built.
func FuzzAddresses(f *testing.F) {
	for _, s := range []string{"sip:100@pbx.example.com;transport=tcp", "sip:a\r\nX: y@h", "tel:+1;x", "amzn1.x", "sip:[::1]", "sip:a@b?c"} {
		f.Add(s, "sip:a@b", "Ann")
		f.Add("sip:a@b", s, `"\`)
	}
	s, err := (*Options)(nil).check()
	if err != nil {
		f.Fatal(err)
	}
	s.host, s.port, s.from = "h", 5060, nameAddr{uri: sipmsg.Uri{Scheme: "sip", User: "us", Host: "h"}}
	a := &Agent{o: s}
	f.Fuzz(func(t *testing.T, to, from, name string) {
		target, err := parseURI(to)
		if err != nil {
			return
		}
		caller, err := a.o.asCaller(bridge.Party{URI: from, Name: name})
		if err != nil {
			return
		}
		d := a.newDialog(caller, nameAddr{uri: target})
		d.net = networkUDP
		req := d.request(sipmsg.INVITE, 0)
		var buf bytes.Buffer
		if err := encode(&buf, req); err != nil {
			t.Fatalf("what was checked is refused when it is written: %v", err)
		}
		msg, err := newParser().ParseSIP(buf.Bytes())
		if err != nil {
			t.Fatalf("%v:\n%s", err, buf.String())
		}
		back, ok := msg.(*sipmsg.Request)
		if !ok || len(back.Headers()) != len(req.Headers()) || !sound(back) || validate(back) != nil && target.Scheme == "sip" {
			t.Fatalf("it comes back as something else:\n%s", buf.String())
		}
		if got := unescape(back.From().DisplayName); got != caller.name {
			t.Fatalf("name %q comes back as %q", caller.name, got)
		}
	})
}

// FuzzReason reads Reason headers and what stands in quotes.
func FuzzReason(f *testing.F) {
	for _, s := range []string{`Q.850;cause=16;text="Terminated"`, `SIP;cause=200,Q.850;cause=26`, `a;text="\"`, `"`, `;=`, `\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		res := sipmsg.NewResponse(480, "x")
		res.AppendHeader(sipmsg.NewHeader("Reason", value))
		r := reasonOf(res)
		if hasControl(r.text) || len(r.text) > maxErrorText {
			t.Fatalf("text %q", r.text)
		}
		if c := causeOf(480, r.q850); c.String() == "" {
			t.Fatal("no cause")
		}
	})
}

// FuzzRescue answers what cannot be parsed: the answer has a header field for each that it repeats, and no body.
func FuzzRescue(f *testing.F) {
	f.Add([]byte("INVITE <sip:x> SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCSeq: 1 INVITE\r\n\r\nbody"))
	f.Add([]byte("X y SIP/2.0\r\nv: a\r\n b\r\nc: d\r\nCSeq:\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got := badRequest(text)
		if got == nil {
			return
		}
		head, rest, ok := bytes.Cut(got, []byte("\r\n\r\n"))
		if !ok || len(rest) != 0 || !bytes.HasPrefix(head, []byte("SIP/2.0 400 ")) || len(got) > len(text)+200 {
			t.Fatalf("%q", got)
		}
		if bytes.Count(got, []byte("\r")) != bytes.Count(got, []byte("\r\n")) || bytes.Count(got, []byte("\n")) != bytes.Count(got, []byte("\r\n")) {
			t.Fatalf("a stray line break: %q", got)
		}
	})
}

// FuzzDigits reads the bodies of INFO.
func FuzzDigits(f *testing.F) {
	for _, s := range []string{"Signal=5\r\nDuration=160\r\n", "Signal= *\n", "signal=hf", "7", "16", "Signal=\r\nSignal=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, parse := range []func(string) (digit, bool){parseRelay, parseKey} {
			d, ok := parse(body)
			if !ok {
				continue
			}
			if _, known := digitName(d.number); !known || d.lasts <= 0 || d.lasts > maxDuration {
				t.Fatalf("%q is %+v", body, d)
			}
		}
	})
}
