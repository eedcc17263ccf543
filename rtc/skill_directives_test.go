package rtc_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/rtc"
)

// asksFor delivers a directive without an offer.
func (s *stage) asksFor(typ rtc.MessageType, change func(*rtc.Directive)) *rtc.Event {
	s.t.Helper()
	d := &rtc.Directive{Header: rtc.Header{Type: typ, MessageID: "m", CorrelationToken: "c"}, Token: secret}
	switch typ {
	case rtc.AcceptGrant:
		d.CorrelationToken, d.GrantCode = "", "the-code"
	case rtc.Discover:
		d.CorrelationToken = ""
	default:
		d.EndpointID = "front"
	}
	if change != nil {
		change(d)
	}
	e, _, err := s.deliver(s.t.Context(), d)
	must(s.t, err)
	return e
}

func TestDiscover(t *testing.T) {
	play(t, nil, func(t *testing.T, s *stage) {
		e := s.asksFor(rtc.Discover, nil)
		want(t, "type", e.Type, rtc.DiscoverResponse)
		want(t, "endpoints", fmt.Sprint(e.Endpoints), "[front back]")
		many := rtc.Endpoints{{ID: "not an id"}}
		many = append(many, rtc.Endpoint{ID: "door-0", FriendlyName: "Twice", Description: "A door", Manufacturer: "Us"})
		for i := range rtc.MaxEndpoints + 1 {
			many = append(many, rtc.Endpoint{ID: fmt.Sprint("door-", i), FriendlyName: "Door", Description: "A door", Manufacturer: "Us"})
		}
		s.skill.Endpoints = many
		want(t, "what Alexa takes", len(s.asksFor(rtc.Discover, nil).Endpoints), rtc.MaxEndpoints)
	})
}

func TestReportState(t *testing.T) {
	play(t, nil, func(t *testing.T, s *stage) {
		e := s.asksFor(rtc.ReportState, nil)
		want(t, "type", e.Type, rtc.StateReport)
		want(t, "offline", e.Health.Offline, false)
		e = s.asksFor(rtc.ReportState, func(d *rtc.Directive) { d.EndpointID = "flat" })
		want(t, "somebody else's", e.Fault.Type, rtc.NoSuchEndpoint)
	})
}

func TestAcceptGrant(t *testing.T) {
	grants := []string{}
	play(t, func(k *rtc.Skill) {
		k.Grant = func(_ context.Context, user, code string) error {
			grants = append(grants, user+" "+code)
			return nil
		}
	}, func(t *testing.T, s *stage) {
		for range 2 { // the code is good for one use
			want(t, "type", s.asksFor(rtc.AcceptGrant, nil).Type, rtc.AcceptGrantResponse)
		}
		want(t, "grants", strings.Join(grants, ","), "ann the-code")
		e := s.asksFor(rtc.AcceptGrant, func(d *rtc.Directive) { d.Token = "x" })
		want(t, "an unknown user", e.Type, rtc.AcceptGrantError)
		want(t, "in whose words", e.Fault.Type, rtc.AcceptGrantFailed)
	})
	play(t, nil, func(t *testing.T, s *stage) {
		want(t, "without Grant", s.asksFor(rtc.AcceptGrant, nil).Type, rtc.AcceptGrantError)
	})
}

// TestAnswersOfGrantsAreBounded has grants refused at length: what is kept of that has a bound, behind which a grant is asked for anew.
func TestAnswersOfGrantsAreBounded(t *testing.T) {
	var asked atomic.Int32
	play(t, func(k *rtc.Skill) {
		k.Grant = func(context.Context, string, string) error {
			asked.Add(1)
			return &rtc.Fault{Type: rtc.AcceptGrantFailed, Message: strings.Repeat("x", 1<<20)}
		}
	}, func(t *testing.T, s *stage) {
		ask := func(code string) { s.asksFor(rtc.AcceptGrant, func(d *rtc.Directive) { d.GrantCode = code }) }
		for _, code := range [...]string{"1", "2", "3", "4", "5", "5"} {
			ask(code)
		}
		want(t, "five codes, one of them twice", asked.Load(), 5)
		ask("1")
		want(t, "the oldest", asked.Load(), 6)
	})
}

func TestUnknownDirective(t *testing.T) {
	play(t, nil, func(t *testing.T, s *stage) {
		raw, err := s.skill.HandleDirective(t.Context(), []byte(`{"directive":{"header":{"namespace":"Alexa.PowerController","name":"TurnOn",
			"messageId":"m","correlationToken":"c","payloadVersion":"3"},"endpoint":{"endpointId":"front"},"payload":{}}}`))
		must(t, err)
		e, err := rtc.ParseEvent(raw)
		must(t, err)
		want(t, "error", e.Fault.Type, rtc.InvalidDirective)
		want(t, "correlation token", e.CorrelationToken, "c")
		_, err = s.skill.HandleDirective(t.Context(), []byte("hello"))
		if _, ok := errors.AsType[*rtc.ParseError](err); !ok {
			t.Errorf("got %v, want a *ParseError", err)
		}
		s.wantStats(rtc.SkillStats{Directives: 1, Unknown: 1, Faults: 1, Refused: 1})
	})
}

