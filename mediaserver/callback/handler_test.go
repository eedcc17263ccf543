package callback_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// program is an application in process.
type program struct {
	err error

	mu   sync.Mutex
	seen []any
	none bool // it answers nothing
}

func (p *program) saw(v any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, v)
	return p.err
}

func (p *program) NewCall(_ context.Context, e *mediaserver.NewCall) (*mediaserver.Action, error) {
	if p.none {
		return nil, nil
	}
	return &mediaserver.Action{Kind: mediaserver.Drop, Reject: bridge.Busy}, p.saw(e)
}

func (p *program) IVRCommand(_ context.Context, e *mediaserver.IVRRequest) (*mediaserver.Command, error) {
	return &mediaserver.Command{Phrases: []mediaserver.Phrase{{Format: mediaserver.PhraseFile, File: "a"}}, BargeIn: true}, p.saw(e)
}

func (p *program) CallEvent(_ context.Context, e *mediaserver.CallEvent) (*mediaserver.Action, error) {
	return &mediaserver.Action{Kind: mediaserver.Connect, ParticipantID: "p", ReplyID: e.ReplyID}, p.saw(e)
}

func (p *program) Notify(_ context.Context, n *mediaserver.Notice) { _ = p.saw(n) }

// keysOf has the first key for the domain.
func keysOf(_ context.Context, d string) ([]*rsa.PublicKey, error) {
	if d != domain {
		return nil, nil
	}
	return []*rsa.PublicKey{&keys()[0].PublicKey}, nil
}

// serves answers with a handler.
func serves(h http.Handler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
}

// TestBothEnds: what one end is told, the other end's application is told, and what that answers comes back.
func TestBothEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &program{}
		a := application(t, at(serves(callback.Handler(p, &callback.HandlerOptions{Keys: keysOf})), nil), callback.Options{Key: keys()[0], KeyID: "k"})
		if got, err := a.NewCall(t.Context(), newCall); err != nil || got.Kind != mediaserver.Drop || got.Reject != bridge.Busy {
			t.Errorf("got %+v, %v", got, err)
		}
		if got, err := a.IVRCommand(t.Context(), ivr); err != nil || got.Phrases[0].File != "a" || !got.BargeIn {
			t.Errorf("got %+v, %v", got, err)
		}
		e := *event
		e.ReplyID = strings.Repeat("r", 853)
		if got, err := a.CallEvent(t.Context(), &e); err != nil || got.Kind != mediaserver.Connect || got.ReplyID != e.ReplyID {
			t.Errorf("got %+v, %v", got, err)
		}
		a.Notify(t.Context(), ringing)
		a.Notify(t.Context(), ended)
		if want := []any{newCall, ivr, &e, ringing, ended}; !reflect.DeepEqual(p.seen, want) {
			t.Errorf("the application was told %+v, want %+v", p.seen, want)
		}
		if s := a.Stats(); s.Sent != 5 || s.Failed != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestUnsignedIsRefused, and what is signed with another key, for another domain, or for another body.
func TestUnsignedIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &program{}
		h := callback.Handler(p, &callback.HandlerOptions{Keys: keysOf})
		for name, o := range map[string]callback.Options{"unsigned": {}, "another key": {Key: keys()[1]}} {
			if _, err := application(t, at(serves(h), nil), o).NewCall(t.Context(), newCall); status(err) != 401 {
				t.Errorf("%s: %v", name, err)
			}
		}
		tampered := func(w http.ResponseWriter, r *http.Request) error {
			r.Body = http.NoBody
			return serves(h)(w, r)
		}
		if _, err := application(t, at(tampered, nil), callback.Options{Key: keys()[0]}).NewCall(t.Context(), newCall); status(err) != 401 {
			t.Error("another body:", err)
		}
		other := *newCall
		other.Domain = "other.example"
		if _, err := application(t, at(serves(h), nil), callback.Options{Key: keys()[0]}).NewCall(t.Context(), &other); status(err) != 401 {
			t.Error("another domain:", err)
		}
		if len(p.seen) > 0 {
			t.Errorf("the application was told %+v", p.seen)
		}
	})
}

func status(err error) int {
	if e, ok := errors.AsType[*callback.Error](err); ok {
		return e.Status
	}
	return 0
}

