package stories

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/jwtauth"
	"github.com/alexacall/alexacall/internal/testutil/sound"
	"github.com/alexacall/alexacall/media/audio"
	"github.com/alexacall/alexacall/mediaserver/callback"
	"github.com/alexacall/alexacall/mediaserver/rest"
)

// appTakes is how long a callback, a request, and the answer to one are on their way each; compare postTakes.
const appTakes = 5 * time.Millisecond

const (
	toApp   = "server -> app"
	fromApp = "app -> server"
)

// said is the body of a callback or of an answer.
type said map[string]string

// A program is the application: an HTTP server in memory that knows the documents and nothing of this project, and a client of the REST
// interface.
type program struct {
	h    *hotel
	rest *rest.Handler
	// decide answers the callbacks that ask. It may take its time. A number is the status of an answer that decides nothing.
	decide func(callback string, s said) string

	mu    sync.Mutex
	links []said // callAnswered
}

// RoundTrip implements http.RoundTripper: it takes a callback.
func (a *program) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	name := path.Base(r.URL.Path)
	a.h.rec.add(toApp, fmt.Sprintf("POST %s %s", name, body))
	time.Sleep(appTakes)
	if err := callback.Verify(r, body, domain, &signingKey().PublicKey); err != nil {
		a.h.t.Errorf("%s is not signed: %v", name, err)
	}
	status, answer := http.StatusOK, a.answer(name, a.read(body))
	if n, err := strconv.Atoi(answer); err == nil {
		status, answer = n, ""
	}
	a.h.rec.add(fromApp, strings.TrimSpace(fmt.Sprintf("%d to %s %s", status, name, answer)))
	time.Sleep(appTakes)
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer)), Request: r,
	}, nil
}

// read reads the texts of a body, those of dtmfParams too.
func (a *program) read(body []byte) said {
	var all map[string]any
	if err := json.Unmarshal(body, &all); err != nil {
		a.h.t.Errorf("%s: %v", body, err)
	}
	s := said{}
	digits, _ := all["dtmfParams"].(map[string]any)
	for _, m := range []map[string]any{all, digits} {
		for name, value := range m {
			if text, ok := value.(string); ok {
				s[name] = text
			}
		}
	}
	return s
}

func (a *program) answer(name string, s said) string {
	switch name {
	case "newCall", "getIvrCommand", "callEvent":
		return a.decide(name, s)
	case "callAnswered":
		a.mu.Lock()
		defer a.mu.Unlock()
		a.links = append(a.links, s)
	}
	return "{}"
}

// link returns the connection that was answered last.
func (a *program) link() said {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.links[len(a.links)-1]
}

// post sends a request, and returns what is answered. The parts of its body are names and values.
func (a *program) post(operation string, parts ...string) said {
	body := &bytes.Buffer{}
	for i := 0; i < len(parts); i += 2 {
		_, _ = fmt.Fprintf(body, "%c%q:%q", "{,"[min(i, 1)], parts[i], parts[i+1])
	}
	body.WriteString("}")
	return a.read(a.send(http.MethodPost, operation, body.Bytes()))
}

// send sends a request and returns the body of its answer.
func (a *program) send(method, where string, body []byte) []byte {
	r, err := http.NewRequestWithContext(a.h.t.Context(), method, "https://api.example/mediaservice/"+domain+"/"+where, bytes.NewReader(body))
	must(a.h.t, err)
	signer := jwtauth.Signer{Key: signingKey()}
	token, err := signer.Sign(&jwtauth.Claims{Domain: domain, Body: jwtauth.Hash(body)})
	must(a.h.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	a.h.rec.add(fromApp, strings.TrimSpace(fmt.Sprintf("%s %s %s", method, where, text(body))))
	time.Sleep(appTakes)
	w := httptest.NewRecorder()
	a.rest.ServeHTTP(w, r)
	a.h.rec.add(toApp, fmt.Sprintf("%d to %s %s", w.Code, where, text(w.Body.Bytes())))
	time.Sleep(appTakes)
	if w.Code != http.StatusOK {
		a.h.t.Errorf("%s %s: %d %s", method, where, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// text is what a transcript has of a body.
func text(body []byte) string {
	if bytes.HasPrefix(body, []byte("RIFF")) {
		return "a WAV file"
	}
	return string(body)
}

// holds checks that a WAV file has these tones.
func holds(t *testing.T, file []byte, tones ...float64) {
	t.Helper()
	source, err := audio.NewSource(bytes.NewReader(file))
	must(t, err)
	var pcm []int16
	for buf := make([]int16, 1600); err == nil; {
		var n int
		n, err = source.Read(buf)
		pcm = slices.Concat(pcm, buf[:n])
	}
	for _, hz := range tones {
		if got := sound.Level(pcm, source.Rate(), hz); got < -30 {
			t.Errorf("the file has %v Hz at %.0f dB", hz, got)
		}
	}
}
