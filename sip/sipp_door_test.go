package sip_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
)

// sippProver is SIPp as one who is asked who it is, with a password, and what follows its proof.
func sippProver(t *testing.T, password, then string) string {
	return sippOwn(t,
		sippRequest("INVITE", "1", sippSDP), `<recv response="401" auth="true"/>`, sippAckRefusal("1"),
		strings.Replace(sippRequest("INVITE", "2", sippSDP, "[authentication username=gw password="+password+"]"), "[peer_tag_param]", "", 1), // still no dialog
		then)
}

// sippAckRefusal is the ACK of a refusal, which belongs to the transaction of its INVITE.
func sippAckRefusal(seq string) string {
	return strings.Replace(sippRequest("ACK", seq, ""), "[branch]", "[branch-1]", 1)
}

// sippTaken is what follows where the call is taken, sippRefused where it is not.
var (
	sippTaken = `<recv response="100" optional="true"/>
<recv response="200"/>
` + sippRequest("ACK", "2", "") + sippRequest("BYE", "3", "") + `
<recv response="200"/>`
	sippRefused = `<recv response="401"/>
` + sippAckRefusal("2")
)

func gatewayUser(user string) (sip.Secret, bool) { return sip.Password("sesame"), user == "gw" }

// TestInteropSIPpDoor has SIPp call us with the right password and with a wrong one. It knows MD5 alone.
func TestInteropSIPpDoor(t *testing.T) {
	testutil.Need(t, "sipp")
	t.Parallel()
	for _, c := range []struct{ name, flag, password, then string }{
		{"UDP", "u1", "sesame", sippTaken}, {"TCP", "t1", "sesame", sippTaken}, {"wrong password", "u1", "wrong", sippRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			var proved atomic.Uint64
			a := listen(t, &sip.Options{Users: gatewayUser, Realm: "trunk", Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
				if l, ok := in.(*sip.Leg); ok && l.User() == "gw" {
					proved.Add(1)
				}
				return answerAll(ctx, in)
			})})
			if err := sipp(t, "-sf", sippProver(t, c.password, c.then), "-t", c.flag, "-p", freePort(t), "-r", "50", "-l", "1", "-auth_uri", "room@"+a.Addr().String(), a.Addr().String()); err != nil {
				t.Fatal(err)
			}
			wait(t, "the end of the calls", func() bool { return a.Stats().Standing == 0 })
			got := a.Stats()
			if taken := c.password == "sesame"; taken && (proved.Load() != sippRuns || got.Unauthorized != 0) || !taken && (got.In != 0 || got.Unauthorized < sippRuns) {
				t.Errorf("%d proved; %+v", proved.Load(), got)
			}
		})
	}
}

// TestInteropBaresipDoor has baresip call us, with the right password and with a wrong one.
func TestInteropBaresipDoor(t *testing.T) {
	testutil.Need(t, "baresip")
	for _, password := range []string{"sesame", "wrong"} {
		t.Run(password, func(t *testing.T) {
			in := newIncoming()
			a := listen(t, &sip.Options{Users: gatewayUser, Realm: "trunk", Bridge: in})
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			b := testutil.StartBaresip(t, testutil.BaresipOptions{Account: "auth_user=gw;auth_pass=" + password})
			b.Do("dial", "sip:room@"+a.Addr().String())
			if password == "wrong" {
				wait(t, "a wrong password", func() bool { return a.Stats().Unauthorized > 0 })
				if len(in.legs) != 0 {
					t.Error("a call came in")
				}
				return
			}
			select {
			case l := <-in.legs:
				if l.User() != "gw" {
					t.Errorf("user %q", l.User())
				}
				if err := l.Answer(ctx, nil); err != nil {
					t.Error(err)
				}
				if err := l.Hangup(ctx, bridge.Normal); err != nil {
					t.Error(err)
				}
			case <-time.After(within):
				t.Error("no call came in")
			}
		})
	}
}
