package rtc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/rtc"
)

var _ rtc.TokenSource = (*lwa.Source)(nil)

// tokens is a TokenSource that counts: Atza|secret-1, Atza|secret-2 after an Invalidate, and so on.
type tokens struct {
	mu      sync.Mutex
	current int
	err     error // in place of a token
	silent  bool  // waits until ctx ends
}

func (s *tokens) Token(ctx context.Context) (*lwa.Token, error) {
	if s.silent {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	return &lwa.Token{AccessToken: fmt.Sprintf("Atza|secret-%d", s.current+1), TokenType: "bearer"}, nil
}

func (s *tokens) Invalidate(accessToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if accessToken == fmt.Sprintf("Atza|secret-%d", s.current+1) {
		s.current++
	}
}

// An answer is what a simulated event gateway does with a request.
type answer func(*http.Request) (*http.Response, error)

func said(status int, body string, header ...string) answer {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

// refused answers as the event gateway does.
func refused(status int, code rtc.Code, header ...string) answer {
	return said(status, fmt.Sprintf(`{"header":{"namespace":"System","name":"Exception","messageId":"x"},"payload":{"code":%q,"description":"as scripted"}}`, code), header...)
}

func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, context.Cause(r.Context())
}

func failing(err error) answer {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// A try is one request that came.
type try struct {
	at         time.Duration // since the start
	url, token string
	body       string
}

// events stands for the event gateway: it answers one after the other, the last answer for ever.
type events struct {
	t       *testing.T
	begin   time.Time
	answers []answer

	mu    sync.Mutex
	tries []try
}

func (s *events) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("%s with content type %q", r.Method, r.Header.Get("Content-Type"))
	}
	if _, ok := r.Context().Deadline(); !ok {
		s.t.Error("a request without a deadline")
	}
	s.mu.Lock()
	s.tries = append(s.tries, try{time.Since(s.begin), r.URL.String(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), string(body)})
	next := s.answers[min(len(s.tries), len(s.answers))-1]
	s.mu.Unlock()
	return next(r)
}

// newGateway returns a Gateway that speaks to an event gateway which answers so.
func newGateway(t *testing.T, answers ...answer) (*rtc.Gateway, *events) {
	s := &events{t: t, begin: time.Now(), answers: answers}
	return &rtc.Gateway{Tokens: new(tokens), HTTPClient: &http.Client{Transport: s}}, s
}

func TestBellIsSent(t *testing.T) {
	for endpoint, want := range map[string]string{
		"":                              "https://api.amazonalexa.com/v3/events",
		rtc.EndpointEU:                  "https://api.eu.amazonalexa.com/v3/events",
		rtc.EndpointFE + "/":            "https://api.fe.amazonalexa.com/v3/events",
		"https://gateway.example/alexa": "https://gateway.example/alexa/v3/events",
	} {
		synctest.Test(t, func(t *testing.T) {
			g, s := newGateway(t, said(202, ""))
			g.Endpoint = endpoint
			if err := g.DoorbellPress(t.Context(), "ann", "bell-2"); err != nil {
				t.Fatal(err)
			}
			if s.tries[0].url != want || s.tries[0].token != "Atza|secret-1" {
				t.Errorf("sent to %s with %s", s.tries[0].url, s.tries[0].token)
			}
			e, err := rtc.ParseEvent([]byte(s.tries[0].body))
			if err != nil || e.Type != rtc.DoorbellPress || e.EndpointID != "bell-2" || e.Token != "Atza|secret-1" || !e.Press.Time.Equal(s.begin) || e.CorrelationToken != "" {
				t.Errorf("sent %s", s.tries[0].body)
			}
			if got := g.Stats(); got != (rtc.GatewayStats{Events: 1, Tries: 1}) {
				t.Errorf("stats %+v", got)
			}
		})
	}
}

