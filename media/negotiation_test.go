package media_test

import (
	"testing"

	"github.com/alexacall/alexacall/media"
)

// local returns our side of a transport.
func local() media.Local {
	return media.Local{
		ID: 7001, Addr: "192.0.2.1", Port: 40000, RTCPPort: 40001,
		Ufrag: "oUfr", Pwd: "ourPasswordOurPassword",
		Candidates:  []string{"1 1 udp 2130706431 192.0.2.1 40000 typ host"},
		Fingerprint: "sha-256 " + hash("A5"),
		SSRC:        4711, CNAME: "cnameofours",
	}
}

func hash(octet string) string {
	s := octet
	for range 31 {
		s += ":" + octet
	}
	return s
}

func sdpText(t testing.TB, d media.Description) string {
	t.Helper()
	text, err := d.AppendText(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
