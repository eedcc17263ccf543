package lwa_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
)

var client = lwa.Credentials{ClientID: "client", ClientSecret: clientSecret}

// granting answers a code with refresh token Atzr|<code>, and a refresh with the same refresh token.
func granting(a *amazon) func(n int, r *http.Request) (answer, error) {
	return func(n int, _ *http.Request) (answer, error) {
		a.mu.Lock()
		form := a.forms[n-1]
		a.mu.Unlock()
		refresh := form.Get("refresh_token")
		if form.Get("grant_type") == "authorization_code" {
			refresh = "Atzr|" + form.Get("code")
		}
		return reply(200, fmt.Sprintf(`{"access_token":"Atza|%d-%s","token_type":"bearer","expires_in":3600,"refresh_token":%q}`, n, refresh[5:], refresh)), nil
	}
}

func TestExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := new(amazon)
		a.answer = granting(a)
		o := &lwa.Options{HTTPClient: &http.Client{Transport: a}}
		refresh, token, err := lwa.Exchange(t.Context(), client, lwa.Code{Code: "ANxyz", RedirectURI: "https://layla.amazon.com/x?y=1", Verifier: "v-e-r"}, o)
		if err != nil || refresh != "Atzr|ANxyz" || token.AccessToken != "Atza|1-ANxyz" || token.RefreshToken != "" || time.Until(token.Expiry) != time.Hour {
			t.Fatalf("got %q, %+v, %v", refresh, token, err)
		}
		for k, v := range map[string]string{
			"grant_type": "authorization_code", "code": "ANxyz", "client_id": "client", "client_secret": clientSecret,
			"redirect_uri": "https://layla.amazon.com/x?y=1", "code_verifier": "v-e-r",
		} {
			if got := a.forms[0].Get(k); got != v {
				t.Errorf("%s is %q, want %q", k, got, v)
			}
		}
		if _, _, err := lwa.Exchange(t.Context(), client, lwa.Code{Code: "bare"}, o); err != nil || a.forms[1].Has("redirect_uri") || a.forms[1].Has("code_verifier") {
			t.Errorf("sent %v, %v", a.forms[1], err)
		}
	})
}

func TestExchangeFails(t *testing.T) {
	const secretCode = "AN-a-secret-code"
	for _, tt := range []struct {
		name      string
		answer    func(int, *http.Request) (answer, error)
		status    int
		retryable bool
	}{
		{"used before", refuse(400, "invalid_grant"), 400, false},
		{"another client", refuse(401, "invalid_client"), 401, false},
		{"outage", outage, 503, true},
		{"no refresh token", answerBody(`{"access_token":"Atza|1","expires_in":3600}`), 0, true},
		{"a refresh token that is none", answerBody(`{"access_token":"Atza|1","refresh_token":"Atzr|\r\n"}`), 0, true},
		{"a token that is none", answerBody(`{"access_token":"Atza|1\r\nX: y","refresh_token":"Atzr|1"}`), 0, true},
		{"a long token", answerBody(`{"access_token":"` + strings.Repeat("a", 4097) + `","refresh_token":"Atzr|1"}`), 0, true},
		{"another kind of token", answerBody(`{"access_token":"Atza|1","token_type":"mac","refresh_token":"Atzr|1"}`), 0, true},
		{"silence", hang, 0, true},
		{"quoted", func(int, *http.Request) (answer, error) {
			return reply(400, fmt.Sprintf(`{"error":"invalid_grant","error_description":"code %s of %s"}`, secretCode, clientSecret)), nil
		}, 400, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				_, token, err := lwa.Exchange(t.Context(), client, lwa.Code{Code: secretCode}, &lwa.Options{HTTPClient: &http.Client{Transport: &amazon{answer: tt.answer}}})
				e, ok := errors.AsType[*lwa.Error](err)
				if !ok || token != nil || e.Status != tt.status || e.Retryable() != tt.retryable || time.Since(begin) > 4*time.Second {
					t.Fatalf("got %v, %v after %v", token, err, time.Since(begin))
				}
				for _, secret := range []string{secretCode, clientSecret, "Atza", "Atzr"} {
					if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) {
						t.Errorf("%q is in %v", secret, err)
					}
				}
			})
		})
	}
	for name, code := range map[string]lwa.Code{"none": {}, "long": {Code: strings.Repeat("a", 2049)}, "long verifier": {Code: "a", Verifier: strings.Repeat("a", 129)}} {
		a := new(amazon)
		if _, _, err := lwa.Exchange(t.Context(), client, code, &lwa.Options{HTTPClient: &http.Client{Transport: a}}); err == nil || a.requests() != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := lwa.Exchange(t.Context(), lwa.Credentials{ClientID: "a"}, lwa.Code{Code: "a"}, nil); err == nil {
		t.Error("exchanged without a secret")
	}
}

// newAccounts returns accounts at a, closed at the end of the test.
func newAccounts(t *testing.T, a *amazon, store lwa.Store) *lwa.Accounts {
	t.Helper()
	if a.answer == nil {
		a.answerWith(granting(a))
	}
	all, err := lwa.NewAccounts(client, &lwa.Options{HTTPClient: &http.Client{Transport: a}, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = all.Close() })
	return all
}

