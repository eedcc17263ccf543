package main_test

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
)

// What linphonec plays, in hertz: in calls, and to whom it holds.
const (
	linphoneTone  = 1200
	linphoneMusic = 1600
)

// linphone is a running linphonec, which plays a tone and records what it hears.
type linphone struct {
	*program.Process
	keyboard
	host        string
	port        int // of SIP
	tone        float64
	play, music string // the files of the tones
	file, log   string // of what it hears, and of what it does
	written     int    // how much of it is accounted for
}

// linphoneConfig has no sound card and no registrar. It listens on any network, for it takes loopback for none.
const linphoneConfig = `[sip]
sip_port=%[2]d
sip_tcp_port=-1
sip_tls_port=-1
bind_address=%[1]s
register_only_when_network_is_up=0
auto_net_state_mon=0
media_encryption=none
use_ipv6=0
ipv6_migration_done=1
contact="desk" <sip:desk@%[1]s>
[rtp]
audio_rtp_port=%[3]d
bind_address=%[1]s
[net]
firewall_policy=1
nat_address=%[1]s
mtu=1300
[sound]
playback_dev_id=
capture_dev_id=
echocancellation=0
[video]
enabled=0
`

// startLinphone starts linphonec, which answers by itself, and waits until it listens.
func startLinphone(t *testing.T) *linphone {
	t.Helper()
	return startLinphoneOn(t, "127.0.0.1", testutil.FreePort(t))
}

// startLinphoneOn is startLinphone on an address of its own.
func startLinphoneOn(t *testing.T, host string, port int) *linphone {
	t.Helper()
	dir := t.TempDir()
	l := &linphone{host: host, port: port, tone: linphoneTone, file: filepath.Join(dir, "heard.wav"), log: filepath.Join(dir, "log")}
	for _, sub := range []string{".local/share/linphone", "linphone"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "linphonerc")
	l.play, l.music = filepath.Join(dir, "tone.wav"), filepath.Join(dir, "music.wav")
	writeTone(t, l.play, l.tone)
	writeTone(t, l.music, linphoneMusic)
	if err := os.WriteFile(config, fmt.Appendf(nil, linphoneConfig, host, port, testutil.FreePort(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-c", config, "-l", l.log, "-d", "5", "-a"}
	var screen io.Reader
	l.keyboard, screen = newKeyboard(t)
	env := append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	l.Process = program.StartReading(t, screen, env, "linphonec", args...)
	if l.Await(t, "linphonec> ") == nil {
		t.Fatal("linphonec has ended")
	}
	// The fourth is PCMU, the rate of the tone: at Opus's own linphonec plays silence.
	l.enters(t, "codec disable all", "codec enable 3", "soundcard use files", "play "+l.play, "record "+l.file)
	l.asks(t, l.Stdout, "calls", states) // once it has taken all that
	return l
}

func (l *linphone) uri() string                        { return fmt.Sprintf("sip:desk@%s:%d", l.host, l.port) }
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
	hearsNow(t, echo, l.tone, 4*aWhile)
}

// plays has linphonec play another tone in the calls that begin from now on.
func (l *linphone) plays(t *testing.T, hz float64) {
	t.Helper()
	l.tone = hz
	writeTone(t, l.play, hz)
}

// consults has linphonec hold its first call and call somebody else, and waits until that has answered.
func (l *linphone) consults(t *testing.T, uri string) {
	t.Helper()
	l.holds(t)
	if l.Await(t, `Call 1 .* paused`) == nil { // it refuses to call before
		t.Fatal("linphonec has ended before its call")
	}
	l.calls(t, uri)
	if l.Await(t, `Call 2 with .* connected`) == nil {
		t.Fatal("linphonec has ended before its call")
	}
}

// transfersTo has linphonec transfer its first call to the second, attended.
func (l *linphone) transfersTo(t *testing.T) {
	t.Helper()
	l.enters(t, "transfer 1 --to-call 2")
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

func (l *linphone) isHeld(t *testing.T, echo *alexatest.Call) {
	t.Helper()
	l.logs(t, `to LinphoneCallPausedByRemote`)
	l.hasHeard(t)
	hearsNoMore(t, echo, l.tone)
}

// logs waits until linphonec has written something into its log.
func (l *linphone) logs(t *testing.T, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	program.Eventually(t, "linphonec logs "+pattern, func() bool {
		log, err := os.ReadFile(l.log)
		return err == nil && re.Match(log)
	})
}

func (l *linphone) told(t *testing.T, status int) {
	t.Helper()
	state := `Transfer state .* to \[LinphoneCallError\]`
	if status == 200 {
		state = `Transfer state .* to \[LinphoneCallConnected\]`
	}
	l.logs(t, state)
}

// states is what linphonec shows of its calls.
var states = regexp.MustCompile(`(No active call|Call states)`)

func (l *linphone) idle(t *testing.T) {
	t.Helper()
	program.Eventually(t, "linphonec has no call", func() bool { return l.asks(t, l.Stdout, "calls", states) == "No active call" })
	l.hasHeard(t)
}

// hasHeard waits until linphonec has written what it heard since talks: the Echo, for a while at least.
func (l *linphone) hasHeard(t *testing.T) {
	t.Helper()
	program.Eventually(t, "linphonec has heard the Echo", func() bool {
		rate, samples, err := testutil.ReadWAV(l.file)
		window := samplesIn(aWhile, rate)
		for ; err == nil && l.written+window <= len(samples); l.written += window / 10 {
			if echoSpeaks(samples[l.written:l.written+window], rate) {
				return true
			}
		}
		return false
	})
}

// echoSpeaks reports whether the Echo's tone is in all of what linphonec has recorded, as loud as the Echo plays it. Beside it there may be
// what linphonec tells its user of a call that is held or has ended: tones of 620 Hz and of 440 Hz too, the latter twice as loud.
func echoSpeaks(samples []int16, rate int) bool {
	const level = 0.3 * math.MaxInt16
	for block := range slices.Chunk(samples, rate/20) {
		power := 0.0
		for _, v := range block {
			power += float64(v) * float64(v) / float64(len(block))
		}
		heard := math.Sqrt(2 * power * testutil.ToneShare(block, rate, echoTone))
		if math.Abs(heard-level) > level/4 {
			return false
		}
	}
	return true
}

// sipPort is the port that goes without saying.
const sipPort = 5060

// ownAddress returns an address of the loopback interface where nobody else has that port. Without such an address the test is skipped.
func ownAddress(t *testing.T) string {
	t.Helper()
	ip := net.IPv4(127, 1+rand.N[byte](250), 1+rand.N[byte](250), 1+rand.N[byte](250))
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip, Port: sipPort})
	if err != nil {
		t.Skipf("port %d of %s cannot be had: %v", sipPort, ip, err)
	}
	_ = c.Close()
	return ip.String()
}
