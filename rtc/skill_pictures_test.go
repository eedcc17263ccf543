package rtc_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/rtc"
)

// TestPicturesWithoutParameters has an Echo offer H.264 and say no more of it: it stands for all that an Echo decodes, so a door of another
// profile than the RFC's default is offered its own, whoever began.
func TestPicturesWithoutParameters(t *testing.T) {
	high := media.H264("64001f", 1)
	shows := func(t *testing.T, far media.Plan) {
		t.Helper()
		if m, _ := far.Find(media.Video); !slices.ContainsFunc(m.Codecs, high.Matches) {
			t.Errorf("the Echo is told to take %v", m.Codecs)
		}
	}
	bare := func(s *stage) *talk {
		e := s.session("front")
		e.offer.Offer = regexp.MustCompile(`a=fmtp:\d+ [^\r]*profile-level-id[^\r]*\r\n`).ReplaceAllString(e.offer.Offer, "")
		return e
	}
	answers := func(t *testing.T, e *talk) {
		t.Helper()
		<-e.done
		must(t, e.err)
		if !strings.Contains(e.event.Answer, "profile-level-id=64001f") {
			t.Errorf("answered with\n%s", e.event.Answer)
		}
		e.says(rtc.SessionDisconnected)
	}
	pictures := append(sound(media.PCMU()), media.Media{Kind: media.Video, Dir: media.SendOnly, Codecs: []media.Codec{high}})
	came, over := make(chan bridge.Leg, 1), make(chan struct{})
	play(t, func(k *rtc.Skill) {
		k.Bridge = bridge.Func(func(_ context.Context, in bridge.Leg) error {
			came <- in
			<-over
			return nil
		})
	}, func(t *testing.T, s *stage) {
		e := bare(s).begin(t.Context())
		defer close(over)
		talk := <-came
		shows(t, talk.Info().Far)
		must(t, talk.Answer(t.Context(), pictures))
		answers(t, e)
	})
	play(t, belled(&bells{}), func(t *testing.T, s *stage) {
		var talk bridge.Leg
		var err error
		rung := make(chan struct{})
		go func() {
			defer close(rung)
			talk, err = s.skill.Dial(t.Context(), "front", nil)
		}()
		synctest.Wait()
		e := bare(s).begin(t.Context())
		<-rung
		must(t, err)
		calltest.WaitPhase(t, talk, bridge.Up)
		shows(t, talk.Info().Far)
		must(t, talk.Answer(t.Context(), pictures))
		answers(t, e)
	})
}
