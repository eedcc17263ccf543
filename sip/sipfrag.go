package sip

import (
	"strconv"
	"strings"
)

// typeFrag is a fragment of a SIP message: here the first line of a response (RFC 3420).
const typeFrag = "message/sipfrag"

// maxFrag is how many bytes of a fragment are looked at.
const maxFrag = 256

// sipfrag returns a fragment with the status of a response.
func sipfrag(status int, phrase string) []byte {
	return []byte("SIP/2.0 " + strconv.Itoa(status) + " " + plain(phrase) + "\r\n")
}

// parseFrag reads the status of a response from a fragment of it.
func parseFrag(body []byte) (status int, phrase string, ok bool) {
	line, _, _ := strings.Cut(string(body[:min(len(body), maxFrag)]), "\n")
	version, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	code, phrase, _ := strings.Cut(strings.TrimSpace(rest), " ")
	status, err := strconv.Atoi(code)
	return status, plain(strings.TrimSpace(phrase)), err == nil && len(code) == 3 && status >= 100 && status <= 699 && strings.EqualFold(version, "SIP/2.0")
}
