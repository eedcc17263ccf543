package main_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil"
)

// What linphonec plays, in hertz: in calls, and to whom it holds.
const (
	linphoneTone  = 1200
	linphoneMusic = 1600
)

// linphone is a running linphonec, which plays a tone and records what it hears.
type linphone struct {
	*process
	keyboard
	port        int    // of SIP
	play, music string // the files of the tones
	file        string // the recording
	written     int    // how much of it is accounted for
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
	config := filepath.Join(dir, "linphonerc")
	l.play, l.music = filepath.Join(dir, "tone.wav"), filepath.Join(dir, "music.wav")
	writeTone(t, l.play, linphoneTone)
	writeTone(t, l.music, linphoneMusic)
	if err := os.WriteFile(config, fmt.Appendf(nil, linphoneConfig, l.port, testutil.FreePort(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-c", config, "-l", filepath.Join(dir, "log"), "-d", "0"}
	if answers {
		args = append(args, "-a")
	}
	var screen io.Reader
	l.keyboard, screen = newKeyboard(t)
	env := append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	l.process = startReading(t, screen, env, "linphonec", args...)
	if l.await(t, "linphonec> ") == nil {
		t.Fatal("linphonec has ended")
	}
	// The fourth is PCMU, the rate of the tone: at Opus's own linphonec plays silence.
	l.enters(t, "codec disable all", "codec enable 3", "soundcard use files", "play "+l.play, "record "+l.file)
	return l
}

func (l *linphone) uri() string                        { return fmt.Sprintf("sip:desk@127.0.0.1:%d", l.port) }
func (l *linphone) calls(t *testing.T, uri string)     { l.enters(t, "call "+uri) }
func (l *linphone) resumes(t *testing.T)               { l.enters(t, "play "+l.play, "resume") }
func (l *linphone) transfers(t *testing.T, uri string) { l.enters(t, "transfer "+uri) }
func (l *linphone) hangsUp(t *testing.T)               { l.enters(t, "terminate") }

// talks takes longer than linphonec needs to hear something, which it writes when it holds the call, or when that ends. Only then is it
// known what.
func (l *linphone) talks(t *testing.T, echo *alexatest.Call) {
	t.Helper()
	_, before, _ := testutil.ReadWAV(l.file)
	l.written = len(before)
	hearsNow(t, echo, linphoneTone, 5*aWhile)
}

func (l *linphone) holds(t *testing.T) {
	t.Helper()
	l.enters(t, "play "+l.music, "pause")
}

// silent waits until the Echo hears linphonec's music on hold in place of it. What linphonec has heard until then is written.
func (l *linphone) silent(t *testing.T, echo *alexatest.Call) {
	t.Helper()
	hearsNow(t, echo, linphoneMusic, aWhile)
	l.hasHeard(t)
}

func (l *linphone) idle(t *testing.T) {
	t.Helper()
	l.hasHeard(t)
}

// hasHeard waits until linphonec has written what it heard since talks: the Echo, for a while at least.
func (l *linphone) hasHeard(t *testing.T) {
	t.Helper()
	eventually(t, "linphonec has heard the Echo", func() bool {
		rate, samples, err := testutil.ReadWAV(l.file)
		window := samplesIn(aWhile, rate)
		for ; err == nil && l.written+window <= len(samples); l.written += window / 10 {
			if testutil.ToneShare(samples[l.written:l.written+window], rate, echoTone) > 0.95 {
				return true
			}
		}
		return false
	})
}
