package rtc_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/rtc"
)

// homestead is a skill in front of a simulated Alexa, which knows the messages and their schema on its own. Neither has sockets.
type homestead struct {
	home     *alexatest.Home
	skill    *rtc.Skill
	gateway  *rtc.Gateway
	accounts *lwa.Accounts

	mu    sync.Mutex
	users map[string]string // by bearer token
}

func newHomestead(t *testing.T) *homestead {
	home, err := alexatest.NewHome(&alexatest.HomeOptions{NoSockets: true})
	must(t, err)
	client := &http.Client{Transport: home.RoundTripper()}
	store, err := lwa.OpenFileStore(filepath.Join(t.TempDir(), "grants.json"))
	must(t, err)
	accounts, err := lwa.NewAccounts(lwa.Credentials{ClientID: home.ClientID(), ClientSecret: home.ClientSecret()},
		&lwa.Options{TokenURL: home.TokenURL(), HTTPClient: client, Store: store})
	must(t, err)
	h := &homestead{home: home, accounts: accounts, users: map[string]string{home.Token(): "ann"}}
	h.gateway = &rtc.Gateway{
		Endpoint: home.URL(), HTTPClient: client, Forget: accounts.Forget,
		TokensOf: func(ctx context.Context, user string) (rtc.TokenSource, error) {
			source, err := accounts.Source(ctx, user)
			if err != nil {
				return nil, err
			}
			return source, nil
		},
	}
	front := bell
	front.Users = []string{"ann"}
	h.skill = &rtc.Skill{
		Endpoints: rtc.Endpoints{door, front}, Engine: &calltest.Engine{}, Gateway: h.gateway, Authorize: h.authorize,
		Grant: func(ctx context.Context, user, code string) error {
			return accounts.Accept(ctx, user, lwa.Code{Code: code})
		},
	}
	home.SetHandle(h.skill.HandleDirective)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		must(t, errors.Join(h.skill.Drain(ctx), accounts.Close()))
		home.Close()
	})
	return h
}

func (h *homestead) authorize(_ context.Context, token string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if user, ok := h.users[token]; ok {
		return user, nil
	}
	return "", errors.New("no such token")
}

// TestHomestead carries directives, grants, reports and bells between the skill and the simulated Alexa, which knows the schema on its own.
func TestHomestead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newHomestead(t), t.Context()
		other := h.home.NewAccount()
		h.mu.Lock()
		h.users[other.Token()] = "bob"
		h.mu.Unlock()

		devices, err := h.home.Discover(ctx)
		if err != nil || len(devices) != 2 || !devices[0].RTC || !devices[0].FullDuplex || devices[0].Doorbell || !devices[0].Health ||
			devices[1].FullDuplex || !devices[1].Doorbell || !reflect.DeepEqual(devices[1].Cookie, bell.Cookie) || devices[1].FriendlyName != bell.FriendlyName {
			t.Fatalf("ann has %+v, %v", devices, err)
		}
		if devices, err := other.Discover(ctx); err != nil || len(devices) != 1 {
			t.Errorf("bob has %+v, %v", devices, err)
		}
		if state, err := h.home.ReportState(ctx, door.ID); err != nil || state != "OK" {
			t.Errorf("state %s, %v", state, err)
		}
		if _, err := h.home.ReportState(ctx, "no-such-door"); !errorIs(err, rtc.NoSuchEndpoint) {
			t.Errorf("a door that there is not: %v", err)
		}

		if err := h.gateway.DoorbellPress(ctx, "ann", bell.ID); !errors.Is(err, lwa.ErrNoGrant) {
			t.Errorf("a bell before the grant: %v", err)
		}
		must(t, h.home.Grant(ctx))
		begin := time.Now()
		must(t, h.gateway.DoorbellPress(ctx, "ann", bell.ID))
		if p, err := h.home.NextPress(ctx); err != nil || p.EndpointID != bell.ID || p.Cause != string(rtc.PhysicalInteraction) || !p.At.Equal(begin.Truncate(time.Second)) {
			t.Errorf("%+v, %v", p, err)
		}
		fresh := door
		fresh.ID, fresh.FriendlyName = "garden", "Garden"
		must(t, h.gateway.AddOrUpdate(ctx, "ann", []rtc.Endpoint{fresh}))
		if r, err := h.home.NextReport(ctx); err != nil || len(r) != 1 || r[0].EndpointID != "garden" || r[0].FriendlyName != "Garden" {
			t.Errorf("%+v, %v", r, err)
		}
		h.home.Report(t)
	})
}

