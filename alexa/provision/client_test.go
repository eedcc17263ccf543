package provision_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/alexa/provision"
)

// TestTries is the whole of the rules about trying again. Answers come one after the other, the last for ever.
func TestTries(t *testing.T) {
	const s = time.Second
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for _, tt := range []struct {
		name      string
		create    bool  // a POST that would make a second one; else a PUT
		answers   []any // a status, a Retry-After before a status, or an error; nil: silence
		status    int   // of the error; 0: none, -1: no answer
		pauses    []time.Duration
		tokens    int
		uncertain bool
	}{
		{"200", false, []any{200}, 0, nil, 1, false},
		{"201", true, []any{201}, 0, nil, 1, false},
		{"400", false, []any{400}, 400, nil, 1, false},
		{"404", false, []any{404}, 404, nil, 1, false},
		{"409", true, []any{409}, 409, nil, 1, false},
		{"302", false, []any{302}, 302, nil, 1, false},
		{"401 once", true, []any{401, 200}, 0, []time.Duration{0}, 2, false},
		{"401 always", true, []any{401}, 401, []time.Duration{0}, 2, false},
		{"401, 429, 401", true, []any{401, 429, 401}, 401, []time.Duration{0, 2 * s}, 2, false},
		{"429 once", true, []any{429, 200}, 0, []time.Duration{2 * s}, 1, false},
		{"429 for long", true, []any{429, 429, 429, 429, 429, 429, 200}, 0, []time.Duration{2 * s, 3 * s, 5 * s, 8 * s, 13 * s, 21 * s}, 1, false},
		{"429 for ever", true, []any{429}, 429, []time.Duration{2 * s, 3 * s, 5 * s, 8 * s, 13 * s, 21 * s}, 1, false},
		{"429 that says when", true, []any{"7", 429, 200}, 0, []time.Duration{7 * s}, 1, false},
		{"429 with a date", true, []any{"Sat, 01 Jan 2000 00:00:09 GMT", 429, 200}, 0, []time.Duration{9 * s}, 1, false},
		{"429 that asks too much", true, []any{"61", 429, 200}, 429, nil, 1, false},
		{"500, harmless", false, []any{500, 500, 200}, 0, []time.Duration{2 * s, 3 * s}, 1, false},
		{"500, not harmless", true, []any{500, 200}, 500, nil, 1, true},
		{"503, not harmless", true, []any{503, 200}, 0, []time.Duration{2 * s}, 1, false},
		{"503, then 409", true, []any{503, 409}, 409, []time.Duration{2 * s}, 1, true},
		{"408, harmless", false, []any{408, 200}, 0, []time.Duration{2 * s}, 1, false},
		{"408, not harmless", true, []any{408, 200}, 408, nil, 1, true},
		{"reset, harmless", false, []any{errors.New("reset"), 200}, 0, []time.Duration{2 * s}, 1, false},
		{"reset, not harmless", true, []any{errors.New("reset"), 200}, -1, nil, 1, true},
		{"nobody there", true, []any{dial, 200}, 0, []time.Duration{2 * s}, 1, false},
		{"silence, harmless", false, []any{nil, 200}, 0, []time.Duration{12 * s}, 1, false},
		{"silence, not harmless", true, []any{nil, 200}, -1, nil, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var at []time.Time
				answers := tt.answers
				keys := fixed("t")
				client := &provision.Client{Tokens: keys, HTTPClient: &http.Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
					at = append(at, time.Now())
					wait := ""
					if text, ok := answers[0].(string); ok {
						wait, answers = text, answers[1:]
					}
					next := answers[0]
					if len(answers) > 1 {
						answers = answers[1:]
					}
					switch next := next.(type) {
					case int:
						return said(r, next, `{"message":"as scripted","addressBookId":"b1"}`, "Retry-After", wait, "X-Amzn-RequestId", "r1"), nil
					case error:
						return nil, next
					}
					<-r.Context().Done()
					return nil, r.Context().Err()
				})}}
				var err error
				if tt.create {
					_, err = client.CreateBook(t.Context(), "staff")
				} else {
					err = client.RenameBook(t.Context(), "b1", "staff")
				}
				e, failed := errors.AsType[*provision.Error](err)
				switch {
				case failed != (tt.status != 0), err != nil && !failed:
					t.Errorf("got %v", err)
				case failed && e.Status != max(tt.status, 0), failed && e.Uncertain != tt.uncertain, failed && e.Status > 0 && (e.Message != "as scripted" || e.RequestID != "r1"):
					t.Errorf("got %#v", e)
				case failed && !errors.Is(err, &provision.Error{Status: max(tt.status, 0), Op: e.Op}), errors.Is(err, &provision.Error{Status: 999}):
					t.Errorf("%v is another", err)
				}
				if len(at) != len(tt.pauses)+1 {
					t.Fatalf("%d tries, want %d", len(at), len(tt.pauses)+1)
				}
				for i, want := range tt.pauses {
					if got := at[i+1].Sub(at[i]); got != want {
						t.Errorf("pause %d is %v, want %v", i, got, want)
					}
				}
				if keys.renewed != tt.tokens {
					t.Errorf("%d tokens, want %d", keys.renewed, tt.tokens)
				}
			})
		})
	}
}

