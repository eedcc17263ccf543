package bridge_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

func TestJoinStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(&bridge.JoinOptions{Stay: true}).up(both())
		c.must(c.desk.Hangup(c.ctx(), bridge.Normal))
		want(t, "the join is over", c.over, true)
		want(t, "without an error", c.err, nil)
		want(t, "the guest stays", c.guest.Info().Phase, bridge.Up)
		want(t, "the guest was not hung up", c.in.count("hang up"), 0)
		c.must(c.guest.Hangup(c.ctx(), bridge.Normal))
		c.joins.Wait()
	})
}

func TestJoinStayReturnsWhyTheOtherEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(&bridge.JoinOptions{Stay: true})
		c.must(c.desk.Hangup(c.ctx(), bridge.Busy))
		want(t, "the reason", bridge.CauseOf(c.err), bridge.Busy)
		want(t, "the guest stays, to be taken elsewhere", c.guest.Info().Phase, bridge.Placed)
		c.must(c.guest.Hangup(c.ctx(), bridge.Cancelled))
		c.joins.Wait()
	})
}

func TestJoinContextEnds(t *testing.T) {
	reason := errors.New("parked")
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(nil).up(both())
		c.stop(reason)
		synctest.Wait()
		want(t, "Join returns the context's reason", c.err, reason)
		want(t, "the guest is left up", c.guest.Info().Phase, bridge.Up)
		want(t, "the desk too", c.desk.Info().Phase, bridge.Up)
		ear := listen(t, c.desk)
		ear.silent(t, c.guest) // parked: nothing is relayed any more

		c.join(nil)
		ear.hears(t, c.guest, "back again")
		ear.close(t)
		c.hangUp()
	})
}

func TestJoinContextEndsWhileRinging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(nil)
		c.must(c.desk.Ring(c.ctx(), nil))
		c.stop(nil)
		synctest.Wait()
		want(t, "Join returns", errors.Is(c.err, context.Canceled), true)
		c.join(nil).up(both())
		c.hangUp()
	})
}

func TestJoinHoldWhileParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, guestWish, _ := standing(t, both(), both())
		c.stop(nil)
		synctest.Wait()
		guestWish.set(hold(both()))
		c.must(c.guest.Update(c.ctx(), hold(both()))) // nobody answers but the leg itself
		want(t, "the desk knows nothing of it", dir(c.desk.Info().Far), media.SendRecv)
		c.join(nil)
		want(t, "a new join tells it", dir(c.desk.Info().Far), media.SendOnly)
		c.hangUp()
	})
}

func TestJoinTakeOver(t *testing.T) {
	// The desk puts the guest through: its leg is taken from one join and joined with another one that was dialled meanwhile.
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := standing(t, both(), onlyU())
		c.stop(nil)
		synctest.Wait()
		first := c.out
		firstDesk := c.desk
		desk, out := bridge.Pipe(both())
		c.desk, c.out = desk, &spy{Leg: out}
		c.oblige(c.desk, fixed(both()))
		c.join(nil)
		c.must(first.Hangup(c.ctx(), bridge.Normal))
		want(t, "the first desk is gone", firstDesk.Info().Phase, bridge.Over)
		c.up(onlyA())
		want(t, "the guest was moved to the codec of the new desk", agreed(c.guest), "PCMA")
		ear := listen(t, c.guest)
		ear.hears(t, c.desk, "room service")
		ear.close(t)
		c.hangUp()
	})
}

func TestJoinTwoWithDifferentCodecs(t *testing.T) {
	// Each side has another codec, and each could take the other's: one of them moves, once.
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both())
		c.must(c.in.Leg.Answer(c.ctx(), onlyU()))
		c.must(c.desk.Answer(c.ctx(), onlyA()))
		c.oblige(c.guest, fixed(both()))
		c.oblige(c.desk, fixed(both()))
		c.join(nil)
		want(t, "both have one codec", agreed(c.guest), agreed(c.desk))
		ear := listen(t, c.guest)
		ear.hears(t, c.desk, "understood")
		ear.close(t)
		c.hangUp()
	})
}

