package rtc_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/rtc"
)

// bells is the event gateway of Alexa, and what it has been told.
type bells struct {
	mu     sync.Mutex
	pushed []string       // endpoints, with the token of the user
	status map[string]int // by token; 0: 202
	stuck  bool
}

func (b *bells) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	e, err := rtc.ParseEvent(body)
	if err != nil {
		return nil, err
	}
	if b.stuck {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pushed = append(b.pushed, e.EndpointID+" for "+e.Token)
	status := http.StatusAccepted
	if s := b.status[e.Token]; s != 0 {
		status = s
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

// belled gives a skill a gateway.
func belled(b *bells) func(*rtc.Skill) {
	return func(k *rtc.Skill) {
		k.Gateway = &rtc.Gateway{
			HTTPClient: &http.Client{Transport: b},
			TokensOf:   func(_ context.Context, user string) (rtc.TokenSource, error) { return userTokens(user), nil },
		}
	}
}

// userTokens is the one token of a user.
type userTokens string

func (u userTokens) Token(context.Context) (*lwa.Token, error) {
	return &lwa.Token{AccessToken: string(u)}, nil
}
func (userTokens) Invalidate(string) {}

// visitor rings at the front door, and is joined with who answers.
func (s *stage) visitor(o *bridge.JoinOptions) (door bridge.Leg, end <-chan struct{}) {
	near, far := bridge.Pipe(g711())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := bridge.To(s.skill, "front", o).Handle(s.t.Context(), near)
		_ = near.Hangup(context.Background(), bridge.CauseOf(err))
	}()
	return far, ended
}

// wantEnd waits until nobody is joined any more.
func (s *stage) wantEnd(ended <-chan struct{}) {
	s.t.Helper()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		s.t.Fatal("the visitor's call does not end")
	}
}

func TestDoorRings(t *testing.T) {
	b := &bells{status: map[string]int{"ann": http.StatusForbidden}}
	play(t, belled(b), func(t *testing.T, s *stage) {
		door, ended := s.visitor(nil)
		calltest.WaitPhase(t, door, bridge.Alerting)
		synctest.Wait()
		b.mu.Lock()
		want(t, "users who are told", len(b.pushed), 2)
		b.mu.Unlock()
		time.Sleep(7 * time.Second)
		echo := s.asks("front")
		want(t, "the codec", sounds(echo.wantAnswer(0)), "PCMU")
		calltest.WaitPhase(t, door, bridge.Up)
		echo.says(rtc.SessionConnected)
		time.Sleep(time.Minute)
		want(t, "the visitor talks", door.Info().Phase, bridge.Up)
		echo.says(rtc.SessionDisconnected)
		calltest.WantEnd(t, door, bridge.Normal, true)
		s.wantEnd(ended)
		want(t, "no door was called", len(s.street.doors), 0)
		s.wantStats(rtc.SkillStats{Directives: 3, Offers: 1, Answered: 1, Bells: 1, Presses: 1, Unpressed: 1})
	})
}

func TestNobodyAnswersTheDoor(t *testing.T) {
	play(t, belled(&bells{}), func(t *testing.T, s *stage) {
		door, ended := s.visitor(&bridge.JoinOptions{RingFor: 30 * time.Second})
		calltest.WantEnd(t, door, bridge.NoAnswer, true)
		s.took(30 * time.Second)
		s.wantEnd(ended)
		echo := s.asks("front") // late: the door is called
		must(t, s.rings().Answer(t.Context(), g711()))
		echo.wantAnswer(0)
		echo.says(rtc.SessionDisconnected)
	})
}

func TestVisitorLeaves(t *testing.T) {
	play(t, belled(&bells{}), func(t *testing.T, s *stage) {
		door, ended := s.visitor(nil)
		calltest.WaitPhase(t, door, bridge.Alerting)
		must(t, door.Hangup(t.Context(), bridge.Cancelled))
		s.wantEnd(ended)
		s.wantSome(func(got rtc.SkillStats) bool { return got.Sessions == 0 && got.Bells == 1 })
	})
}

func TestVisitorWithoutAnOffer(t *testing.T) {
	play(t, belled(&bells{}), func(t *testing.T, s *stage) {
		near, door := bridge.Pipe(nil)
		go attend(t.Context(), door, g711())
		go func() { _ = bridge.To(s.skill, "front", nil).Handle(t.Context(), near) }()
		calltest.WaitPhase(t, door, bridge.Alerting)
		echo := s.asks("front")
		want(t, "the codec", sounds(echo.wantAnswer(0)), "PCMU")
		must(t, door.Hangup(t.Context(), bridge.Normal))
		echo.says(rtc.SessionDisconnected)
	})
}

