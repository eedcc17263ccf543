package mediaserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media/audio"
)

// webFunc is the transport to a server that is one function.
type webFunc func(r *http.Request) (*http.Response, error)

func (f webFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// prompts puts the files that tests play into a store.
func prompts(t *testing.T, store PromptStore) {
	t.Helper()
	tones, err := toneWAV("b1")
	if err != nil {
		t.Fatal(err)
	}
	wide := audio.AppendWAV(nil, sound.Sine(16000, toneHz['c'], 8000, time.Second), 16000)
	odd := audio.AppendWAV(nil, make([]int16, 1000), 123)
	endless := bytes.Clone(tones)
	copy(endless[40:], "\xff\xff\xff\x7f") // of 2 GiB, says the header
	for name, data := range map[string][]byte{
		"good.wav": tones, "bare": tones, "v1.2.wav": tones, "wide.wav": wide, "empty.wav": nil, "text.wav": []byte("This is no sound."), "cut.wav": tones[:20],
		"odd.wav": odd, "endless.wav": endless, "silent.wav": audio.AppendWAV(nil, nil, 8000),
	} {
		if err := store.Put(t.Context(), testDomain, name, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFaultPrompts plays what can be played, and tells of the rest: files, URLs and speeches fail alike.
func TestFaultPrompts(t *testing.T) {
	tones, err := toneWAV("c1")
	if err != nil {
		t.Fatal(err)
	}
	web := webFunc(func(r *http.Request) (*http.Response, error) {
		answer := &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{}}
		switch r.URL.Path {
		case "/good":
			answer.Body = io.NopCloser(bytes.NewReader(tones))
		case "/missing":
			answer.StatusCode, answer.Body = http.StatusNotFound, io.NopCloser(strings.NewReader("none"))
		case "/endless":
			answer.Body = io.NopCloser(io.MultiReader(bytes.NewReader(tones[:44]), zeros{}))
		case "/slow":
			return nil, pause(r.Context(), time.Hour)
		default:
			return nil, errors.New("no such host")
		}
		return answer, nil
	})
	file := func(name string) Phrase { return Phrase{Format: PhraseFile, File: name} }
	url := func(path string) Phrase { return Phrase{Format: PhraseURL, URL: "https://prompts.example.com" + path} }
	for _, tt := range []struct {
		name   string
		phrase Phrase
		hears  string // of it; empty: it has failed
		why    func(err error) bool
		after  time.Duration
	}{
		{"file", file("good.wav"), "b1", nil, 0},
		{"file without ending", file("good"), "b1", nil, 0},
		{"file without ending, with a dot", file("v1.2"), "b1", nil, 0},
		{"no other ending", file("good.mp3"), "", func(err error) bool { return errors.Is(err, fs.ErrNotExist) }, 0},
		{"bare file", file("bare"), "b1", nil, 0},
		{"another rate", file("wide.wav"), "c1", nil, 0},
		{"more in the header than there is", file("endless.wav"), "b1", nil, 0},
		{"missing file", file("none"), "", func(err error) bool { return errors.Is(err, fs.ErrNotExist) }, 0},
		{"no name", file("../good.wav"), "", func(err error) bool { return errors.Is(err, ErrName) }, 0},
		{"0 bytes", file("empty.wav"), "", isSourceError, 0},
		{"text", file("text.wav"), "", isSourceError, 0},
		{"cut off", file("cut.wav"), "", isSourceError, 0},
		{"wrong rate", file("odd.wav"), "", isSourceError, 0},
		{"url", url("/good"), "c1", nil, 0},
		{"url anew", Phrase{Format: PhraseURL, URL: "https://prompts.example.com/good", Refresh: true}, "c1", nil, 0},
		{"missing url", url("/missing"), "", isFetchError, 0},
		{"no host", url(".invalid/x"), "", isFetchError, 0},
		{"no url", Phrase{Format: PhraseURL, URL: "file:///etc/passwd"}, "", isFetchError, 0},
		{"endless", url("/endless"), "", func(err error) bool { return errors.Is(err, audio.ErrLimit) }, 0},
		{"slow host", url("/slow"), "", func(error) bool { return true }, phraseOpen},
		{"voice", say("d1"), "d1", nil, 0},
		{"voice is down", say("down"), "", func(err error) bool { return errors.Is(err, errDown) }, 0},
		{"voice says too much", say("much"), "", func(err error) bool { return errors.Is(err, audio.ErrLimit) }, 0},
		{"voice says text", say("text"), "", isSourceError, 0},
		{"voice takes no notice", say("deaf"), "", func(err error) bool { return errors.Is(err, errSlow) }, phraseOpen},
		{"unknown voice", Phrase{Format: "awstts", Speech: Speech{Text: "x"}}, "", func(err error) bool { return errors.Is(err, errNoPhrase) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			recordTalks(t, []*Command{{Phrases: []Phrase{say("a1"), tt.phrase, say("a1")}}}, func(t *testing.T, k *talk, store *Folder) {
				prompts(t, store)
				fetcher, err := audio.NewFetcher(&audio.FetcherOptions{HTTPClient: &http.Client{Transport: web}, Timeout: time.Minute, MaxBytes: 1 << 20})
				if err != nil {
					t.Fatal(err)
				}
				defer fetcher.Close()
				k.server.Fetcher = fetcher
				k.server.Voices[phraseTones] = failingVoice{k.voice}
				k.run()
				all := k.asks()
				hears, failed := strings.TrimSpace("a1 "+tt.hears)+" a1", 0
				switch {
				case tt.after > 0:
					hears, failed = fmt.Sprintf("a1 -%.0f a1", tt.after.Seconds()-1), 1 // it was opened while the first one was heard
				case tt.hears == "":
					hears, failed = "a2", 1
				}
				k.hears(hears)
				if got := all[0].Failed; len(got) != failed || failed > 0 && (got[0].Index != 1 || !tt.why(got[0].Err)) {
					t.Errorf("failed: %v", got)
				}
			})
		})
	}
}

func isSourceError(err error) bool {
	_, ok := errors.AsType[*audio.SourceError](err)
	return ok
}

func isFetchError(err error) bool {
	_, ok := errors.AsType[*audio.FetchError](err)
	return ok
}

var errDown = errors.New("the service is down")

// failingVoice fails at some texts.
type failingVoice struct{ *toneVoice }

func (v failingVoice) Speak(ctx context.Context, s *Speech) ([]byte, error) {
	switch s.Text {
	case "down":
		return nil, errDown
	case "much":
		return make([]byte, MaxSpeech+1), nil
	case "text":
		return []byte("<html>"), nil
	case "deaf":
		time.Sleep(30 * time.Second)
	}
	return v.toneVoice.Speak(ctx, s)
}

// TestFaultBackground tells once of a background that cannot be heard, and goes on without.
func TestFaultBackground(t *testing.T) {
	talks(t, []*Command{
		{Background: &Background{Phrase: say("down")}, After: time.Second},
		{Phrases: []Phrase{say("a1"), say("down")}},
		{After: time.Second},
		{Background: &Background{Phrase: say("")}, After: time.Second},
		{Background: &Background{Phrase: say("b1")}, After: time.Second},
	}, func(t *testing.T, k *talk) {
		k.server.Voices[phraseTones] = failingVoice{k.voice}
		k.run()
		k.tells("1.0 !-1, 2.0 !1, 3.0, 4.0, 5.0")
		k.hears("-1 a1 -2 b1")
	})
}

// TestFaultNothingToPlayFrom has a server without store, fetcher and voices.
func TestFaultNothingToPlayFrom(t *testing.T) {
	talks(t, []*Command{{Phrases: []Phrase{{Format: PhraseFile, File: "a"}, {Format: PhraseURL, URL: "https://example.com/a"}, {Format: PhrasePolly}, {}}}}, func(t *testing.T, k *talk) {
		k.server.Voices = nil
		k.run()
		k.tells("0.0 !0 !1 !2 !3")
	})
}

// TestSpeechCache speaks each text once, as long as it is to be used.
func TestSpeechCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &toneVoice{}
		c := NewSpeechCache(v, nil)
		speak := func(s Speech, ttl time.Duration, refresh bool, spoken int) {
			t.Helper()
			b, err := c.speak(t.Context(), &s, ttl, refresh)
			if want, _ := toneWAV(s.Text); err != nil || !bytes.Equal(b, want) || len(v.spoken) != spoken {
				t.Errorf("%d bytes, %v, spoken %d times, want %d", len(b), err, len(v.spoken), spoken)
			}
		}
		s := Speech{Text: "a1"}
		speak(s, 0, false, 1)
		speak(s, 0, false, 1)
		time.Sleep(time.Hour)
		speak(s, time.Hour+1, false, 1)
		speak(s, time.Hour, false, 2)
		speak(s, time.Minute, false, 2)
		speak(s, time.Minute, true, 3)
		n := 3
		for _, s := range []Speech{
			{Text: "a1", SSML: true},
			{Text: "a1", Voice: "Kendra"},
			{Text: "a1", Language: "Kendra"},
			{Text: "a1", Engine: "neural"},
			{Text: "a1", SampleRate: 8000},
			{Text: "a1", Lexicons: []string{"x", "y"}},
			{Text: "a1", Lexicons: []string{"xy"}},
		} {
			n++
			speak(s, 0, false, n)
			speak(s, 0, false, n)
		}
		if b, err := c.Speak(t.Context(), &s); err != nil || len(b) == 0 || len(v.spoken) != n {
			t.Error(err)
		}
		if got := c.Stats(); got.Bytes != 8*(16044+2+speechOverhead)+3+2 {
			t.Errorf("%+v", got)
		}
		if got := c.Stats(); got.Hits != 11 || got.Spoken != 10 || got.Kept != 8 {
			t.Errorf("%+v", got)
		}
	})
}

