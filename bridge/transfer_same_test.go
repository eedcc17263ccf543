package bridge_test

import (
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/bridge"
)

// comes lets the party behind a leg come on another one, and lets everything come to rest.
func (c *call) comes(near, by bridge.Leg, taken bool) *asked {
	c.t.Helper()
	a := c.wishesToCome(near, by, taken)
	synctest.Wait()
	return a
}

// wishesToCome lets the party behind a leg come on another one. taken says whether it still wishes to take its own place when it is asked.
func (c *call) wishesToCome(near, by bridge.Leg, taken bool) *asked {
	c.t.Helper()
	a := &asked{}
	state, ok := near.(interface{ Change(func(*bridge.Info)) bool })
	if !ok || !state.Change(func(i *bridge.Info) {
		i.Transfer = &bridge.Transfer{By: by, Same: true, Done: a.done, Take: func() bool { return taken }}
	}) {
		c.t.Fatal("the leg takes no wish")
	}
	return a
}

func TestSamePartyOnAnotherLeg(t *testing.T) {
	// No dialer is needed, for this is no transfer.
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both())
		c.join(nil).up(both())
		c.oblige(c.desk, fixed(both()))
		by, guest := bridge.Pipe(both())
		c.oblige(guest, fixed(both()))
		a := c.comes(c.in.Leg, by, true)
		a.is(t, "it is told", bridge.Normal)
		want(t, "its old leg is let go", causeOf(t, c.guest), bridge.Normal)
		want(t, "the desk is not", c.out.count("hang up"), 0)
		ear, other := listen(t, guest), listen(t, c.desk)
		ear.hears(t, c.desk, "are you still there")
		other.hears(t, guest, "it is still me")
		ear.close(t)
		other.close(t)
		c.must(guest.Hangup(c.ctx(), bridge.Normal))
		c.joins.Wait()
		want(t, "Join returns", c.err, nil)
		want(t, "the desk's end", causeOf(t, c.desk), bridge.Normal)
	})
}

func TestSamePartyHasLeftBefore(t *testing.T) {
	for name, taken := range map[string]bool{"and comes": true, "and goes elsewhere": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCall(t, both(), both())
				c.join(nil).up(both())
				by, guest := bridge.Pipe(both())
				a := c.wishesToCome(c.in.Leg, by, taken)
				c.must(c.guest.Hangup(c.ctx(), bridge.Normal))
				if !taken {
					c.ended(bridge.Normal)
					a.open(t)
					c.must(by.Hangup(c.ctx(), bridge.Normal))
					return
				}
				a.is(t, "it is told", bridge.Normal)
				want(t, "it is answered", guest.Info().Phase, bridge.Up)
				want(t, "the desk's call goes on", c.desk.Info().Phase, bridge.Up)
				c.must(c.desk.Hangup(c.ctx(), bridge.Normal))
				c.joins.Wait()
				want(t, "its end", causeOf(t, guest), bridge.Normal)
			})
		})
	}
}

func TestSamePartyWhileTheOtherRings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both())
		c.must(c.in.Leg.Answer(c.ctx(), onlyU())) // answered before the desk is
		c.join(nil)
		c.must(c.desk.Ring(c.ctx(), nil))
		by, guest := bridge.Pipe(both())
		c.oblige(guest, fixed(both()))
		a := c.comes(c.in.Leg, by, true)
		a.is(t, "it is told", bridge.Normal)
		want(t, "it is answered, as its leg likes", guest.Info().Phase, bridge.Up)
		want(t, "the desk rings on", c.desk.Info().Phase, bridge.Alerting)
		c.oblige(c.desk, fixed(onlyA()))
		c.must(c.desk.Answer(c.ctx(), onlyA()))
		ear := listen(t, guest)
		ear.hears(t, c.desk, "hello")
		ear.close(t)
		c.must(guest.Hangup(c.ctx(), bridge.Normal))
		c.joins.Wait()
		want(t, "the desk's end", causeOf(t, c.desk), bridge.Normal)
	})
}

func TestSamePartyGivesUp(t *testing.T) {
	// Who has the wish has done something else with the new leg by the time that Join wants it.
	for name, leaves := range map[string]bool{"and stays": false, "and leaves": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCall(t, both(), both())
				c.join(nil).up(both())
				c.oblige(c.guest, fixed(both()))
				c.oblige(c.desk, fixed(both()))
				by, guest := bridge.Pipe(both())
				a := c.comes(c.in.Leg, by, false)
				a.open(t)
				want(t, "the new leg is not touched", guest.Info().Phase, bridge.Placed)
				if leaves {
					c.hangUp()
				} else {
					c.stands()
				}
				a.open(t)
				want(t, "nor later", guest.Info().Phase, bridge.Placed)
				c.must(by.Hangup(c.ctx(), bridge.Normal))
			})
		})
	}
}

func TestSamePartyComesTooLate(t *testing.T) {
	// There is nothing left to take a place in: the new leg stays whose it is.
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both())
		by, guest := bridge.Pipe(both())
		a := c.comes(c.in.Leg, by, true)
		c.must(c.guest.Hangup(c.ctx(), bridge.Cancelled))
		c.must(c.desk.Hangup(c.ctx(), bridge.Cancelled))
		c.join(nil)
		a.is(t, "it is told", bridge.Cancelled)
		want(t, "the new leg is not touched", guest.Info().Phase, bridge.Placed)
		c.must(by.Hangup(c.ctx(), bridge.Normal))
		c.joins.Wait()
	})
}
