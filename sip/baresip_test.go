package sip_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

const baresipConfig = `module_path %s
sip_listen 127.0.0.1:%s
net_interface 127.0.0.1
rtp_ports 16384-32766
audio_source aufile,%s
audio_player aubridge,sink
audio_alert aubridge,sink
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
module g711.so
module aufile.so
module aubridge.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:%s
`

// baresip is a running baresip that is told what to do over TCP.
type baresip struct {
	t       *testing.T
	control net.Conn
	mu      sync.Mutex
	said    bytes.Buffer
}

// startBaresip starts one, which ends with the test.
func startBaresip(t *testing.T) *baresip {
	t.Helper()
	found, err := filepath.Glob("/usr/lib*/baresip/modules")
	if more, _ := filepath.Glob("/usr/lib/*/baresip/modules"); err != nil || len(found)+len(more) == 0 {
		t.Fatal("baresip's modules are nowhere")
	} else {
		found = append(found, more...)
	}
	for range 5 { // it cannot find free ports for itself
		b, dir, control := &baresip{t: t}, t.TempDir(), freePort(t)
		tone := filepath.Join(dir, "tone.wav")
		pcm := make([]int16, 30*8000)
		for i := range pcm {
			pcm[i] = int16(8000 * math.Sin(2*math.Pi*1000*float64(i)/8000))
		}
		if err := (siptest.Recording{PCM: pcm}).WriteWAV(tone); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"config": fmt.Sprintf(baresipConfig, found[0], freePort(t), tone, control), "accounts": "<sip:desk@127.0.0.1>;regint=0;audio_codecs=pcmu\n", "contacts": "",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		cmd := exec.CommandContext(ctx, "baresip", "-f", dir, "-t", "60")
		cmd.Stdout, cmd.Stderr = b, b
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = cmd.Wait()
		}()
		t.Cleanup(func() { stop(); <-ended })
		if b.connect(control, ended) {
			return b
		}
	}
	t.Fatal("baresip does not start")
	return nil
}

// Write takes what baresip says.
func (b *baresip) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.said.Write(p)
}

// connect waits until baresip is there. It is false if it has ended.
func (b *baresip) connect(port string, ended <-chan struct{}) bool {
	for range 500 {
		select {
		case <-ended:
			return false
		case <-time.After(20 * time.Millisecond):
		}
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			b.control = c
			b.t.Cleanup(func() { _ = c.Close() })
			return true
		}
	}
	return false
}

// do tells baresip to do something.
func (b *baresip) do(command, params string) {
	b.t.Helper()
	text := `{"command":"` + command + `","params":"` + params + `"}`
	if _, err := b.control.Write([]byte(strconv.Itoa(len(text)) + ":" + text + ",")); err != nil {
		b.t.Fatal(err)
	}
}

// text returns what it has said.
func (b *baresip) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.said.String()
}

// TestInteropBaresipTransfer has baresip call a phone through the agent and transfer it to another one.
func TestInteropBaresipTransfer(t *testing.T) {
	testutil.Need(t, "baresip")
	bob := newPhone(t, &siptest.PhoneOptions{User: "bob", Play: siptest.Tone(440)})
	carol := newPhone(t, &siptest.PhoneOptions{User: "carol", Play: siptest.Tone(880)})
	legs := make(chan *sip.Leg, 1)
	a := listen(t, &sip.Options{Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		l, _ := in.(*sip.Leg)
		legs <- l
		return bridge.To(l.Agent(), bob.URI(), &bridge.JoinOptions{Dialer: l.Agent()}).Handle(ctx, in)
	})})
	b := startBaresip(t)
	defer func() {
		if t.Failed() {
			t.Logf("baresip says:\n%s", b.text())
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	b.do("dial", "sip:room@"+a.Addr().String())
	first, err := bob.NextCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	hears(t, "bob", first, 1000)
	desk := <-legs
	b.do("transfer", carol.URI())
	second, err := carol.NextCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	wantEnd(t, desk, bridge.Normal, false)
	hears(t, "carol", second, 440)
	if err := second.Hangup(ctx); err != nil {
		t.Fatal(err)
	}
	if err := first.WaitState(ctx, siptest.Ended); err != nil {
		t.Error(err)
	}
}