// TestSignedForAnotherDomain: the domain of the signature is the one that counts, not the one in the body.
func TestSignedForAnotherDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &program{}
		both := func(context.Context, string) ([]*rsa.PublicKey, error) {
			return []*rsa.PublicKey{&keys()[0].PublicKey}, nil
		}
		h := callback.Handler(p, &callback.HandlerOptions{Keys: both})
		n := at(serves(h), nil)
		if _, err := application(t, n, callback.Options{Key: keys()[0]}).NewCall(t.Context(), newCall); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		body := []byte(`{"domain":"other.example","event":"callingPartyDrop"}`)
		r := httptest.NewRequest(http.MethodPost, "/callEvent", strings.NewReader(string(body)))
		token := sign(t, domain, body)
		r.Header.Set("Authorization", "Bearer "+token)
		h.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || len(p.seen) != 1 {
			t.Errorf("status %d, told %+v", w.Code, p.seen)
		}
		if err := callback.Verify(r, body, domain, &keys()[1].PublicKey, &keys()[0].PublicKey); err != nil {
			t.Error(err)
		}
		for name, err := range map[string]error{
			"no key":         callback.Verify(r, body, domain),
			"another key":    callback.Verify(r, body, domain, &keys()[1].PublicKey),
			"another body":   callback.Verify(r, body[1:], domain, &keys()[0].PublicKey),
			"another domain": callback.Verify(r, body, "other.example", &keys()[0].PublicKey),
			"no header":      callback.Verify(httptest.NewRequest(http.MethodPost, "/", nil), body, domain, &keys()[0].PublicKey),
		} {
			if err == nil {
				t.Errorf("%s: verified", name)
			}
		}
		time.Sleep(time.Hour)
		if err := callback.Verify(r, body, domain, &keys()[0].PublicKey); err == nil {
			t.Error("verified an hour later")
		}
	})
}

// TestRetriedCallbackHasOneEffect: the answer was lost on its way, and the callback is sent again.
func TestRetriedCallbackHasOneEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &program{}
		h := callback.Handler(p, nil)
		lost := 0
		a := application(t, at(func(w http.ResponseWriter, r *http.Request) error {
			h.ServeHTTP(w, r)
			if lost++; lost%2 == 1 {
				return errRefused
			}
			return nil
		}, nil), callback.Options{})
		for range 2 {
			if got, err := a.NewCall(t.Context(), newCall); err != nil || got.Reject != bridge.Busy {
				t.Errorf("got %+v, %v", got, err)
			}
		}
		if len(p.seen) != 2 || lost != 4 {
			t.Errorf("%d calls for %d requests, want 2 for 4", len(p.seen), lost)
		}
	})
}

// TestFailedCallbackIsTriedAgain: what the application has failed it may do the second time.
func TestFailedCallbackIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &program{err: errRefused}
		log, text := logged()
		a := application(t, at(serves(callback.Handler(p, &callback.HandlerOptions{Logger: log})), nil), callback.Options{})
		if _, err := a.NewCall(t.Context(), newCall); status(err) != 500 || len(p.seen) != 2 {
			t.Errorf("%v, asked %d times", err, len(p.seen))
		}
		if s := text.String(); !strings.Contains(s, errRefused.Error()) || strings.Contains(s, "555") {
			t.Error(s)
		}
		p.none = true
		if _, err := a.NewCall(t.Context(), newCall); status(err) != 500 {
			t.Error("no answer:", err)
		}
	})
}

func TestHandlerRefuses(t *testing.T) {
	p := &program{}
	h := callback.Handler(p, nil)
	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/a/b/callNotify", `{"event":"ringing"}`, 200},
		{"POST", "/callNotify", `{"event":"of a later version"}`, 200},
		{"GET", "/newCall", ``, 405},
		{"POST", "/", `{}`, 404},
		{"POST", "/newcall", `{}`, 404},
		{"POST", "/newCall/x", `{}`, 404},
		{"POST", "/newCall", ``, 400},
		{"POST", "/newCall", `{"sessionId":7}`, 400},
		{"POST", "/callEvent", `{"event":"x"}`, 400},
		{"POST", "/callAnswered", `[]`, 400},
		{"POST", "/newCall", `{"a":"` + strings.Repeat("a", wire.MaxBody) + `"}`, 400},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body)))
		if w.Code != tt.want {
			t.Errorf("%s %s: status %d, want %d", tt.method, tt.path, w.Code, tt.want)
		}
	}
	if len(p.seen) != 1 {
		t.Errorf("the application was told %+v", p.seen)
	}
}

// FuzzHandler: no request makes it panic, and none but a 200 has reached the application.
func FuzzHandler(f *testing.F) {
	for _, body := range []string{``, `{}`, `{"event":"ringing"}`, `{"event":"callingPartyDrop","sipCode":486}`, `{"dtmfParams":{"dtmfMatch":"1"}}`} {
		for _, name := range []string{"newCall", "callEvent", "callNotify", "getIvrCommand", "sessionCompleted"} {
			f.Add(name, "id", []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, name, id string, body []byte) {
		p := &program{}
		h := callback.Handler(p, nil)
		for range 2 {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
			r.URL.Path = "/" + name
			r.Header["Idempotency-Key"] = []string{id}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 && len(p.seen) > 0 || w.Code/100 == 5 {
				t.Errorf("status %d, told %+v", w.Code, p.seen)
			}
		}
		if id != "" && len(id) < 1000 && len(p.seen) > 1 {
			t.Error("told twice")
		}
	})
}

func ExampleHandler() {
	server := httptest.NewServer(callback.Handler(&program{}, nil)) // an application of its own
	defer server.Close()
	app, err := callback.New(server.URL, &callback.Options{Private: true}) // in the media server
	if err != nil {
		fmt.Println(err)
		return
	}
	defer app.Close()
	action, err := app.NewCall(context.Background(), &mediaserver.NewCall{To: bridge.Party{URI: "sip:100@hotel.example"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(action.Kind == mediaserver.Drop, action.Reject)
	// Output: true busy
}
