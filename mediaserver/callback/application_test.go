package callback_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// faultTable has the ways in which an application fails a newCall: how often it is asked, how long that takes, and what the error says.
var faultTable = []struct {
	name   string
	app    func(http.ResponseWriter, *http.Request) error
	tries  int // 0: it does not fail
	hops   int // of redirects
	took   time.Duration
	status int
	badly  bool // the answer is a *wire.Error
}{
	{name: "up", app: goesOn},
	{name: "down", app: breaks(errRefused), tries: 2, took: 500 * time.Millisecond},
	{name: "DNS fails", app: breaks(&net.DNSError{Err: "no such host", Name: "app.example", IsNotFound: true}), tries: 2, took: 500 * time.Millisecond},
	{name: "slow, 4.9 s", app: after(4900*time.Millisecond, goesOn), took: 4900 * time.Millisecond},
	{name: "slow, 5.1 s", app: after(5100*time.Millisecond, goesOn), tries: 1, took: 5 * time.Second},
	{name: "never", app: after(time.Hour, goesOn), tries: 1, took: 5 * time.Second},
	{name: "500", app: says(500, `{"action":"ivr"}`), tries: 2, took: 500 * time.Millisecond, status: 500},
	{name: "503", app: says(503, ``), tries: 2, took: 500 * time.Millisecond, status: 503},
	{name: "404", app: says(404, `{"action":"ivr"}`), tries: 1, status: 404},
	{name: "401", app: says(401, ``), tries: 1, status: 401},
	{name: "301 to another host", app: redirect(301, "https://evil.example/moved"), tries: 1, status: 301},
	{name: "307 to another host", app: redirect(307, "https://evil.example/moved"), tries: 1, status: 307},
	{name: "307 to another port", app: redirect(307, "https://app.example/moved"), tries: 1, status: 307},
	{name: "307 to http", app: redirect(307, "http://app.example:8443/moved"), tries: 1, status: 307},
	{name: "301 that would lose the body", app: redirect(301, "/moved"), tries: 1, status: 301},
	{name: "307 to the same host", app: redirect(307, "/moved")},
	{name: "308 to the same host", app: redirect(308, "/moved")},
	{name: "307 in a circle", app: redirect(307, "/again"), tries: 1, hops: 3, status: 307},
	{name: "204", app: says(204, ``), tries: 1, status: 204},
	{name: "201", app: says(201, `{"action":"ivr"}`), tries: 1, status: 201},
	{name: "empty", app: says(200, ``), tries: 1, badly: true},
	{name: "no action", app: nothing, tries: 1, badly: true},
	{name: "malformed JSON", app: says(200, `{"action":"ivr"`), tries: 1, badly: true},
	{name: "no JSON", app: says(200, `<html>s3cret</html>`), tries: 1, badly: true},
	{name: "wrong type", app: says(200, `{"action":{"type":7}}`), tries: 1, badly: true},
	{name: "10 MB", app: says(200, `{"action":"ivr","a":"`+strings.Repeat("a", 10<<20)+`"}`), tries: 1, badly: true},
	{name: "deep nest", app: says(200, `{"action":"ivr","a":`+strings.Repeat("[", 50)+strings.Repeat("]", 50)+`}`), tries: 1, badly: true},
	{name: "duplicate keys", app: says(200, `{"action":"drop","action":"ivr"}`), tries: 1, badly: true},
	{name: "byte order mark", app: says(200, "\xef\xbb\xbf"+`{"action":"ivr"}`), tries: 1, badly: true},
	{name: "UTF-16", app: says(200, utf16LE(`{"action":"ivr"}`)), tries: 1, badly: true},
	{name: "unknown action", app: says(200, `{"action":"s3cret"}`), tries: 1, badly: true},
	{name: "unknown property", app: says(200, `{"action":"ivr","colour":"s3cret"}`)},
	{name: "answer breaks off", app: func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Length", "100")
		return io.ErrUnexpectedEOF
	}, tries: 2, took: 500 * time.Millisecond},
}

