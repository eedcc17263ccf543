package sip_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
)

// sippOwn writes a scenario of SIPp of our own and returns its path.
func sippOwn(t *testing.T, steps ...string) string {
	t.Helper()
	text := "<?xml version=\"1.0\"?>\n<scenario name=\"own\">\n" + strings.Join(steps, "\n") + "\n</scenario>\n"
	name := filepath.Join(t.TempDir(), "own.xml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// sippSend is a request of SIPp's, which it repeats until it is answered, unless it is ACK; head is its first line. It waits for longer than half
// a second: on a busy machine it would repeat what has its response already, and the response to that comes behind a NOTIFY, where it wants none.
func sippSend(head, body string, fields ...string) string {
	typ := ""
	if body != "" {
		typ = "Content-Type: application/sdp\n"
	}
	again := " retrans=\"5000\""
	if strings.HasPrefix(head, "ACK") {
		again = ""
	}
	return "<send" + again + "><![CDATA[\n" + head + "\n" + strings.Join(fields, "\n") + "\n" + typ + "Content-Length: [len]\n\n" + body + "]]></send>"
}

// sippRequest is a request of a SIPp that calls.
func sippRequest(method, seq, body string, fields ...string) string {
	common := []string{
		"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]", "From: <sip:ann@[local_ip]:[local_port]>;tag=ann[call_number]",
		"To: <sip:room@[remote_ip]:[remote_port]>[peer_tag_param]", "Call-ID: [call_id]", "CSeq: " + seq + " " + method,
		"Contact: <sip:ann@[local_ip]:[local_port];transport=[transport]>", "Max-Forwards: 70",
	}
	return sippSend(method+" sip:room@[remote_ip]:[remote_port] SIP/2.0", body, append(common, fields...)...)
}

const sippSDP = "v=0\no=ann 1 1 IN IP[local_ip_type] [local_ip]\ns=-\nc=IN IP[media_ip_type] [media_ip]\nt=0 0\nm=audio [media_port] RTP/AVP 0\na=rtpmap:0 PCMU/8000\n"

const sippOK = "<send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContact: <sip:ann@[local_ip]:[local_port]>\nContent-Length: 0\n\n]]></send>"

// sippNotified is a NOTIFY that SIPp gets and accepts.
func sippNotified(status string) string {
	return `<recv request="NOTIFY"><action><ereg regexp="SIP/2.0 ` + status + `" search_in="msg" check_it="true" assign_to="dummy"/></action></recv>` +
		"\n" + sippOK + "\n<Reference variables=\"dummy\"/>"
}

// sippTransferor calls, asks to be replaced by who is at to, and is hung up when that has come to pass.
func sippTransferor(t *testing.T, to string) string {
	return sippOwn(t,
		sippRequest("INVITE", "1", sippSDP), `<recv response="100" optional="true"/>`, `<recv response="180" optional="true"/>`, `<recv response="183" optional="true"/>`,
		`<recv response="200"/>`, sippRequest("ACK", "1", ""), `<pause milliseconds="100"/>`,
		sippRequest("REFER", "2", "", "Refer-To: <"+to+">"), `<recv response="202"/>`, sippNotified("100"), sippNotified("200"), `<recv request="BYE"/>`, sippOK)
}

// TestInteropSIPpTransfer has one SIPp call another through the agent and transfer that to a third.
func TestInteropSIPpTransfer(t *testing.T) {
	testutil.Need(t, "sipp")
	t.Parallel()
	for _, transport := range []string{"u1", "t1"} {
		t.Run(transport, func(t *testing.T) {
			carol, dave := freePort(t), freePort(t)
			param := ""
			if transport == "t1" {
				param = ";transport=tcp"
			}
			to := func(port string) string { return "sip:uas@127.0.0.1:" + port + param }
			var one sync.Mutex // the calls of one SIPp have one address for sound, so they come one at a time
			a := listen(t, &sip.Options{Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
				one.Lock()
				defer one.Unlock()
				l, _ := in.(*sip.Leg)
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				stop := context.AfterFunc(l.Context(), func() { time.AfterFunc(50*time.Millisecond, cancel) }) // SIPp's called sides wait to be hung up
				defer stop()
				return bridge.To(l.Agent(), to(carol), &bridge.JoinOptions{Dialer: l.Agent()}).Handle(ctx, in)
			})})
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			called := func(port string) <-chan error {
				done := async(func() error { return sipp(t, "-sn", "uas", "-t", transport, "-p", port) })
				waitListener(ctx, t, transport, port)
				return done
			}
			first, second := called(carol), called(dave)
			if err := sipp(t, "-sf", sippTransferor(t, to(dave)), "-t", transport, "-p", freePort(t), "-r", "20", "-l", "1", a.Addr().String()); err != nil {
				t.Error(err)
			}
			if err := errors.Join(<-first, <-second); err != nil {
				t.Error(err)
			}
			wait(t, "the end of the calls", func() bool { return a.Stats().Standing == 0 })
		})
	}
}