// TestWithinContext ends a call with its context, and begins no pause that would end after it.
func TestWithinContext(t *testing.T) {
	gone, reset := errors.New("gone"), error(&net.OpError{Op: "dial", Err: errors.New("refused")})
	for _, tt := range []struct {
		name   string
		fails  error // nil: 429
		limit  time.Duration
		cancel bool
		took   time.Duration
		is     error
	}{
		{"a pause that does not fit", nil, 2 * time.Second, false, 0, nil},
		{"a pause that fits", nil, 4 * time.Second, false, 2 * time.Second, nil},
		{"cancelled in a pause", nil, time.Second, true, time.Second, gone},
		{"cancelled in a pause after no answer", reset, time.Second, true, time.Second, gone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := &provision.Client{Tokens: fixed("t"), HTTPClient: &http.Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
					if tt.fails != nil {
						return nil, tt.fails
					}
					return said(r, 429, ``), nil
				})}}
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
				if tt.cancel {
					var with context.CancelCauseFunc
					ctx, with = context.WithCancelCause(t.Context())
					defer time.AfterFunc(tt.limit, func() { with(gone) }).Stop()
				}
				defer cancel()
				err := client.DeleteBook(ctx, "b1")
				if tt.fails == nil && !errors.Is(err, &provision.Error{Status: 429}) || !errors.Is(err, cmp.Or(tt.fails, err)) || !errors.Is(err, cmp.Or(tt.is, err)) {
					t.Errorf("got %v", err)
				}
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("got %v", err)
				}
				if took := time.Since(begin); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

// TestWithoutToken asks Amazon for nothing.
func TestWithoutToken(t *testing.T) {
	for name, tt := range map[string]struct {
		err   error
		tries int
	}{
		"for now": {&lwa.Error{Status: 503}, 7},
		"refused": {&lwa.Error{Status: 400, Code: "invalid_grant"}, 1},
		"closed":  {lwa.ErrClosed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				keys := &tokens{renew: func() (string, error) { asked++; return "", tt.err }}
				client := &provision.Client{Tokens: keys, HTTPClient: &http.Client{Transport: trip(func(*http.Request) (*http.Response, error) {
					t.Error("a request without a token")
					return nil, errors.New("no")
				})}}
				_, err := client.CreateBook(t.Context(), "staff")
				if e, ok := errors.AsType[*provision.Error](err); !ok || !errors.Is(err, tt.err) || e.Uncertain || e.Retryable() != (tt.tries > 1) || asked != tt.tries {
					t.Errorf("%v after %d tokens", err, asked)
				}
			})
		})
	}
}

// TestDeletedBefore takes what is gone for deleted, where the try before may have done it.
func TestDeletedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud, client, organisation := simulated()
		id, err := client.CreateBook(t.Context(), "staff")
		if err != nil {
			t.Fatal(err)
		}
		cloud.Refuse(alexatest.Refusal{Status: 500, Acted: true})
		if err := client.DeleteBook(t.Context(), id); err != nil {
			t.Error(err)
		}
		if err := client.DeleteBook(t.Context(), id); !errors.Is(err, &provision.Error{Status: 404}) {
			t.Errorf("a book that is not there: %v", err)
		}
		// The other way: what makes something twice is not done again.
		cloud.Refuse(alexatest.Refusal{Status: 500, Acted: true})
		_, err = client.CreateBook(t.Context(), "staff")
		if e, ok := errors.AsType[*provision.Error](err); !ok || !e.Uncertain {
			t.Errorf("got %v", err)
		}
		if n := count(t, client.Books(t.Context())); n != 1 {
			t.Errorf("%d books, want one", n)
		}
		// A profile is one for ever.
		cloud.Refuse(alexatest.Refusal{Status: 500, Acted: true})
		if _, err := client.CreateProfile(t.Context(), organisation, "Hotel"); err != nil {
			t.Error(err)
		}
	})
}

// TestErrorsTellNothing that a log should not have.
func TestErrorsTellNothing(t *testing.T) {
	var log bytes.Buffer
	client := &provision.Client{
		Tokens: fixed("Atza|secret-token"), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		HTTPClient: &http.Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
			return said(r, 400, `{"message":"+12055551233 of \"Ann Miller\" in profile-9\r\nis bad"}`, "X-Amzn-RequestId", "id\r\n"+strings.Repeat("x", 1000)), nil
		})},
	}
	_, err := client.CreateContact(t.Context(), "book-7", provision.Contact{Name: "Ann Miller", ProfileID: "profile-9", Numbers: []string{"+12055551233"}})
	if err == nil || !strings.Contains(err.Error(), `[redacted] of "[redacted]" in [redacted]  is bad`) || len(err.Error()) > 1000 {
		t.Errorf("got %v", err)
	}
	client.HTTPClient.Transport = trip(func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err = errors.Join(err, client.Dissociate(ctx, "provider-3", "+12055551233"))
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), log.String()} {
		for _, secret := range []string{"2055551233", "Miller", "profile-9", "book-7", "provider-3", "secret-token"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in %s", secret, text)
			}
		}
	}
	if !strings.Contains(log.String(), "status=400") {
		t.Errorf("the log says %s", log.String())
	}
}

// TestRedirect carries no token elsewhere, whatever the caller's client does.
func TestRedirect(t *testing.T) {
	tries := 0
	client := &provision.Client{Tokens: fixed("x"), HTTPClient: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return nil },
		Transport: trip(func(r *http.Request) (*http.Response, error) {
			tries++
			return said(r, 307, ``, "Location", "https://evil.example/"), nil
		}),
	}}
	if err := client.DeleteBook(t.Context(), "b"); !errors.Is(err, &provision.Error{Status: 307}) || tries != 1 {
		t.Errorf("%v after %d requests", err, tries)
	}
}
