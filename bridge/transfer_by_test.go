package bridge_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

func TestTransferByOneThatHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := transferring(t, nil)
		by, room := bridge.Pipe(both())
		c.oblige(room, fixed(both()))
		a := c.wishes(c.out, "", by)
		want(t, "who has come is answered", room.Info().Phase, bridge.Up)
		a.is(t, "the desk is told", bridge.Normal)
		c.between(room)
	})
}

func TestTransferByOneThatHasComeDuringHold(t *testing.T) {
	// As in an attended transfer: the desk holds the guest and asks the room, then the room comes for the guest.
	synctest.Test(t, func(t *testing.T) {
		c, _ := transferring(t, nil)
		c.must(c.desk.Update(c.ctx(), hold(both())))
		by, room := bridge.Pipe(onlyA())
		c.oblige(room, fixed(onlyA()))
		a := c.wishes(c.out, "", by)
		a.is(t, "the desk is told", bridge.Normal)
		want(t, "the guest is held no more", dir(c.guest.Info().Far), media.SendRecv)
		want(t, "the codec is one that both have", agreed(c.guest), "PCMA")
		c.between(room)
	})
}

func TestTransferPicksUpACallThatRings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both())
		c.join(&bridge.JoinOptions{Dialer: &exchange{}})
		c.oblige(c.guest, fixed(both()))
		c.must(c.desk.Ring(c.ctx(), nil))
		by, room := bridge.Pipe(both())
		c.oblige(room, fixed(both()))
		a := c.wishes(c.out, "", by)
		a.is(t, "the desk is told", bridge.Normal)
		want(t, "the desk's end", causeOf(t, c.desk), bridge.Elsewhere)
		want(t, "the guest is answered", c.guest.Info().Phase, bridge.Up)
		ear := listen(t, c.guest)
		ear.hears(t, room, "I have taken it")
		ear.close(t)
		time.Sleep(2 * bridge.DefaultRingFor)
		synctest.Wait()
		want(t, "it does not ring out", c.guest.Info().Phase, bridge.Up)
		c.must(c.guest.Hangup(c.ctx(), bridge.Normal))
		c.joins.Wait()
		want(t, "the room's end", causeOf(t, room), bridge.Normal)
	})
}

func TestTransferByOneWhoGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := transferring(t, nil)
		by, room := bridge.Pipe(both())
		c.must(room.Hangup(c.ctx(), bridge.Cancelled))
		a := c.wishes(c.out, "", by)
		a.is(t, "the desk is told", bridge.Cancelled)
		c.stands()
	})
}

func TestTransferByOneWithoutACommonCodec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := transferring(t, nil)
		by, room := bridge.Pipe(plan(media.Opus()))
		a := c.wishes(c.out, "", by)
		a.is(t, "the desk is told", bridge.Media)
		want(t, "who has come is told too", causeOf(t, room), bridge.Media)
		c.stands()
	})
}

func TestTransferOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, bar := transferring(t, nil)
		first := c.wishes(c.out, "bar", nil)
		second := c.wishes(c.in, "bar", nil)
		second.is(t, "the other one has to wait", bridge.Busy)
		first.open(t)
		bar.takes(c)
		first.is(t, "the first", bridge.Normal)
		third := c.wishes(c.in, "bar", nil)
		want(t, "its turn has come", len(bar.legs), 2)
		c.must(bar.leg().Hangup(c.ctx(), bridge.Busy))
		third.is(t, "the third", bridge.Busy)
		want(t, "the desk is let go", causeOf(t, c.desk), bridge.Normal)
		c.must(c.guest.Hangup(c.ctx(), bridge.Normal))
		c.joins.Wait()
		want(t, "the end of who came instead", causeOf(t, bar.legs[0]), bridge.Normal)
	})
}

