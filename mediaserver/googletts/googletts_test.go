package googletts_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/googletts"
)

func TestMain(m *testing.M) { testutil.Leaks(m) }

// service is Google as its documentation has it, without a network.
type service struct {
	answer http.HandlerFunc // nil: none ever comes
	asked  []*http.Request
	body   string // of the last one
}

// RoundTrip implements http.RoundTripper.
func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.asked, s.body = append(s.asked, r), string(body)
	if s.answer == nil {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	s.answer(w, r)
	return w.Result(), nil
}

func (s *service) voice() *googletts.Voice {
	return &googletts.Voice{
		Tokens:     oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token-1"}),
		HTTPClient: &http.Client{Transport: s},
	}
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func sounding(b []byte) http.HandlerFunc {
	return says(`{"audioContent":"` + base64.StdEncoding.EncodeToString(b) + `"}`)
}

// wav returns 10 ms of 24 kHz.
func wav() []byte {
	head := "RIFF\x04\x02\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\xc0\x5d\x00\x00\x80\xbb\x00\x00\x02\x00\x10\x00data\xe0\x01\x00\x00"
	return append([]byte(head), make([]byte, 480)...)
}

func TestSpeak(t *testing.T) {
	for _, c := range []struct {
		name   string
		voice  func(*googletts.Voice)
		speech mediaserver.Speech
		asked  string
	}{
		{
			"only text", nil,
			mediaserver.Speech{Text: "Good evening"},
			`{"input":{"text":"Good evening"},"voice":{"languageCode":"en-US"},"audioConfig":{"audioEncoding":"LINEAR16"}}`,
		},
		{
			"all", nil,
			mediaserver.Speech{Text: "<speak>Hej</speak>", SSML: true, Voice: "sv-SE-Standard-A", Language: "sv-SE", SampleRate: 8000, Engine: "neural"},
			`{"input":{"ssml":"<speak>Hej</speak>"},"voice":{"languageCode":"sv-SE","name":"sv-SE-Standard-A"},` +
				`"audioConfig":{"audioEncoding":"LINEAR16","sampleRateHertz":8000}}`,
		},
		{
			"language of the voice", nil,
			mediaserver.Speech{Text: "Hej", Voice: "sv-SE-Standard-A"},
			`{"input":{"text":"Hej"},"voice":{"languageCode":"sv-SE","name":"sv-SE-Standard-A"},"audioConfig":{"audioEncoding":"LINEAR16"}}`,
		},
		{
			"voice without a language", func(v *googletts.Voice) { v.Language = "de-DE" },
			mediaserver.Speech{Text: "Hallo", Voice: "Kore"},
			`{"input":{"text":"Hallo"},"voice":{"languageCode":"de-DE","name":"Kore"},"audioConfig":{"audioEncoding":"LINEAR16"}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &service{answer: sounding(wav())}
			v := s.voice()
			if c.voice != nil {
				c.voice(v)
			}
			data, err := v.Speak(t.Context(), &c.speech)
			if err != nil || !bytes.Equal(data, wav()) {
				t.Fatalf("got %d bytes, %v", len(data), err)
			}
			if got := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(s.body); got != c.asked {
				t.Errorf("asked for %s\nwant %s", got, c.asked)
			}
			r := s.asked[0]
			if got := r.Method + " " + r.URL.String(); got != "POST https://texttospeech.googleapis.com/v1/text:synthesize" {
				t.Errorf("asked at %s", got)
			}
			if got := r.Header.Get("Authorization"); got != "Bearer token-1" {
				t.Errorf("asked with %q", got)
			}
		})
	}
}

func TestOtherEndpoint(t *testing.T) {
	s := &service{answer: sounding(wav())}
	v := s.voice()
	v.Endpoint, v.Project = "https://eu.example/tts/", "hotel-1"
	if _, err := v.Speak(t.Context(), &mediaserver.Speech{Text: "Hej"}); err != nil {
		t.Fatal(err)
	}
	r := s.asked[0]
	if got := r.URL.String() + " " + r.Header.Get("X-Goog-User-Project"); got != "https://eu.example/tts/v1/text:synthesize hotel-1" {
		t.Errorf("asked at %s", got)
	}
	v.Endpoint = "eu.example"
	if _, err := v.Speak(t.Context(), &mediaserver.Speech{Text: "Hej"}); err == nil || len(s.asked) != 1 {
		t.Errorf("an address that is none: %v", err)
	}
}

// noTokens is a token source that has none.
type noTokens struct{ error }

// Token implements oauth2.TokenSource.
func (n noTokens) Token() (*oauth2.Token, error) { return nil, n.error }

func TestFailures(t *testing.T) {
	const secret = "your code is 4711"
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   googletts.Error
		is     error
	}{
		{
			"refused", func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(w, `{"error":{"code":400,"message":"Invalid SSML:\n%s","status":"INVALID_ARGUMENT"}}`, secret)
			},
			googletts.Error{Status: 400, Code: "INVALID_ARGUMENT", Message: "Invalid SSML: [redacted]"},
			nil,
		},
		{
			"refused in words", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, http.StatusBadGateway) },
			googletts.Error{Status: 502},
			nil,
		},
		{
			"sent elsewhere", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
			},
			googletts.Error{Status: 302},
			nil,
		},
		{"nothing", says(`{}`), googletts.Error{}, nil},
		{"no JSON", says(secret), googletts.Error{}, nil},
		{"no base64", says(`{"audioContent":"` + secret + `"}`), googletts.Error{}, nil},
		{"no sound", sounding([]byte("<html>")), googletts.Error{}, audio.ErrFormat},
		{"too much", says(strings.Repeat(" ", mediaserver.MaxSpeech/3*4+1)), googletts.Error{}, audio.ErrLimit},
		{"never", nil, googletts.Error{}, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, began := &service{answer: c.answer}, time.Now()
				data, err := s.voice().Speak(t.Context(), &mediaserver.Speech{Text: secret})
				e, ok := errors.AsType[*googletts.Error](err)
				if !ok || data != nil {
					t.Fatalf("got %d bytes, %v", len(data), err)
				}
				if strings.Contains(err.Error(), secret) || c.is != nil && !errors.Is(err, c.is) || (e.Err == nil) != (e.Status != 0) {
					t.Errorf("got %v", err)
				}
				facts := *e
				if facts.Err = nil; facts != c.want {
					t.Errorf("got %+v, want %+v", facts, c.want)
				}
				if len(s.asked) != 1 {
					t.Errorf("asked %d times", len(s.asked))
				}
				if d := time.Since(began); c.answer == nil && d != 10*time.Second {
					t.Errorf("waited for %v", d)
				}
			})
		})
	}

	lost := errors.New("no token")
	s := &service{}
	v := s.voice()
	v.Tokens = noTokens{lost}
	if _, err := v.Speak(t.Context(), &mediaserver.Speech{Text: secret}); !errors.Is(err, lost) || len(s.asked) != 0 {
		t.Errorf("without a token: %v", err)
	}
}
