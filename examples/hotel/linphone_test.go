package main_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil"
)

const linphoneTone = 1200 // Hz

// linphone is a running linphonec, which plays a tone and records what it hears.
type linphone struct {
	*process
	keys io.Writer // what is typed into it
	port int       // of SIP
	file string    // the recording
}

// linphoneConfig has no sound card and no registrar. It listens on any network, for it takes loopback for none.
const linphoneConfig = `[sip]
sip_port=%d
sip_tcp_port=-1
sip_tls_port=-1
bind_address=127.0.0.1
register_only_when_network_is_up=0
auto_net_state_mon=0
media_encryption=none
use_ipv6=0
ipv6_migration_done=1
contact="desk" <sip:desk@127.0.0.1>
[rtp]
audio_rtp_port=%d
bind_address=127.0.0.1
[net]
firewall_policy=1
nat_address=127.0.0.1
mtu=1300
[sound]
playback_dev_id=
capture_dev_id=
echocancellation=0
[video]
enabled=0
`

// startLinphone starts linphonec, which answers by itself if it is to, and waits until it listens.
func startLinphone(t *testing.T, answers bool) *linphone {
	t.Helper()
	dir := t.TempDir()
	l := &linphone{port: testutil.FreePort(t), file: filepath.Join(dir, "heard.wav")}
	for _, sub := range []string{".local/share/linphone", "linphone"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	config, play := filepath.Join(dir, "linphonerc"), filepath.Join(dir, "tone.wav")
	writeTone(t, play, linphoneTone)
	if err := os.WriteFile(config, fmt.Appendf(nil, linphoneConfig, l.port, testutil.FreePort(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-c", config, "-l", filepath.Join(dir, "log"), "-d", "0"}
	if answers {
		args = append(args, "-a")
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	l.keys = write
	env := append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	l.process = startReading(t, read, env, "linphonec", args...)
	_ = read.Close()
	t.Cleanup(func() { _ = write.Close() })
	if l.await(t, "linphonec> ") == nil {
		t.Fatal("linphonec has ended")
	}
	// The fourth is PCMU, the rate of the tone: at Opus's own linphonec plays silence.
	l.enters(t, "codec disable all", "codec enable 3", "soundcard use files", "play "+play, "record "+l.file)
	return l
}

// enters types commands.
func (l *linphone) enters(t *testing.T, commands ...string) {
	t.Helper()
	for _, c := range commands {
		if _, err := fmt.Fprintln(l.keys, c); err != nil {
			t.Fatal(err)
		}
	}
}

// heard checks that linphonec has recorded a tone. The file is whole once the call is over.
func (l *linphone) heard(t *testing.T, hz float64) {
	t.Helper()
	var share float64
	eventually(t, "linphonec's recording holds the tone", func() bool {
		rate, samples, err := testutil.ReadWAV(l.file)
		if err != nil || len(samples) < rate {
			return false
		}
		share = testutil.ToneShare(samples[len(samples)-rate:], rate, hz)
		return share > 0.9
	})
	t.Logf("linphonec heard %v Hz with a share of %.3f", hz, share)
}

// holdsAndResumes has linphonec hold the call and take it up again: the Echo is told, and hears it again afterwards.
func (l *linphone) holdsAndResumes(t *testing.T, echo *alexatest.Call) {
	t.Helper()
	eventually(t, "the Echo hears linphonec", func() bool { return echo.Heard().ToneShare(linphoneTone) > 0.9 })
	l.enters(t, "pause")
	eventually(t, "the Echo is held", func() bool {
		return strings.Contains(echo.RemoteSDP(), "a=sendonly") || strings.Contains(echo.RemoteSDP(), "a=inactive")
	})
	if l.await(t, `Call 1 .* paused`) == nil { // its re-INVITE is answered
		t.Fatal("linphonec has ended")
	}
	l.enters(t, "resume")
	eventually(t, "the Echo is taken up again", func() bool { return strings.Contains(echo.RemoteSDP(), "a=sendrecv") })
	before := echo.Heard().Duration()
	if err := echo.WaitHeard(within(t), before+3*time.Second); err != nil {
		t.Fatal(err)
	}
}

// TestInteropHotelLinphoneCalls has linphonec call the room through a hotel that serves, hold the call, take it up again and end it.
func TestInteropHotelLinphoneCalls(t *testing.T) {
	testutil.Need(t, "linphonec")
	t.Parallel()
	l := newLobby(t, nil)
	l.open(t, false)
	guest := startLinphone(t, false)
	guest.enters(t, "call sip:room-101@"+l.sip)
	echo, err := l.room.NextCall(within(t))
	if err != nil {
		t.Fatal(err)
	}
	guest.holdsAndResumes(t, echo)
	guest.enters(t, "terminate")
	if err := echo.WaitState(within(t), alexatest.StateEnded); err != nil {
		t.Fatal(err)
	}
	guest.heard(t, echoTone)
	l.shut(t)
	l.quiet(t)
}

// TestInteropHotelLinphone has linphonec as the front desk, which answers by itself, holds the Echo's call and takes it up again.
func TestInteropHotelLinphone(t *testing.T) {
	testutil.Need(t, "linphonec")
	t.Parallel()
	desk := startLinphone(t, true)
	l := newLobby(t, nil)
	l.settings["pbx"] = fmt.Sprintf("sip:desk@127.0.0.1:%d", desk.port)
	l.open(t, false)
	echo, err := l.room.Call(within(t), "reception")
	if err != nil {
		t.Fatal(err)
	}
	desk.holdsAndResumes(t, echo)
	if err := echo.Hangup(within(t)); err != nil {
		t.Fatal(err)
	}
	if desk.await(t, `(?i)call.*(ended|terminated|released)`) == nil {
		t.Error("linphonec has ended before its call")
	}
	desk.heard(t, echoTone)
	l.shut(t)
	l.quiet(t)
}
