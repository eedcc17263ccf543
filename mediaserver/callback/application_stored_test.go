package callback_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/callback"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// stored makes a call to 100 that the application and its spare fail, and one to where nothing is stored.
func stored(t *testing.T, n *network) {
	store := &callback.Memory{}
	if err := store.Put(t.Context(), domain, "100", hangsUp(wire.OnError, "sorry")); err != nil {
		t.Fatal(err)
	}
	a := application(t, n, callback.Options{FallbackURL: fallbackURL, Fallbacks: store})
	action, err := a.NewCall(decideFor(t, 15*time.Second), newCall)
	if err != nil || action.Kind != mediaserver.IVR {
		t.Fatalf("got %+v, %v", action, err)
	}
	sent := len(n.requests())
	began := time.Now()
	m, err := a.IVRCommand(decideFor(t, 15*time.Second), ivr)
	if err != nil || len(m.Phrases) != 1 || m.Phrases[0].File != "sorry" || !m.Hangup || len(n.requests()) != sent || time.Since(began) != 0 {
		t.Errorf("its command is %+v, %v, after %v and %d requests", m, err, time.Since(began), len(n.requests())-sent)
	}
	left := *event
	left.Event, left.ConnectionID = mediaserver.CalledPartyDrop, ivr.ConnectionID
	if action, err := a.CallEvent(decideFor(t, 15*time.Second), &left); err != nil || action.Kind != mediaserver.Drop || len(n.requests()) != sent {
		t.Errorf("the IVR has left: %+v, %v, after %d requests", action, err, len(n.requests())-sent)
	}
	other := *newCall
	other.To.URI = "sip:101@customer.example"
	if action, err := a.NewCall(decideFor(t, 15*time.Second), &other); err == nil {
		t.Errorf("to another number: %+v", action)
	}
	if action, err := a.CallEvent(decideFor(t, 15*time.Second), event); err == nil && action.Kind != mediaserver.Drop { // {} drops
		t.Errorf("who is left: %+v", action)
	}
}

// TestStoredCommand: a fallback is the command too when the application fails in the middle of a call; and one of mode "always" at once.
func TestStoredCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &callback.Memory{}
		n := at(says(500, ""), nil)
		a := application(t, n, callback.Options{Fallbacks: store})
		if m, err := a.IVRCommand(decideFor(t, 15*time.Second), ivr); err == nil {
			t.Errorf("nothing is stored: %+v", m)
		}
		if err := store.Put(t.Context(), domain, "100", hangsUp(wire.OnError, "sorry")); err != nil {
			t.Fatal(err)
		}
		if m, err := a.IVRCommand(decideFor(t, 15*time.Second), ivr); err != nil || m.Phrases[0].File != "sorry" {
			t.Errorf("got %+v, %v", m, err)
		}
		if err := store.Put(t.Context(), domain, "100", hangsUp(wire.Always, "closed")); err != nil {
			t.Fatal(err)
		}
		sent := len(n.requests())
		action, err := a.NewCall(decideFor(t, 15*time.Second), newCall)
		if err != nil || action.Kind != mediaserver.IVR {
			t.Errorf("always: got %+v, %v", action, err)
		}
		for range 2 {
			if m, err := a.IVRCommand(decideFor(t, 15*time.Second), ivr); err != nil || m.Phrases[0].File != "closed" {
				t.Errorf("always: got %+v, %v", m, err)
			}
		}
		if len(n.requests()) != sent || a.Stats().Stored != 4 {
			t.Errorf("%d requests, %+v", len(n.requests())-sent, a.Stats())
		}
	})
}

// brokenStore is a store whose disk is gone.
type brokenStore struct{ callback.FallbackStore }

func (brokenStore) Get(context.Context, string, string) (*wire.Fallback, error) {
	return nil, errRefused
}

// TestBrokenStore: an application that is up decides though the store has failed; else the call is refused.
func TestBrokenStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := goesOn
		log, text := logged()
		n := at(func(w http.ResponseWriter, r *http.Request) error { return up(w, r) }, nil)
		a := application(t, n, callback.Options{Fallbacks: brokenStore{}, Logger: log})
		if got, err := a.NewCall(t.Context(), newCall); err != nil || got.Kind != mediaserver.IVR {
			t.Errorf("got %+v, %v", got, err)
		}
		up = says(500, "")
		if got, err := a.NewCall(t.Context(), newCall); status(err) != 500 {
			t.Errorf("got %+v, %v", got, err)
		}
		if !strings.Contains(text.String(), "fallback store failed") {
			t.Errorf("logged %q", text)
		}
	})
}

// TestWhomAStoredCommandHangsUp: the application is not asked about whom it hangs up, but about everybody else.
func TestWhomAStoredCommandHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &callback.Memory{}
		calls := hangsUp(wire.Always, "a")
		calls.Command.Hangup, calls.Command.Call = false, &mediaserver.Action{Kind: mediaserver.Call, Destination: mediaserver.Destination{Addr: "+46"}}
		for number, f := range map[string]*wire.Fallback{"100": hangsUp(wire.Always, "a"), "101": calls} {
			if err := store.Put(t.Context(), domain, number, f); err != nil {
				t.Fatal(err)
			}
		}
		n := at(goesOn, nil)
		a := application(t, n, callback.Options{Fallbacks: store})
		for i, tt := range []struct {
			called, connection string
			event              mediaserver.EventKind
			want               mediaserver.ActionKind
		}{
			{"100", "c1", mediaserver.CalledPartyDrop, mediaserver.Drop},
			{"100", "c1", mediaserver.CallingPartyDrop, mediaserver.IVR},
			{"100", "c1", mediaserver.CallerConnectionSplit, mediaserver.IVR},
			{"100", "c2", mediaserver.CalledPartyDrop, mediaserver.IVR},
			{"101", "c1", mediaserver.CalledPartyDrop, mediaserver.IVR},
		} {
			r, e := *ivr, *event
			r.Called, e.Event, e.ConnectionID = tt.called, tt.event, tt.connection
			if _, err := a.IVRCommand(t.Context(), &r); err != nil {
				t.Fatal(err)
			}
			if got, err := a.CallEvent(t.Context(), &e); err != nil || got.Kind != tt.want {
				t.Errorf("%d: got %+v, %v", i, got, err)
			}
			if got, err := a.CallEvent(t.Context(), &e); err != nil || got.Kind != mediaserver.IVR {
				t.Errorf("%d: a second time: %+v, %v", i, got, err)
			}
		}
	})
}

// TestStoredCommandIsForgotten with the session, and expires with the time that it was stored for.
func TestStoredCommandIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &callback.Memory{}
		f := hangsUp(wire.OnError, "sorry")
		f.For = day
		if err := store.Put(t.Context(), domain, "100", f); err != nil {
			t.Fatal(err)
		}
		up := breaks(errRefused)
		n := at(func(w http.ResponseWriter, r *http.Request) error { return up(w, r) }, nil)
		a := application(t, n, callback.Options{Fallbacks: store})
		if _, err := a.NewCall(t.Context(), newCall); err != nil {
			t.Fatal(err)
		}
		a.Notify(t.Context(), ended)
		time.Sleep(time.Minute)
		up = speaks
		if m, err := a.IVRCommand(t.Context(), ivr); err != nil || m.Phrases[0].File != "a" {
			t.Errorf("got %+v, %v, want the application's", m, err)
		}
		time.Sleep(day)
		up = breaks(errRefused)
		if m, err := a.IVRCommand(t.Context(), ivr); err == nil {
			t.Errorf("it has expired: %+v", m)
		}
	})
}