func TestVisitorsDoorHangs(t *testing.T) {
	// Who dials a bell and does nothing about the session: Alexa has her answer all the same.
	play(t, belled(&bells{}), func(t *testing.T, s *stage) {
		leg, err := s.skill.Dial(t.Context(), "front", nil)
		must(t, err)
		echo := s.asks("front")
		echo.wantAnswer(rtc.DefaultDoorTime)
		info := leg.Info()
		want(t, "phase", info.Phase, bridge.Up)
		want(t, "pending", info.Pending, false)
		must(t, leg.Answer(t.Context(), g711()))
		must(t, leg.Ring(t.Context(), g711()))
		must(t, leg.Hangup(t.Context(), bridge.Normal))
		must(t, leg.Hangup(t.Context(), bridge.Normal))
		echo.says(rtc.SessionDisconnected)
	})
}

func TestTwoVisitors(t *testing.T) {
	// Each session answers one, the last first.
	play(t, belled(&bells{}), func(t *testing.T, s *stage) {
		one, oneEnds := s.visitor(nil)
		calltest.WaitPhase(t, one, bridge.Alerting)
		time.Sleep(time.Second)
		two, twoEnds := s.visitor(nil)
		calltest.WaitPhase(t, two, bridge.Alerting)
		first := s.asks("front")
		first.wantAnswer(0)
		synctest.Wait()
		want(t, "the first visitor", one.Info().Phase, bridge.Alerting)
		want(t, "the second", two.Info().Phase, bridge.Up)
		second := s.asks("front")
		second.wantAnswer(0)
		synctest.Wait()
		want(t, "now the first", one.Info().Phase, bridge.Up)
		want(t, "and the second", two.Info().Phase, bridge.Up)
		first.says(rtc.SessionDisconnected)
		calltest.WantEnd(t, two, bridge.Normal, true)
		second.says(rtc.SessionDisconnected)
		calltest.WantEnd(t, one, bridge.Normal, true)
		s.wantEnd(oneEnds)
		s.wantEnd(twoEnds)
	})
}

func TestDialFails(t *testing.T) {
	refused := &bells{status: map[string]int{"ann": http.StatusForbidden, "bob": http.StatusBadRequest}}
	for name, c := range map[string]struct {
		to    string
		bells *bells
		skill func(*rtc.Skill)
		cause bridge.Cause
		after time.Duration
		has   bool // an *Error
	}{
		"refused by Alexa":   {to: "front", bells: refused, cause: bridge.Unreachable, has: true},
		"Alexa is silent":    {to: "front", bells: &bells{stuck: true}, cause: bridge.Unreachable, after: 10 * time.Second, has: true},
		"without a gateway":  {to: "front", skill: func(k *rtc.Skill) { k.Gateway = nil }, cause: bridge.Unreachable},
		"without a bell":     {to: "back", cause: bridge.Unreachable},
		"no such door":       {to: "cellar", cause: bridge.NotFound},
		"the directory":      {to: "front", skill: func(k *rtc.Skill) { k.Endpoints = brokenDirectory{} }, cause: bridge.Internal},
		"nothing comes back": {to: "front", skill: func(k *rtc.Skill) { k.Endpoints = slowDirectory{} }, cause: bridge.Unreachable, after: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			b := c.bells
			if b == nil {
				b = &bells{}
			}
			play(t, belled(b), func(t *testing.T, s *stage) {
				if c.skill != nil {
					c.skill(s.skill)
				}
				_, err := s.skill.Dial(t.Context(), c.to, nil)
				end, ok := errors.AsType[*bridge.EndError](err)
				if !ok || end.Cause != c.cause {
					t.Errorf("got %v, want %v", err, c.cause)
				}
				if _, has := errors.AsType[*rtc.Error](err); has != c.has {
					t.Errorf("an *Error in %v: %v", err, has)
				}
				if took := time.Since(s.began); took > c.after || took < c.after/2 { // the pauses between tries are of random length
					t.Errorf("it took %v, want up to %v", took, c.after)
				}
			})
		})
	}
}

func TestDialIsGivenUp(t *testing.T) {
	for name, slow := range map[string]bool{"while it rings": false, "before": true} {
		t.Run(name, func(t *testing.T) {
			play(t, belled(&bells{stuck: true}), func(t *testing.T, s *stage) {
				if slow {
					s.skill.Engine = &slowEngine{Engine: s.engine, open: 3 * time.Second}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := s.skill.Dial(ctx, "front", nil)
				want(t, "cause", bridge.CauseOf(err), bridge.Cancelled)
				s.took(time.Second)
				time.Sleep(5 * time.Second)
			})
		})
	}
}

func TestDialWhileDraining(t *testing.T) {
	play(t, belled(&bells{}), func(t *testing.T, s *stage) {
		must(t, s.skill.Drain(t.Context()))
		_, err := s.skill.Dial(t.Context(), "front", nil)
		want(t, "cause", bridge.CauseOf(err), bridge.Overload)
	})
}

// brokenDirectory panics.
type brokenDirectory struct{}

func (brokenDirectory) List(context.Context, string) ([]rtc.Endpoint, error) { panic("no list") }
func (brokenDirectory) Find(context.Context, string) (rtc.Endpoint, error)   { panic("no doors") }
