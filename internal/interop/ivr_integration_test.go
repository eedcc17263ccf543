package interop

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/media/codec"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/sip"
	"github.com/alexacall/alexacall/sip/siptest"
)

const (
	greetingTone    = 700
	receptionDomain = "hotel.example"
)

// reception is an application: it greets, and who presses 2 talks to a phone and is recorded.
type reception struct {
	desk string

	mu     sync.Mutex
	digits []string
	ready  []string // names of recordings
	over   int
}

func (*reception) NewCall(context.Context, *mediaserver.NewCall) (*mediaserver.Action, error) {
	return &mediaserver.Action{Kind: mediaserver.IVR}, nil
}

func (a *reception) IVRCommand(_ context.Context, r *mediaserver.IVRRequest) (*mediaserver.Command, error) {
	if r.Digits == nil {
		return &mediaserver.Command{
			Phrases: []mediaserver.Phrase{{Format: mediaserver.PhraseFile, File: "greeting"}}, BargeIn: true, Digits: &mediaserver.Digits{Max: 1},
		}, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.digits = append(a.digits, r.Digits.Digits)
	return &mediaserver.Command{Call: &mediaserver.Action{
		Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: a.desk}, Record: true, Filename: "talk.wav",
	}}, nil
}

func (*reception) CallEvent(context.Context, *mediaserver.CallEvent) (*mediaserver.Action, error) {
	return &mediaserver.Action{Kind: mediaserver.Drop}, nil
}

func (a *reception) Notify(_ context.Context, n *mediaserver.Notice) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch n.Kind { //nolint:exhaustive // the others change nothing
	case mediaserver.RecordingReady:
		a.ready = append(a.ready, n.Filename)
	case mediaserver.SessionCompleted:
		a.over++
	}
}

// recording waits until the one session has ended, in which 2 was pressed, and returns the name of its recording.
func (a *reception) recording(t *testing.T) (name string) {
	t.Helper()
	eventually(t, "the session has ended, and is recorded", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		if fmt.Sprint(a.digits) != "[2]" || a.over != 1 || len(a.ready) != 1 {
			return false
		}
		name = a.ready[0]
		return true
	})
	return name
}

// openReception starts a media server with a desk phone.
func openReception(t *testing.T) (app *reception, uri string, desk *siptest.Phone, files *restFiles) {
	t.Helper()
	log := &logged{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server said:\n%s", log)
		}
	})
	var err error
	desk, err = siptest.NewPhone(&siptest.PhoneOptions{Play: siptest.Tone(bobTone), RingAfter: 0, AnswerAfter: 200 * time.Millisecond})
	must(t, err)
	t.Cleanup(func() { must(t, desk.Close()) })
	prompts, err := mediaserver.OpenFolder(t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, prompts.Close()) })
	must(t, prompts.Put(t.Context(), receptionDomain, "greeting.wav", bytes.NewReader(audio.AppendWAV(nil, sound.Sine(bareRate, greetingTone, 8000, 20*time.Second), bareRate))))
	e, err := engine.Listen("127.0.0.1:0", nil)
	must(t, err)
	t.Cleanup(func() { must(t, e.Close()) })
	clock := audio.NewClock(nil)
	t.Cleanup(clock.Close)
	app = &reception{desk: desk.URI()}
	server := &mediaserver.Server{
		Application: app, Clock: clock, Domain: receptionDomain, Prompts: prompts,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	agent, err := sip.Listen("127.0.0.1:0", e, &sip.Options{Bridge: server, Logger: server.Logger})
	must(t, err)
	t.Cleanup(func() {
		must(t, server.Drain(context.Background()))
		must(t, agent.Close())
	})
	server.Dialer = agent
	return app, "sip:100@" + agent.Addr().String(), desk, serveFiles(t, server)
}

