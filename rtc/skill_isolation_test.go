package rtc_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/rtc"
)

// alone is a Bridge that answers each leg itself and lets it stand, and that notes which it has had without keeping them.
type alone struct {
	refuse bool
	had    chan weak.Pointer[rtc.Leg]
}

// Handle implements bridge.Bridge.
func (a *alone) Handle(ctx context.Context, in bridge.Leg) error {
	a.had <- weak.Make(in.(*rtc.Leg))
	if a.refuse {
		return &bridge.EndError{Cause: bridge.Busy}
	}
	if err := in.Answer(ctx, g711()); err != nil {
		return err
	}
	for info, err := in.Info(), error(nil); err == nil; {
		info, err = in.Next(ctx, info.Rev)
	}
	return nil
}

func playAlone(t *testing.T, refuse bool, story func(*testing.T, *stage, *alone)) {
	t.Helper()
	a := &alone{refuse: refuse, had: make(chan weak.Pointer[rtc.Leg], 64)}
	play(t, func(k *rtc.Skill) { k.Bridge = a }, func(t *testing.T, s *stage) { story(t, s, a) })
}

// wantForgotten checks that nothing holds a leg, and its session with it.
func wantForgotten(t *testing.T, why string, leg weak.Pointer[rtc.Leg]) {
	t.Helper()
	synctest.Wait()
	for range 3 {
		runtime.GC()
	}
	if leg.Value() != nil {
		t.Errorf("%s is still held", why)
	}
}

func TestAnAnswerKeepsNoSession(t *testing.T) {
	// The answer is kept for five minutes, and an offer costs a stranger nothing.
	playAlone(t, true, func(t *testing.T, s *stage, a *alone) {
		echo := s.asks("front")
		echo.wantFault(rtc.EndpointBusy, 0)
		s.asks("front").wantFault(rtc.EndpointBusy, 0) // has the engine forget its last terminal
		wantForgotten(t, "a session that was refused", <-a.had)
		echo.begin(t.Context()).wantFault(rtc.EndpointBusy, 0)
		s.wantStats(rtc.SkillStats{Directives: 3, Offers: 2, Faults: 3, Repeated: 1})
	})
}

func TestASessionKeepsNoneBeforeIt(t *testing.T) {
	// A device that connects anew every hour is one session after another, without a gap.
	playAlone(t, false, func(t *testing.T, s *stage, a *alone) {
		s.asks("front").wantAnswer(0)
		s.asks("front").wantAnswer(time.Second)
		last := s.asks("front")
		last.wantAnswer(time.Second)
		wantForgotten(t, "the first of three sessions", <-a.had)
		wantForgotten(t, "the second of three sessions", <-a.had)
		last.says(rtc.SessionDisconnected)
	})
}

func TestNobodyHidesASession(t *testing.T) {
	// What another offer does that names a session is no matter of the session's.
	for name, hide := range map[string]func(*stage, *rtc.Directive){
		"a stranger":             func(_ *stage, d *rtc.Directive) { d.Token = "x" },
		"at another door":        func(_ *stage, d *rtc.Directive) { d.EndpointID = "flat" },
		"again, without success": func(s *stage, _ *rtc.Directive) { s.engine.Full.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			playAlone(t, false, func(t *testing.T, s *stage, _ *alone) {
				first := s.asks("front")
				first.wantAnswer(0)
				other := s.session("front")
				other.offer.SessionID = first.id
				hide(s, other.offer)
				<-other.begin(t.Context()).done
				must(t, other.err)
				want(t, "the other offer is refused", other.event.Type, rtc.ErrorResponse)
				first.says(rtc.SessionDisconnected)
				s.wantSome(func(got rtc.SkillStats) bool { return got.Sessions == 0 && got.Stray == 0 })
			})
		})
	}
}
