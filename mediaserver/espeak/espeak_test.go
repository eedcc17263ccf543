package espeak

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/mediaserver"
)

// fakeEnv has this binary be a program in the place of eSpeak NG, of a kind.
const fakeEnv = "ALEXACALL_ESPEAK_FAKE"

func TestMain(m *testing.M) {
	if kind := os.Getenv(fakeEnv); kind != "" {
		fake(kind)
		return
	}
	testutil.Leaks(m)
}

// emptyWAV is a sound of nothing.
const emptyWAV = "RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00"

func fake(kind string) {
	text, _ := io.ReadAll(os.Stdin)
	switch kind {
	case "sleeps":
		select {}
	case "endless":
		tell(os.Stdout, emptyWAV)
		for b := make([]byte, 1<<20); ; {
			if _, err := os.Stdout.Write(b); err != nil {
				os.Exit(1)
			}
		}
	case "noise":
		tell(os.Stdout, "no sound")
	case "fails":
		tell(os.Stderr, "Error:\x1b no voice "+strings.Repeat("x", 10_000))
		os.Exit(1)
	default: // tells a file what it was asked, and knows one voice
		log, err := os.OpenFile(kind, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			os.Exit(2)
		}
		tell(log, strings.Join(os.Args[1:], " ")+"|"+string(text)+"\n")
		log.Close()
		if os.Args[2] != "de" {
			tell(os.Stderr, "Error: no such voice")
			os.Exit(1)
		}
		tell(os.Stdout, emptyWAV)
	}
}

func tell(f *os.File, text string) {
	if _, err := f.WriteString(text); err != nil {
		os.Exit(3)
	}
}

func faked(t *testing.T, kind string) *Voice {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(fakeEnv, kind)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // the detector waits for a second otherwise
	return &Voice{Program: self}
}

// TestAsked gives the program the text on its input and checked names alone as options, and tries one voice after the other.
func TestAsked(t *testing.T) {
	for _, tt := range []struct {
		s    mediaserver.Speech
		want string
	}{
		{mediaserver.Speech{Text: "-w /tmp/x\x01", Voice: "de"}, "-v de|-w /tmp/x "},
		{mediaserver.Speech{Text: "x", Voice: "Kendra", Language: "DE"}, "-v Kendra|x\n-v de|x"},
		{mediaserver.Speech{Text: "x", Voice: "--path=/tmp", Language: "../x"}, "-v fr|x\n-v en|x"},
		{mediaserver.Speech{Text: "x", Voice: "-de"}, "-v fr|x\n-v en|x"},
		{mediaserver.Speech{Text: "<p>x</p>", Language: "de", SSML: true}, "-v de -m|<p>x</p>"},
	} {
		log := filepath.Join(t.TempDir(), "log")
		v := faked(t, log)
		v.VoiceID = "fr"
		data, err := v.Speak(t.Context(), &tt.s)
		got, _ := os.ReadFile(log)
		said := strings.NewReplacer(" -b 1 --stdin --stdout", "").Replace(string(got))
		if said != tt.want+"\n" || (err == nil) != strings.Contains(tt.want, "-v de") || err == nil && string(data) != emptyWAV {
			t.Errorf("%+v: %q, %v", tt.s, said, err)
		}
	}
}

