package alexa_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
)

// atCloud runs f in a bubble of fake time with a cloud, and a client whose tokens come from it.
func atCloud(t *testing.T, o alexatest.CloudOptions, f func(*testing.T, *alexatest.Cloud, *alexa.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.NoSockets = true
		cloud, err := alexatest.NewCloud(&o)
		must(t, err)
		tokens, err := lwa.NewSource(lwa.Credentials{
			ClientID: cloud.ClientID(), ClientSecret: cloud.ClientSecret(), RefreshToken: cloud.RefreshToken(),
		}, &lwa.Options{TokenURL: cloud.TokenURL(), HTTPClient: &http.Client{Transport: cloud.RoundTripper()}})
		must(t, err)
		f(t, cloud, &alexa.Client{Endpoint: cloud.URL(), Tokens: tokens, HTTPClient: &http.Client{Transport: cloud.RoundTripper()}})
		must(t, tokens.Close())
		cloud.Close()
	})
}

// TestThousandCallsOneRefresh has a thousand calls send at once with a token that the cloud refuses: it is asked for one more.
func TestThousandCallsOneRefresh(t *testing.T) {
	atCloud(t, alexatest.CloudOptions{}, func(t *testing.T, cloud *alexatest.Cloud, c *alexa.Client) {
		noCall := &alexa.Error{Status: http.StatusNotFound} // the token has passed then
		if err := c.Send(t.Context(), of(alexa.CallRinging, "no call")); !errors.Is(err, noCall) {
			t.Fatal(err)
		}
		for round := range 3 {
			cloud.SetFaults(alexatest.Faults{TokenExpired: true})
			var wg sync.WaitGroup
			for i := range 1000 {
				wg.Go(func() {
					if err := c.Send(t.Context(), of(alexa.CallRinging, fmt.Sprint("call ", i))); !errors.Is(err, noCall) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := cloud.TokenRequests(""); n != round+2 {
				t.Errorf("round %d: %d token requests, want one more each", round+1, n)
			}
		}
		time.Sleep(time.Hour)
		if err := c.Send(t.Context(), of(alexa.CallRinging, "no call")); !errors.Is(err, noCall) || cloud.TokenRequests("") != 5 {
			t.Errorf("when the token has run out: %d token requests, %v", cloud.TokenRequests(""), err)
		}
	})
}

// TestGrantsAtTheCloud exchanges the codes of two users, keeps their grants in a file, and goes on with them in another process.
func TestGrantsAtTheCloud(t *testing.T) {
	atCloud(t, alexatest.CloudOptions{}, func(t *testing.T, cloud *alexatest.Cloud, c *alexa.Client) {
		path := filepath.Join(t.TempDir(), "grants", "lwa.json")
		open := func() *lwa.Accounts {
			store, err := lwa.OpenFileStore(path)
			must(t, err)
			accounts, err := lwa.NewAccounts(lwa.Credentials{ClientID: cloud.ClientID(), ClientSecret: cloud.ClientSecret()},
				&lwa.Options{TokenURL: cloud.TokenURL(), HTTPClient: &http.Client{Transport: cloud.RoundTripper()}, Store: store})
			must(t, err)
			c.Tokens, c.TokensOf = nil, func(ctx context.Context, user string) (alexa.TokenSource, error) { return accounts.Source(ctx, user) }
			return accounts
		}
		send := func(user string) error {
			return c.SendTo(t.Context(), alexa.Origin{Endpoint: cloud.URL(), User: user}, of(alexa.CallRinging, "no call"))
		}
		noCall := &alexa.Error{Status: http.StatusNotFound} // the token has passed then
		accounts := open()
		for _, user := range []string{"one", "two"} {
			if err := send(user); !errors.Is(err, lwa.ErrNoGrant) {
				t.Errorf("%s, without a grant: %v", user, err)
			}
			code := cloud.AuthorizationCode("")
			must(t, accounts.Accept(t.Context(), user, lwa.Code{Code: code}))
			if err := send(user); !errors.Is(err, noCall) {
				t.Errorf("%s: %v", user, err)
			}
			err := accounts.Accept(t.Context(), user, lwa.Code{Code: code})
			if !errors.Is(err, &lwa.Error{Code: "invalid_grant"}) {
				t.Errorf("%s, the same code again: %v", user, err)
			}
		}
		with := cloud.AuthorizationCode("https://example.com/linked")
		if err := accounts.Accept(t.Context(), "three", lwa.Code{Code: with}); !errors.Is(err, &lwa.Error{Code: "invalid_grant"}) {
			t.Errorf("a code without its redirect URI: %v", err)
		}
		must(t, accounts.Close())
		if n := cloud.TokenRequests("refresh_token"); n != 0 {
			t.Errorf("%d refreshes though each code brought a token", n)
		}

		accounts = open()
		for _, user := range []string{"one", "two"} {
			if err := send(user); !errors.Is(err, noCall) {
				t.Errorf("%s, in the next process: %v", user, err)
			}
		}
		must(t, accounts.Forget(t.Context(), "one"))
		if err := send("one"); !errors.Is(err, lwa.ErrNoGrant) {
			t.Errorf("forgotten: %v", err)
		}
		must(t, accounts.Close())
		if n := cloud.TokenRequests("refresh_token"); n != 2 {
			t.Errorf("%d refreshes, want one of each user", n)
		}
	})
}

// TestClientCredentialsAtTheCloud gets a token of the skill itself, which Alexa refuses for calls: the client says that somebody has to
// mend it.
func TestClientCredentialsAtTheCloud(t *testing.T) {
	atCloud(t, alexatest.CloudOptions{}, func(t *testing.T, cloud *alexatest.Cloud, c *alexa.Client) {
		source := func(scope string) *lwa.Source {
			s, err := lwa.NewSource(lwa.Credentials{ClientID: cloud.ClientID(), ClientSecret: cloud.ClientSecret(), Scope: scope},
				&lwa.Options{TokenURL: cloud.TokenURL(), HTTPClient: &http.Client{Transport: cloud.RoundTripper()}})
			must(t, err)
			t.Cleanup(func() { must(t, s.Close()) })
			return s
		}
		c.Tokens = source("alexa:skill_messaging")
		err := c.Send(t.Context(), of(alexa.CallRinging, "no call"))
		if e, ok := errors.AsType[*alexa.Error](err); !ok || e.Fault() != alexa.FaultForbidden || !errors.Is(c.Health(), err) {
			t.Errorf("got %v, health %v", err, c.Health())
		}
		if e, ok := errors.AsType[*alexa.Error](err); ok && (e.RequestID == "" || e.Message == "") {
			t.Errorf("got %#v, want what Alexa says", e)
		}
		c.Tokens = source("no:such_scope")
		if err := c.Send(t.Context(), of(alexa.CallRinging, "no call")); !errors.Is(err, &lwa.Error{Code: "invalid_scope"}) {
			t.Errorf("got %v", err)
		}
	})
}

// TestCallThroughFaultsOfTheCloud has the cloud refuse a call's messages in turn, and its end for most of a minute. The phone notices
// nothing, and nothing stands in the end.
func TestCallThroughFaultsOfTheCloud(t *testing.T) {
	for name, refuse := range map[string][]int{
		"conflicts":  {409, 409, 409},
		"throttled":  {429, 429},
		"failing":    {500, 503},
		"everything": {409, 500, 409, 429},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, props{}, func(t *testing.T, s *stage) {
				call, phone := s.deviceTalks()
				s.cloud.SetFaults(alexatest.Faults{Refuse: refuse})
				must(t, phone.Update(t.Context(), turned(media.SendOnly)))
				time.Sleep(patience)
				if m := s.wire.message(alexa.CallUpdate); m.Renegotiation != alexa.RenegotiateHold || s.wire.tries(alexa.CallUpdate) != len(refuse)+1 {
					t.Errorf("%d tries of %q", s.wire.tries(alexa.CallUpdate), m.Renegotiation)
				}
				s.cloud.SetFaults(alexatest.Faults{Refuse: []int{500, 503, 500, 502, 503, 500}})
				began := time.Now()
				_ = phone.Hangup(t.Context(), bridge.Normal)
				calltest.WantEnd(t, phone, bridge.Normal, false)
				s.wantEnded(call, "SUCCESS")
				if d := time.Since(began); d < 5*time.Second || d > time.Minute {
					t.Errorf("the cloud knew of the end after %v", d)
				}
			})
		})
	}
}

