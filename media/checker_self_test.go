package media_test

import (
	"slices"
	"strings"
	"testing"
)

// TestChecker plants faults into a good answer: the checker must name each, or it proves nothing of the negotiator.
func TestChecker(t *testing.T) {
	offer := crlf(strings.Replace(alexaOffer, "RTP/SAVPF 96 0", "RTP/SAVPF 96 0 101", 1))
	offer = strings.Replace(offer, "a=sendrecv", "a=rtpmap:101 telephone-event/8000\r\na=sendonly", 1)
	good := crlf(`v=0
o=- 7001 1 IN IP4 192.0.2.1
s=-
c=IN IP4 192.0.2.1
t=0 0
a=group:BUNDLE audio0
m=audio 40000 RTP/SAVPF 96 0 101
a=rtpmap:96 opus/48000/2
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=mid:audio0
a=recvonly
a=rtcp-mux
a=setup:active
a=fingerprint:sha-256 A5
a=ice-ufrag:oUfr
a=ice-pwd:ourPasswordOurPassword
m=video 0 RTP/SAVPF 99
a=rtpmap:99 H264/90000
a=mid:video0
a=inactive
`)
	if faults := answerFaults(offer, good); faults != nil {
		t.Fatalf("a good answer is faulted: %q", faults)
	}
	_, video, _ := strings.Cut(good, "m=video")
	for _, c := range []struct{ old, planted, fault string }{
		{"\r\na=mid:audio0", "\na=mid:audio0", "a bare CR, LF or NUL"},
		{"a=inactive\r\n", "a=inactive", "does not end with CRLF"},
		{"a=mid:audio0", "\r\na=mid:audio0", "not an SDP line"},
		{"t=0 0\r\n", "", "lines in the order"},
		{"s=-\r\n", "s=-\r\ns=-\r\n", "lines in the order"},
		{"o=- 7001 1 IN IP4", "o=- 7001 1 IP4", "o-line with 5 fields"},
		{"a=recvonly", "a=recvonly\r\nb=AS:64", "section 0 has a line"},
		{"m=video" + video, "", "1 m-lines answer 2"},
		{"m=video 0 RTP/SAVPF", "m=audio 0 RTP/SAVPF", "audio RTP/SAVPF answers video"},
		{"m=audio 40000 RTP/SAVPF", "m=audio 40000 RTP/AVP", "RTP/AVP answers audio RTP/SAVPF"},
		{"a=mid:video0\r\n", "", `mid [] answers "video0"`},
		{"a=mid:audio0", "a=mid:0", `answers "audio0"`},
		{"a=recvonly", "a=sendrecv", "direction 11 where 10 is allowed"},
		{"a=recvonly", "a=recvonly\r\na=inactive", "2 direction attributes"},
		{"a=inactive\r\n", "", "0 direction attributes"},
		{"RTP/SAVPF 99", "RTP/SAVPF 98", "refused with formats"},
		{"a=inactive", "a=recvonly", "refused, but not inactive"},
		{"a=inactive", "a=inactive\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host", "refused, but not inactive or with candidates"},
		{"m=audio 40000", "m=audio 0", "nothing is taken"},
		{"RTP/SAVPF 96 0 101", "RTP/SAVPF 96 0 101 8", "format 8 pcma/8000/1 was not offered"},
		{"RTP/SAVPF 96 0 101", "RTP/SAVPF 96 0 101 0", "format 0 twice"},
		{"RTP/SAVPF 96 0 101", "RTP/SAVPF 96 0 101 99", "format 99 without an rtpmap"},
		{"a=rtpmap:96 opus/48000/2", "a=rtpmap:96 opus/16000/2", "format 96 opus/16000/2 was not offered"},
		{"RTP/SAVPF 96 0 101", "RTP/SAVPF 101", "no sound among the formats"},
		{"RTP/SAVPF 96 0 101", "RTP/SAVPF 96 0", "rtpmap of 101, which is not in the m-line"},
		{"a=setup:active", "a=setup:actpass", `setup "actpass" answers`},
		{"a=setup:active\r\n", "", "0 setup and 1 fingerprint"},
		{"BUNDLE audio0", "BUNDLE audio0 video0", `BUNDLE names "video0", which is refused`},
		{"BUNDLE audio0", "BUNDLE audio0 audio0", `BUNDLE names "audio0" twice`},
		{"BUNDLE audio0", "BUNDLE 0", `BUNDLE names "0", which was not offered`},
		{"BUNDLE audio0", "BUNDLE", "1 BUNDLE groups with []"},
	} {
		wantFault(t, answerFaults(offer, strings.Replace(good, c.old, c.planted, 1)), c.fault)
	}
	for _, c := range []struct{ old, planted, fault string }{
		{"a=rtcp-mux\r\n", "", "rtcp-mux was not offered"},
		{"m=audio 1 ", "m=audio 0 ", "takes a section that was offered with port 0"},
		{"m=audio 1 RTP/SAVPF 96 0 101\r\n", "m=audio 0 RTP/SAVPF 96 0 101\r\na=bundle-only\r\n", ""},
		{"a=setup:actpass", "a=setup:active", `setup "active" answers`},
		{"a=fingerprint", "a=footprint", "fingerprint was not offered"},
		{"a=ice-ufrag", "a=ufrag", "ice-ufrag was not offered"},
		{"a=sendonly", "a=inactive", "direction 10 where 00 is allowed"},
	} {
		wantFault(t, answerFaults(strings.Replace(offer, c.old, c.planted, 1), good), c.fault)
	}
	bundleOnly := strings.Replace(offer, "m=audio 1 RTP/SAVPF 96 0 101\r\n", "m=audio 0 RTP/SAVPF 96 0 101\r\na=bundle-only\r\n", 1)
	wantFault(t, answerFaults(bundleOnly, strings.Replace(good, "a=group:BUNDLE audio0\r\n", "", 1)), "taken without BUNDLE")
}

