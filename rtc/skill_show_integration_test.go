package rtc_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/rtc"
)

// answering is a skill on real sockets that answers every offer with what it asks for, and a home in front of it.
func answering(t *testing.T, o *alexatest.HomeOptions) *alexatest.Home {
	t.Helper()
	e, err := engine.Listen("127.0.0.1:0", &engine.Options{PublicIP: netip.MustParseAddr("127.0.0.1"), TCP: "127.0.0.1:0"})
	must(t, err)
	skill := &rtc.Skill{
		Endpoints: rtc.Endpoints{door}, Engine: e,
		Authorize: func(context.Context, string) (string, error) { return "ann", nil },
		Bridge: bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			var err error
			if !o.Faults.DisconnectEarly { // else nobody answers in time
				err = in.Answer(ctx, in.Info().Far)
			}
			for info := in.Info(); err == nil; {
				info, err = in.Next(ctx, info.Rev)
			}
			return err
		}),
	}
	o.Handle = skill.HandleDirective
	home, err := alexatest.NewHome(o)
	must(t, err)
	t.Cleanup(func() {
		home.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		must(t, skill.Drain(ctx))
		e.Close()
	})
	_, err = home.Discover(t.Context())
	must(t, err)
	return home
}

// TestShowsOfEachStyleIntegration has Shows talk that write their offers in each observed way, over UDP and over TCP: the answers fit, and the
// media connects.
func TestShowsOfEachStyleIntegration(t *testing.T) {
	t.Parallel()
	home := answering(t, &alexatest.HomeOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, style := range alexatest.ShowStyles() {
		for _, o := range []alexatest.ShowOptions{{}, {LineFeeds: true}, {AudioOnly: true}, {TCP: true}, {Codecs: []string{alexatest.CodecPCMU}}} {
			if o.AudioOnly && style == alexatest.ShowBundleVideo {
				continue // its group names the video
			}
			o.Style = style
			show, err := home.NewShow(&o)
			must(t, err)
			k, err := show.Talk(ctx, door.ID)
			if err != nil {
				t.Errorf("%v, %+v: %v", style, o, err)
				continue
			}
			must(t, k.Disconnect(ctx))
		}
	}
	home.Report(t)
}

// TestFaultsOfAlexaIntegration has directives come twice, too early, for sessions that are gone or never were, and offers that cannot be
// answered.
func TestFaultsOfAlexaIntegration(t *testing.T) {
	t.Parallel()
	for i, faults := range []alexatest.HomeFaults{
		{DuplicateDirectives: true},
		{RepeatDirectives: true},
		{NeverConnected: true},
		{DisconnectTwice: true},
		{DisconnectUnknown: true},
		{GarbageOffers: true},
		{DisconnectEarly: true},
		{DuplicateDirectives: true, DisconnectTwice: true, DisconnectUnknown: true, GarbageOffers: true},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			home := answering(t, &alexatest.HomeOptions{Faults: faults})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			show, err := home.NewShow(nil)
			must(t, err)
			k, err := show.Talk(ctx, door.ID)
			if (err != nil) != faults.DisconnectEarly {
				t.Errorf("%+v: %v", faults, err)
			}
			if err == nil {
				must(t, k.Disconnect(ctx))
			}
			home.Report(t)
		})
	}
}
