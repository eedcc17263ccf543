package interop

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/alexacall/alexacall/internal/testutil"
)

// puppet is a program with WebRTC legs that does what a test says: each order has one reply, both JSON.
type puppet struct {
	t    *testing.T
	name string
	mu   sync.Mutex // one order at a time
	send func(ctx context.Context, order []byte) (reply []byte, err error)
}

// order is what a puppet is to do.
type order struct {
	Op      string  `json:"op"`
	Leg     string  `json:"leg"`
	Hz      float64 `json:"hz,omitempty"`    // of the tone that a new leg plays
	Video   string  `json:"video,omitempty"` // the codec of the pictures that a new leg shows, "video/VP8"; empty: none
	SDP     string  `json:"sdp,omitempty"`
	Restart bool    `json:"restart,omitempty"` // of ICE
}

// reply is what it says then.
type reply struct {
	Error   string  `json:"error"`
	SDP     string  `json:"sdp"`
	Rate    float64 `json:"rate"`
	Samples []int16 `json:"samples"` // the last that were heard
	State   string  `json:"state"`
	Role    string  `json:"role"`   // of DTLS
	Frames  int     `json:"frames"` // decoded so far
	Width   int     `json:"width"`
}

func (p *puppet) do(o order) reply {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	text, err := json.Marshal(o)
	must(p.t, err)
	said, err := p.send(within(p.t), text)
	if err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, o.Op, err)
	}
	var r reply
	must(p.t, json.Unmarshal(said, &r))
	if r.Error != "" {
		p.t.Fatalf("%s: %s", p.name, r.Error)
	}
	return r
}

//go:embed testdata/browser.html
var browserPage []byte

// startChromium opens a page that asks us what to do. It sees 127.0.0.1 and nothing else.
func startChromium(t *testing.T) *puppet {
	t.Helper()
	testutil.Need(t, "chromium")
	orders, replies := make(chan []byte), make(chan []byte)
	first := true // the page's first request brings no reply; its requests come one after the other
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(browserPage) })
	mux.HandleFunc("POST /next", func(w http.ResponseWriter, r *http.Request) {
		said, err := io.ReadAll(r.Body)
		if err == nil && !first {
			select {
			case replies <- said:
			case <-r.Context().Done():
			}
		}
		first = false
		select {
		case next := <-orders:
			_, _ = w.Write(next)
		case <-r.Context().Done():
		}
	})
	server := httptest.NewServer(mux)
	dir := filepath.Join(os.TempDir(), "chromium-"+rand.Text()) // not the test's: a process that lags behind may write to it still
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--mute-audio", "--user-data-dir="+dir,
		"--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
		"--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-sync", "--no-pings", "--disable-dev-shm-usage", server.URL)
	testutil.OwnGroup(cmd)
	out := run(t, cmd, cancel)
	t.Cleanup(func() {
		out()
		_ = os.RemoveAll(dir)
		server.CloseClientConnections()
		server.Close()
	})
	return &puppet{t: t, name: "Chromium", send: func(ctx context.Context, text []byte) ([]byte, error) {
		select {
		case orders <- text:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		select {
		case said := <-replies:
			return said, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
}

// run starts a program, and returns what ends it and shows what it has said if the test has failed.
func run(t *testing.T, cmd *exec.Cmd, cancel func()) (end func()) {
	t.Helper()
	var said logged
	if cmd.Stdout == nil {
		cmd.Stdout = &said
	}
	cmd.Stderr, cmd.WaitDelay = &said, 5*time.Second
	must(t, cmd.Start())
	return func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd.Path, &said)
		}
	}
}

var errGone = errors.New("it has ended")

// startScript starts a program that takes orders from its standard input, a line each.
func startScript(t *testing.T, name string, program string, args ...string) *puppet {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	testutil.OwnGroup(cmd)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, theirs := io.Pipe()
	cmd.Stdout = theirs
	end := run(t, cmd, cancel)
	lines := make(chan []byte)
	var work sync.WaitGroup
	work.Go(func() {
		defer close(lines)
		for s := bufio.NewReaderSize(out, 1<<20); ; {
			line, err := s.ReadBytes('\n')
			if err != nil {
				return
			}
			if !bytes.HasPrefix(line, []byte("{")) {
				continue // a library's talk
			}
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() {
		_ = out.Close()
		end()
		work.Wait()
	})
	return &puppet{t: t, name: name, send: func(ctx context.Context, text []byte) ([]byte, error) {
		if _, err := in.Write(append(text, '\n')); err != nil {
			return nil, err
		}
		select {
		case line, ok := <-lines:
			if !ok {
				return nil, errGone
			}
			return line, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
}