// TestInteropIVRBaresip has baresip walk through an auto-attendant, by telephone events and by INFO, to a phone that it then hears and that
// hears it. What was recorded is fetched by REST.
func TestInteropIVRBaresip(t *testing.T) {
	t.Parallel()
	testutil.Need(t, "baresip", "ffmpeg")
	for _, way := range []string{"rtpevent", "info"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			app, uri, desk, files := openReception(t)
			guest := startBaresip(t, "", "dtmfmode="+way)
			guest.Do("dial", uri)
			guest.Hears(greetingTone)
			guest.Do("sndcode", "2")
			call, err := desk.NextCall(within(t))
			must(t, err)
			hearsForASecond(t, "baresip", call)
			guest.Hears(bobTone)
			guest.Do("hangup", "")
			readByFFmpeg(t, files.get(t, app.recording(t)))
		})
	}
}

// hearsForASecond waits until the desk has heard the guest for as long as makes a recording of it: one packet is a tone already.
func hearsForASecond(t *testing.T, guest string, call *siptest.Call) {
	t.Helper()
	eventually(t, "the desk hears "+guest, func() bool {
		heard := call.Heard()
		return len(heard.PCM) > bareRate && heard.ToneShare(bareTone, time.Second) > 0.9
	})
}

// readByFFmpeg has ffmpeg read the recording, in which both are heard.
func readByFFmpeg(t *testing.T, recording []byte) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "talk.wav")
	cmd := exec.CommandContext(within(t), "ffmpeg", "-v", "error", "-i", "pipe:0", "-ar", "8000", "-ac", "1", out)
	cmd.Stdin = bytes.NewReader(recording)
	must(t, cmd.Run())
	rate, pcm, err := testutil.ReadWAV(out)
	must(t, err)
	for _, hz := range []float64{bareTone, bobTone} {
		if got := sound.Level(pcm, rate, hz); got < -40 {
			t.Errorf("the recording has %v Hz at %.0f dB", hz, got)
		}
	}
}

// TestInteropIVRSIPp has SIPp, which knows no telephone events, press a key that is a tone in its sound. The desk hangs up, and
// what was recorded is fetched by REST.
func TestInteropIVRSIPp(t *testing.T) {
	t.Parallel()
	testutil.Need(t, "sipp", "ffmpeg")
	app, uri, desk, files := openReception(t)
	dir := t.TempDir()
	key, err := codec.NewKeyTone('2', bareRate, codec.KeyLow, codec.KeyHigh)
	must(t, err)
	pcm := append(make([]int16, bareRate), key.Append(nil, bareRate/10)...)
	pcm = append(pcm, sound.Sine(bareRate, bareTone, 8000, 10*time.Second)...)
	encoder, err := codec.NewEncoder(media.PCMU(), nil)
	must(t, err)
	keys, err := encoder.Encode(nil, pcm)
	must(t, err)
	file := filepath.Join(dir, "keys.ulaw")
	must(t, os.WriteFile(file, keys, 0o600))
	scenario, err := os.ReadFile(filepath.Join("testdata", "inband.xml"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "inband.xml"), bytes.ReplaceAll(scenario, []byte("[keys]"), []byte(file)), 0o600))
	port := testutil.FreePort(t)
	cmd := exec.CommandContext(within(t), "sipp", "-sf", "inband.xml", "-m", "1", "-nostdin", "-i", "127.0.0.1", "-p", fmt.Sprint(port),
		"-mi", "127.0.0.1", "-mp", fmt.Sprint(testutil.FreePort(t)), "-timeout", "20", "-s", "100", strings.TrimPrefix(uri, "sip:100@"))
	cmd.Dir = dir
	testutil.OwnGroup(cmd)
	must(t, cmd.Start())
	call, err := desk.NextCall(within(t))
	must(t, err)
	hearsForASecond(t, "SIPp", call)
	time.Sleep(500 * time.Millisecond) // that SIPp, which does not tell, hears of the desk
	must(t, call.Hangup(within(t)))
	must(t, cmd.Wait())
	readByFFmpeg(t, files.get(t, app.recording(t)))
}