// errorIs reports whether the skill has answered with an error of a type.
func errorIs(err error, want rtc.ErrorType) bool {
	e, ok := errors.AsType[*alexatest.SkillError](err)
	return ok && e.Type == string(want)
}

// TestBellThroughFaults rings while tokens expire and the event gateway refuses, and until the user disables the skill.
func TestBellThroughFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newHomestead(t), t.Context()
		_, err := h.home.Discover(ctx)
		must(t, err)
		must(t, h.home.Grant(ctx))
		for name, f := range map[string]alexatest.HomeFaults{
			"token":  {TokenExpired: true},
			"busy":   {Gateway: []alexatest.GatewayFault{{Status: 429, RetryAfter: 2 * time.Second}, {Status: 503}}},
			"silent": {Gateway: []alexatest.GatewayFault{{Silent: true}, {Status: 500}}},
			"all":    {TokenExpired: true, Gateway: []alexatest.GatewayFault{{Status: 500, Lost: true}, {Status: 429, RetryAfter: time.Second}}},
		} {
			h.home.SetFaults(f)
			if err := h.gateway.DoorbellPress(ctx, "ann", bell.ID); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if p, err := h.home.NextPress(ctx); err != nil || p.EndpointID != bell.ID {
				t.Errorf("%s: %+v, %v", name, p, err)
			}
		}
		h.home.SetFaults(alexatest.HomeFaults{Gateway: []alexatest.GatewayFault{{Status: 403, Code: "SKILL_DISABLED_EXCEPTION"}}})
		if err := h.gateway.DoorbellPress(ctx, "ann", bell.ID); !errors.Is(err, &rtc.Error{Code: rtc.CodeSkillDisabled}) {
			t.Errorf("disabled: %v", err)
		}
		if _, err := h.accounts.Source(ctx, "ann"); !errors.Is(err, lwa.ErrNoGrant) {
			t.Errorf("after that the grant: %v", err)
		}
		must(t, h.home.Grant(ctx))
		if err := h.gateway.DoorbellPress(ctx, "ann", bell.ID); err != nil {
			t.Errorf("enabled again: %v", err)
		}
		h.home.Report(t)
	})
}

// TestVisitorAndShow: somebody rings, the user's Echo Show is told by the event gateway, the user talks to the visitor, and the visitor goes.
func TestVisitorAndShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newHomestead(t), t.Context()
		_, err := h.home.Discover(ctx)
		must(t, err)
		must(t, h.home.Grant(ctx))
		show, err := h.home.NewShow(&alexatest.ShowOptions{NoMedia: true})
		must(t, err)

		near, visitor := bridge.Pipe(g711())
		ended := make(chan error, 1)
		go func() { ended <- bridge.To(h.skill, bell.ID, nil).Handle(ctx, near) }()
		press, err := h.home.NextPress(ctx)
		must(t, err)
		calltest.WaitPhase(t, visitor, bridge.Alerting)
		session, err := show.Talk(ctx, press.EndpointID)
		must(t, err)
		calltest.WaitPhase(t, visitor, bridge.Up)
		must(t, visitor.Hangup(ctx, bridge.Normal))
		must(t, <-ended)
		must(t, session.Disconnect(ctx))
		h.home.Report(t)
	})
}
