package sip_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// sippRequest returns a step of a scenario that sends a request, repeated unless it is ACK.
func sippRequest(method, cseq, more string) string {
	repeat := ` retrans="500"`
	if method == "ACK" {
		repeat = ""
	}
	return `<send` + repeat + `><![CDATA[

` + method + ` sip:x@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
To: <sip:x@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: ` + cseq + " " + method + `
Contact: <sip:sipp@[local_ip]:[local_port]>
Max-Forwards: 70
Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE
` + more + `

]]></send>
`
}

const sippSDP = `Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio 30000 RTP/AVP 0
a=rtpmap:0 PCMU/8000`

// sippReliable is a caller that takes early media reliably, acknowledges it, changes it by UPDATE before the call is accepted, and has a
// session timer, whose answer it checks.
var sippReliable = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="reliable early media, UPDATE, session timer">
` + sippRequest("INVITE", "1", "Supported: 100rel, timer\nSession-Expires: 300;refresher=uac\n"+sippSDP) + `
<recv response="100" optional="true"></recv>
<recv response="183" rrs="true"><action>
<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="rseq"/>
<ereg regexp="100rel" search_in="hdr" header="Require:" check_it="true" assign_to="require"/>
<ereg regexp="m=audio [1-9]" search_in="body" check_it="true" assign_to="early"/>
</action></recv>
` + sippRequest("PRACK", "2", "RAck: [$rseq] 1 INVITE\nContent-Length: 0") + `
<recv response="200"><action>
<ereg regexp="2 PRACK" search_in="hdr" header="CSeq:" check_it="true" assign_to="pracked"/>
</action></recv>
` + sippRequest("UPDATE", "3", sippSDP+"\na=sendonly") + `
<recv response="200"><action>
<ereg regexp="a=recvonly" search_in="body" check_it="true" assign_to="held"/>
<ereg regexp="3 UPDATE" search_in="hdr" header="CSeq:" check_it="true" assign_to="updated"/>
</action></recv>
<recv response="200"><action>
<ereg regexp="1 INVITE" search_in="hdr" header="CSeq:" check_it="true" assign_to="accepted"/>
<ereg regexp="300;refresher=uac" search_in="hdr" header="Session-Expires:" check_it="true" assign_to="timer"/>
</action></recv>
` + sippRequest("ACK", "1", "Content-Length: 0") + sippRequest("UPDATE", "4", "Supported: timer\nSession-Expires: 300;refresher=uac\nContent-Length: 0") + `
<recv response="200"><action>
<ereg regexp="300;refresher=uac" search_in="hdr" header="Session-Expires:" check_it="true" assign_to="refreshed"/>
</action></recv>
` + sippRequest("BYE", "5", "Content-Length: 0") + `
<recv response="200"></recv>
<Reference variables="require,early,pracked,held,updated,accepted,timer,refreshed"/>
</scenario>
`

// TestInteropSIPpReliable has SIPp call with reliable responses (RFC 3262), UPDATE (RFC 3311) and a session timer (RFC 4028).
func TestInteropSIPpReliable(t *testing.T) {
	testutil.Need(t, "sipp")
	a := listen(t, &sip.Options{Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		if err := in.Ring(ctx, pcmu(media.SendRecv)); err != nil {
			return err
		}
		for info := in.Info(); ; { // the caller holds before it is answered
			if m, _ := in.Media().Plan().Find(media.Audio); m.Dir == media.SendOnly {
				return answerAll(ctx, in)
			}
			var err error
			if info, err = in.Next(ctx, info.Rev); err != nil {
				return err
			}
		}
	})})
	scenario := filepath.Join(t.TempDir(), "reliable.xml")
	if err := os.WriteFile(scenario, []byte(sippReliable), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sipp(t, "-sf", scenario, "-p", freePort(t), "-r", "50", "-l", "1", a.Addr().String()); err != nil {
		t.Fatal(err)
	}
	wait(t, "the end of the calls", func() bool { return a.Stats().Standing == 0 })
	if got := a.Stats(); got.In != sippRuns || got.Invalid+got.Unparsed+got.Refused != 0 {
		t.Errorf("stats %+v", got)
	}
}
