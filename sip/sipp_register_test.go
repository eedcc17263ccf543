package sip_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
)

// sippAnswer is a response of SIPp's to REGISTER.
const sippAnswer = `
<send><![CDATA[
SIP/2.0 STATUS
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag[call_number]
[last_Call-ID:]
[last_CSeq:]
EXTRA
Content-Length: 0

]]></send>`

// sippProved takes a REGISTER with the right credentials.
const sippProved = `
<recv request="REGISTER">
<action>
<ereg regexp="expires=EXPIRES" search_in="hdr" header="Contact:" check_it="true" assign_to="asked"/>
<verifyauth assign_to="valid" username="gw" password="sesame"/>
</action>
</recv>
<nop hide="true" test="valid" next="STEP"/>
<send next="end"><![CDATA[
SIP/2.0 403 Forbidden
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<label id="STEP"/>`

// sippRegistrar returns SIPp as a registrar that asks for credentials, wants more time, and is asked again and left in the end.
func sippRegistrar() string {
	answer := func(status, extra string) string {
		return strings.NewReplacer("STATUS", status, "EXTRA", extra).Replace(sippAnswer)
	}
	steps := 0
	proved := func(expires string) string {
		steps++
		return strings.NewReplacer("EXPIRES", expires, "STEP", fmt.Sprint("step", steps)).Replace(sippProved)
	}
	challenge := `WWW-Authenticate: Digest realm="trunk", nonce="47ebe028cda119c35d4877b383027d28da013815", algorithm=MD5, qop="auth"`
	kept := "Contact: <sip:gw@127.0.0.1>;expires=2"
	return `<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="registrar">
<recv request="REGISTER"/>` +
		answer("401 Unauthorized", challenge) + proved("60") + answer("423 Interval Too Brief", "Min-Expires: 90") + proved("90") + answer("200 OK", kept) +
		proved("90") + answer("200 OK", kept) + proved("0") + answer("200 OK", "X: y") + `
<label id="end"/>
<Reference variables="asked"/>
</scenario>
`
}

// TestInteropSIPpRegister registers at SIPp, many times at once: with credentials, for longer than wanted, with one refresh and an end.
func TestInteropSIPpRegister(t *testing.T) {
	testutil.Need(t, "sipp")
	for _, c := range []struct{ name, flag, suffix string }{{"UDP", "u1", ""}, {"TCP", "t1", ";transport=tcp"}} {
		t.Run(c.name, func(t *testing.T) {
			a := listen(t, nil)
			port := freePort(t)
			done := async(func() error { return sipp(t, "-sf", scenario(t, sippRegistrar()), "-t", c.flag, "-p", port) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			waitListener(ctx, t, c.flag, port)
			ended := make([]<-chan error, sippRuns)
			for n := range ended {
				ended[n] = async(func() error {
					r, err := a.Register(ctx, &sip.RegisterOptions{
						AOR: bridge.Party{URI: "sip:gw@127.0.0.1"}, Registrar: "sip:127.0.0.1:" + port + c.suffix, Expires: time.Minute, Credentials: trunkUser,
					})
					if err != nil {
						return err
					}
					for first := r.Until(); ctx.Err() == nil && r.Until().Equal(first); {
						time.Sleep(10 * time.Millisecond)
					}
					return r.Close()
				})
			}
			for _, e := range ended {
				if err := <-e; err != nil {
					t.Error(err)
				}
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// registers registers at SIPp once that is there: for a connection that fails it would wait half a minute. The registration stands until the
// agent is closed.
func registers(ctx context.Context, p *play) error {
	if _, network, _ := strings.Cut(p.to, "transport="); network != "udp" {
		if err := listening(ctx, p.port); err != nil {
			return err
		}
	}
	_, err := p.agent.Register(ctx, &sip.RegisterOptions{
		AOR: bridge.Party{URI: "sip:sipp@example.com"}, Registrar: p.to,
		Credentials: []sip.Credentials{{Host: "127.0.0.1", Username: "sipp", Password: "sipp"}},
	})
	return err
}
