package rtc_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/rtc"
)

// talks has a session with the front door, which has answered.
func (s *stage) talks() (*talk, bridge.Leg) {
	s.t.Helper()
	echo := s.asks("front")
	door := s.rings()
	must(s.t, door.Answer(s.t.Context(), g711()))
	echo.wantAnswer(0)
	go attend(s.t.Context(), door, g711())
	return echo, door
}

func TestSecondOfferTakesThePlace(t *testing.T) {
	play(t, nil, func(t *testing.T, s *stage) {
		first, door := s.talks()
		second := s.asks("front")
		want(t, "the codec", sounds(second.wantAnswer(0)), "PCMU")
		synctest.Wait()
		want(t, "the door's call", door.Info().Phase, bridge.Up)
		want(t, "doors that ring", len(s.street.doors), 0)
		want(t, "terminals", len(s.engine.Terminals()), 1)
		first.says(rtc.SessionDisconnected)
		want(t, "the door's call still", door.Info().Phase, bridge.Up)
		third := s.asks("front")
		third.wantAnswer(0)
		must(t, door.Hangup(t.Context(), bridge.Normal))
		synctest.Wait()
		for _, e := range [...]*talk{second, third} {
			e.says(rtc.SessionDisconnected)
		}
		s.wantStats(rtc.SkillStats{Directives: 6, Offers: 3, Answered: 3, Replaced: 2, Stray: 3})
	})
}

// wantSome waits until all is quiet, and checks the skill's totals.
func (s *stage) wantSome(is func(rtc.SkillStats) bool) {
	s.t.Helper()
	synctest.Wait()
	if got := s.skill.Stats(); !is(got) {
		s.t.Errorf("stats are %+v", got)
	}
}

func TestSecondOfferWhileTheDoorRings(t *testing.T) {
	play(t, nil, func(t *testing.T, s *stage) {
		first := s.asks("front")
		door := s.rings()
		first.wantAnswer(rtc.DefaultDoorTime)
		second := s.asks("front")
		second.wantAnswer(0) // for the first could not be answered better
		synctest.Wait()
		first.says(rtc.SessionDisconnected)
		want(t, "the door rings on", door.Info().Phase, bridge.Alerting)
		go attend(t.Context(), door, g711())
		must(t, door.Answer(t.Context(), g711()))
		second.says(rtc.SessionDisconnected)
		calltest.WantEnd(t, door, bridge.Normal, true)
	})
}

func TestNobodyJoinsTheSecondOffer(t *testing.T) {
	// The Bridge speaks itself, and would not notice: the first leg makes room, and the second comes to the Bridge as any other.
	for name, gone := range map[string]bool{"": false, "and the first has gone": true} {
		t.Run(name, func(t *testing.T) {
			play(t, func(k *rtc.Skill) {
				k.Bridge = bridge.Func(func(ctx context.Context, in bridge.Leg) error {
					if err := in.Answer(ctx, g711()); err != nil {
						return err
					}
					for info, err := in.Info(), error(nil); err == nil; {
						info, err = in.Next(ctx, info.Rev)
					}
					return nil
				})
			}, func(t *testing.T, s *stage) {
				first := s.asks("front")
				first.wantAnswer(0)
				after := time.Second
				second := s.session("front")
				if gone {
					first.says(rtc.SessionDisconnected)
					synctest.Wait()
					after = 0
				}
				second.begin(t.Context()).wantAnswer(after)
				synctest.Wait()
				want(t, "terminals", len(s.engine.Terminals()), 1)
				second.says(rtc.SessionDisconnected)
				s.wantSome(func(got rtc.SkillStats) bool { return got.Answered == 2 && got.Sessions == 0 })
			})
		})
	}
}

func TestSecondOfferIsTakenBack(t *testing.T) {
	// While nobody has taken the wish up: the first session goes on, and a third offer takes its place.
	play(t, nil, func(t *testing.T, s *stage) {
		block := make(chan struct{})
		s.street.wait = block
		first := s.asks("front")
		synctest.Wait()
		second := s.asks("front")
		time.Sleep(time.Second / 2)
		second.says(rtc.SessionDisconnected)
		second.wantFault(rtc.EndpointUnreachable, time.Second/2)
		close(block)
		door := s.rings()
		must(t, door.Answer(t.Context(), g711()))
		first.wantAnswer(time.Second / 2)
		go attend(t.Context(), door, g711())
		third := s.asks("front")
		third.wantAnswer(0)
		synctest.Wait()
		want(t, "doors that ring", len(s.street.doors), 0)
		want(t, "the door's call", door.Info().Phase, bridge.Up)
		third.says(rtc.SessionDisconnected)
		calltest.WantEnd(t, door, bridge.Normal, true)
	})
}

func TestSecondOfferBeforeTheDoorRings(t *testing.T) {
	// To has not come to joining the first offer within a second, so that one ends, and the door is called anew.
	play(t, nil, func(t *testing.T, s *stage) {
		block := make(chan struct{})
		s.street.wait = block
		first := s.asks("front")
		synctest.Wait()
		second := s.asks("front")
		first.wantFault(rtc.EndpointUnreachable, time.Second)
		synctest.Wait()
		close(block)
		door := s.rings()
		must(t, door.Answer(t.Context(), g711()))
		second.wantAnswer(time.Second)
		second.says(rtc.SessionDisconnected)
		calltest.WantEnd(t, door, bridge.Normal, true)
	})
}