// TestSpeechCacheLimit gives up what has not been asked for for longest.
func TestSpeechCacheLimit(t *testing.T) {
	v := &toneVoice{}
	c := NewSpeechCache(v, &SpeechCacheOptions{MaxBytes: 40_000})
	for _, text := range []string{"a1", "b1", "a1", "c0.5", "a1", "b1", "d9", "d9"} {
		if _, err := c.Speak(t.Context(), &Speech{Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	var said []string
	for _, s := range v.spoken {
		said = append(said, s.Text)
	}
	if got := strings.Join(said, " "); got != "a1 b1 c0.5 b1 d9 d9" {
		t.Error(got)
	}
	if s := c.Stats(); s.Kept != 2 || s.Bytes < 32_000 || s.Bytes > 40_000 {
		t.Errorf("%+v", s)
	}
}

// TestSpeechCacheAtOnce speaks once for all who ask, also if who asked first hangs up, and fails for all at once.
func TestSpeechCacheAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &toneVoice{before: func(ctx context.Context, s *Speech) error {
			err := pause(ctx, time.Second)
			if s.Text == "b1" && err == nil {
				err = errDown
			}
			return err
		}}
		c := NewSpeechCache(v, nil)
		ask := func(ctx context.Context, text string, n int) <-chan error {
			done := make(chan error, n)
			for range n {
				go func() {
					_, err := c.Speak(ctx, &Speech{Text: text})
					done <- err
				}()
			}
			synctest.Wait()
			return done
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		first := ask(ctx, "a1", 1)
		second := ask(ctx, "a1", 1)
		others := ask(t.Context(), "a1", 50)
		time.Sleep(time.Second / 2)
		cancel(errSlow)
		if err := <-first; !errors.Is(err, errSlow) {
			t.Error(err)
		}
		if err := <-second; !errors.Is(err, errSlow) {
			t.Error(err)
		}
		began := time.Now()
		for range 50 {
			if err := <-others; err != nil {
				t.Error(err)
			}
		}
		if n := len(v.spoken); n != 2 || time.Since(began) != time.Second {
			t.Errorf("spoken %d times, after %v", n, time.Since(began))
		}
		down := ask(t.Context(), "b1", 50)
		for range 50 {
			if err := <-down; !errors.Is(err, errDown) {
				t.Error(err)
			}
		}
		if n := len(v.spoken); n != 3 {
			t.Errorf("spoken %d times", n)
		}
	})
}

// countingStore counts the files that are open.
type countingStore struct {
	PromptStore
	opened, open atomic.Int32
}

func (s *countingStore) Open(ctx context.Context, domain, name string) (io.ReadSeekCloser, error) {
	f, err := s.PromptStore.Open(ctx, domain, name)
	if err != nil {
		return nil, err
	}
	_ = pause(ctx, 10*time.Millisecond)
	s.opened.Add(1)
	s.open.Add(1)
	return &countingFile{f, s}, nil
}

type countingFile struct {
	io.ReadSeekCloser
	of *countingStore
}

func (f *countingFile) Close() error {
	f.of.open.Add(-1)
	return f.ReadSeekCloser.Close()
}

// TestIVRClosesFiles has an IVR end at every moment of phrases and background. All files are closed.
func TestIVRClosesFiles(t *testing.T) {
	file := Phrase{Format: PhraseFile, File: "good"}
	var opened int32
	for at := time.Millisecond; at < 4*time.Second; at += at/3 + 3*time.Millisecond {
		recordTalks(t, []*Command{
			{Background: &Background{Phrase: file}, Phrases: []Phrase{file, file}},
			{Background: &Background{Phrase: Phrase{Format: PhraseFile, File: "wide"}}, Phrases: []Phrase{file}, Digits: &Digits{Max: 1}},
		}, func(t *testing.T, k *talk, store *Folder) {
			prompts(t, store)
			counting := &countingStore{PromptStore: store}
			k.server.Prompts = counting
			k.run()
			time.Sleep(at)
			k.cancel(errSlow)
			<-k.over
			if n := counting.open.Load(); n != 0 {
				t.Errorf("after %v %d of %d files are open", at, n, counting.opened.Load())
			}
			opened = max(opened, counting.opened.Load())
		})
	}
	if opened < 4 {
		t.Errorf("only %d files were opened", opened)
	}
}
