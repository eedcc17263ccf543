package bridge_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

func TestTransferToAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, bar := transferring(t, nil)
		a := c.wishes(c.out, "bar", nil)
		want(t, "the bar rings", bar.leg().Info().Phase, bridge.Alerting)
		o := bar.dialled[0]
		want(t, "the caller is the guest", o.From, c.in.Info().From)
		want(t, "the plan is the guest's", o.Plan.String(), both().String())
		want(t, "what the protocol has to say goes along", o.Attr["asked by"], "the desk")
		a.open(t)
		want(t, "the desk stays until then", c.desk.Info().Phase, bridge.Up)
		bar.takes(c)
		a.is(t, "the desk is told that it went well", bridge.Normal)
		want(t, "the desk is hung up once", c.out.count("hang up"), 1)
		c.between(bar.leg())
	})
}

func TestTransferByTheGuest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, bar := transferring(t, nil)
		a := c.wishes(c.in, "bar", nil)
		want(t, "the caller is the desk", bar.dialled[0].From, c.out.Info().To)
		bar.takes(c)
		a.is(t, "the guest is told", bridge.Normal)
		c.guest, c.desk = c.desk, c.guest
		c.between(bar.leg())
	})
}

func TestTransferRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(nil).up(both())
		by, came := bridge.Pipe(both())
		a := c.wishes(c.out, "", by)
		a.is(t, "without a dialer nothing is replaced", bridge.Declined)
		want(t, "who has come is told too", causeOf(t, came), bridge.Declined)
		b := c.wishes(c.out, "bar", nil)
		b.is(t, "nor is anybody dialled", bridge.Declined)
		c.stands()
	})
}

func TestTransferFails(t *testing.T) {
	for name, test := range map[string]struct {
		to    string
		party func(bridge.Leg)
		why   bridge.Cause
	}{
		"busy at once":    {"bar", rejects(bridge.Busy), bridge.Busy},
		"declined":        {"bar", rejects(bridge.Declined), bridge.Declined},
		"no such party":   {"nowhere", answers, bridge.NotFound},
		"nobody answers":  {"bar", rings, bridge.NoAnswer},
		"nothing at all":  {"bar", func(bridge.Leg) {}, bridge.NoAnswer},
		"without a codec": {"bar", accepts(media.Codec{Name: "opus", ClockRate: 48000, Channels: 2}), bridge.Media},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, bar := transferring(t, &bridge.JoinOptions{RingFor: 20 * time.Second})
				bar.parties["bar"] = test.party
				begun := time.Now()
				a := c.wishes(c.out, test.to, nil)
				if test.why == bridge.NoAnswer {
					a.open(t)
					time.Sleep(20 * time.Second)
					synctest.Wait()
					want(t, "it had its time", time.Since(begun), 20*time.Second)
				}
				a.is(t, "the desk is told why", test.why)
				for _, leg := range bar.legs {
					want(t, "the bar's end", leg.Info().Phase, bridge.Over)
				}
				c.stands()
				bar.playing.Wait()
			})
		})
	}
}

// accepts returns a party that accepts with one codec, and hangs up if that cannot be.
func accepts(codec media.Codec) func(bridge.Leg) {
	return func(leg bridge.Leg) {
		if leg.Answer(context.Background(), plan(codec)) != nil {
			_ = leg.Hangup(context.Background(), bridge.Media)
		}
	}
}

func TestTransferOfWhoHangsUpAtOnce(t *testing.T) {
	// Many phones say BYE as soon as their REFER is accepted.
	for name, test := range map[string]struct {
		end func(c *call, bar *bar)
		why bridge.Cause
	}{
		"and it is answered": {func(c *call, bar *bar) { bar.takes(c) }, bridge.Normal},
		"and it is busy":     {func(c *call, bar *bar) { c.must(bar.leg().Hangup(c.ctx(), bridge.Busy)) }, bridge.Busy},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				playing := 0
				c, bar := transferring(t, &bridge.JoinOptions{Ringback: func(media.Endpoint) func() { playing++; return func() { playing-- } }})
				a := c.wishes(c.out, "bar", nil)
				c.must(c.desk.Hangup(c.ctx(), bridge.Normal))
				want(t, "the guest stays", c.guest.Info().Phase, bridge.Up)
				want(t, "and hears that it rings", playing, 1)
				test.end(c, bar)
				want(t, "the tone has stopped", playing, 0)
				a.is(t, "what came of it", test.why)
				if test.why == bridge.Normal {
					c.between(bar.leg())
					return
				}
				c.joins.Wait()
				want(t, "the guest's end", causeOf(t, c.guest), test.why)
				want(t, "Join returns why", bridge.CauseOf(c.err), test.why)
			})
		})
	}
}

func TestTransferCallerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, bar := transferring(t, nil)
		a := c.wishes(c.out, "bar", nil)
		c.must(c.guest.Hangup(c.ctx(), bridge.Normal))
		c.ended(bridge.Normal)
		if told := a.answers(); len(told) != 1 || told[0] == nil || bridge.CauseOf(told[0]) != bridge.Normal {
			t.Errorf("the desk is told %v, want one error: nothing came of it, for the guest has hung up", told)
		}
		want(t, "the bar does not ring on", bar.leg().Info().Phase, bridge.Over)
	})
}

func TestTransferCallerGoneBeforeItRings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, bar := transferring(t, nil)
		bar.parties["bar"] = func(bridge.Leg) {} // no sign of life
		a := c.wishes(c.out, "bar", nil)
		c.must(c.guest.Hangup(c.ctx(), bridge.Normal))
		c.ended(bridge.Normal)
		if told := a.answers(); len(told) != 1 || told[0] == nil {
			t.Errorf("the desk is told %v, want one error", told)
		}
		want(t, "the attempt is withdrawn", causeOf(t, bar.leg()), bridge.Cancelled)
	})
}

func TestTransferDuringHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, bar := transferring(t, nil)
		c.must(c.desk.Update(c.ctx(), hold(both())))
		want(t, "the guest is held", dir(c.guest.Info().Far), media.SendOnly)
		a := c.wishes(c.out, "bar", nil)
		want(t, "the hold is not the guest's wish", dir(bar.dialled[0].Plan), media.SendRecv)
		bar.takes(c)
		a.is(t, "the desk is told", bridge.Normal)
		want(t, "the guest is held no more", dir(c.guest.Info().Far), media.SendRecv)
		c.between(bar.leg())
	})
}

func TestTransferThatFailsDuringHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, bar := transferring(t, nil)
		c.must(c.desk.Update(c.ctx(), hold(both())))
		c.wishes(c.out, "bar", nil)
		ear := listen(t, c.guest)
		c.must(bar.leg().Ring(c.ctx(), both()))
		ear.hears(t, bar.leg(), "please wait") // who is held hears all the same
		ear.close(t)
		c.must(bar.leg().Hangup(c.ctx(), bridge.Busy))
		want(t, "the guest is held as before", dir(c.guest.Info().Far), media.SendOnly)
		c.must(c.desk.Update(c.ctx(), both()))
		c.stands()
	})
}

func TestTransferEarlyMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, bar := transferring(t, nil)
		c.wishes(c.out, "bar", nil)
		ear := listen(t, c.guest)
		c.must(bar.leg().Ring(c.ctx(), both()))
		ear.hears(t, bar.leg(), "please wait")
		ear.silent(t, c.desk)
		ear.close(t)
		bar.takes(c)
		c.between(bar.leg())
	})
}

func TestTransferToAnotherCodec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, bar := transferring(t, nil)
		want(t, "the first codec of all", agreed(c.guest), "PCMA+PCMU")
		c.wishes(c.out, "bar", nil)
		leg := bar.leg()
		c.oblige(leg, fixed(onlyA()))
		c.must(leg.Answer(c.ctx(), onlyA()))
		want(t, "the guest was moved to the codec of the bar", agreed(c.guest), "PCMA")
		c.between(leg)
	})
}

func TestTransferAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, bar := transferring(t, nil)
		for range 10 { // first those who have other things to do
			a := c.wishes(c.out, "bar", nil)
			c.must(bar.leg().Hangup(c.ctx(), bridge.Busy))
			a.is(t, "refused", bridge.Busy)
		}
		a := c.wishes(c.out, "bar", nil)
		bar.takes(c)
		a.is(t, "taken", bridge.Normal)
		c.between(bar.leg())
	})
}
