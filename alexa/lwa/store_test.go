package lwa_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
)

// sourceOf returns a source with that configured refresh token and a store.
func sourceOf(t *testing.T, a *amazon, configured string, store lwa.Store) *lwa.Source {
	t.Helper()
	s, err := lwa.NewSource(lwa.Credentials{ClientID: "client", ClientSecret: clientSecret, RefreshToken: configured},
		&lwa.Options{HTTPClient: &http.Client{Transport: a}, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestRotationSurvivesARestart goes on with the last refresh token, until the operator configures another one.
func TestRotationSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, path := newStore(t)
		a := &amazon{answer: rotating}
		s := sourceOf(t, a, firstRefresh, store)
		want(t, s, "Atza|1", "first")
		s.Invalidate("Atza|1")
		want(t, s, "Atza|2", "second")
		_ = s.Close()

		again, err := lwa.OpenFileStore(path)
		if err != nil {
			t.Fatal(err)
		}
		s = sourceOf(t, a, firstRefresh, again)
		want(t, s, "Atza|3", "after a restart")
		_ = s.Close()
		want(t, sourceOf(t, a, "Atzr|newly-configured", again), "Atza|4", "the operator has put another one in its place")
		want(t, sourceOf(t, a, "Atzr|newly-configured", again), "Atza|5", "and that one's is kept then")
		sent := []string{firstRefresh, "Atzr|rotated-1", "Atzr|rotated-2", "Atzr|newly-configured", "Atzr|rotated-4"}
		if got := a.refreshTokens(); !slices.Equal(got, sent) {
			t.Errorf("sent %v, want %v", got, sent)
		}
	})
}

// TestStoreAlone needs no configured refresh token.
func TestStoreAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := new(amazon), new(shelf)
		s := sourceOf(t, a, "", store)
		_, err := s.Token(t.Context())
		if e, ok := errors.AsType[*lwa.Error](err); !ok || !errors.Is(err, lwa.ErrNoGrant) || e.Retryable() {
			t.Errorf("got %v", err)
		}
		wantRequests(t, a, 0, "there is nothing to ask with")
		if err := store.Save(t.Context(), "default", lwa.Grant{RefreshToken: "Atzr|of-the-store"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		want(t, s, "Atza|1", "once there is one")
		if got := a.refreshTokens(); !slices.Equal(got, []string{"Atzr|of-the-store"}) {
			t.Errorf("sent %v", got)
		}
	})
}

// TestStoreIsBroken gives no token, for the configured refresh token may have been replaced long ago: using it would hide the loss.
func TestStoreIsBroken(t *testing.T) {
	for _, tt := range []struct {
		name      string
		err       error
		retryable bool
	}{
		{"corrupt", &lwa.StoreError{Fault: lwa.StoreCorrupt, Path: "p", Err: errors.New("x")}, false},
		{"down", errors.New("database is down"), true},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, broken := new(amazon), tt.err
			s := sourceOf(t, a, firstRefresh, &shelf{load: func(context.Context) error { return broken }})
			_, err := s.Token(t.Context())
			if e, ok := errors.AsType[*lwa.Error](err); !ok || !errors.Is(err, tt.err) || e.Retryable() != tt.retryable {
				t.Errorf("%s: got %v", tt.name, err)
			}
			wantRequests(t, a, 0, "nothing is asked")
			broken = nil
			time.Sleep(2 * time.Second)
			want(t, s, "Atza|1", "when the store is whole again")
		})
	}
}

func TestStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sourceOf(t, new(amazon), firstRefresh, &shelf{load: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }})
		begin := time.Now()
		if _, err := s.Token(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 5*time.Second {
			t.Errorf("got %v after %v", err, time.Since(begin))
		}
	})
}

// TestTwoProcesses share an account: the one whose refresh token the other has had replaced finds the new one in the store.
func TestTwoProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		current, store := firstRefresh, new(shelf)
		a := new(amazon)
		a.answer = func(n int, _ *http.Request) (answer, error) {
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.forms[n-1].Get("refresh_token") != current {
				return refuse(400, "invalid_grant")(n, nil)
			}
			current = fmt.Sprint("Atzr|rotated-", n)
			return reply(200, fmt.Sprintf(`{"access_token":"Atza|%d","expires_in":3600,"refresh_token":%q}`, n, current)), nil
		}
		one, two := sourceOf(t, a, firstRefresh, store), sourceOf(t, a, firstRefresh, store)
		want(t, one, "Atza|1", "one")
		want(t, two, "Atza|2", "two begins with what one has saved")
		one.Invalidate("Atza|1")
		want(t, one, "Atza|4", "one is refused and finds what two has saved") // the third request was the refused one
		two.Invalidate("Atza|2")
		want(t, two, "Atza|6", "and the other way")

		current = "Atzr|withdrawn"
		one.Invalidate("Atza|4")
		if _, err := one.Token(t.Context()); !errors.Is(err, &lwa.Error{Code: "invalid_grant"}) {
			t.Errorf("got %v", err)
		}
	})
}

// TestClientCredentials asks for tokens of the client itself.
func TestClientCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &amazon{answer: func(n int, _ *http.Request) (answer, error) {
			return reply(200, fmt.Sprintf(`{"access_token":"Atza|%d","token_type":"bearer","expires_in":1800,"scope":"alexa:skill_messaging"}`, n)), nil
		}}
		s, err := lwa.NewSource(lwa.Credentials{ClientID: "client", ClientSecret: clientSecret, Scope: "alexa:skill_messaging"},
			&lwa.Options{HTTPClient: &http.Client{Transport: a}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		want(t, s, "Atza|1", "first")
		for k, v := range map[string]string{"grant_type": "client_credentials", "scope": "alexa:skill_messaging", "client_id": "client", "client_secret": clientSecret} {
			if got := a.forms[0].Get(k); got != v {
				t.Errorf("%s is %q, want %q", k, got, v)
			}
		}
		time.Sleep(27 * time.Minute)
		want(t, s, "Atza|1", "90 % of the life")
		synctest.Wait()
		want(t, s, "Atza|2", "refreshed ahead")
		s.Invalidate("Atza|2")
		a.answerWith(refuse(400, "invalid_scope"))
		if _, err := s.Token(t.Context()); !errors.Is(err, &lwa.Error{Code: "invalid_scope"}) {
			t.Errorf("got %v", err)
		}
	})
}
