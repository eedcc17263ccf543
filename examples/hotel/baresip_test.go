package main_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/program"
)

// baresipTone is what baresip plays, in hertz.
const baresipTone = 1000

// baresip is a running baresip with one account, which plays a tone, records what it hears and takes what is typed.
type baresip struct {
	*program.Process
	keyboard
	port  int // of SIP
	dir   string
	play  string // the file that it plays
	loops int    // how often talks has tried what it hears
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
statmode_default off
jitter_buffer_type fixed
jitter_buffer_delay 2-10
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module stdio.so
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
		b.play = filepath.Join(b.dir, "tone.wav")
		account := "<sip:desk@127.0.0.1>;regint=0;answermode=auto;audio_codecs=pcmu\n"
		writeTone(t, b.play, baresipTone)
		for name, text := range map[string]string{
			"config": fmt.Sprintf(baresipConfig, modules, b.port, b.play, b.dir), "accounts": account, "contacts": "",
		} {
			if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		args := []string{"-f", b.dir, "-t", "120"}
		if command != "" {
			args = append(args, "-e", command)
		}
		var screen io.Reader
		b.keyboard, screen = newKeyboard(t)
		b.Process = program.StartReading(t, screen, os.Environ(), "baresip", args...)
		if b.Await(t, "baresip is ready") != nil {
			return b
		}
		const addressInUse = 98
		if status := b.Wait(t, program.Patience); status != addressInUse {
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

// heard checks that baresip has recorded a tone. It writes the file while the call lasts.
func (b *baresip) heard(t *testing.T, hz float64) {
	t.Helper()
	var share float64
	program.Eventually(t, "baresip's recording holds the tone", func() bool {
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

func (b *baresip) uri() string                        { return fmt.Sprintf("sip:desk@127.0.0.1:%d", b.port) }
func (b *baresip) calls(t *testing.T, uri string)     { b.enters(t, "/dial "+uri) }
func (b *baresip) holds(t *testing.T)                 { b.enters(t, "/hold") }
func (b *baresip) resumes(t *testing.T)               { b.enters(t, "/resume") }
func (b *baresip) transfers(t *testing.T, uri string) { b.enters(t, "/transfer "+uri) }
func (b *baresip) hangsUp(t *testing.T)               { b.enters(t, "/hangup") }

// talks lays baresip's microphone before its loudspeaker for a while, so that the Echo hears what baresip hears: its own tone. The
// recording, which baresip gives up for good when a call is held, would not tell.
func (b *baresip) talks(t *testing.T, echo *alexatest.Call) {
	t.Helper()
	hearsNow(t, echo, baresipTone, aWhile)
	b.loops++
	room := fmt.Sprintf("aubridge,room-%d", b.loops)
	b.enters(t, "/auplay "+room, "/ausrc "+room)
	hearsNow(t, echo, echoTone, aWhile)
	b.enters(t, "/ausrc aufile,"+b.play)
	hearsNow(t, echo, baresipTone, aWhile)
}

// What baresip answers: how many packets it has put into its jitter buffer, and how many calls it has.
var (
	received = regexp.MustCompile(`put=(\d+)\D`)
	active   = regexp.MustCompile(`Active calls \((\d+)\)`)
)

// silent waits until no packet has come to baresip for a while, by its own count. It plays nothing to whom it holds.
func (b *baresip) silent(t *testing.T, echo *alexatest.Call) {
	t.Helper()
	hearsNoMore(t, echo, baresipTone)
	count, since := "", time.Now()
	program.Eventually(t, "nothing comes to baresip", func() bool {
		if now := b.asks(t, b.Stderr, "/audio_debug", received); now != count {
			count, since = now, time.Now()
		}
		return time.Since(since) > aWhile
	})
	if n, err := strconv.Atoi(count); err != nil || n == 0 {
		t.Errorf("baresip counts %q packets", count)
	}
}

// isHeld is silent: baresip shows nothing else of being held.
func (b *baresip) isHeld(t *testing.T, echo *alexatest.Call) {
	t.Helper()
	b.silent(t, echo)
}

// told has nothing to wait for after a transfer: baresip hangs up then, and says no more. It does so after one that failed too.
func (b *baresip) told(t *testing.T, status int) {
	t.Helper()
	if status != 200 && b.Await(t, fmt.Sprintf("transfer failed: %d ", status)) == nil {
		t.Error("baresip has ended before it was told")
	}
}

func (b *baresip) idle(t *testing.T) {
	t.Helper()
	program.Eventually(t, "baresip has no call", func() bool { return b.asks(t, b.Stderr, "/listcalls", active) == "0" })
}

// TestInteropHotelBaresip has baresip as the front desk, which answers by itself.
func TestInteropHotelBaresip(t *testing.T) {
	testutil.Need(t, "baresip")
	t.Parallel()
	desk := startBaresip(t, "")
	o := run(t, "-json", "-pbx", desk.uri())
	checkGuestCall(t, o, baresipTone)
	desk.heard(t, echoTone)
	desk.idle(t)
}

// TestInteropHotelBaresipCalls has baresip call the room through a hotel that serves.
func TestInteropHotelBaresipCalls(t *testing.T) {
	testutil.Need(t, "baresip")
	t.Parallel()
	l := newLobby(t, nil)
	l.open(t, false)
	guest := startBaresip(t, "/dial sip:room-101@"+l.sip)
	echo, err := l.room.NextCall(program.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	program.Eventually(t, "the Echo hears baresip", func() bool { return echo.Heard().ToneShare(baresipTone) > 0.9 })
	if err := echo.WaitHeard(program.Within(t), 2*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := echo.Hangup(program.Within(t)); err != nil {
		t.Fatal(err)
	}
	guest.heard(t, echoTone)
	l.shut(t)
	l.quiet(t)
}
