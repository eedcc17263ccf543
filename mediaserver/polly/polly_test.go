package polly_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awspolly "github.com/aws/aws-sdk-go-v2/service/polly"

	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/polly"
)

func TestMain(m *testing.M) { testutil.Leaks(m) }

// service is Polly as its documentation has it, without a network.
type service struct {
	answer  http.HandlerFunc
	endless bool // the sound has no end
	asked   map[string]any
	auth    string
}

// RoundTrip implements http.RoundTripper.
func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if r.Method != http.MethodPost || r.URL.Host != "polly.eu-north-1.example" || r.URL.Path != "/v1/speech" {
		return nil, errors.New("not where Polly is: " + r.URL.String())
	}
	s.asked, s.auth = nil, r.Header.Get("Authorization")
	if err := json.Unmarshal(body, &s.asked); err != nil {
		return nil, err
	}
	if s.answer == nil {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	s.answer(w, r)
	resp := w.Result()
	if s.endless {
		resp.Body = io.NopCloser(silence{})
	}
	return resp, nil
}

// silence is samples without end.
type silence struct{}

// Read implements io.Reader.
func (silence) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func (s *service) voice() *polly.Voice {
	return &polly.Voice{Client: awspolly.New(awspolly.Options{
		Region: "eu-north-1", BaseEndpoint: aws.String("https://polly.eu-north-1.example"), HTTPClient: &http.Client{Transport: s},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
		RetryMaxAttempts: 1,
	})}
}

// samples are those of a tone, as Polly's pcm has them.
func samples(n int) []byte {
	var b []byte
	for i := range n {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(8000*math.Sin(float64(i)/5))))
	}
	return b
}

func sounding(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b) }
}

func TestSpeak(t *testing.T) {
	mp3 := bytes.Repeat(append([]byte{0xFF, 0xF3, 0x44, 0}, make([]byte, 92)...), 5) // silent frames of MPEG-2 at 24 kHz
	for _, c := range []struct {
		name   string
		speech mediaserver.Speech
		answer []byte
		asked  string // besides Text
		rate   int
	}{
		{
			"only text",
			mediaserver.Speech{},
			samples(1600),
			`{"OutputFormat":"pcm","SampleRate":"16000","TextType":"text","VoiceId":"Joanna"}`, 16000,
		},
		{
			"all",
			mediaserver.Speech{SSML: true, Voice: "Kendra", Language: "en-US", Engine: "neural", SampleRate: 8000, Lexicons: []string{"rooms"}},
			samples(800),
			`{"Engine":"neural","LanguageCode":"en-US","LexiconNames":["rooms"],"OutputFormat":"pcm","SampleRate":"8000","TextType":"ssml","VoiceId":"Kendra"}`,
			8000,
		},
		{
			"another rate",
			mediaserver.Speech{SampleRate: 24000},
			mp3,
			`{"OutputFormat":"mp3","SampleRate":"24000","TextType":"text","VoiceId":"Joanna"}`, 24000,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &service{answer: sounding(c.answer)}
			c.speech.Text = "Good evening"
			data, err := s.voice().Speak(t.Context(), &c.speech)
			if err != nil {
				t.Fatal(err)
			}
			if s.asked["Text"] != "Good evening" || !strings.Contains(s.auth, "AKIDEXAMPLE") || !strings.Contains(s.auth, "eu-north-1/polly") {
				t.Errorf("asked with %q for %v", s.auth, s.asked)
			}
			delete(s.asked, "Text")
			if asked, err := json.Marshal(s.asked); err != nil || string(asked) != c.asked {
				t.Errorf("asked for %s, want %s", asked, c.asked)
			}
			source, err := audio.NewSource(bytes.NewReader(data))
			if err != nil || source.Rate() != c.rate {
				t.Fatalf("cannot be played: %v", err)
			}
			if strings.HasPrefix(string(data), "RIFF") {
				heard(t, source, c.answer)
			}
		})
	}
}

// heard checks that a source plays these samples.
func heard(t *testing.T, source audio.Source, want []byte) {
	t.Helper()
	var got []byte
	pcm := make([]int16, 100)
	for {
		n, err := source.Read(pcm)
		for _, v := range pcm[:n] {
			got = binary.LittleEndian.AppendUint16(got, uint16(v))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes of samples are not the %d that Polly has sent", len(got), len(want))
	}
}

func TestVoiceOfItsOwn(t *testing.T) {
	s := &service{answer: sounding(samples(10))}
	v := s.voice()
	v.VoiceID = "Astrid"
	if _, err := v.Speak(t.Context(), &mediaserver.Speech{Text: "Hej"}); err != nil || s.asked["VoiceId"] != "Astrid" {
		t.Errorf("asked for %v: %v", s.asked, err)
	}
}

func TestFailures(t *testing.T) {
	const secret = "your code is 4711"
	refuse := func(status int, code, message string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Errortype", code)
			w.Header().Set("X-Amzn-Requestid", "req-1")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
		}
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   polly.Error
		is     error
	}{
		{
			"refused", refuse(400, "InvalidSsmlException", "Invalid SSML:\n"+secret),
			polly.Error{Status: 400, Code: "InvalidSsmlException", Message: "Invalid SSML: [redacted]", RequestID: "req-1"},
			nil,
		},
		{
			"throttled", refuse(429, "ThrottlingException", "Rate exceeded"),
			polly.Error{Status: 429, Code: "ThrottlingException", Message: "Rate exceeded", RequestID: "req-1"},
			nil,
		},
		{"nothing", sounding(nil), polly.Error{}, nil},
		{"never", nil, polly.Error{}, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, began := &service{answer: c.answer}, time.Now()
				data, err := s.voice().Speak(t.Context(), &mediaserver.Speech{Text: secret})
				e, ok := errors.AsType[*polly.Error](err)
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
				if d := time.Since(began); c.answer == nil && d != 10*time.Second {
					t.Errorf("waited for %v", d)
				}
			})
		})
	}
}

func TestEndless(t *testing.T) {
	s := &service{answer: sounding(nil), endless: true}
	if data, err := s.voice().Speak(t.Context(), &mediaserver.Speech{Text: "Good evening"}); !errors.Is(err, audio.ErrLimit) {
		t.Errorf("got %d bytes, %v", len(data), err)
	}
}

func TestNoSound(t *testing.T) {
	s := &service{answer: sounding([]byte("<html>"))}
	_, err := s.voice().Speak(t.Context(), &mediaserver.Speech{Text: "Good evening", SampleRate: 24000})
	if !errors.Is(err, audio.ErrFormat) {
		t.Errorf("an MP3 that is none: %v", err)
	}
}
