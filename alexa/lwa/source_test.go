package lwa_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
)

func TestTokenIsAskedForAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := new(amazon)
		s := newSource(t, a)
		wantRequests(t, a, 0, "a new source is quiet")
		got, err := s.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.AccessToken != "Atza|1" || got.Type() != "Bearer" || got.RefreshToken != "" {
			t.Errorf("got %+v", got)
		}
		if left := time.Until(got.Expiry); left != time.Hour {
			t.Errorf("token lives %v, want 1h", left)
		}
		form := a.forms[0]
		for k, v := range map[string]string{
			"grant_type": "refresh_token", "client_id": "client",
			"client_secret": clientSecret, "refresh_token": firstRefresh,
		} {
			if form.Get(k) != v {
				t.Errorf("form field %s is %q, want %q", k, form.Get(k), v)
			}
		}
		if a.urls[0] != "https://api.amazon.com/auth/o2/token" {
			t.Errorf("asked %s", a.urls[0])
		}
		got.AccessToken = "changed by the one who waited"
		if got, err = s.Token(t.Context()); err != nil || got.AccessToken != "Atza|1" {
			t.Fatalf("from memory: %v, %v", got, err)
		}
		got.AccessToken = "changed by the one who came later"
		time.Sleep(54*time.Minute - time.Second)
		want(t, s, "Atza|1", "a token is kept, whatever a caller does to his copy")
		wantRequests(t, a, 1, "before 90 % of the life")
	})
}

func TestSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &amazon{answer: slow(time.Second, good)}
		s := newSource(t, a)
		ask := func(token string) {
			var wg sync.WaitGroup
			for range 1000 {
				wg.Go(func() {
					got, err := s.Token(t.Context())
					if err != nil || got.AccessToken != token {
						t.Errorf("got %v, %v, want %s", got, err, token)
					}
				})
			}
			wg.Wait()
		}
		ask("Atza|1")
		wantRequests(t, a, 1, "1,000 callers without a token")

		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { s.Invalidate("Atza|1") })
		}
		wg.Wait()
		ask("Atza|2")
		wantRequests(t, a, 2, "1,000 callers were refused with the same token")
		s.Invalidate("Atza|1")
		want(t, s, "Atza|2", "a late 401 for an older token")
		wantRequests(t, a, 2, "nothing to refresh")
	})
}

func TestRefreshAheadKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &amazon{answer: slow(2*time.Second, good)}
		s := newSource(t, a)
		want(t, s, "Atza|1", "first")
		// Two of the 3,600 seconds passed while Amazon answered.
		time.Sleep(54*time.Minute - 2*time.Second)
		before := time.Now()
		for range 3 {
			want(t, s, "Atza|1", "at 90 % of the life the old token serves")
		}
		if d := time.Since(before); d != 0 {
			t.Errorf("callers waited %v", d)
		}
		synctest.Wait()
		wantRequests(t, a, 2, "one refresh ahead of time")
		time.Sleep(3 * time.Second)
		want(t, s, "Atza|2", "after the refresh")
		wantRequests(t, a, 2, "the new token is fresh")
	})
}

func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log capture
		a := new(amazon)
		s := newSource(t, a, func(o *lwa.Options) { o.Logger = log.logger() })
		want(t, s, "Atza|1", "before the outage")
		got := time.Now()
		time.Sleep(54 * time.Minute)
		a.answerWith(outage)

		// A caller every 100 ms; the times of the requests they cause, in seconds.
		var tries []time.Duration
		begin := time.Now()
		for time.Since(begin) < 200*time.Second {
			n := a.requests()
			want(t, s, "Atza|1", "the token in use serves through an outage")
			synctest.Wait()
			if a.requests() > n {
				tries = append(tries, time.Since(begin))
			}
			time.Sleep(100 * time.Millisecond)
		}
		wantTries := []time.Duration{0, 1, 3, 7, 15, 31, 63, 123, 183}
		if len(tries) != len(wantTries) {
			t.Fatalf("refreshes at %v, want %d s", tries, wantTries)
		}
		for i, w := range wantTries {
			if tries[i] != w*time.Second {
				t.Errorf("refresh %d after %v, want %d s", i, tries[i], w)
			}
		}
		if log.String() == "" {
			t.Error("an outage that no caller notices is not logged")
		}

		time.Sleep(time.Until(got.Add(time.Hour - time.Nanosecond)))
		want(t, s, "Atza|1", "until the very end of its life")
		time.Sleep(time.Nanosecond)
		_, err := s.Token(t.Context())
		if e, ok := errors.AsType[*lwa.Error](err); !ok || e.Status != 503 || !e.Retryable() {
			t.Fatalf("with an expired token got %v, want status 503", err)
		}
		a.answerWith(nil)
		time.Sleep(time.Second)
		tok, err := s.Token(t.Context())
		if err != nil || tok.AccessToken == "Atza|1" {
			t.Fatalf("after the outage: %v, %v", tok, err)
		}

		// The next outage starts from the shortest pause again.
		time.Sleep(55 * time.Minute)
		a.answerWith(outage)
		n := a.requests()
		for range 11 {
			want(t, s, tok.AccessToken, "in the next outage")
			synctest.Wait()
			time.Sleep(100 * time.Millisecond)
		}
		wantRequests(t, a, n+2, "at once and a second later")
	})
}

