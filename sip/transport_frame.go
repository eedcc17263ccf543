package sip

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

var (
	errNotSIP    = errors.New("sip: what comes over a connection is no SIP")
	errNoLength  = errors.New("sip: a message without Content-Length over a connection")
	errBadLength = errors.New("sip: a message whose Content-Length is none")
	errTooLong   = errors.New("sip: a message longer than is read")
)

const headerEnd = "\r\n\r\n"

// framer cuts what comes over a connection into messages (RFC 3261 section 18.3), however it was cut on the way, and counts the line breaks
// between them (RFC 5626 section 3.5.1). The zero value is ready to use.
type framer struct {
	buf     []byte
	off     int // where what has not been taken yet begins in buf
	seen    int // bytes of the message that have been looked at for the end of its header
	head    int // length of its header, the empty line included; 0: not known yet
	length  int // of the whole message
	started bool
}

// add takes what has been read.
func (f *framer) add(b []byte) {
	if f.off > 0 {
		f.buf = f.buf[:copy(f.buf, f.buf[f.off:])]
		f.off = 0
	}
	if len(f.buf) == 0 && cap(f.buf) > 4*streamBuffer {
		f.buf = nil // a long message has gone through; most are short
	}
	f.buf = append(f.buf, b...)
}

// begun reports whether a message is here in part.
func (f *framer) begun() bool { return f.off < len(f.buf) }

// next returns the next message, which is valid until add, and how many line breaks there were before it; no message if more must come.
// After an error it is not known where the next message begins.
func (f *framer) next() (msg []byte, breaks int, err error) {
	if !f.started {
		rest := bytes.TrimLeft(f.buf[f.off:], "\r\n")
		between := f.buf[f.off : len(f.buf)-len(rest)]
		breaks = bytes.Count(between, []byte("\n"))
		f.off += len(between)
	}
	data := f.buf[f.off:]
	if f.head == 0 {
		if err := f.measure(data); err != nil {
			return nil, breaks, err
		}
	}
	if f.head == 0 || len(data) < f.length {
		return nil, breaks, nil
	}
	msg = data[:f.length]
	f.off += f.length
	f.started, f.seen, f.head, f.length = false, 0, 0, 0
	return msg, breaks, nil
}

// header returns the header of a message for which next has returned errBadLength.
func (f *framer) header() []byte {
	head, _, _ := bytes.Cut(f.buf[f.off:], []byte(headerEnd))
	return head
}

// measure finds out how long the message is that data begins with, if its header is here.
func (f *framer) measure(data []byte) error {
	if !f.started {
		line, _, ended := bytes.Cut(data, []byte("\n"))
		if !startLine(line, ended) {
			return errNotSIP
		}
		f.started = ended
	}
	from := max(f.seen-len(headerEnd)+1, 0)
	end := bytes.Index(data[from:], []byte(headerEnd))
	if f.seen = len(data); end < 0 {
		if len(data) > maxMessage {
			return errTooLong
		}
		return nil
	}
	head := from + end + len(headerEnd)
	body, err := contentLength(data[:from+end])
	if err != nil {
		return err
	}
	if head+body > maxMessage {
		return errTooLong
	}
	f.head, f.length = head, head+body
	return nil
}

// startLine reports whether a line may begin a message, or may yet do so if it has not ended: nobody is waited for who speaks something else.
func startLine(line []byte, ended bool) bool {
	text, cr := bytes.CutSuffix(line, []byte("\r"))
	if bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' }) {
		return false
	}
	if !ended {
		return true
	}
	words := bytes.Fields(text)
	return cr && len(words) > 1 && (version(words[0]) || version(words[len(words)-1]))
}

func version(word []byte) bool { return len(word) > 4 && bytes.EqualFold(word[:4], []byte("SIP/")) }

// contentLength returns what the header of a message says of the length of its body. Where it says two things nobody knows which the next
// hop believes.
func contentLength(header []byte) (int, error) {
	length := -1
	value, ours := "", false
	settle := func() bool {
		if !ours {
			return true
		}
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
		if err != nil || length >= 0 && length != int(n) {
			return false
		}
		length, ours = int(n), false
		return true
	}
	for line := range bytes.SplitSeq(header, []byte("\r\n")) {
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			if ours {
				value += " " + string(line)
			}
			continue
		}
		if !settle() {
			return 0, errBadLength
		}
		name, rest, ok := bytes.Cut(line, []byte(":"))
		name = bytes.TrimSpace(name)
		if ours = ok && (bytes.EqualFold(name, []byte("Content-Length")) || bytes.EqualFold(name, []byte("l"))); ours {
			value = string(rest)
		}
	}
	if !settle() {
		return 0, errBadLength
	}
	if length < 0 {
		return 0, errNoLength
	}
	return length, nil
}
