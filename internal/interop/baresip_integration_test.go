package interop

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

// bareConfig is baresip's configuration: modules, address, port, tone, folder for what it hears, port of the remote control.
const bareConfig = `module_path %s
net_interface %s
sip_listen %s
rtp_ports 16384-32766
audio_source aufile,%s
audio_player aubridge,sink
audio_alert aubridge,sink
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
rtcp_mux yes
auplay_channels 1
snd_path %s
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module dtls_srtp.so
module stun.so
module ice.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:%d
`

// baresip is a running baresip.
type baresip struct {
	t       *testing.T
	uri     string
	dir     string
	control net.Conn
}

// startBaresip starts one with a user agent "desk" at an address, which answers by itself.
func startBaresip(t *testing.T, ip, account string) *baresip {
	t.Helper()
	modules, err := filepath.Glob("/usr/lib*/baresip/modules")
	must(t, err)
	more, err := filepath.Glob("/usr/lib/*/baresip/modules")
	must(t, err)
	if modules = append(modules, more...); len(modules) == 0 {
		t.Fatal("baresip's modules are nowhere")
	}
	port, control := testutil.FreePort(t), testutil.FreePort(t)
	b := &baresip{t: t, uri: fmt.Sprintf("sip:desk@%s:%d", ip, port), dir: t.TempDir()}
	tone := filepath.Join(b.dir, "tone.wav")
	pcm := make([]int16, 30*bareRate)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*bareTone*float64(i)/bareRate))
	}
	must(t, siptest.Recording{PCM: pcm}.WriteWAV(tone))
	for name, text := range map[string]string{
		"config":   fmt.Sprintf(bareConfig, modules[0], ip, net.JoinHostPort(ip, strconv.Itoa(port)), tone, b.dir, control),
		"accounts": fmt.Sprintf("<sip:desk@%s>;regint=0;answermode=auto;audio_codecs=pcmu;%s\n", ip, account), "contacts": "",
	} {
		must(t, os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "baresip", "-f", b.dir)
	testutil.OwnGroup(cmd)
	t.Cleanup(run(t, cmd, cancel))
	eventually(t, "baresip is ready", func() bool {
		b.control, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", control))
		return err == nil
	})
	t.Cleanup(func() { _ = b.control.Close() })
	return b
}

// do tells baresip to do something.
func (b *baresip) do(command, params string) {
	b.t.Helper()
	text := fmt.Sprintf(`{"command":%q,"params":%q}`, command, params)
	_, err := fmt.Fprintf(b.control, "%d:%s,", len(text), text)
	must(b.t, err)
}

// heard returns what baresip has heard. Its file is whole once the call is over.
func (b *baresip) heard() []int16 {
	b.t.Helper()
	var samples []int16
	eventually(b.t, "baresip has written what it heard", func() bool {
		files, err := filepath.Glob(filepath.Join(b.dir, "dump-*-dec.wav"))
		must(b.t, err)
		if len(files) == 0 {
			return false
		}
		_, samples, err = testutil.ReadWAV(files[len(files)-1])
		return err == nil && len(samples) > bareRate
	})
	return samples
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

func bareCall(t *testing.T, b *baresip, ip string, policy *media.Policy, placed bool) {
	t.Helper()
	bob, err := siptest.NewPhone(&siptest.PhoneOptions{User: "bob", Play: siptest.Tone(bobTone)})
	must(t, err)
	t.Cleanup(func() { _ = bob.Close() })
	var call *siptest.Call
	if placed {
		secure := listenSIP(t, ip, policy, nil)
		plain := listenSIP(t, "127.0.0.1", nil, bridge.To(secure, b.uri, nil))
		call, err = bob.Call(within(t), "sip:desk@"+plain.Addr().String(), nil)
		must(t, err)
		must(t, call.WaitState(within(t), siptest.Up))
	} else {
		plain := listenSIP(t, "127.0.0.1", nil, nil)
		secure := listenSIP(t, ip, policy, bridge.To(plain, bob.URI(), nil))
		b.do("dial", "sip:room@"+secure.Addr().String())
		call, err = bob.NextCall(within(t))
		must(t, err)
	}
	eventually(t, "the phone hears baresip for two seconds", func() bool {
		return call.Heard().ToneShare(bareTone, 400*time.Millisecond) > 0.9 && len(call.Heard().PCM) > 2*bareRate
	})
	must(t, call.Hangup(within(t)))
	if share := testutil.ToneShare(b.heard(), bareRate, bobTone); share < 0.7 {
		t.Errorf("the phone's tone is %.2f of what baresip has heard", share)
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