func TestFailuresWithoutTokenAreSharedBriefly(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(int, *http.Request) (answer, error)
		want   int // requests in 30 s with a caller every 100 ms
	}{
		{"outage", outage, 30},
		{"refused", refuse(400, "invalid_grant"), 5}, // at 0, 1, 3, 7, 15
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &amazon{answer: tt.answer}
				s := newSource(t, a)
				for range 300 {
					if _, err := s.Token(t.Context()); err == nil {
						t.Fatal("got a token")
					}
					time.Sleep(100 * time.Millisecond)
				}
				wantRequests(t, a, tt.want, "failures in a row")
			})
		})
	}
}

func TestWaitingCallerHonoursItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &amazon{answer: slow(3*time.Second, good)}
		s := newSource(t, a)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if _, err := s.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		if d := time.Since(begin); d != time.Second {
			t.Errorf("gave up after %v", d)
		}
		want(t, s, "Atza|1", "the one who started the refresh took nothing with him")
		wantRequests(t, a, 1, "still the same refresh")
		if got, err := s.Token(ctx); err != nil || got.AccessToken != "Atza|1" {
			t.Errorf("an ended context and a token in memory: %v, %v", got, err)
		}
	})
}

func TestHangingEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(t, &amazon{answer: hang})
		begin := time.Now()
		_, err := s.Token(t.Context())
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		if e, ok := errors.AsType[*lwa.Error](err); !ok || !e.Retryable() || e.Status != 0 {
			t.Errorf("got %#v, want a retryable *lwa.Error", err)
		}
		if d := time.Since(begin); d != 5*time.Second {
			t.Errorf("waited %v, want 5 s", d)
		}
	})
}

func TestCloseJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(t, &amazon{answer: hang})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := s.Token(t.Context()); !errors.Is(err, lwa.ErrClosed) {
					t.Errorf("waiting caller got %v, want ErrClosed", err)
				}
			})
		}
		synctest.Wait()
		begin := time.Now()
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		wg.Wait()
		if d := time.Since(begin); d != 0 {
			t.Errorf("Close took %v", d)
		}
		if _, err := s.Token(t.Context()); !errors.Is(err, lwa.ErrClosed) {
			t.Errorf("after Close got %v", err)
		}
	})
}

func TestTokenSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(t, &amazon{answer: slow(2*time.Second, good)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.TokenSource(ctx).Token(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline of the context it was made with", err)
		}
		if got, err := s.TokenSource(t.Context()).Token(); err != nil || got.AccessToken != "Atza|1" || !got.Valid() {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

func TestNewSourceRefuses(t *testing.T) {
	full := lwa.Credentials{ClientID: "a", ClientSecret: "b", RefreshToken: "c"}
	for name, tt := range map[string]struct {
		c lwa.Credentials
		o *lwa.Options
	}{
		"no id":        {lwa.Credentials{ClientSecret: "b", RefreshToken: "c"}, nil},
		"no secret":    {lwa.Credentials{ClientID: "a", RefreshToken: "c"}, nil},
		"no refresh":   {lwa.Credentials{ClientID: "a", ClientSecret: "b"}, nil},
		"relative URL": {full, &lwa.Options{TokenURL: "/auth/o2/token"}},
		"other scheme": {full, &lwa.Options{TokenURL: "ftp://api.amazon.com/"}},
		"bad URL":      {full, &lwa.Options{TokenURL: "https://%zz/"}},

		"scope and refresh": {lwa.Credentials{ClientID: "a", ClientSecret: "b", RefreshToken: "c", Scope: "d"}, nil},
		"scope and store":   {lwa.Credentials{ClientID: "a", ClientSecret: "b", Scope: "d"}, &lwa.Options{Store: new(shelf)}},
		"bad account":       {full, &lwa.Options{Account: "a\x00b"}},
	} {
		if s, err := lwa.NewSource(tt.c, tt.o); err == nil {
			t.Errorf("%s: accepted", name)
			_ = s.Close()
		}
	}
	s, err := lwa.NewSource(full, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
