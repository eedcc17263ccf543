package forward_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/lambda/forward"
)

const (
	secretOne = "0123456789abcdef0123456789abcdef-one"
	secretTwo = "0123456789abcdef0123456789abcdef-two"
)

func key(t testing.TB, secret string) forward.Key {
	t.Helper()
	k, err := forward.NewKey([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// link carries requests to a receiver in memory, keeps them, and fails when it is told to.
type link struct {
	to http.Handler

	mu    sync.Mutex
	sent  []*http.Request
	body  [][]byte
	fault []fault
}

// fault is what becomes of one request.
type fault struct {
	reused bool // the connection had been idle
	wrote  bool // the request was written before it broke
	taken  bool // and the server has it
	answer bool // and its answer has begun
	silent bool // nothing comes back, for ever
}

var errReset = errors.New("connection reset by peer")

func (l *link) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.sent, l.body = append(l.sent, r), append(l.body, body)
	var f fault
	broken := len(l.fault) > 0
	if broken {
		f, l.fault = l.fault[0], l.fault[1:]
	}
	l.mu.Unlock()
	trace := httptrace.ContextClientTrace(r.Context())
	if broken && f == (fault{}) {
		return nil, errReset // no connection at all
	}
	trace.GotConn(httptrace.GotConnInfo{Reused: f.reused})
	if broken && !f.wrote {
		return nil, errReset
	}
	trace.WroteHeaders()
	if f.silent {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if broken && !f.taken {
		return nil, errReset
	}
	again := httptest.NewRequest(r.Method, r.URL.Path, bytes.NewReader(body))
	again.Header = r.Header.Clone()
	rec := httptest.NewRecorder()
	l.to.ServeHTTP(rec, again.WithContext(r.Context()))
	if broken {
		if f.answer {
			trace.GotFirstResponseByte()
		}
		return nil, errReset
	}
	return rec.Result(), nil
}

// pair is a Forwarder and a Receiver with a link between them.
type pair struct {
	t   *testing.T
	f   *forward.Forwarder
	v   *forward.Receiver
	l   *link
	log bytes.Buffer
	got []string
}

func echo(_ context.Context, event []byte) ([]byte, error) {
	return fmt.Appendf(nil, `{"got":%q}`, event), nil
}

// together runs a test in fake time with a pair, and wants neither key nor events in what was logged.
func together(t *testing.T, handle handler, run func(*testing.T, *pair)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pair{t: t, l: &link{}}
		log := slog.New(slog.NewTextHandler(&p.log, nil))
		p.v = &forward.Receiver{Keys: []forward.Key{key(t, secretOne)}, Logger: log, Handle: func(ctx context.Context, event []byte) ([]byte, error) {
			p.got = append(p.got, string(event))
			return handle(ctx, event)
		}}
		p.l.to = p.v
		p.f = &forward.Forwarder{URL: "https://calls.example.com/events", Key: key(t, secretOne), HTTPClient: &http.Client{Transport: p.l}, Logger: log}
		run(t, p)
		if err := p.v.Close(); err != nil {
			t.Error(err)
		}
		for _, secret := range []string{secretOne, secretTwo, "private"} {
			if strings.Contains(p.log.String(), secret) {
				t.Errorf("%q was logged: %s", secret, p.log.String())
			}
		}
	})
}

// wants forwards an event, and wants an answer, or an error that says so.
func (p *pair) wants(event, answer, says string) {
	p.t.Helper()
	got, err := p.f.Forward(p.t.Context(), []byte(event))
	if string(got) != answer || (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
		p.t.Errorf("%s: got %s, %v; want %s, %q", event, got, err, answer, says)
	}
}

func TestForward(t *testing.T) {
	together(t, echo, func(t *testing.T, p *pair) {
		p.wants(`{"private":1}`, `{"got":"{\"private\":1}"}`, "")
		p.wants("not JSON", `{"got":"not JSON"}`, "")
		r := p.l.sent[0]
		if r.Method != http.MethodPost || r.URL.String() != p.f.URL || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		if got := p.v.Stats(); got != (forward.ReceiverStats{Handled: 2}) {
			t.Errorf("stats %+v", got)
		}
	})
}

// TestKeysAreChanged as the documentation has it: both at the receiver, then the new one at the forwarder, then the old one away.
func TestKeysAreChanged(t *testing.T) {
	together(t, echo, func(t *testing.T, p *pair) {
		one, two := key(t, secretOne), key(t, secretTwo)
		two1 := &forward.Forwarder{URL: p.f.URL, Key: two, HTTPClient: p.f.HTTPClient}
		wants := func(f *forward.Forwarder, ok bool) {
			t.Helper()
			if _, err := f.Forward(t.Context(), []byte("{}")); (err == nil) != ok || err != nil && !errors.Is(err, &forward.Error{Status: 401}) {
				t.Errorf("%v", err)
			}
		}
		wants(p.f, true)
		wants(two1, false)
		for _, keys := range [][]forward.Key{{two, one}, {one, two}} {
			p.v.Keys = keys
			wants(p.f, true)
			wants(two1, true)
		}
		p.v.Keys = []forward.Key{two}
		wants(p.f, false)
		wants(two1, true)
		for _, keys := range [][]forward.Key{nil, {{}}, {{}, {}, two}} {
			p.v.Keys = keys
			wants(two1, false)
		}
	})
}

// TestForgeries change one thing of a request that is right.
func TestForgeries(t *testing.T) {
	const sig, when, nonce = "Alexacall-Signature", "Alexacall-Time", "Alexacall-Nonce"
	for name, tt := range map[string]struct {
		change func(r *http.Request)
		status int
		says   string
	}{
		"nothing":               {func(*http.Request) {}, 409, "repeated"}, // the answer is kept no longer
		"another body":          {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{ }")) }, 401, "refused"},
		"another nonce":         {func(r *http.Request) { r.Header.Set(nonce, "x") }, 401, "refused"},
		"another time":          {func(r *http.Request) { r.Header.Set(when, strconv.FormatInt(time.Now().Unix()+1, 10)) }, 401, "refused"},
		"time and nonce glued":  {func(r *http.Request) { r.Header.Set(when, r.Header.Get(when)[:8]) }, 401, "refused"},
		"no signature":          {func(r *http.Request) { r.Header.Del(sig) }, 400, "malformed"},
		"no time":               {func(r *http.Request) { r.Header.Del(when) }, 400, "malformed"},
		"no nonce":              {func(r *http.Request) { r.Header.Del(nonce) }, 400, "malformed"},
		"two signatures":        {func(r *http.Request) { r.Header.Add(sig, r.Header.Get(sig)) }, 400, "malformed"},
		"a short signature":     {func(r *http.Request) { r.Header.Set(sig, r.Header.Get(sig)[:62]) }, 400, "malformed"},
		"a long signature":      {func(r *http.Request) { r.Header.Set(sig, r.Header.Get(sig)+"00") }, 400, "malformed"},
		"not hexadecimal":       {func(r *http.Request) { r.Header.Set(sig, "x"+r.Header.Get(sig)[1:]) }, 400, "malformed"},
		"a long nonce":          {func(r *http.Request) { r.Header.Set(nonce, strings.Repeat("x", 65)) }, 400, "malformed"},
		"a nonce with line end": {func(r *http.Request) { r.Header[nonce] = []string{"x\nx"} }, 400, "malformed"},
		"a negative time":       {func(r *http.Request) { r.Header.Set(when, "-1") }, 400, "malformed"},
		"a GET":                 {func(r *http.Request) { r.Method = http.MethodGet }, 405, "malformed"},
		"too much": {func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", forward.MaxBody+1)))
		}, 400, "malformed"},
		"a body that breaks": {func(r *http.Request) { r.Body = io.NopCloser(broken{}) }, 400, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			large := func(context.Context, []byte) ([]byte, error) { return make([]byte, 200<<10), nil }
			together(t, large, func(t *testing.T, p *pair) {
				if _, err := p.f.Forward(t.Context(), []byte("{}")); err != nil {
					t.Fatal(err)
				}
				first := p.l.sent[0]
				for range 25 { // which push the first answer out
					if _, err := p.f.Forward(t.Context(), []byte("{}")); err != nil {
						t.Fatal(err)
					}
				}
				r := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader("{}"))
				r.Header = first.Header.Clone()
				tt.change(r)
				rec := httptest.NewRecorder()
				p.v.ServeHTTP(rec, r)
				if rec.Code != tt.status || rec.Body.String() != tt.says {
					t.Errorf("%d %s, want %d %s", rec.Code, rec.Body, tt.status, tt.says)
				}
				if st := p.v.Stats(); st.Handled != 26 || st.Repeated+st.Refused != 1 {
					t.Errorf("stats %+v", st)
				}
			})
		})
	}
}

