package sip

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

const (
	framed   = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nContent-Length: 3\r\n\r\nabc"
	framedIn = "SIP/2.0 200 OK\r\nSubject: one\r\n two\r\nl:\r\n 0\r\n\r\n"
)

// cut gives a framer text in pieces of n bytes, and returns the messages and the line breaks.
func cut(text string, n int) (messages []string, breaks int, f *framer, err error) {
	f = new(framer)
	for len(text) > 0 {
		piece := text[:min(n, len(text))]
		text = text[len(piece):]
		f.add([]byte(piece))
		for {
			msg, b, err := f.next()
			breaks += b
			if err != nil {
				return messages, breaks, f, err
			}
			if msg == nil {
				break
			}
			messages = append(messages, string(msg))
		}
	}
	return messages, breaks, f, nil
}

// TestFramer cuts messages in pieces of every size: what comes out is the same, folded fields, compact names and line breaks or not.
func TestFramer(t *testing.T) {
	text := "\r\n\r\n" + framed + framedIn + "\r\n" + framed + "\r\n\r\n"
	for n := 1; n <= len(text); n++ {
		messages, breaks, f, err := cut(text, n)
		if err != nil || breaks != 5 || f.begun() || strings.Join(messages, "|") != framed+"|"+framedIn+"|"+framed {
			t.Fatalf("in pieces of %d: %q, %d line breaks, %v", n, messages, breaks, err)
		}
	}
}

func TestFramerPart(t *testing.T) {
	for n := 1; n < len(framed); n++ {
		messages, _, f, err := cut(framed[:n], n)
		if err != nil || messages != nil || !f.begun() {
			t.Fatalf("the first %d bytes: %q, %v", n, messages, err)
		}
	}
}

// TestFramerRefuses has what cannot be cut into messages.
func TestFramerRefuses(t *testing.T) {
	const start = "OPTIONS sip:a@b SIP/2.0\r\n"
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"another protocol", "GET / HTTP/1.1\r\n", errNotSIP},
		{"a line that ends in LF alone", "OPTIONS sip:a@b SIP/2.0\n", errNotSIP},
		{"TLS", "\x16\x03\x01\x02\x00", errNotSIP},
		{"no length", start + "\r\n", errNoLength},
		{"a length that is none", start + "Content-Length: x\r\n\r\n", errBadLength},
		{"a negative length", start + "Content-Length: -1\r\n\r\n", errBadLength},
		{"two lengths", start + "Content-Length: 1\r\nl: 2\r\n\r\n", errBadLength},
		{"a length beyond any", start + "Content-Length: 99999999999999999999\r\n\r\n", errBadLength},
		{"a long body", start + "Content-Length: 65536\r\n\r\n", errTooLong},
		{"a long header", start + "X: " + strings.Repeat("x", maxMessage), errTooLong},
	} {
		for _, n := range []int{1, 7, len(c.text)} {
			if messages, _, _, err := cut(c.text, n); !errors.Is(err, c.want) || messages != nil {
				t.Errorf("%s, in pieces of %d: %q, %v", c.name, n, messages, err)
			}
		}
	}
	if messages, _, _, err := cut(start+"Content-Length: 1\r\nl: 1\r\n\r\nx", 5); err != nil || len(messages) != 1 {
		t.Errorf("one length said twice: %q, %v", messages, err)
	}
}

// TestFramerMemory gives back what a long message took.
func TestFramerMemory(t *testing.T) {
	f := new(framer)
	f.add([]byte("OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 60000\r\n\r\n" + strings.Repeat("x", 60000)))
	if msg, _, err := f.next(); msg == nil || err != nil {
		t.Fatal(err)
	}
	f.add([]byte("\r\n"))
	if cap(f.buf) > 4*streamBuffer {
		t.Errorf("%d bytes are kept", cap(f.buf))
	}
}

// FuzzFramer cuts anything anyhow: what comes out does not depend on how it was cut, and is what went in.
func FuzzFramer(f *testing.F) {
	f.Add([]byte(framed+framedIn), uint8(1))
	f.Add([]byte("\r\n\r\n"+framed), uint8(9))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), uint8(3))
	f.Fuzz(func(t *testing.T, text []byte, size uint8) {
		whole, breaks, _, err := cut(string(text), len(text)+1)
		pieces, others, rest, again := cut(string(text), int(size)+1)
		if strings.Join(whole, "|") != strings.Join(pieces, "|") || breaks != others || !errors.Is(again, err) {
			t.Fatalf("at once %q, %d, %v; in pieces %q, %d, %v", whole, breaks, err, pieces, others, again)
		}
		if len(rest.buf) > maxMessage+len(text) {
			t.Fatalf("%d bytes are kept", len(rest.buf))
		}
		at := 0
		for _, msg := range whole {
			i := bytes.Index(text[at:], []byte(msg))
			if i < 0 || strings.Trim(string(text[at:at+i]), "\r\n") != "" || len(msg) > maxMessage {
				t.Fatalf("%q is not what came", msg)
			}
			at += i + len(msg)
		}
	})
}
