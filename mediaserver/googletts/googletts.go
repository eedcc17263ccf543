package googletts

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/alexacall/alexacall/internal/outbound"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/mediaserver"
)

// Scope is what the tokens have to be good for.
const Scope = "https://www.googleapis.com/auth/cloud-platform"

const (
	endpoint        = "https://texttospeech.googleapis.com"
	defaultLanguage = "en-US"
	timeout         = 10 * time.Second
	maxAnswer       = mediaserver.MaxSpeech / 3 * 4 // bytes, of which the sound is base64
	maxErrorAnswer  = 64 << 10                      // bytes
)

// A Voice speaks by Google. Set the fields before the first use; Tokens alone is needed.
type Voice struct {
	Tokens   oauth2.TokenSource // of Scope; how long it may take is for its own client to say
	Language string             // of a Speech that names neither a language nor a voice; empty: "en-US"
	Project  string             // that pays, where the tokens do not say it

	Endpoint   string        // base URL; empty: https://texttospeech.googleapis.com
	HTTPClient *http.Client  // nil: one with http.DefaultTransport. Redirects are refused
	Timeout    time.Duration // of a request; 0: 10 s
}

var _ mediaserver.Voice = (*Voice)(nil)

// synthesis is the body of a request.
type synthesis struct {
	Input struct {
		Text string `json:"text,omitempty"`
		SSML string `json:"ssml,omitempty"`
	} `json:"input"`
	Voice struct {
		LanguageCode string `json:"languageCode"`
		Name         string `json:"name,omitempty"`
	} `json:"voice"`
	AudioConfig struct {
		AudioEncoding   string `json:"audioEncoding"`
		SampleRateHertz int    `json:"sampleRateHertz,omitempty"`
	} `json:"audioConfig"`
}

// Speak implements mediaserver.Voice. The error is an *Error.
func (v *Voice) Speak(ctx context.Context, s *mediaserver.Speech) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(v.Timeout, timeout))
	defer cancel()
	req, err := v.request(ctx, s)
	if err != nil {
		return nil, &Error{Err: err}
	}
	resp, err := outbound.NoRedirects(v.HTTPClient).Do(req)
	if err != nil {
		return nil, &Error{Err: err}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, readError(resp, s)
	}
	data, err := readSound(resp.Body)
	if err != nil {
		return nil, &Error{Err: err}
	}
	return data, nil
}

func (v *Voice) request(ctx context.Context, s *mediaserver.Speech) (*http.Request, error) {
	base, err := outbound.BaseURL(cmp.Or(v.Endpoint, endpoint))
	if err != nil {
		return nil, fmt.Errorf("the field Endpoint %w", err)
	}
	token, err := v.Tokens.Token()
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	var body synthesis
	if body.Input.Text = s.Text; s.SSML {
		body.Input.Text, body.Input.SSML = "", s.Text
	}
	body.Voice.Name = s.Voice
	body.Voice.LanguageCode = cmp.Or(s.Language, languageOf(s.Voice), v.Language, defaultLanguage)
	body.AudioConfig.AudioEncoding, body.AudioConfig.SampleRateHertz = "LINEAR16", s.SampleRate
	text, err := json.Marshal(&body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base.JoinPath("v1", "text:synthesize").String(), bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	token.SetAuthHeader(req)
	req.Header.Set("Content-Type", "application/json")
	if v.Project != "" {
		req.Header.Set("X-Goog-User-Project", v.Project)
	}
	return req, nil
}

// languageOf returns "en-US" of "en-US-Standard-C", which Google wants said twice.
func languageOf(voice string) string {
	language, rest, _ := strings.Cut(voice, "-")
	region, _, more := strings.Cut(rest, "-")
	if !more {
		return ""
	}
	return language + "-" + region
}

var errNothing = errors.New("the answer has no sound")

// readSound returns what was spoken.
func readSound(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxAnswer {
		return nil, fmt.Errorf("%w: more than %d bytes", audio.ErrLimit, maxAnswer)
	}
	var body struct {
		AudioContent []byte `json:"audioContent"`
	}
	if err := json.Unmarshal(text, &body); err != nil {
		return nil, errors.New("the answer is not JSON with audioContent in base64") // err may repeat it
	}
	data := body.AudioContent
	if len(data) == 0 {
		return nil, errNothing
	}
	s, err := audio.NewSource(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return data, s.Close()
}
