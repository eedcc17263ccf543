package sip

import (
	"strings"
	"testing"
)

func TestCrowded(t *testing.T) {
	vias := "Via: " + strings.Repeat("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport;received=192.0.2.1, ", 70)
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"as many Via values as there may be on a line", "OPTIONS sip:a@b SIP/2.0\r\n" + vias + "\r\n\r\n", false},
		{"a body", "OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n" + strings.Repeat(";", 1000), false},
		{"many lines of some", "OPTIONS sip:a@b SIP/2.0\r\n" + strings.Repeat("Contact: <sip:a@b>;a;b;c\r\n", 100), false},
		{"the start line", "OPTIONS sip:a@b" + strings.Repeat(";x", 300) + " SIP/2.0\r\n\r\n", true},
		{"headers of a URI", "OPTIONS sip:a@b?" + strings.Repeat("x=1&", 300) + " SIP/2.0\r\n\r\n", true},
		{"a folded line", "OPTIONS sip:a@b SIP/2.0\r\nFrom: <sip:a@b>" + strings.Repeat(";a;b;c\r\n ", 100) + "\r\n\r\n", true},
	} {
		if got := crowded([]byte(c.text)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