func TestCheckerOfVersions(t *testing.T) {
	const before = "v=0\r\no=- 7001 3 IN IP4 192.0.2.1\r\ns=-\r\n"
	for _, c := range []struct{ after, fault string }{
		{before, ""},
		{strings.Replace(before, " 3 ", " 4 ", 1) + "a=x\r\n", ""},
		{strings.Replace(before, " 3 ", " 4 ", 1), "version 3 became 4, want 3"},
		{before + "a=x\r\n", "version 3 became 3, want 4"},
		{strings.Replace(before, " 3 ", " 5 ", 1) + "a=x\r\n", "version 3 became 5, want 4"},
		{strings.Replace(before, "7001", "7002", 1), "session id 7001 became 7002"},
	} {
		wantFault(t, versionFaults(before, c.after), c.fault)
	}
}

func TestCheckerOfOffers(t *testing.T) {
	const before = "m=audio 9 RTP/AVP 0 96\r\na=mid:0\r\na=rtpmap:96 opus/48000/2\r\nm=video 0 RTP/AVP 97\r\na=mid:1\r\n"
	for _, c := range []struct{ old, planted, fault string }{
		{"", "", ""},
		{"m=video 0", "m=audio 0", "section 1 was video"},
		{"a=mid:1", "a=mid:0", `mid "0" twice`},
		{"a=mid:0", "a=mid:2", `the mid of section 0 was "0"`},
		{"RTP/AVP 0 96", "RTP/AVP 0 96 96", "format 96 twice"},
		{"96 opus", "96 iLBC", "format 96 was opus/48000/2"},
		{"m=video 0 RTP/AVP 97\r\na=mid:1\r\n", "", "1 m-lines where 2 were"},
	} {
		wantFault(t, offerFaults(before, strings.Replace(before, c.old, c.planted, 1)), c.fault)
	}
}

func wantFault(t *testing.T, faults []string, want string) {
	t.Helper()
	switch {
	case want == "" && faults != nil:
		t.Errorf("faults %q, want none", faults)
	case want != "" && !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, want) }):
		t.Errorf("faults %q, want one with %q", faults, want)
	}
}

// crlf gives lines that end in LF the ends that SDP has.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
