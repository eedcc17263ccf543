package testutil

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// baresipConfig is for G.711 from a file, or from nothing, to nothing but the files of what it hears.
const baresipConfig = `module_path %s
sip_listen %s
net_interface %s
rtp_ports 16384-32766
audio_source %s
audio_player aubridge,sink
audio_alert aubridge,sink
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
snd_path %s
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:%d
%s`

// BaresipOptions are those of [StartBaresip].
type BaresipOptions struct {
	IP      string // of its signalling and media; "": 127.0.0.1
	Tone    int    // in hertz, that it plays into calls, for half a minute and again; 0: silence
	Account string // parameters of its account, such as "answermode=auto;mediaenc=srtp-mand"
	Config  string // more lines of its configuration
}

// Baresip is a running baresip with the user agent "desk", which takes PCMU alone. It is used by one goroutine.
type Baresip struct {
	URI string // of the user agent
	Dir string // with its configuration, and what it writes

	t       testing.TB
	control net.Conn
	said    Output
}

// StartBaresip starts a baresip that ends with the test. What it has said is logged if the test fails. The test has to [Need] it.
func StartBaresip(t testing.TB, o BaresipOptions) *Baresip {
	t.Helper()
	ip, play, control := cmp.Or(o.IP, "127.0.0.1"), "aubridge,sink", FreePort(t)
	at := net.JoinHostPort(ip, strconv.Itoa(FreePort(t)))
	b := &Baresip{t: t, URI: "sip:desk@" + at, Dir: t.TempDir()}
	if o.Tone > 0 {
		file := filepath.Join(b.Dir, "tone.wav")
		if err := os.WriteFile(file, toneWAV(o.Tone), 0o600); err != nil {
			t.Fatal(err)
		}
		play = "aufile," + file
	}
	for name, text := range map[string]string{
		"config":   fmt.Sprintf(baresipConfig, baresipModules(t), at, ip, play, b.Dir, control, o.Config),
		"accounts": fmt.Sprintf("<sip:desk@%s>;regint=0;audio_codecs=pcmu;%s\n", ip, o.Account), "contacts": "",
	} {
		if err := os.WriteFile(filepath.Join(b.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	startPeer(t, &b.said, "baresip", "-f", b.Dir)
	b.connect(control)
	return b
}

// toneWAV returns a WAV file of 30 s of a tone, 16-bit mono at 8 kHz.
func toneWAV(hz int) []byte {
	const rate, seconds = 8000, 30
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), 36+2*rate*seconds)
	b = binary.LittleEndian.AppendUint32(append(b, "WAVEfmt "...), 16)
	for _, field := range []uint16{wavPCM, 1, rate, 0, 2 * rate, 0, 2, 16} { // rates are of four bytes
		b = binary.LittleEndian.AppendUint16(b, field)
	}
	b = binary.LittleEndian.AppendUint32(append(b, "data"...), 2*rate*seconds)
	for i := range rate * seconds {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(8000*math.Sin(2*math.Pi*float64(hz*i)/rate))))
	}
	return b
}

// baresipModules returns the folder of its modules.
func baresipModules(t testing.TB) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib*/baresip/modules", "/usr/lib/*/baresip/modules"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	t.Fatal("baresip's modules are nowhere")
	return ""
}

// connect waits until it takes commands.
func (b *Baresip) connect(port int) {
	b.t.Helper()
	await(b.t, "baresip takes commands", func() bool {
		var err error
		b.control, err = net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		return err == nil
	})
	b.t.Cleanup(func() { _ = b.control.Close() })
}

// Do tells baresip to do something, such as "dial" with a URI.
func (b *Baresip) Do(command, params string) {
	b.t.Helper()
	text := fmt.Sprintf(`{"command":%q,"params":%q}`, command, params)
	if _, err := fmt.Fprintf(b.control, "%d:%s,", len(text), text); err != nil {
		b.t.Fatal(err)
	}
}

// Heard returns the sampling rate, in hertz, and the samples of what baresip has heard in its last call so far; none before the first.
func (b *Baresip) Heard() (rate int, samples []int16) {
	b.t.Helper()
	files, err := filepath.Glob(filepath.Join(b.Dir, "dump-*-dec.wav"))
	if err != nil {
		b.t.Fatal(err)
	}
	if len(files) == 0 {
		return 0, nil
	}
	if rate, samples, err = ReadWAV(files[len(files)-1]); err != nil {
		return 0, nil // it has no header yet
	}
	return rate, samples
}

// Hears waits until baresip has heard a tone for a quarter of a second.
func (b *Baresip) Hears(hz float64) {
	b.t.Helper()
	await(b.t, fmt.Sprintf("baresip hears %v Hz", hz), func() bool {
		rate, heard := b.Heard()
		for while := rate / 4; while > 0 && len(heard) >= while; heard = heard[while/4:] {
			if ToneShare(heard[:while], rate, hz) > 0.9 {
				return true
			}
		}
		return false
	})
}

// NeedBaresip is [Need] for modules of baresip, some of which are in packages of their own: avcodec.so is in Debian's baresip-ffmpeg.
func NeedBaresip(t testing.TB, modules ...string) {
	t.Helper()
	dir := baresipModules(t)
	for _, name := range modules {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			missing(t, "baresip with "+name)
		}
	}
}