// TestFails has the program fail in every way.
func TestFails(t *testing.T) {
	s := &mediaserver.Speech{Text: "secret"}
	try := func(kind string, want func(error) bool) {
		t.Helper()
		v := faked(t, kind)
		v.Timeout = 5 * time.Second
		if kind == "sleeps" {
			v.Timeout = 200 * time.Millisecond
		}
		_, err := v.Speak(t.Context(), s)
		if e, ok := errors.AsType[*Error](err); !ok || !want(err) || len(e.Message) > maxMessage+3 || strings.ContainsAny(err.Error(), "\x1b\n") || strings.Contains(err.Error(), s.Text) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	try("sleeps", func(err error) bool { return errors.Is(err, context.DeadlineExceeded) })
	try("endless", func(err error) bool { return errors.Is(err, audio.ErrLimit) })
	try("noise", func(err error) bool { return errors.Is(err, audio.ErrFormat) })
	try("fails", func(err error) bool { return strings.Contains(err.Error(), "no voice") })
	_, err := (&Voice{Program: "/nonexistent"}).Speak(t.Context(), s)
	if !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	_, err = (&Voice{}).Speak(t.Context(), &mediaserver.Speech{Text: strings.Repeat("x", maxText+1)})
	if !errors.Is(err, ErrText) {
		t.Error(err)
	}
}

// TestProcesses waits while as many run as may.
func TestProcesses(t *testing.T) {
	v := faked(t, "sleeps")
	v.Processes = 1
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { _, _ = v.Speak(ctx, &mediaserver.Speech{Text: "x"}) })
	for len(v.slotsOf()) == 0 {
		time.Sleep(time.Millisecond)
	}
	late, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := v.Speak(late, &mediaserver.Speech{Text: "x"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func (v *Voice) slotsOf() chan struct{} {
	v.once.Do(func() { v.slots = make(chan struct{}, v.Processes) })
	return v.slots
}

func TestSSML(t *testing.T) {
	for in, want := range map[string]string{
		`Hello`: `Hello`,
		`<speak>a<break time="3s" x="y"/> &amp; <prosody rate='slow'>b</prosody></speak>`:             `<speak>a<break time="3s"></break> &amp; <prosody rate="slow">b</prosody></speak>`,
		`<speak><audio src="/etc/passwd">instead</audio></speak>`:                                     `<speak>instead</speak>`,
		`<speak xml:base="/tmp"><voice name="../x">a</voice></speak>`:                                 `<speak>a</speak>`,
		`<?xml version="1.0"?><!-- x --><speak xmlns="http://www.w3.org/2001/10/synthesis">a</speak>`: `<speak>a</speak>`,
		`<speak><![CDATA[<audio src="x"/>]]></speak>`:                                                 `<speak>&lt;audio src=&quot;x&quot;/&gt;</speak>`,
		`<sub alias="x&quot;&gt;&lt;audio src='y'/&gt;">a</sub>`:                                      `<sub alias="x&quot;&gt;&lt;audio src='y'/&gt;">a</sub>`,
		`<AUDIO src="x"/>a`: `a`,
	} {
		if got, err := harmless(in); err != nil || got != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, in := range []string{`<speak>`, `a &nothing; b`, `<!DOCTYPE x [<!ENTITY a "b">]><speak>&a;</speak>`, strings.Repeat("<p>", maxDepth+1)} {
		if got, err := harmless(in); !errors.Is(err, ErrText) {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
}

// FuzzSSML checks that nothing comes out but words and elements of the table.
func FuzzSSML(f *testing.F) {
	for _, in := range []string{`<speak>a<break time="3s"/></speak>`, `<audio src="x"/>`, `<a:sub alias="&lt;&#34;" xmlns:a="x">a</a:sub>`, `<![CDATA[</p><audio/>]]>`, "&lt;audio/>"} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out, err := harmless(in)
		if err != nil {
			return
		}
		d := xml.NewDecoder(strings.NewReader(out))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%q: %v", out, err)
			}
			if e, ok := token.(xml.StartElement); ok {
				is, found := known(e.Name.Local)
				for _, a := range e.Attr {
					found = found && a.Name.Space == "" && slices.Contains(is.attributes, a.Name.Local)
				}
				if !found || e.Name.Space != "" {
					t.Errorf("%q has become %q", in, out)
				}
			}
		}
		if again, err := harmless(out); err != nil || again != out {
			t.Errorf("%q, then %q, %v", out, again, err)
		}
	})
}

// TestInteropSpeaks has the real program speak, plain and by SSML.
func TestInteropSpeaks(t *testing.T) {
	testutil.Need(t, "espeak-ng")
	v := &Voice{}
	seconds := func(s mediaserver.Speech) float64 {
		t.Helper()
		data, err := v.Speak(t.Context(), &s)
		if err != nil {
			t.Fatal(err)
		}
		source, err := audio.NewSource(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		var all []int16
		for pcm := make([]int16, 4096); ; {
			n, err := source.Read(pcm)
			all = append(all, pcm[:n]...)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if p := sound.Power(all); p < -40 {
			t.Errorf("%+v: %.0f dBFS", s, p)
		}
		return float64(len(all)) / float64(source.Rate())
	}
	hello := seconds(mediaserver.Speech{Text: "Good morning. How may we help you?", Voice: "Kendra", Language: "en-US"})
	if hello < 0.5 || hello > 10 {
		t.Errorf("%.1f s", hello)
	}
	// A file that the audio element would play, if it came through.
	secret := filepath.Join(t.TempDir(), "x.wav")
	data, err := v.Speak(t.Context(), &mediaserver.Speech{Text: strings.Repeat("This is long. ", 20)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, data, 0o600); err != nil {
		t.Fatal(err)
	}
	ssml := `<speak>Good morning. <audio src="` + secret + `"/> <break time="2s"/> How may we help you?</speak>`
	if got := seconds(mediaserver.Speech{Text: ssml, SSML: true, Language: "en-US"}); got < hello+1.5 || got > hello+3 {
		t.Errorf("%.1f s with a break, %.1f s without", got, hello)
	}
}