func utf16LE(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// TestFaults has each fault of an application that is alone, that has a spare, that has a fallback stored, and both.
func TestFaults(t *testing.T) {
	for _, tt := range faultTable {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := at(tt.app, goesOn)
				log, text := logged()
				a := application(t, n, callback.Options{Logger: log})
				began := time.Now()
				action, err := a.NewCall(decideFor(t, 15*time.Second), newCall)
				if took := time.Since(began); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if tt.tries == 0 {
					if err != nil || action.Kind != mediaserver.IVR || a.Stats().Failed != 0 {
						t.Errorf("got %+v, %v, %+v", action, err, a.Stats())
					}
					return
				}
				e, ok := errors.AsType[*callback.Error](err)
				if action != nil || !ok || e.Callback != wire.NewCall || e.Host != "app.example:8443" || e.Status != tt.status || errors.As(err, new(*wire.Error)) != tt.badly {
					t.Errorf("got %+v, %v", action, err)
				}
				if got, want := errors.Is(err, mediaserver.ErrOverload), tt.status >= 500; got != want {
					t.Errorf("%v is ErrOverload: %t, want %t", err, got, want)
				}
				if s := a.Stats(); len(n.requests()) != tt.tries+tt.hops || s.Sent != uint64(tt.tries) || s.Retried != uint64(tt.tries-1) || s.Failed != 1 {
					t.Errorf("%d requests, want %d; %+v", len(n.requests()), tt.tries, s)
				}
				for _, said := range []string{err.Error(), text.String()} {
					if strings.Contains(said, "s3cret") || strings.Contains(said, "555") || strings.Contains(said, "aaa") {
						t.Error("told too much:", said)
					}
				}
			})
		})
		if tt.tries > 0 {
			t.Run(tt.name+" with a spare", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := at(tt.app, goesOn)
					a := application(t, n, callback.Options{FallbackURL: fallbackURL})
					action, err := a.NewCall(decideFor(t, 15*time.Second), newCall)
					if err != nil || action.Kind != mediaserver.IVR {
						t.Errorf("got %+v, %v", action, err)
					}
					if s := a.Stats(); s.Elsewhere != 1 || s.Failed != 0 || s.Sent != uint64(tt.tries+1) {
						t.Errorf("%+v", s)
					}
				})
			})
			t.Run(tt.name+" with a fallback stored", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { stored(t, at(tt.app, tt.app)) })
			})
		}
	}
}

// TestConnectInTime: a host that takes no connections, or takes them and says nothing, is given 2 s for each of two, which is less than a request may
// take.
func TestConnectInTime(t *testing.T) {
	deaf := net.Dialer{ControlContext: func(ctx context.Context, _, _ string, _ syscall.RawConn) error { // is asked before anything is sent
		<-ctx.Done()
		return ctx.Err()
	}}
	for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){
		"no connection": deaf.DialContext,
		"no TLS": func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, far) }()
			return near, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport := callback.NewTransport(dial, 1)
				defer transport.CloseIdleConnections()
				a, err := callback.New("https://192.0.2.1/ivr", &callback.Options{HTTPClient: &http.Client{Transport: transport}})
				if err != nil {
					t.Fatal(err)
				}
				defer a.Close()
				began := time.Now()
				_, err = a.NewCall(t.Context(), newCall)
				if took := time.Since(began); err == nil || took != 4500*time.Millisecond || a.Stats().Sent != 2 {
					t.Errorf("%v after %v, %+v", err, took, a.Stats())
				}
			})
		})
	}
}

// TestOverload: where neither the application nor its spare decides, one that has answered with 500 or more makes it overload.
func TestOverload(t *testing.T) {
	for _, tt := range []struct {
		name       string
		app, spare func(http.ResponseWriter, *http.Request) error
		want       bool
	}{
		{"both", says(500, ""), says(503, ""), true},
		{"the application", says(503, ""), breaks(errRefused), true},
		{"the spare", says(404, ""), says(503, ""), true},
		{"neither", breaks(errRefused), says(404, ""), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := application(t, at(tt.app, tt.spare), callback.Options{FallbackURL: fallbackURL})
				if _, err := a.NewCall(decideFor(t, 15*time.Second), newCall); err == nil || errors.Is(err, mediaserver.ErrOverload) != tt.want {
					t.Errorf("%v is ErrOverload: %t, want %t", err, !tt.want, tt.want)
				}
			})
		})
	}
}

// TestBudget: whatever hangs, what is stored comes before the media server gives up.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &callback.Memory{}
		if err := store.Put(t.Context(), domain, "100", hangsUp(wire.OnError, "sorry")); err != nil {
			t.Fatal(err)
		}
		never := after(time.Hour, goesOn)
		a := application(t, at(never, never), callback.Options{FallbackURL: fallbackURL, Fallbacks: store, Failures: 100})
		for limit, want := range map[time.Duration]time.Duration{
			15 * time.Second: 10 * time.Second, 8 * time.Second: 7800 * time.Millisecond, 3 * time.Second: 2800 * time.Millisecond, 100 * time.Millisecond: 0,
		} {
			began := time.Now()
			action, err := a.NewCall(decideFor(t, limit), newCall)
			if took := time.Since(began); err != nil || action.Kind != mediaserver.IVR || took != want {
				t.Errorf("of %v: %v, %v, want %v", limit, err, took, want)
			}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errRefused) })
		began := time.Now()
		if _, err := a.CallEvent(ctx, event); !errors.Is(err, errRefused) || time.Since(began) != time.Second {
			t.Errorf("given up: %v after %v", err, time.Since(began))
		}
	})
}