type handler = func(ctx context.Context, event []byte) ([]byte, error)

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestReplay gives a request that comes again the answer that it got, within the time in which it could be one of now.
func TestReplay(t *testing.T) {
	together(t, echo, func(t *testing.T, p *pair) {
		p.wants("private", `{"got":"private"}`, "")
		for _, tt := range []struct {
			after  time.Duration
			status int
			says   string
		}{
			{0, 200, `{"got":"private"}`},
			{150 * time.Second, 200, `{"got":"private"}`},
			{time.Second, 401, "clock"},
			{time.Hour, 401, "clock"},
		} {
			time.Sleep(tt.after)
			rec := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader("private"))
			r.Header = p.l.sent[0].Header.Clone()
			p.v.ServeHTTP(rec, r)
			if rec.Code != tt.status || rec.Body.String() != tt.says {
				t.Errorf("%d %s, want %d %s", rec.Code, rec.Body, tt.status, tt.says)
			}
		}
		if got := p.v.Stats(); got != (forward.ReceiverStats{Handled: 1, Repeated: 2, Late: 2}) {
			t.Errorf("stats %+v", got)
		}
		if text := p.log.String(); strings.Count(text, "forward: clock:") != 2 || strings.Contains(text, "signature") {
			t.Errorf("logged %s", text)
		}
	})
}