// TestGrantOfAUser has a device call before its user has granted the skill anything, which cannot be answered, and again after the grant
// has come to the same endpoint: the call goes with the tokens of that user.
func TestGrantOfAUser(t *testing.T) {
	play(t, props{}, func(t *testing.T, s *stage) {
		store, err := lwa.OpenFileStore(filepath.Join(t.TempDir(), "grants", "lwa.json"))
		must(t, err)
		accounts, err := lwa.NewAccounts(lwa.Credentials{ClientID: s.cloud.ClientID(), ClientSecret: s.cloud.ClientSecret()},
			&lwa.Options{TokenURL: s.cloud.TokenURL(), HTTPClient: &http.Client{Transport: s.cloud.RoundTripper()}, Store: store})
		must(t, err)
		defer accounts.Close()
		var user atomic.Value // of a request's goroutine
		s.skill.Client.Tokens, s.skill.Client.TokensOf = nil, func(ctx context.Context, of string) (alexa.TokenSource, error) {
			user.Store(of)
			return accounts.Source(ctx, of)
		}
		s.skill.Other = func(ctx context.Context, e *alexa.Event) ([]byte, error) {
			err := accounts.Accept(ctx, e.UserID, lwa.Code{Code: e.Grant()})
			return alexa.AppendGrantAnswer(nil, err == nil), nil
		}

		call, phone := s.deviceCalls()
		calltest.WantEnd(t, phone, bridge.Unreachable, true)
		must(t, call.Hangup(t.Context()))
		if !errors.Is(s.skill.Client.Health(), lwa.ErrNoGrant) {
			t.Errorf("without a grant the client is well: %v", s.skill.Client.Health())
		}

		for code, want := range map[string]string{"no such code": "ACCEPT_GRANT_FAILED", s.cloud.AuthorizationCode(""): "AcceptGrant.Response"} {
			envelope := fmt.Sprintf(`{"version":"1.0","context":{"System":{"application":{"applicationId":%q},"user":{"userId":%q}}},`+
				`"request":{"type":"Alexa.Authorization.Grant","requestId":%q,"timestamp":%q,"body":{"grant":{"type":"OAuth2.AuthorizationCode","code":%q}}}}`,
				s.cloud.SkillID(), user.Load(), "request "+want, time.Now().UTC().Format(time.RFC3339), code)
			status, body, err := s.cloud.SendEvent(t.Context(), nil, &alexatest.EventFault{Body: []byte(envelope)})
			if err != nil || status != http.StatusOK || !strings.Contains(string(body), want) || strings.Contains(s.log.String(), code) {
				t.Fatalf("%d %s, %v, want %s", status, body, err, want)
			}
		}
		call, phone = s.deviceTalks()
		must(t, call.Hangup(t.Context()))
		calltest.WantEnd(t, phone, bridge.Normal, true)
		if err := s.skill.Client.Health(); err != nil || s.cloud.TokenRequests("refresh_token") != 0 {
			t.Errorf("health %v, %d refreshes", err, s.cloud.TokenRequests("refresh_token"))
		}
	})
}