// TestAccounts takes grants of users, keeps them apart and over a restart, and forgets them.
func TestAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := new(amazon), new(shelf)
		all := newAccounts(t, a, store)
		if _, err := all.Source(t.Context(), "one"); !errors.Is(err, lwa.ErrNoGrant) {
			t.Errorf("without a grant: %v", err)
		}
		for i, user := range []string{"one", "two"} {
			if err := all.Accept(t.Context(), user, lwa.Code{Code: "AN" + user}); err != nil {
				t.Fatal(err)
			}
			if got := store.of(user); got != "Atzr|AN"+user {
				t.Errorf("%s: kept %q", user, got)
			}
			s, err := all.Source(t.Context(), user)
			if err != nil {
				t.Fatal(err)
			}
			want(t, s, fmt.Sprintf("Atza|%d-AN%s", i+1, user), "the code brought an access token too")
		}
		wantRequests(t, a, 2, "no refresh so far")

		// A new grant of the same user replaces the old one; whoever has the Source goes on with it.
		s, err := all.Source(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		if err := all.Accept(t.Context(), "one", lwa.Code{Code: "ANagain"}); err != nil {
			t.Fatal(err)
		}
		want(t, s, "Atza|3-ANagain", "a new grant")
		time.Sleep(time.Hour)
		want(t, s, "Atza|4-ANagain", "and its refresh")

		// After a restart the grants are there.
		if err := all.Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.Token(t.Context()); !errors.Is(err, lwa.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		again := newAccounts(t, a, store)
		if s, err = again.Source(t.Context(), "two"); err != nil {
			t.Fatal(err)
		}
		want(t, s, "Atza|5-ANtwo", "after a restart")

		if err := again.Forget(t.Context(), "two"); err != nil {
			t.Error(err)
		}
		if _, err := again.Source(t.Context(), "two"); !errors.Is(err, lwa.ErrNoGrant) {
			t.Errorf("forgotten: %v", err)
		}
		if _, err := s.Token(t.Context()); !errors.Is(err, lwa.ErrClosed) || store.of("two") != "" {
			t.Errorf("forgotten: %v", err)
		}
		for _, err := range []error{all.Accept(t.Context(), "one", lwa.Code{Code: "x"}), again.Accept(t.Context(), "", lwa.Code{Code: "x"})} {
			if err == nil {
				t.Error("accepted")
			}
		}
		if _, err := all.Source(t.Context(), "one"); !errors.Is(err, lwa.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
		if _, err := again.Source(t.Context(), "a\x00b"); !errors.Is(err, lwa.ErrNoGrant) {
			t.Errorf("a name that none has: %v", err)
		}
	})
}

// TestGrantThatIsNotKept fails an Accept whose refresh token would be lost with the process. The earlier grant stands.
func TestGrantThatIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := new(amazon), new(shelf)
		all := newAccounts(t, a, store)
		if err := all.Accept(t.Context(), "one", lwa.Code{Code: "ANfirst"}); err != nil {
			t.Fatal(err)
		}
		full := errors.New("disk full")
		store.save = func(context.Context, lwa.Grant) error { return full }
		if err := all.Accept(t.Context(), "one", lwa.Code{Code: "ANsecond"}); !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
		s, err := all.Source(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		want(t, s, "Atza|1-ANfirst", "the earlier grant stands")
		store.save = func(ctx context.Context, _ lwa.Grant) error { <-ctx.Done(); return ctx.Err() }
		begin := time.Now()
		if err := all.Accept(t.Context(), "one", lwa.Code{Code: "ANthird"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 5*time.Second {
			t.Errorf("got %v after %v", err, time.Since(begin))
		}
	})
}

// TestGrantDuringARefresh has a new grant come while the old one is being refreshed: the old one's refresh token is not saved over it,
// and who waits gets the new token.
func TestGrantDuringARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := new(amazon), new(shelf)
		give := granting(a)
		a.answer = func(n int, r *http.Request) (answer, error) {
			if n == 2 { // the refresh, which rotates
				time.Sleep(3 * time.Second)
				return reply(200, `{"access_token":"Atza|old","expires_in":3600,"refresh_token":"Atzr|old-rotated"}`), nil
			}
			return give(n, r)
		}
		all := newAccounts(t, a, store)
		if err := all.Accept(t.Context(), "one", lwa.Code{Code: "ANold"}); err != nil {
			t.Fatal(err)
		}
		s, err := all.Source(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		s.Invalidate("Atza|1-ANold")
		var wg sync.WaitGroup
		wg.Go(func() { want(t, s, "Atza|3-ANnew", "who waited for the refresh") })
		time.Sleep(time.Second)
		if err := all.Accept(t.Context(), "one", lwa.Code{Code: "ANnew"}); err != nil {
			t.Fatal(err)
		}
		want(t, s, "Atza|3-ANnew", "at once")
		wg.Wait()
		if got := store.of("one"); got != "Atzr|ANnew" {
			t.Errorf("kept %q", got)
		}
		time.Sleep(time.Hour)
		want(t, s, "Atza|4-ANnew", "refreshed with the new grant")
	})
}

// TestManyUsersAtOnce has each of many users asked for by many callers: one refresh each.
func TestManyUsersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := new(amazon), &shelf{grants: map[string]lwa.Grant{}}
		for i := range 20 {
			store.grants[fmt.Sprint("user ", i)] = lwa.Grant{RefreshToken: fmt.Sprint("Atzr|u", i)}
		}
		all := newAccounts(t, a, store)
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				s, err := all.Source(t.Context(), fmt.Sprint("user ", i%20))
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := s.Token(t.Context()); err != nil || !strings.HasSuffix(got.AccessToken, fmt.Sprint("-u", i%20)) {
					t.Errorf("got %v, %v", got, err)
				}
			})
		}
		wg.Wait()
		wantRequests(t, a, 20, "one for each user")
	})
}

func TestNewAccountsRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		c lwa.Credentials
		o *lwa.Options
	}{
		"no options": {client, nil},
		"no store":   {client, &lwa.Options{}},
		"no client":  {lwa.Credentials{}, &lwa.Options{Store: new(shelf)}},
		"bad URL":    {client, &lwa.Options{Store: new(shelf), TokenURL: "x"}},
	} {
		if _, err := lwa.NewAccounts(tt.c, tt.o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
