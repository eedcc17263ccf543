package sip_test

import (
	"context"
	"testing"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

const sippAllow = "Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE"

// sippReliable is a caller that takes early media reliably, acknowledges it, changes it by UPDATE before the call is accepted, and has a
// session timer, whose answer it checks.
var sippReliable = sippRequest("INVITE", "1", sippSDP, "Supported: 100rel, timer", "Session-Expires: 300;refresher=uac", sippAllow) + `
<recv response="100" optional="true"></recv>
<recv response="183" rrs="true"><action>
<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="rseq"/>
<ereg regexp="100rel" search_in="hdr" header="Require:" check_it="true" assign_to="require"/>
<ereg regexp="m=audio [1-9]" search_in="body" check_it="true" assign_to="early"/>
</action></recv>
` + sippRequest("PRACK", "2", "", "RAck: [$rseq] 1 INVITE") + `
<recv response="200"><action>
<ereg regexp="2 PRACK" search_in="hdr" header="CSeq:" check_it="true" assign_to="pracked"/>
</action></recv>
` + sippRequest("UPDATE", "3", sippSDP+"a=sendonly\n", sippAllow) + `
<recv response="200"><action>
<ereg regexp="a=recvonly" search_in="body" check_it="true" assign_to="held"/>
<ereg regexp="3 UPDATE" search_in="hdr" header="CSeq:" check_it="true" assign_to="updated"/>
</action></recv>
<recv response="200"><action>
<ereg regexp="1 INVITE" search_in="hdr" header="CSeq:" check_it="true" assign_to="accepted"/>
<ereg regexp="300;refresher=uac" search_in="hdr" header="Session-Expires:" check_it="true" assign_to="timer"/>
</action></recv>
` + sippRequest("ACK", "1", "") + sippRequest("UPDATE", "4", "", "Supported: timer", "Session-Expires: 300;refresher=uac", sippAllow) + `
<recv response="200"><action>
<ereg regexp="300;refresher=uac" search_in="hdr" header="Session-Expires:" check_it="true" assign_to="refreshed"/>
</action></recv>
` + sippRequest("BYE", "5", "") + `
<recv response="200"></recv>
<Reference variables="require,early,pracked,held,updated,accepted,timer,refreshed"/>`

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
	if err := sipp(t, "-sf", sippOwn(t, sippReliable), "-p", freePort(t), "-r", "50", "-l", "1", a.Addr().String()); err != nil {
		t.Fatal(err)
	}
	wait(t, "the end of the calls", func() bool { return a.Stats().Standing == 0 })
	if got := a.Stats(); got.In != sippRuns || got.Invalid+got.Unparsed+got.Refused != 0 {
		t.Errorf("stats %+v", got)
	}
}
