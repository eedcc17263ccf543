package bridge_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// timeUp checks that a call has ended because its time was up, this long after begun: everybody was hung up once, and Join says why.
func (c *call) timeUp(begun time.Time, after time.Duration) {
	c.t.Helper()
	c.joins.Wait()
	want(c.t, "it has lasted", time.Since(begun), after)
	for name, leg := range map[string]bridge.Leg{"guest": c.guest, "desk": c.desk} {
		want(c.t, "the end of the "+name, causeOf(c.t, leg), bridge.Normal)
	}
	c.lasted(c.err)
}

// lasted checks the error of a call whose time was up.
func (c *call) lasted(err error) {
	c.t.Helper()
	if end, ok := errors.AsType[*bridge.EndError](err); !ok || end.Cause != bridge.Normal || end.Remote || !errors.Is(err, bridge.ErrMaxDuration) {
		c.t.Errorf("got %v, want a normal end of ours that says why", err)
	}
}

func TestJoinMaxDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, guestWish, _ := standing(t, both(), both())
		c.stop(nil)
		synctest.Wait()
		c.join(&bridge.JoinOptions{MaxDuration: time.Hour}) // another join: what the call has lasted before does not count
		begun := time.Now()
		time.Sleep(30 * time.Minute)
		guestWish.set(hold(both()))
		c.must(c.guest.Update(c.ctx(), hold(both())))
		time.Sleep(30*time.Minute - time.Nanosecond)
		synctest.Wait()
		want(t, "the call stands", c.guest.Info().Phase, bridge.Up)
		c.timeUp(begun, time.Hour)
		want(t, "the guest is hung up", c.in.count("hang up"), 1)
		want(t, "and the desk", c.out.count("hang up"), 1)
	})
}

func TestJoinMaxDurationBeginsWhenBothAreUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(&bridge.JoinOptions{MaxDuration: 10 * time.Second})
		c.must(c.desk.Ring(c.ctx(), nil))
		time.Sleep(40 * time.Second)
		c.must(c.desk.Answer(c.ctx(), both()))
		c.timeUp(time.Now(), 10*time.Second)
	})
}

func TestJoinWithoutMaxDuration(t *testing.T) {
	for _, none := range []time.Duration{0, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			c := newCall(t, both(), both()).join(&bridge.JoinOptions{MaxDuration: none}).up(both())
			time.Sleep(100 * 24 * time.Hour)
			synctest.Wait()
			want(t, "the call stands", c.guest.Info().Phase, bridge.Up)
			c.hangUp()
		})
	}
}

// Who is hung up before is hung up for another reason than that the time was up.
func TestJoinEndsBeforeMaxDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(&bridge.JoinOptions{MaxDuration: time.Hour}).up(both())
		time.Sleep(59 * time.Minute)
		c.hangUp()
	})
}

// To stay is for the side that is left by the other one. Here nobody leaves.
func TestJoinMaxDurationWithStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(&bridge.JoinOptions{MaxDuration: time.Hour, Stay: true}).up(both())
		c.timeUp(time.Now(), time.Hour)
	})
}

// A far side that does not confirm the end holds Join up for five seconds and no longer.
func TestJoinMaxDurationOfTheDeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both())
		c.in.Leg, c.out.Leg = deafLeg{c.in.Leg}, deafLeg{c.out.Leg}
		c.join(&bridge.JoinOptions{MaxDuration: time.Minute}).up(both())
		c.timeUp(time.Now(), time.Minute+5*time.Second)
	})
}

// Who comes into the call by a transfer has what is left of its time.
func TestTransferWithinMaxDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		c, bar := transferring(t, &bridge.JoinOptions{MaxDuration: time.Hour})
		time.Sleep(59 * time.Minute)
		a := c.wishes(c.out, "bar", nil)
		bar.takes(c)
		a.is(t, "the desk is told that it went well", bridge.Normal)
		c.timeUp(begun, time.Hour)
		want(t, "the end of the bar", causeOf(t, bar.leg()), bridge.Normal)
	})
}

// So has a party that comes back on another leg: else a device that connects anew now and then would talk for ever.
func TestSamePartyWithinMaxDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(&bridge.JoinOptions{MaxDuration: time.Hour}).up(both())
		begun := time.Now()
		c.oblige(c.desk, fixed(both()))
		time.Sleep(59 * time.Minute)
		by, guest := bridge.Pipe(both())
		c.oblige(guest, fixed(both()))
		a := c.comes(c.in.Leg, by, true)
		a.is(t, "it is told", bridge.Normal)
		c.timeUp(begun, time.Hour)
		want(t, "its end", causeOf(t, guest), bridge.Normal)
	})
}

// A transfer that is under way ends with the call, at whatever stage it is.
func TestTransferPastMaxDuration(t *testing.T) {
	for name, test := range map[string]struct{ silent, gone bool }{
		"before it rings":                        {silent: true},
		"while it rings":                         {},
		"before it rings, and who asked is gone": {silent: true, gone: true},
		"while it rings, and who asked is gone":  {gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				c, bar := transferring(t, &bridge.JoinOptions{MaxDuration: time.Hour})
				if test.silent {
					bar.parties["bar"] = func(bridge.Leg) {}
				}
				time.Sleep(time.Hour - 10*time.Second)
				a := c.wishes(c.out, "bar", nil)
				if test.gone {
					c.must(c.desk.Hangup(c.ctx(), bridge.Normal))
				}
				time.Sleep(9 * time.Second)
				synctest.Wait()
				a.open(t)
				c.timeUp(begun, time.Hour)
				want(t, "nobody rings any more", bar.leg().Info().Phase, bridge.Over)
				if told := a.answers(); len(told) != 1 {
					t.Errorf("the desk was told %v", told)
				} else {
					c.lasted(told[0])
				}
				bar.playing.Wait()
			})
		})
	}
}

// To hands the time on, and says to whoever called it why the call has ended.
func TestToMaxDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ex := withDesk(answers)
		in, guest := bridge.Pipe(both())
		c := &call{t: t, guest: guest}
		intake := bridge.NewIntake(bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			c.err = bridge.To(ex, "desk", &bridge.JoinOptions{MaxDuration: 2 * time.Hour}).Handle(ctx, in)
			return c.err
		}), nil)
		begun := time.Now()
		if err := intake.Receive(in); err != nil {
			t.Fatal(err)
		}
		if err := intake.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		ex.playing.Wait()
		c.desk = ex.desk()
		c.timeUp(begun, 2*time.Hour)
	})
}