// TestConnectionsFail sends a request again when that is safe, and no other.
func TestConnectionsFail(t *testing.T) {
	for name, tt := range map[string]struct {
		faults  []fault
		tries   int
		handled uint64
		fails   bool
	}{
		"no connection":                      {[]fault{{}, {}}, 3, 1, false},
		"never a connection":                 {[]fault{{}, {}, {}, {}}, 3, 0, true},
		"nothing written":                    {[]fault{{reused: true}, {}}, 3, 1, false},
		"an idle one, closed meanwhile":      {[]fault{{reused: true, wrote: true}}, 2, 1, false},
		"an idle one, and the server has it": {[]fault{{reused: true, wrote: true, taken: true}}, 2, 1, false},
		"a new one":                          {[]fault{{wrote: true, taken: true}}, 1, 1, true},
		"an answer has begun":                {[]fault{{reused: true, wrote: true, taken: true, answer: true}}, 1, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			together(t, echo, func(t *testing.T, p *pair) {
				p.l.fault = tt.faults
				answer, err := p.f.Forward(t.Context(), []byte("{}"))
				synctest.Wait()
				if len(p.l.sent) != tt.tries || p.v.Stats().Handled != tt.handled || (err != nil) != tt.fails {
					t.Errorf("%d tries, %+v: %s, %v", len(p.l.sent), p.v.Stats(), answer, err)
				}
				if err != nil && (!errors.Is(err, errReset) || !errors.Is(err, &forward.Error{})) {
					t.Errorf("%v", err)
				}
				for _, r := range p.l.sent {
					if r.Header.Get("Alexacall-Nonce") != p.l.sent[0].Header.Get("Alexacall-Nonce") {
						t.Error("a new nonce for the same event")
					}
				}
			})
		})
	}
}

// TestTime ends a request before the function's time does, and by itself after seven seconds.
func TestTime(t *testing.T) {
	together(t, echo, func(t *testing.T, p *pair) {
		for _, tt := range []struct{ function, limit, want time.Duration }{
			{0, 0, 7 * time.Second},
			{time.Minute, 0, 7 * time.Second},
			{3 * time.Second, 0, 2500 * time.Millisecond},
			{3 * time.Second, time.Second, time.Second},
			{400 * time.Millisecond, 0, 0},
		} {
			p.l.fault = []fault{{wrote: true, silent: true}}
			f := &forward.Forwarder{URL: p.f.URL, Key: p.f.Key, HTTPClient: p.f.HTTPClient, Limit: tt.limit}
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if tt.function != 0 {
				ctx, cancel = context.WithTimeout(ctx, tt.function)
			}
			begin := time.Now()
			_, err := f.Forward(ctx, []byte("{}"))
			if d := time.Since(begin); d != tt.want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v of %v: %v after %v, want %v", tt.limit, tt.function, err, d, tt.want)
			}
			cancel()
		}
	})
}

// TestHandlerFails tells the forwarder that it has, and nothing else; the log has the error.
func TestHandlerFails(t *testing.T) {
	for name, handle := range map[string]handler{
		"an error": func(context.Context, []byte) ([]byte, error) { return []byte("{}"), errors.New("out of order") },
		"a panic":  func(context.Context, []byte) ([]byte, error) { panic("out of order") },
		"too long": func(context.Context, []byte) ([]byte, error) { return make([]byte, forward.MaxBody+1), nil },
		"slow":     func(ctx context.Context, _ []byte) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() },
		"nil":      nil,
	} {
		t.Run(name, func(t *testing.T) {
			together(t, handle, func(t *testing.T, p *pair) {
				p.f.Limit = 20 * time.Second
				p.wants("private", "", "the server answered 500")
				synctest.Wait()
				if st := p.v.Stats(); st.Handled != 1 || st.Failed != 1 || strings.Count(p.log.String(), "event failed")+strings.Count(p.log.String(), "handler panicked") != 1 {
					t.Errorf("stats %+v, logged %s", st, &p.log)
				}
			})
		})
	}
}

// TestClose waits for handlers, and refuses what comes later.
func TestClose(t *testing.T) {
	slow := func(ctx context.Context, event []byte) ([]byte, error) {
		time.Sleep(3 * time.Second)
		return echo(ctx, event)
	}
	together(t, slow, func(t *testing.T, p *pair) {
		go p.wants("x", `{"got":"x"}`, "")
		synctest.Wait()
		begin := time.Now()
		if err := p.v.Close(); err != nil || time.Since(begin) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		p.wants("y", "", "503: closed")
	})
}
