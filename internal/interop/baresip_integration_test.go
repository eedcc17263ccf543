package interop

import (
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

const (
	bareTone = 1000
	bareRate = 8000
)

// bareModules are what baresip needs beside G.711 for what is tested here.
const bareModules = `rtcp_mux yes
module srtp.so
module dtls_srtp.so
module stun.so
module ice.so
`

// startBaresip starts a baresip that answers by itself and plays a tone.
func startBaresip(t *testing.T, ip, account string) *testutil.Baresip {
	t.Helper()
	return testutil.StartBaresip(t, testutil.BaresipOptions{IP: ip, Tone: bareTone, Account: "answermode=auto;" + account, Config: bareModules})
}

// bareSecurityTable has the ways in which baresip protects its media, and the policy of a leg to it.
var bareSecurityTable = []struct {
	name, account string
	policy        func(p *media.Policy)
	ice           bool
}{
	{"SDES", "mediaenc=srtp-mand", func(p *media.Policy) { p.Security = media.SDES }, false},
	{"DTLS", "mediaenc=dtls_srtp;rtcp_mux=yes", func(p *media.Policy) { p.Security, p.Mux = media.DTLS, true }, false},
	{"ICE", "mediaenc=dtls_srtp;medianat=ice;rtcp_mux=yes", func(p *media.Policy) { p.Security, p.ICE, p.Mux = media.DTLS, true, true }, true},
}

// TestInteropBaresipSecurity calls baresip and is called by it, with its media protected in each way. A phone without any is the other side.
func TestInteropBaresipSecurity(t *testing.T) {
	t.Parallel()
	testutil.Need(t, "baresip")
	for _, row := range bareSecurityTable {
		for _, placed := range []bool{true, false} {
			t.Run(row.name+map[bool]string{true: " called", false: " calls"}[placed], func(t *testing.T) {
				t.Parallel()
				ip := "127.0.0.1"
				if row.ice {
					if ip = ownAddr; !testutil.OwnNetwork(t, ownAddr) {
						return
					}
				}
				policy := media.Phone()
				row.policy(policy)
				bareCall(t, startBaresip(t, ip, row.account), ip, policy, placed)
			})
		}
	}
}

func bareCall(t *testing.T, b *testutil.Baresip, ip string, policy *media.Policy, placed bool) {
	t.Helper()
	bob, err := siptest.NewPhone(&siptest.PhoneOptions{User: "bob", Play: siptest.Tone(bobTone)})
	must(t, err)
	t.Cleanup(func() { _ = bob.Close() })
	var call *siptest.Call
	if placed {
		secure := listenSIP(t, ip, policy, nil)
		plain := listenSIP(t, "127.0.0.1", nil, bridge.To(secure, b.URI, nil))
		call, err = bob.Call(within(t), "sip:desk@"+plain.Addr().String(), nil)
		must(t, err)
		must(t, call.WaitState(within(t), siptest.Up))
	} else {
		plain := listenSIP(t, "127.0.0.1", nil, nil)
		secure := listenSIP(t, ip, policy, bridge.To(plain, bob.URI(), nil))
		b.Do("dial", "sip:room@"+secure.Addr().String())
		call, err = bob.NextCall(within(t))
		must(t, err)
	}
	eventually(t, "the phone hears baresip for two seconds", func() bool {
		return call.Heard().ToneShare(bareTone, 400*time.Millisecond) > 0.9 && len(call.Heard().PCM) > 2*bareRate
	})
	b.Hears(bobTone)
	must(t, call.Hangup(within(t)))
	if rate, heard := b.Heard(); testutil.ToneShare(heard, rate, bobTone) < 0.7 {
		t.Errorf("the phone's tone is %.2f of what baresip has heard", testutil.ToneShare(heard, rate, bobTone))
	}
}

// listenSIP opens an agent with a media engine of its own at an address.
func listenSIP(t *testing.T, ip string, policy *media.Policy, handle bridge.Bridge) *sip.Agent {
	t.Helper()
	e, err := engine.Listen(ip+":0", nil)
	must(t, err)
	a, err := sip.Listen(ip+":0", e, &sip.Options{Bridge: handle, Policy: policy})
	must(t, err)
	t.Cleanup(func() {
		_ = a.Close()
		must(t, e.Close())
	})
	return a
}
