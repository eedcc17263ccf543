package main_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/sip/siptest"
)

const (
	baresipTone = 1000 // Hz
	portTries   = 5    // for a phone that cannot find a free port itself
)

// checkGuestCall checks a run with -pbx: the guest's call alone, in which the Echo has heard a tone that it does not share with another.
func checkGuestCall(t *testing.T, o outcome, tone float64) {
	t.Helper()
	v := o.verdict(t)
	if o.status != 0 || !v.OK || len(v.Calls) != 1 {
		t.Fatalf("exit status %d, verdict %+v, want 0 and one good call", o.status, v)
	}
	if c := v.Calls[0]; c.From != "echo" || !c.EchoHeard || c.PhoneHeard != nil || c.Ended != "normal" {
		t.Errorf("the call is %+v, want one from echo with echo_heard, without phone_heard", c)
	}
	if strings.Contains(o.stdout, `"phone_heard"`) {
		t.Error("phone_heard is there, though it cannot be known")
	}
	o.quiet(t)
	files := o.recordings(t)
	if len(files) != 1 || !strings.HasSuffix(files[0], "-from-echo-heard-by-echo.wav") {
		t.Fatalf("recordings %q, want what the Echo heard", files)
	}
	rate, samples, err := testutil.ReadWAV(files[0])
	if err != nil {
		t.Fatal(err)
	}
	share := testutil.ToneShare(samples, rate, tone)
	t.Logf("the Echo heard %.1f s with a share of %.3f at %v Hz", float64(len(samples))/float64(rate), share, tone)
	if share < 0.9 || len(samples) < rate {
		t.Errorf("the Echo heard %d samples at %d Hz with a share of %.3f at %v Hz", len(samples), rate, share, tone)
	}
}

// TestInteropHotelSIPp has SIPp's own scenario of a called side as the front desk: it sends back what it hears, which is the Echo's tone.
func TestInteropHotelSIPp(t *testing.T) {
	testutil.Need(t, "sipp")
	t.Parallel()
	const cannotBind = 254
	for range portTries {
		port, media := testutil.FreePort(t), testutil.FreePort(t)
		sipp := start(t, os.Environ(), "sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", strconv.Itoa(port), "-mi", "127.0.0.1", "-mp", strconv.Itoa(media),
			"-rtp_echo", "-nostdin", "-m", "1", "-timeout", "60s", "-timeout_error")
		// SIPp listens some time after it has started: the INVITE is repeated until then.
		o := run(t, "-json", "-pbx", fmt.Sprintf("sip:reception@127.0.0.1:%d", port))
		if sipp.ended() && sipp.cmd.ProcessState.ExitCode() == cannotBind {
			continue
		}
		checkGuestCall(t, o, echoTone)
		if status := sipp.wait(t, patience); status != 0 {
			t.Errorf("SIPp ends with status %d: the call was not as it expects calls to be", status)
		}
		return
	}
	t.Fatalf("SIPp found its ports taken %d times", portTries)
}

// baresip is a running baresip with one account, which plays a tone and records what it hears.
type baresip struct {
	*process
	port int // of SIP
	dir  string
}

const baresipConfig = `module_path %s
sip_listen 127.0.0.1:%d
net_interface 127.0.0.1
rtp_ports 16384-32766
audio_source aufile,%s
audio_player aubridge,sink
audio_alert aufile,/dev/null
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_txmode poll
jitter_buffer_type fixed
jitter_buffer_delay 2-10
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
snd_path %s
`

// startBaresip starts baresip with a command, or none, and waits until it is ready. It ends with the test, or with itself if that does not.
func startBaresip(t *testing.T, command string) *baresip {
	t.Helper()
	modules := baresipModules(t)
	for range portTries {
		b := &baresip{port: testutil.FreePort(t), dir: t.TempDir()}
		play, account := filepath.Join(b.dir, "tone.wav"), "<sip:desk@127.0.0.1>;regint=0;answermode=auto;audio_codecs=pcmu\n"
		writeTone(t, play, baresipTone)
		for name, text := range map[string]string{
			"config": fmt.Sprintf(baresipConfig, modules, b.port, play, b.dir), "accounts": account, "contacts": "",
		} {
			if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		args := []string{"-f", b.dir, "-t", "60"}
		if command != "" {
			args = append(args, "-e", command)
		}
		b.process = start(t, os.Environ(), "baresip", args...)
		if b.await(t, "baresip is ready") != nil {
			return b
		}
		const addressInUse = 98
		if status := b.cmd.ProcessState.ExitCode(); status != addressInUse {
			t.Fatalf("baresip has ended with status %d", status)
		}
	}
	t.Fatalf("baresip found its port taken %d times", portTries)
	return nil
}

// baresipModules returns where baresip's modules are, for its own default is the current folder.
func baresipModules(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/baresip/modules", "/usr/lib/*/baresip/modules", "/usr/local/lib/baresip/modules", "/opt/homebrew/lib/baresip/modules"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	t.Fatal("baresip's modules are nowhere")
	return ""
}

// writeTone writes half a minute of a tone.
func writeTone(t *testing.T, file string, hz float64) {
	t.Helper()
	pcm := make([]int16, 30*8000)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	if err := (siptest.Recording{PCM: pcm}).WriteWAV(file); err != nil {
		t.Fatal(err)
	}
}

// heard checks that baresip has recorded a tone. It writes the file while the call lasts.
func (b *baresip) heard(t *testing.T, hz float64) {
	t.Helper()
	var share float64
	eventually(t, "baresip's recording holds the tone", func() bool {
		files, err := filepath.Glob(filepath.Join(b.dir, "dump-*-dec.wav"))
		if err != nil || len(files) != 1 {
			return false
		}
		rate, samples, err := testutil.ReadWAV(files[0])
		share = testutil.ToneShare(samples, rate, hz)
		return err == nil && len(samples) > rate && share > 0.9
	})
	t.Logf("baresip heard %v Hz with a share of %.3f", hz, share)
}

// TestInteropHotelBaresip has baresip as the front desk, which answers by itself.
func TestInteropHotelBaresip(t *testing.T) {
	testutil.Need(t, "baresip")
	t.Parallel()
	desk := startBaresip(t, "")
	o := run(t, "-json", "-pbx", fmt.Sprintf("sip:desk@127.0.0.1:%d", desk.port))
	checkGuestCall(t, o, baresipTone)
	desk.heard(t, echoTone)
	if desk.await(t, `(?i)call.*(closed|terminated)|session closed`) == nil {
		t.Error("baresip has ended before its call")
	}
}

// TestInteropHotelBaresipCalls has baresip call the room through a hotel that serves.
func TestInteropHotelBaresipCalls(t *testing.T) {
	testutil.Need(t, "baresip")
	t.Parallel()
	l := newLobby(t, nil)
	l.open(t, false)
	guest := startBaresip(t, "/dial sip:room-101@"+l.sip)
	echo, err := l.room.NextCall(within(t))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the Echo hears baresip", func() bool { return echo.Heard().ToneShare(baresipTone) > 0.9 })
	if err := echo.WaitHeard(within(t), 2*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := echo.Hangup(within(t)); err != nil {
		t.Fatal(err)
	}
	guest.heard(t, echoTone)
	l.shut(t)
	l.quiet(t)
}
