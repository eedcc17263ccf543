package rest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/alexacall/alexacall/mediaserver"
)

const file = base + "promptfile/welcome.wav"

func TestPromptFile(t *testing.T) {
	s := newStage(t)
	sound := "RIFF\x04\x01\x00\x00WAVEfmt " + strings.Repeat("sound", 50)
	expect(t, "before", s.do(http.MethodGet, file, ""), 404, failed("not there"))
	expect(t, "PUT", s.do(http.MethodPut, file, "old"), 200, done)
	expect(t, "PUT again", s.do(http.MethodPut, file, sound), 200, done)

	resp := s.do(http.MethodGet, file, "")
	head := resp.head
	if head.Get("Content-Type") != "audio/wav" || head.Get("X-Content-Type-Options") != "nosniff" || head.Get("Accept-Ranges") != "bytes" ||
		head.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("GET has %v", head)
	}
	expect(t, "GET", resp, 200, sound)
	expect(t, "HEAD", s.do(http.MethodHead, file, ""), 200, "")

	auth := "Bearer " + tokenOf(t, ours)
	resp = s.doWith(http.MethodGet, file, "", "Authorization", auth, "Range", "bytes=0-3")
	if got := resp.head.Get("Content-Range"); got != "bytes 0-3/266" {
		t.Errorf("the range is %q", got)
	}
	expect(t, "a range", resp, 206, "RIFF")
	resp = s.doWith(http.MethodGet, file, "", "Authorization", auth, "Range", "bytes=-5")
	expect(t, "the end", resp, 206, "sound")
	if resp := s.doWith(http.MethodGet, file, "", "Authorization", auth, "Range", "bytes=300-"); resp.status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("a range that is not there: %d", resp.status)
	}

	theirToken := "Bearer " + tokenOf(t, theirs)
	elsewhere := strings.Replace(file, ours, theirs, 1)
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		expect(t, "another domain's "+method, s.doWith(method, elsewhere, "", "Authorization", theirToken), 404, failed("not there"))
	}
	expect(t, "DELETE", s.do(http.MethodDelete, file, ""), 200, done)
	expect(t, "after", s.do(http.MethodGet, file, ""), 404, failed("not there"))
	expect(t, "DELETE again", s.do(http.MethodDelete, file, ""), 404, failed("not there"))
}

// TestContentType tells the truth, whatever a file is called.
func TestContentType(t *testing.T) {
	s := newStage(t)
	for name, c := range map[string]struct{ content, want string }{
		"wave.mp3":   {"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"},
		"long.wav":   {"RF64\xff\xff\xff\xffWAVEds64", "audio/wav"},
		"opus.wav":   {"OggS\x00\x02", "audio/ogg"},
		"tagged.wav": {"ID3\x04\x00", "audio/mpeg"},
		"mpeg1":      {"\xff\xfb\x90\x00", "audio/mpeg"},
		"mpeg2":      {"\xff\xf3\x44\x00", "audio/mpeg"},
		"layer0.mp3": {"\xff\xf9\x90\x00", "application/octet-stream"},
		"bitrate15":  {"\xff\xfb\xf0\x00", "application/octet-stream"},
		"avi.wav":    {"RIFF\x00\x00\x00\x00AVI LIST", "application/octet-stream"},
		"short.wav":  {"RIFF\x00\x00\x00\x00WAV", "application/octet-stream"},
		"page.html":  {"<html><script>", "application/octet-stream"},
		"empty.wav":  {"", "application/octet-stream"},
	} {
		expect(t, name, s.do(http.MethodPut, base+"promptfile/"+name, c.content), 200, done)
		resp := s.do(http.MethodGet, base+"promptfile/"+name, "")
		if got := resp.head.Get("Content-Type"); got != c.want {
			t.Errorf("%s is %q, want %q", name, got, c.want)
		}
		expect(t, name, resp, 200, c.content)
	}
}

// zeros are so many bytes.
func zeros(n int64) io.Reader { return io.LimitReader(endless{}, n) }

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// broken breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestPutLimits(t *testing.T) {
	sum := sha256.Sum256([]byte("sound"))
	signed := jwt.MapClaims{"iss": ours, "exp": time.Now().Unix() + 60, "payload_hash": hex.EncodeToString(sum[:])}
	for _, c := range []struct {
		name   string
		body   io.Reader
		length int64
		signed bool
		status int
		answer string
	}{
		{"said to be too large", broken{}, mediaserver.MaxPrompt + 1, false, 413, failed("too large")},
		{"too large", endless{}, -1, false, 413, failed("too large")},
		{"as large as it may be", zeros(mediaserver.MaxPrompt), -1, false, 200, done},
		{"broken off", io.MultiReader(strings.NewReader("so"), broken{}), 5, false, 400, failed("the body broke off")},
		{"signed", strings.NewReader("sound"), 5, true, 200, done},
		{"signed for something else", strings.NewReader("noise"), 5, true, 401, failed("token of another body")},
	} {
		s := newStage(t)
		r := httptest.NewRequest(http.MethodPut, file, c.body)
		r.ContentLength = c.length
		token := tokenOf(t, ours)
		if c.signed {
			token = sign(t, keys()[ours], signed)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		expect(t, c.name, s.ask(r), c.status, c.answer)
		f, err := s.Prompts.Open(t.Context(), ours, "welcome.wav")
		if (err == nil) != (c.status == 200) || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: then it is there: %v", c.name, err)
		}
		if err == nil {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestNoStores(t *testing.T) {
	s := newStage(t)
	s.Prompts, s.Fallbacks = nil, nil
	for _, r := range everything() {
		if strings.Contains(r[1], "promptfile") || strings.Contains(r[1], "ivrfallback") {
			if resp := s.do(r[0], r[1], "{}"); resp.status != http.StatusNotFound {
				t.Errorf("%s %s: %d", r[0], r[1], resp.status)
			}
		}
	}
}