func TestTransferAskedBeforeAnswer(t *testing.T) {
	// A wish for another party waits until the call is up: the caller does not yet know whom it speaks with.
	synctest.Test(t, func(t *testing.T) {
		bar := newBar(t)
		c := newCall(t, both(), both())
		c.join(&bridge.JoinOptions{Dialer: bar})
		c.must(c.desk.Ring(c.ctx(), nil))
		a := c.wishes(c.out, "bar", nil)
		a.open(t)
		want(t, "nobody is dialled", len(bar.legs), 0)
		c.up(both())
		want(t, "now it is", len(bar.legs), 1)
		c.oblige(c.guest, fixed(both()))
		bar.takes(c)
		a.is(t, "the desk is told", bridge.Normal)
		c.between(bar.leg())
	})
}

func TestTransferAttr(t *testing.T) {
	// What the protocol of a leg tells itself is for one transfer; what the program says of the call stays with it.
	synctest.Test(t, func(t *testing.T) {
		c, bar := transferring(t, nil)
		near, ok := c.in.Leg.(interface{ Change(func(*bridge.Info)) bool })
		if !ok || !near.Change(func(i *bridge.Info) { i.Attr = map[string]string{"room": "12"} }) {
			t.Fatal("the leg cannot be changed")
		}
		synctest.Wait()
		c.wishes(c.out, "bar", nil)
		bar.takes(c)
		want(t, "the call's own", bar.dialled[0].Attr["room"], "12")
		want(t, "the transfer's", bar.dialled[0].Attr["asked by"], "the desk")
		dialled := bar.near()
		if near, ok := dialled.(interface{ Change(func(*bridge.Info)) bool }); !ok || !near.Change(func(i *bridge.Info) { i.Attr = bar.dialled[0].Attr }) {
			t.Fatal("the leg cannot be changed")
		}
		synctest.Wait()
		ask := &bridge.Transfer{To: "bar", Done: func(error) {}}
		near.Change(func(i *bridge.Info) { i.Transfer = ask })
		synctest.Wait()
		want(t, "the call's own, in the next transfer", bar.dialled[1].Attr["room"], "12")
		want(t, "not what was meant for the last", bar.dialled[1].Attr["asked by"], "")
		c.must(c.guest.Hangup(c.ctx(), bridge.Normal))
		c.joins.Wait()
	})
}

func TestTransferContextEnds(t *testing.T) {
	for name, ring := range map[string]bool{"before it rings": false, "while it rings": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parked := errors.New("parked")
				c, bar := transferring(t, nil)
				if !ring {
					bar.parties["bar"] = func(bridge.Leg) {}
				}
				a := c.wishes(c.out, "bar", nil)
				c.stop(parked)
				synctest.Wait()
				want(t, "Join returns", c.err, parked)
				want(t, "the desk is told once", len(a.answers()), 1)
				want(t, "the attempt is withdrawn", causeOf(t, bar.leg()), bridge.Cancelled)
				c.join(nil)
				c.stands()
			})
		})
	}
}

func TestTransferContextEndsAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, bar := transferring(t, nil)
		c.wishes(c.out, "bar", nil)
		bar.takes(c)
		c.stop(errors.New("parked"))
		synctest.Wait()
		want(t, "the guest is left up", c.guest.Info().Phase, bridge.Up)
		want(t, "who came instead belongs to the join", causeOf(t, bar.leg()), bridge.Normal)
		c.must(c.guest.Hangup(c.ctx(), bridge.Normal))
		c.joins.Wait()
	})
}

func TestTransferMeetsTheEnd(t *testing.T) {
	// The bar takes the call at the moment in which the guest hangs up: one of the two is first, and nobody is left either way.
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			c, bar := transferring(t, nil)
			a := c.wishes(c.out, "bar", nil)
			var acts sync.WaitGroup
			acts.Go(func() { _ = c.guest.Hangup(context.Background(), bridge.Normal) })
			acts.Go(func() { _ = bar.leg().Answer(context.Background(), both()) })
			acts.Wait()
			c.joins.Wait()
			want(t, "the desk is told once", len(a.answers()), 1)
			for who, leg := range map[string]bridge.Leg{"guest": c.guest, "desk": c.desk, "bar": bar.leg()} {
				want(t, "the end of "+who, leg.Info().Phase, bridge.Over)
			}
		})
	}
}
