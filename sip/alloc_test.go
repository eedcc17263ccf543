package sip

import (
	"net/netip"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
)

const allocInvite = "INVITE sip:room@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKalloc\r\nMax-Forwards: 70\r\n" +
	"From: \"Ann\" <sip:ann@example.com>;tag=1\r\nTo: <sip:room@example.net>\r\nCall-ID: alloc@example.com\r\nCSeq: 1 INVITE\r\n" +
	"Contact: <sip:ann@192.0.2.2:5070>\r\nAllow: INVITE, ACK, BYE\r\nSupported: timer\r\nContent-Length: 0\r\n\r\n"

// TestAllocations counts what each message costs on its way through, beside sipgo's parser.
func TestAllocations(t *testing.T) {
	msg, err := newParser().ParseSIP([]byte(allocInvite))
	if err != nil {
		t.Fatal(err)
	}
	req, ok := msg.(*sipmsg.Request)
	if !ok {
		t.Fatalf("%T", msg)
	}
	raw := []byte(allocInvite)
	from := &flow{to: netip.MustParseAddrPort("192.0.2.2:5070")}
	tx := &serverTx{req: req, from: from}
	for _, c := range []struct {
		name string
		want float64
		do   func()
	}{
		{"tidy", 0, func() { tidy(req) }},
		{"sound", 0, func() { _ = sound(req) }},
		{"crowded", 0, func() { _ = crowded(raw) }},
		{"validate", 0, func() { _ = validate(req) }},
		{"contact", 0, func() { _ = contactOf(req) }},
		{"supports", 0, func() { _ = supports(req, "timer") }},
		{"server key", 2, func() { _ = serverKey(req, req.Method) }}, // the port is one
		{"client key", 1, func() { _ = clientKey(req) }},
		{"response", 9, func() { _ = tx.build(response{status: 180, tag: "ours"}) }},
	} {
		if got := testing.AllocsPerRun(100, c.do); got > c.want {
			t.Errorf("%s: %v allocations, want %v", c.name, got, c.want)
		}
	}
}