func TestJoinTwoThatShareNoCodec(t *testing.T) {
	for name, mixed := range map[string]bool{"which is the end": false, "which transcoding mends": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCall(t, onlyU(), onlyA())
				c.must(c.in.Leg.Answer(c.ctx(), onlyU()))
				c.must(c.desk.Answer(c.ctx(), onlyA()))
				o := &bridge.JoinOptions{Relay: &media.RelayOptions{}}
				if mixed {
					o.Relay.Transcode = func(_, to media.Codec) (media.Transcoder, error) { return relabel{to}, nil }
				}
				c.join(o)
				if !mixed {
					c.ended(bridge.Media)
					return
				}
				want(t, "the call stands", c.guest.Info().Phase, bridge.Up)
				c.hangUp()
			})
		})
	}
}

// relabel is a transcoder that changes nothing but the name.
type relabel struct{ to media.Codec }

func (r relabel) Transcode(p *media.Packet, out func(*media.Packet) error) error {
	q := *p
	q.Codec = &r.to
	return out(&q)
}

func (r relabel) Close() error { return nil }

func TestJoinLegsThatAreOver(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(c *call) bridge.Leg
		why  bridge.Cause
		told func(c *call) bridge.Leg
	}{
		"the desk was busy before the join": {func(c *call) bridge.Leg { return c.desk }, bridge.Busy, func(c *call) bridge.Leg { return c.guest }},
		"the guest had given up":            {func(c *call) bridge.Leg { return c.guest }, bridge.Cancelled, func(c *call) bridge.Leg { return c.desk }},
	} {
		t.Run(name, func(t *testing.T) {
			for range 50 { // whichever watcher comes first
				synctest.Test(t, func(t *testing.T) {
					c := newCall(t, both(), both())
					c.must(test.end(c).Hangup(c.ctx(), test.why))
					c.join(nil)
					c.joins.Wait()
					want(t, "the reason", bridge.CauseOf(c.err), test.why)
					want(t, "is told to the other", causeOf(t, test.told(c)), test.why)
				})
			}
		})
	}
}

func TestJoinBothOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both())
		c.must(c.guest.Hangup(c.ctx(), bridge.Normal))
		c.must(c.desk.Hangup(c.ctx(), bridge.Normal))
		c.join(nil)
		c.ended(bridge.Normal)
		want(t, "nobody needs a word", c.in.count("hang up")+c.out.count("hang up"), 0)
	})
}

func TestJoinRelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(nil).up(both())
		guest, desk := listen(t, c.guest), listen(t, c.desk)
		recorder, monitor := listen(t, c.in), listen(t, c.in)
		desk.hears(t, c.guest, "one")
		guest.hears(t, c.desk, "two")
		want(t, "the recorder beside the relay heard the guest", len(recorder.take()), 1)
		want(t, "the monitor too", len(monitor.take()), 1)
		recorder.close(t)
		desk.hears(t, c.guest, "three")
		want(t, "the monitor hears on", len(monitor.take()), 1)
		monitor.close(t)
		c.hangUp()
		for _, e := range [...]*ear{guest, desk} {
			e.done.Wait() // with the calls
		}
	})
}

func TestJoinWaitsForAnEndToBeConfirmed(t *testing.T) {
	// A far side that never confirms its end holds Join up for five seconds and no longer.
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both())
		c.out.Leg = deafLeg{c.out.Leg}
		c.join(nil).up(both())
		begun := time.Now()
		c.must(c.guest.Hangup(c.ctx(), bridge.Normal))
		c.joins.Wait()
		want(t, "the wait", time.Since(begun), 5*time.Second)
		want(t, "Join returns", c.err, nil)
	})
}

// deafLeg is a leg whose far side does not confirm its end.
type deafLeg struct{ bridge.Leg }

func (l deafLeg) Hangup(ctx context.Context, why bridge.Cause) error {
	_ = l.Leg.Hangup(ctx, why) // over for everybody here
	<-ctx.Done()
	return ctx.Err()
}
