package sip_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
)

// sippMessage is SIPp as the sender of messages.
const sippMessage = `<send retrans="500"><![CDATA[
MESSAGE sip:room@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:room@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 MESSAGE
Max-Forwards: 70
Content-Type: application/scaip+xml
Content-Length: [len]

<mrq><ref>[call_number]</ref></mrq>
]]></send>
<recv response="200"/>`

// sippAnswer is a response of SIPp's to a request outside a call.
func sippAnswer(status string, fields ...string) string {
	lines := append([]string{
		"SIP/2.0 " + status, "[last_Via:]", "[last_From:]", "[last_To:];tag=[pid]SIPpTag[call_number]", "[last_Call-ID:]", "[last_CSeq:]",
	}, fields...)
	return "<send><![CDATA[\n" + strings.Join(lines, "\n") + "\nContent-Length: 0\n\n]]></send>"
}

// sippChallenge is SIPp's answer to a request without credentials.
func sippChallenge() string {
	return sippAnswer("401 Unauthorized", `WWW-Authenticate: Digest realm="trunk", nonce="47ebe028cda119c35d4877b383027d28da013815", algorithm=MD5, qop="auth"`)
}

// sippProved takes a request with the right credentials, which passes the check too, and goes on to a label of its own. Another one is refused,
// and the scenario goes on at its end.
func sippProved(method, check, label string) string {
	return `<recv request="` + method + `"><action>` + check + `<verifyauth assign_to="valid" username="gw" password="sesame"/></action></recv>
<nop hide="true" test="valid" next="` + label + `"/>
` + strings.Replace(sippAnswer("403 Forbidden"), "<send>", `<send next="end">`, 1) + `
<label id="` + label + `"/>`
}

// sippReceiver is SIPp as a receiver of messages that asks for credentials and checks them.
func sippReceiver(t *testing.T) string {
	return sippOwn(t, `<recv request="MESSAGE"/>`, sippChallenge(), sippProved("MESSAGE", "", "good"), sippAnswer("202 Accepted"), `<label id="end"/>`)
}

// TestInteropSIPpMessage has SIPp send messages to us, and sends it messages that it takes only with the right credentials.
func TestInteropSIPpMessage(t *testing.T) {
	testutil.Need(t, "sipp")
	t.Parallel()
	for _, c := range []struct{ name, flag, suffix string }{{"UDP", "u1", ""}, {"TCP", "t1", ";transport=tcp"}} {
		t.Run("from SIPp over "+c.name, func(t *testing.T) {
			var got atomic.Int32
			a := listen(t, &sip.Options{Message: func(_ context.Context, m *sip.Message) error {
				got.Add(1)
				return nil
			}})
			if err := sipp(t, "-sf", sippOwn(t, sippMessage), "-t", c.flag, "-p", freePort(t), "-r", "50", a.Addr().String()); err != nil {
				t.Fatal(err)
			}
			if got.Load() != sippRuns {
				t.Errorf("%d messages", got.Load())
			}
		})
		t.Run("to SIPp over "+c.name, func(t *testing.T) {
			a := listen(t, &sip.Options{Credentials: trunkUser})
			port := freePort(t)
			done := async(func() error { return sipp(t, "-sf", sippReceiver(t), "-t", c.flag, "-p", port) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			waitListener(ctx, t, c.flag, port)
			for range sippRuns {
				res, err := a.Send(ctx, "sip:uas@127.0.0.1:"+port+c.suffix, alarm("<mrq/>"))
				if err != nil || res.Status != 202 {
					t.Fatalf("%+v, %v", res, err)
				}
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// waitListener waits until SIPp has its socket. UDP needs no waiting: messages are repeated.
func waitListener(ctx context.Context, t *testing.T, flag, port string) {
	t.Helper()
	if flag != "t1" {
		return
	}
	if err := listening(ctx, port); err != nil {
		t.Fatal(err)
	}
}

// listening waits until a port takes connections.
func listening(ctx context.Context, port string) error {
	for {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			return c.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}