func TestSlowFunctions(t *testing.T) {
	play(t, func(k *rtc.Skill) {
		k.Endpoints = slowDirectory{}
		k.Grant = func(ctx context.Context, _, _ string) error { <-ctx.Done(); return ctx.Err() }
	}, func(t *testing.T, s *stage) {
		for i, typ := range [...]rtc.MessageType{rtc.Discover, rtc.ReportState, rtc.AcceptGrant} {
			if e := s.asksFor(typ, nil); e.Fault == nil {
				t.Errorf("%v is answered with %v", typ, e.Type)
			}
			s.took(time.Duration(i+1) * 6 * time.Second)
		}
	})
}

func TestFunctionsPanic(t *testing.T) {
	for name, change := range map[string]func(*rtc.Skill){
		"Authorize": func(k *rtc.Skill) { k.Authorize = func(context.Context, string) (string, error) { panic("no users") } },
		"Directory": func(k *rtc.Skill) { k.Endpoints = brokenDirectory{} },
		"Bridge": func(k *rtc.Skill) {
			k.Bridge = bridge.Func(func(context.Context, bridge.Leg) error { panic("no bridge") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, change, func(t *testing.T, s *stage) {
				s.asks("front").wantFault(rtc.InternalError, 0)
				want(t, "panics", s.skill.Stats().Panics, uint64(1))
			})
		})
	}
	play(t, func(k *rtc.Skill) { k.Grant = func(context.Context, string, string) error { panic("no grants") } }, func(t *testing.T, s *stage) {
		want(t, "a grant", s.asksFor(rtc.AcceptGrant, nil).Type, rtc.AcceptGrantError)
	})
}

func TestWithoutAuthorize(t *testing.T) {
	// As behind a Lambda function of one user: endpoints that are everybody's are served.
	play(t, func(k *rtc.Skill) { k.Authorize = nil }, func(t *testing.T, s *stage) {
		want(t, "endpoints", fmt.Sprint(s.asksFor(rtc.Discover, nil).Endpoints), "[back]")
		s.asks("front").wantFault(rtc.NoSuchEndpoint, 0)
		echo := s.asks("back")
		must(t, s.rings().Answer(t.Context(), g711()))
		echo.wantAnswer(0)
		echo.says(rtc.SessionDisconnected)
	})
}

func TestWithoutBridge(t *testing.T) {
	play(t, func(k *rtc.Skill) { k.Bridge = nil }, func(t *testing.T, s *stage) {
		s.asks("front").wantFault(rtc.EndpointUnreachable, 0)
	})
}

func TestEngineIsFull(t *testing.T) {
	play(t, belled(&bells{}), func(t *testing.T, s *stage) {
		s.engine.Full.Store(true)
		s.asks("front").wantFault(rtc.RateLimitExceeded, 0)
		_, err := s.skill.Dial(t.Context(), "front", nil)
		want(t, "a bell", bridge.CauseOf(err), bridge.Overload)
		s.engine.Full.Store(false)
		s.engine.NoPorts.Store(true)
		echo := s.asks("front")
		door := s.rings()
		_ = door.Answer(t.Context(), g711())
		<-echo.done
		if echo.event == nil || echo.event.Fault == nil {
			t.Errorf("answered without ports")
		}
	})
}

func TestDrain(t *testing.T) {
	play(t, nil, func(t *testing.T, s *stage) {
		echo, door := s.talks()
		drained := make(chan error, 1)
		go func() { drained <- s.skill.Drain(t.Context()) }()
		synctest.Wait()
		s.asks("back").wantFault(rtc.RateLimitExceeded, 0)
		want(t, "other directives", s.asksFor(rtc.ReportState, nil).Type, rtc.StateReport)
		want(t, "who talks goes on", door.Info().Phase, bridge.Up)
		echo.says(rtc.SessionDisconnected)
		must(t, <-drained)
		s.asks("front").wantFault(rtc.RateLimitExceeded, 0)
		want(t, "afterwards", s.asksFor(rtc.Discover, nil).Fault.Type, rtc.RateLimitExceeded)
		want(t, "and grants", s.asksFor(rtc.AcceptGrant, nil).Type, rtc.AcceptGrantError)
	})
}

func TestDrainEndsWhatStands(t *testing.T) {
	play(t, belled(&bells{}), func(t *testing.T, s *stage) {
		_, door := s.talks()
		bell, err := s.skill.Dial(t.Context(), "front", nil)
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.skill.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain: %v", err)
		}
		calltest.WantEnd(t, bell, bridge.Overload, false)
		if end := calltest.End(t, door); end == nil {
			t.Error("the door's call stands")
		}
	})
}
