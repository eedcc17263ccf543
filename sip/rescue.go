package sip

import (
	"bytes"
	"strings"
)

// echoTable are the header fields that a response repeats from its request (RFC 3261 section 8.2.6.2), by name in lower case and by
// compact form.
var echoTable = map[string]bool{
	"via": true, "v": true, "from": true, "f": true, "to": true, "t": true, "call-id": true, "i": true, "cseq": true,
}

// rescue answers a request that could not be parsed with 400, so that its sender does not repeat it, if there is enough of it to make a
// response: its header fields are repeated as they came. It has no transaction: each repetition is answered anew.
func rescue(text []byte, from conn) {
	if res := badRequest(text); res != nil {
		_ = from.write(res)
	}
}

// badRequest returns the response to a request that could not be parsed, or nil if it seems to be none, or ACK.
func badRequest(text []byte) []byte {
	head, _, _ := bytes.Cut(text, []byte("\r\n\r\n"))
	if len(head) > maxMessage || bytes.IndexByte(head, 0) >= 0 {
		return nil
	}
	lines := strings.Split(strings.TrimRight(string(head), "\r\n"), "\r\n")
	start := strings.Fields(lines[0])
	if len(start) < 3 || strings.EqualFold(start[0], "ACK") || !strings.HasPrefix(strings.ToUpper(start[len(start)-1]), "SIP/") {
		return nil // the method comes first and the version last, whatever stands between
	}
	var b strings.Builder
	b.WriteString("SIP/2.0 400 Bad Request\r\n")
	seen := map[string]bool{}
	echo := false
	for _, line := range lines[1:min(len(lines), maxHeaders)] {
		if line == "" || strings.ContainsAny(line, "\r\n") {
			return nil
		}
		if line[0] != ' ' && line[0] != '\t' { // else it goes on with the field before
			name, _, ok := strings.Cut(line, ":")
			name = strings.ToLower(strings.TrimSpace(name))
			if echo = ok && echoTable[name]; echo {
				seen[name[:1]] = true
			}
		}
		if echo {
			b.WriteString(line + "\r\n")
		}
	}
	if !seen["v"] || !seen["c"] {
		return nil
	}
	b.WriteString("Server: " + userAgent + "\r\nContent-Length: 0\r\n\r\n")
	return []byte(b.String())
}
