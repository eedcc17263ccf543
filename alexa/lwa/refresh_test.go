package lwa_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
)

func answerBody(body string) func(int, *http.Request) (answer, error) {
	return func(int, *http.Request) (answer, error) { return reply(200, body), nil }
}

func TestExpiresIn(t *testing.T) {
	for _, tt := range []struct {
		field string
		want  time.Duration
	}{
		{`,"expires_in":3600`, time.Hour},
		{`,"expires_in":"1800"`, 30 * time.Minute}, // as one page of Amazon shows it
		{``, time.Hour},
		{`,"expires_in":0`, time.Hour},
		{`,"expires_in":-5`, time.Hour},
		{`,"expires_in":null`, time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSource(t, &amazon{answer: answerBody(`{"access_token":"Atza|1","token_type":"bearer"` + tt.field + `}`)})
			got, err := s.Token(t.Context())
			if err != nil {
				t.Fatalf("%q: %v", tt.field, err)
			}
			if d := time.Until(got.Expiry); d != tt.want {
				t.Errorf("%q: life %v, want %v", tt.field, d, tt.want)
			}
		})
	}
}

func TestLifeCountsFromTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(t, &amazon{answer: slow(3*time.Second, good)})
		got, err := s.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d := time.Until(got.Expiry); d != time.Hour-3*time.Second {
			t.Errorf("token lives %v after an answer that took 3 s", d)
		}
	})
}

// rotating answers each request with refresh token Atzr|rotated-<n>.
func rotating(n int, _ *http.Request) (answer, error) {
	return reply(200, fmt.Sprintf(`{"access_token":"Atza|%d","expires_in":3600,"refresh_token":"Atzr|rotated-%d"}`, n, n)), nil
}

func TestRefreshTokenRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log capture
		var saved []string
		saveErr := errors.New("disk full, could not write Atzr|rotated-1")
		a := &amazon{answer: rotating}
		s := newSource(t, a, func(o *lwa.Options) {
			o.Logger = log.logger()
			o.Store = &shelf{save: func(ctx context.Context, g lwa.Grant) error {
				if _, ok := ctx.Deadline(); !ok {
					t.Error("Save has no deadline")
				}
				saved = append(saved, g.RefreshToken)
				return saveErr
			}}
		})
		want(t, s, "Atza|1", "a failed Save does not cost the token")
		if !slices.Equal(saved, []string{"Atzr|rotated-1"}) {
			t.Fatalf("before the token is handed out, saved is %v", saved)
		}
		if !strings.Contains(log.String(), "not saved") {
			t.Error("a failed Save is not logged")
		}

		// Amazon stays with the token now: it is used, and saved at the second attempt.
		saveErr = nil
		a.answerWith(func(n int, _ *http.Request) (answer, error) {
			return reply(200, fmt.Sprintf(`{"access_token":"Atza|%d","expires_in":3600}`, n)), nil
		})
		for i := range 2 {
			s.Invalidate(fmt.Sprintf("Atza|%d", i+1))
			want(t, s, fmt.Sprintf("Atza|%d", i+2), "next")
		}
		if got := []string{"Atzr|rotated-1", "Atzr|rotated-1"}; !slices.Equal(saved, got) {
			t.Errorf("saved %v, want %v", saved, got)
		}
		if got, want := a.refreshTokens(), []string{firstRefresh, "Atzr|rotated-1", "Atzr|rotated-1"}; !slices.Equal(got, want) {
			t.Errorf("sent %v, want %v", got, want)
		}
		if strings.Contains(log.String(), "rotated-") {
			t.Errorf("refresh token in the log: %s", log.String())
		}
	})
}

// TestSecretsOfManyRotations checks that a token which has replaced others is kept out
// of texts as the first one is.
func TestSecretsOfManyRotations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &amazon{answer: rotating}
		s := newSource(t, a)
		for n := range 5 {
			want(t, s, fmt.Sprintf("Atza|%d", n+1), "next")
			s.Invalidate(fmt.Sprintf("Atza|%d", n+1))
		}
		a.answerWith(func(int, *http.Request) (answer, error) {
			return reply(400, fmt.Sprintf(`{"error":"invalid_grant","error_description":"%s is not Atzr|rotated-4 nor Atzr|rotated-5"}`, clientSecret)), nil
		})
		_, err := s.Token(t.Context())
		if err == nil || strings.Count(err.Error(), "[redacted]") != 3 || strings.Contains(err.Error(), "rotated") {
			t.Errorf("got %v", err)
		}
	})
}

func TestSameRefreshTokenIsNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(t, new(amazon), func(o *lwa.Options) {
			o.Store = &shelf{save: func(context.Context, lwa.Grant) error { t.Error("saved"); return nil }}
		})
		want(t, s, "Atza|1", "first")
	})
}

func TestHangingSaveIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(t, &amazon{answer: rotating}, func(o *lwa.Options) {
			o.Store = &shelf{save: func(ctx context.Context, _ lwa.Grant) error { <-ctx.Done(); return ctx.Err() }}
		})
		begin := time.Now()
		want(t, s, "Atza|1", "Save is given up")
		if d := time.Since(begin); d != 5*time.Second {
			t.Errorf("waited %v for Save", d)
		}
	})
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name      string
		answer    func(int, *http.Request) (answer, error)
		status    int
		code      string
		retryable bool
	}{
		{"invalid_grant", refuse(400, "invalid_grant"), 400, "invalid_grant", false},
		{"invalid_client", refuse(401, "invalid_client"), 401, "invalid_client", false},
		{"unknown code", refuse(400, "new_code"), 400, "new_code", false},
		{"error with status 200", refuse(200, "unsupported_grant_type"), 200, "unsupported_grant_type", false},
		{"forbidden without JSON", func(int, *http.Request) (answer, error) { return reply(403, "no"), nil }, 403, "", false},
		{"throttled", func(int, *http.Request) (answer, error) { return reply(429, "{}"), nil }, 429, "", true},
		{"outage", outage, 503, "", true},
		{"network", func(int, *http.Request) (answer, error) { return answer{}, errors.New("connection refused") }, 0, "", true},
		{"not JSON", answerBody("hello"), 0, "", true},
		{"no access token", answerBody(`{"token_type":"bearer"}`), 0, "", true},
		{"bad expires_in", answerBody(`{"access_token":"Atza|1","expires_in":"soon"}`), 0, "", true},
		{"oversize", answerBody(`{"access_token":"` + strings.Repeat("a", 64<<10) + `"}`), 0, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSource(t, &amazon{answer: tt.answer})
				_, err := s.Token(t.Context())
				e, ok := errors.AsType[*lwa.Error](err)
				if !ok {
					t.Fatalf("got %v, want *lwa.Error", err)
				}
				if e.Status != tt.status || e.Code != tt.code || e.Retryable() != tt.retryable {
					t.Errorf("got status %d, code %q, retryable %v: %v", e.Status, e.Code, e.Retryable(), e)
				}
				if !strings.HasPrefix(e.Error(), "lwa: ") {
					t.Errorf("text %q does not begin with the package", e)
				}
				if tt.code != "" && !errors.Is(err, &lwa.Error{Code: tt.code}) {
					t.Error("errors.Is does not find the code")
				}
				if errors.Is(err, &lwa.Error{Code: "other"}) || errors.Is(err, &lwa.Error{Status: 999}) {
					t.Error("errors.Is finds what is not there")
				}
			})
		})
	}
}

func TestLargestAnswerIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := `{"access_token":"Atza|1"}`
		body += strings.Repeat(" ", 64<<10-len(body))
		want(t, newSource(t, &amazon{answer: answerBody(body)}), "Atza|1", "64 kB exactly")
	})
}

func TestRedirectIsNotFollowed(t *testing.T) {
	for _, location := range []string{"https://elsewhere.example/token", "\x19no URL"} {
		synctest.Test(t, func(t *testing.T) {
			a := &amazon{answer: func(int, *http.Request) (answer, error) {
				r := reply(307, "")
				r.header.Set("Location", location)
				return r, nil
			}}
			_, err := newSource(t, a).Token(t.Context())
			if e, ok := errors.AsType[*lwa.Error](err); !ok || e.Status != 307 || e.Retryable() || strings.Contains(err.Error(), "no URL") {
				t.Errorf("got %v, want a final status 307", err)
			}
			wantRequests(t, a, 1, "the secrets go nowhere else")
		})
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log capture
		echo := func(int, *http.Request) (answer, error) {
			return reply(400, fmt.Sprintf(`{"error":"odd\n%s","error_description":"no %s\r\nfor %s%s"}`,
				firstRefresh, firstRefresh, clientSecret, strings.Repeat("ü", 300))), nil
		}
		a := new(amazon)
		s := newSource(t, a, func(o *lwa.Options) { o.Logger = log.logger() })
		want(t, s, "Atza|1", "first")
		time.Sleep(55 * time.Minute)
		a.answerWith(echo)
		want(t, s, "Atza|1", "a refusal stays in the background")
		synctest.Wait()
		time.Sleep(time.Hour)
		_, err := s.Token(t.Context())
		text := fmt.Sprintf("%v %+v %#v", err, err, err)
		c := lwa.Credentials{ClientID: "client", ClientSecret: clientSecret, RefreshToken: firstRefresh}
		log.logger().Info("credentials", "c", c)
		text += fmt.Sprintf(" %v %+v %#v %s", c, c, c, log.String())
		if !strings.Contains(log.String(), "token refresh failed") || !strings.Contains(log.String(), "client") {
			t.Fatalf("the log is too thin to prove anything: %s", log.String())
		}
		for _, secret := range []string{clientSecret, firstRefresh, "Atza|1", "first-refresh"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in %s", secret, text)
			}
		}
		if strings.ContainsAny(err.Error(), "\r\n") || len(err.Error()) > 700 {
			t.Errorf("text of the endpoint not tamed: %q", err)
		}
	})
}