// TestUsers: each has tokens of its own.
func TestUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, s := newGateway(t, said(202, ""))
		var unknown error = permanent{errors.New("no grant of this user")}
		of := map[string]rtc.TokenSource{"ann": &tokens{}, "bob": &tokens{current: 6}}
		g.TokensOf = func(_ context.Context, user string) (rtc.TokenSource, error) {
			if user == "eve" {
				return nil, unknown
			}
			return of[user], nil
		}
		for user, want := range map[string]string{"ann": "Atza|secret-1", "bob": "Atza|secret-7"} {
			if err := g.DoorbellPress(t.Context(), user, "bell-2"); err != nil || s.tries[len(s.tries)-1].token != want {
				t.Errorf("%s: %v, sent with %s", user, err, s.tries[len(s.tries)-1].token)
			}
		}
		if err := g.DoorbellPress(t.Context(), "eve", "bell-2"); !errors.Is(err, unknown) {
			t.Errorf("eve: %v", err)
		}
		if err := g.DoorbellPress(t.Context(), "nobody", "bell-2"); err == nil {
			t.Error("sent for nobody, whose tokens are not those of the Gateway")
		}
		if len(s.tries) != 2 || time.Since(s.begin) != 0 {
			t.Errorf("%d requests in %v", len(s.tries), time.Since(s.begin))
		}
	})
}

// TestADisabledSkillIsForgotten, even when the caller has gone meanwhile.
func TestADisabledSkillIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGateway(t, refused(403, rtc.CodeSkillDisabled))
		var forgotten []string
		var log bytes.Buffer
		g.Logger = slog.New(slog.NewTextHandler(&log, nil))
		g.Forget = func(ctx context.Context, user string) error {
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) != 5*time.Second || ctx.Err() != nil {
				t.Error("not five seconds to forget")
			}
			forgotten = append(forgotten, user)
			return errors.New("the disk is full")
		}
		err := g.DoorbellPress(t.Context(), "ann", "bell-2")
		if !errors.Is(err, &rtc.Error{Code: rtc.CodeSkillDisabled}) || errors.Is(err, &rtc.Error{Code: rtc.CodeInsufficientPermission}) || fmt.Sprint(forgotten) != "[ann]" {
			t.Errorf("%v, forgotten %v", err, forgotten)
		}
		if !strings.Contains(log.String(), "the disk is full") {
			t.Errorf("log %s", &log)
		}
		g.Forget = func(context.Context, string) error { forgotten = nil; return nil }
		for _, a := range []answer{refused(403, rtc.CodeInsufficientPermission), refused(401, rtc.CodeInvalidToken), said(403, "")} {
			g.HTTPClient.Transport.(*events).answers = []answer{a}
			if err := g.DoorbellPress(t.Context(), "ann", "bell-2"); err == nil || forgotten == nil {
				t.Errorf("%v, forgotten %v", err, forgotten)
			}
		}
	})
}

// TestTheGatewayKeepsSecrets has the event gateway quote all that it was sent.
func TestTheGatewayKeepsSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quote := func(status int) answer {
			return func(r *http.Request) (*http.Response, error) {
				return said(status, fmt.Sprintf(`{"payload":{"code":"Atza|secret-1","description":%q}}`,
					"bad "+r.Header.Get("Authorization")+" for Tür mit Blick, Auffahrt and "+correlation+" "+sdpText), "X-Amzn-RequestId", "id-of-Atza|secret-1")(r)
			}
		}
		g, _ := newGateway(t, quote(503), quote(400))
		var log bytes.Buffer
		g.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		late := rtc.Event{
			Header: rtc.Header{Type: rtc.AnswerGeneratedForSession, CorrelationToken: correlation}, EndpointID: "bell-2", Answer: sdpText,
		}
		report := rtc.Event{Header: rtc.Header{Type: rtc.AddOrUpdateReport, CorrelationToken: correlation}, Endpoints: []rtc.Endpoint{bell}}
		report.Endpoints[0].FriendlyName, report.Endpoints[0].Description = "Tür mit Blick", "Auffahrt"
		first := g.Send(t.Context(), "ann", &late)
		g.HTTPClient.Transport.(*events).answers = []answer{quoteWithoutSDP}
		second := g.Send(t.Context(), "ann", &report)
		all := fmt.Sprintf("%v %+v %v %+v %s", first, first, second, second, log.String())
		for _, shown := range []string{"AnswerGeneratedForSession", "AddOrUpdateReport", "503", "400", "bad [redacted]", "id-of-[redacted]"} {
			if !strings.Contains(all, shown) {
				t.Errorf("%q is not shown in %s", shown, all)
			}
		}
		for _, secret := range []string{"Atza", correlation, "ice-pwd", "a 2 z", "Tür", "Auffahrt", "0.0.0.0"} {
			if strings.Contains(all, secret) {
				t.Errorf("%q is shown in %s", secret, all)
			}
		}
	})
}

func quoteWithoutSDP(r *http.Request) (*http.Response, error) {
	return said(400, fmt.Sprintf(`{"payload":{"description":%q}}`, "bad "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+" for Tür mit Blick, Auffahrt and "+correlation),
		"X-Amzn-RequestId", "id-of-Atza|secret-1")(r)
}

func TestWhatCannotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, s := newGateway(t, said(202, ""))
		bad := eventOfBell()
		bad.EndpointID = ""
		if err := g.Send(t.Context(), "ann", &bad); err == nil || errors.Is(err, &rtc.Error{}) {
			t.Errorf("a bell of no door: %v", err)
		}
		if err := g.AddOrUpdate(t.Context(), "ann", []rtc.Endpoint{door, door}); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("a door twice: %v", err)
		}
		for _, endpoint := range []string{"api.amazonalexa.com", "ftp://api.amazonalexa.com", "https://%zz", "https://"} {
			g.Endpoint = endpoint
			err := g.DoorbellPress(t.Context(), "ann", "bell-2")
			if e, ok := errors.AsType[*rtc.Error](err); !ok || e.Retryable() || !strings.Contains(err.Error(), "Gateway.Endpoint is not") {
				t.Errorf("%s: %v", endpoint, err)
			}
		}
		if err := new(rtc.Gateway).DoorbellPress(t.Context(), "ann", "bell-2"); err == nil {
			t.Error("sent without tokens")
		}
		if len(s.tries) != 0 || time.Since(s.begin) != 0 {
			t.Errorf("%d requests in %v", len(s.tries), time.Since(s.begin))
		}
	})
}

// TestManyEndpoints are told in as many reports as it takes.
func TestManyEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, s := newGateway(t, said(202, ""))
		all := many(rtc.MaxEndpoints)
		if err := g.AddOrUpdate(t.Context(), "ann", all); err != nil {
			t.Fatal(err)
		}
		var told []rtc.Endpoint
		for _, y := range s.tries {
			e, err := rtc.ParseEvent([]byte(y.body))
			if err != nil || e.Token != y.token || len(y.body) > rtc.MaxReport {
				t.Fatalf("%d bytes: %v", len(y.body), err)
			}
			told = append(told, e.Endpoints...)
		}
		if len(told) != len(all) || told[len(told)-1].ID != all[len(all)-1].ID || len(s.tries) < 2 || len(s.tries) > 4 {
			t.Errorf("%d endpoints in %d reports", len(told), len(s.tries))
		}
		s.tries, s.answers = nil, []answer{refused(403, rtc.CodeSkillDisabled)}
		if err := g.AddOrUpdate(t.Context(), "ann", all); err == nil || len(s.tries) != 1 {
			t.Errorf("went on after %v, %d times", err, len(s.tries))
		}
		if err := g.AddOrUpdate(t.Context(), "ann", nil); err != nil || len(s.tries) != 1 {
			t.Errorf("told of nothing: %v", err)
		}
		s.answers = []answer{said(202, "")}
		if err := g.Delete(t.Context(), "ann", "door-1", "door-2"); err != nil || !strings.Contains(s.tries[1].body, `"endpoints":[{"endpointId":"door-1"},{"endpointId":"door-2"}]`) {
			t.Errorf("%v, deleted with %s", err, s.tries[1].body)
		}
		if got := g.Stats(); got.Failed != 1 || got.Events != got.Tries {
			t.Errorf("stats %+v", got)
		}
	})
}

// TestManyRefusedTokens lets many bells meet the same stale token of a real source.
func TestManyRefusedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refreshes := 0
		amazon := transport(func(r *http.Request) (*http.Response, error) {
			refreshes++
			return said(200, fmt.Sprintf(`{"access_token":"Atza|%d","expires_in":3600}`, refreshes), "Content-Type", "application/json")(r)
		})
		source, err := lwa.NewSource(lwa.Credentials{ClientID: "a", ClientSecret: "b-secret", RefreshToken: "c-secret"},
			&lwa.Options{HTTPClient: &http.Client{Transport: amazon}})
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		api := transport(func(r *http.Request) (*http.Response, error) {
			time.Sleep(50 * time.Millisecond)
			if r.Header.Get("Authorization") != "Bearer Atza|2" {
				return refused(401, rtc.CodeInvalidToken)(r)
			}
			return said(202, "")(r)
		})
		g := &rtc.Gateway{Tokens: source, HTTPClient: &http.Client{Transport: api}}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if err := g.DoorbellPress(t.Context(), "", "bell-2"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if refreshes != 2 {
			t.Errorf("%d refreshes, want the first and one more", refreshes)
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