// TestRetriedCallbackIsTheSame: every try has the id, the body and the signature of the first.
func TestRetriedCallbackIsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := at(says(500, ""), says(502, ""))
		a := application(t, n, callback.Options{FallbackURL: fallbackURL, Key: keys()[0]})
		for range 2 {
			if _, err := a.CallEvent(t.Context(), event); err == nil {
				t.Fatal("it has been answered")
			}
		}
		all := n.requests()
		if len(all) != 8 {
			t.Fatalf("%d requests, want 8", len(all))
		}
		for i, r := range all {
			first := all[i/4*4]
			if r.id != first.id || r.body != first.body || r.token != first.token || len(r.id) < 20 || !strings.HasPrefix(r.token, "Bearer ") {
				t.Errorf("%d: %+v, the first %+v", i, r, first)
			}
		}
		if all[0].id == all[4].id {
			t.Error("another callback has the same id")
		}
		if all[0].path != "/ivr/s3cret/callEvent" || all[2].path != "/callEvent" || all[2].host != "spare.example" {
			t.Errorf("sent to %+v", all[:3])
		}
	})
}

// TestNotices are tried three times, and then elsewhere; but not beyond their context.
func TestNotices(t *testing.T) {
	for _, tt := range []struct {
		name string
		app  func(http.ResponseWriter, *http.Request) error
		for_ time.Duration
		want []time.Duration // when it is sent, by the spare too
	}{
		{"200", nothing, 0, []time.Duration{0}},
		{"any JSON", says(200, `[`), 0, []time.Duration{0}},
		{"204", says(204, ""), 0, []time.Duration{0}},
		{"404", says(404, ""), 0, []time.Duration{0, 0}},
		{"500", says(500, ""), 0, []time.Duration{0, time.Second, 5 * time.Second, 5 * time.Second}},
		{"down", breaks(errRefused), 0, []time.Duration{0, time.Second, 5 * time.Second, 5 * time.Second}},
		{"never", after(time.Hour, nothing), 0, []time.Duration{0, 6 * time.Second}},
		{"down, in a hurry", breaks(errRefused), 3 * time.Second, []time.Duration{0, time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := at(tt.app, nothing)
				a := application(t, n, callback.Options{FallbackURL: fallbackURL})
				began, ctx := time.Now(), t.Context()
				if tt.for_ > 0 {
					ctx = decideFor(t, tt.for_)
				}
				a.Notify(ctx, ringing)
				if took := time.Since(began); took > 15*time.Second || tt.for_ > 0 && took > tt.for_ {
					t.Errorf("took %v", took)
				}
				var got []time.Duration
				for _, r := range n.requests() {
					got = append(got, r.at.Sub(began))
				}
				if len(got) != len(tt.want) {
					t.Fatalf("sent at %v, want %v", got, tt.want)
				}
				for i := range got {
					if got[i] != tt.want[i] {
						t.Errorf("sent at %v, want %v", got, tt.want)
					}
				}
			})
		})
	}
}

// TestEveryCallback goes to the path of its name.
func TestEveryCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := at(nothing, nil)
		a := application(t, n, callback.Options{})
		want := []string{}
		for kind, name := range map[mediaserver.NoticeKind]string{
			mediaserver.Ringing: "callNotify", mediaserver.Failed: "callNotify", mediaserver.Answered: "callAnswered", mediaserver.ConferenceJoined: "callNotify",
			mediaserver.SessionCompleted: "sessionCompleted", mediaserver.RecordingReady: "recordingReady", mediaserver.MonitorDisconnected: "callNotify",
		} {
			a.Notify(t.Context(), &mediaserver.Notice{SessionInfo: session, Kind: kind})
			want = append(want, name)
		}
		if _, err := a.CallEvent(t.Context(), event); err != nil {
			t.Error(err)
		}
		if _, err := a.IVRCommand(t.Context(), ivr); err != nil {
			t.Error(err)
		}
		for i, r := range n.requests() {
			name := append(want, "callEvent", "getIvrCommand")[i]
			if r.path != "/ivr/s3cret/"+name || !strings.Contains(r.body, `"sessionId":"s1"`) {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if a.Notify(t.Context(), &mediaserver.Notice{}); len(n.requests()) != len(want)+2 {
			t.Error("a notice of nothing was sent")
		}
	})
}

func TestNewRefusesURLs(t *testing.T) {
	for _, tt := range []struct{ base, fallback string }{{"", ""}, {"app.example", ""}, {"ftp://s3cret.example", ""}, {"https://a.example", "s3cret"}} {
		if _, err := callback.New(tt.base, &callback.Options{FallbackURL: tt.fallback}); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
