package bridge_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// wish is what a party says of itself just now, and answers offers with.
type wish struct {
	mu   sync.Mutex
	plan media.Plan
}

func (w *wish) get() media.Plan {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.plan
}

func (w *wish) set(p media.Plan) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plan = p
}

// standing returns a call that is up, with parties who answer offers as they wish.
func standing(t *testing.T, guest, desk media.Plan) (c *call, guestWish, deskWish *wish) {
	t.Helper()
	c = newCall(t, guest, guest)
	guestWish, deskWish = &wish{plan: guest}, &wish{plan: desk}
	c.oblige(c.guest, guestWish.get)
	c.oblige(c.desk, deskWish.get)
	c.join(nil).up(desk)
	return c, guestWish, deskWish
}

func TestJoinHoldAndMute(t *testing.T) {
	// Every order of up to three of: a party holds, mutes itself, or is back. After each step the other has to know.
	type act struct {
		party int
		dir   media.Direction
	}
	var acts []act
	for party := range 2 {
		for _, d := range [...]media.Direction{media.SendOnly, media.RecvOnly, media.SendRecv} {
			acts = append(acts, act{party, d})
		}
	}
	run := func(t *testing.T, story []act) {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			c, guestWish, deskWish := standing(t, both(), both())
			parties, wishes := [2]bridge.Leg{c.guest, c.desk}, [2]*wish{guestWish, deskWish}
			says := [2]media.Direction{media.SendRecv, media.SendRecv}
			for i, a := range story {
				says[a.party] = a.dir
				p := turned(both(), a.dir)
				wishes[a.party].set(p)
				c.must(parties[a.party].Update(c.ctx(), p))
				for x := range parties {
					want(t, fmt.Sprintf("after %d of %v, what party %d knows of the other", i+1, story, x), dir(parties[x].Info().Far), says[1-x])
				}
			}
			want(t, "nobody had to wait", time.Since(begun), 0)
			c.hangUp()
		})
	}
	for _, a := range acts {
		for _, b := range acts {
			for _, c := range acts {
				run(t, []act{a, b, c})
			}
		}
	}
}

func TestJoinHoldInTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(nil).up(hold(both()))
		want(t, "the guest is told that the desk holds", dir(c.guest.Info().Far), media.SendOnly)
		c.hangUp()
	})
}

func TestJoinOfferRightAfterAcceptance(t *testing.T) {
	for _, plans := range [...]struct{ say, hear media.Plan }{{hold(both()), hold(both())}, {onlyA(), onlyA()}} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			c := newCall(t, both(), both())
			c.oblige(c.guest, fixed(both()))
			c.oblige(c.desk, fixed(both()))
			c.join(nil)
			if err := c.desk.Answer(c.ctx(), both()); err != nil {
				t.Fatal(err)
			}
			c.must(c.desk.Update(c.ctx(), plans.say)) // nothing has come to rest before it
			want(t, "what the guest hears of the desk", dir(c.guest.Info().Far), dir(plans.hear))
			want(t, "nothing had to wait", time.Since(begun), 0)
			c.hangUp()
		})
	}
}

func TestJoinCodecChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, guestWish, deskWish := standing(t, both(), both())
		guestWish.set(onlyA())
		c.must(c.guest.Update(c.ctx(), onlyA()))
		want(t, "the guest has moved", agreed(c.guest), "PCMA")
		want(t, "the desk has followed", agreed(c.desk), "PCMA")
		guestWish.set(both())
		deskWish.set(onlyU())
		c.must(c.desk.Update(c.ctx(), onlyU()))
		want(t, "the desk has moved", agreed(c.desk), "PCMU")
		want(t, "the guest has followed", agreed(c.guest), "PCMU")
		ear := listen(t, c.desk)
		ear.hears(t, c.guest, "with the new codec")
		ear.close(t)
		c.hangUp()
	})
}

func TestJoinRefusedOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := standing(t, both(), onlyU())
		if err := c.guest.Update(c.ctx(), hold(onlyA())); err == nil {
			t.Error("the guest's codec was taken although the desk does not have it")
		}
		synctest.Wait()
		want(t, "what the guest had stands", agreed(c.guest), "PCMU")
		want(t, "what the desk had stands", agreed(c.desk), "PCMU")
		want(t, "a hold that was refused is none", dir(c.in.Info().Far), media.SendRecv)
		want(t, "nor for the desk", dir(c.desk.Info().Far), media.SendRecv)
		want(t, "the offer does not wait", c.in.Info().Pending, false)
		ear := listen(t, c.guest)
		ear.hears(t, c.desk, "still here")
		ear.close(t)
		c.hangUp()
	})
}

func TestJoinQuestionNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(nil).up(onlyU()) // the desk does not answer offers
		begun := time.Now()
		if err := c.guest.Update(c.ctx(), onlyA()); err == nil {
			t.Error("the offer was taken although the desk said nothing to it")
		}
		want(t, "the guest has waited", time.Since(begun), 2*time.Second)
		want(t, "what stood stands", agreed(c.guest), "PCMU")
		time.Sleep(time.Minute)
		synctest.Wait()
		want(t, "the call stands", c.guest.Info().Phase, bridge.Up)
		want(t, "both have one codec", agreed(c.desk), agreed(c.guest))
		c.hangUp()
	})
}

func TestJoinSecondQuestionHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(nil).up(onlyU())
		var desk sync.WaitGroup
		desk.Go(func() {
			time.Sleep(1500 * time.Millisecond)
			_ = c.desk.Answer(c.ctx(), both())
		})
		c.must(c.guest.Update(c.ctx(), onlyA()))
		desk.Wait()
		want(t, "the desk has followed", agreed(c.desk), "PCMA")
		begun := time.Now()
		if err := c.guest.Update(c.ctx(), onlyU()); err == nil {
			t.Error("the offer was taken although the desk said nothing to it")
		}
		want(t, "the second question is not cut short by the first", time.Since(begun), 2*time.Second)
		time.Sleep(time.Minute)
		c.hangUp()
	})
}

func TestJoinHoldAfterRefusedQuestion(t *testing.T) {
	// A hold that comes with a new codec is refused together with it. When the guest holds without one, the desk has to be told,
	// although it was once offered the same direction.
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(nil).up(onlyU())
		if err := c.guest.Update(c.ctx(), hold(onlyA())); err == nil {
			t.Error("the offer was taken although the desk said nothing to it")
		}
		c.must(c.guest.Update(c.ctx(), hold(both())))
		time.Sleep(time.Minute)
		synctest.Wait()
		want(t, "the desk knows", dir(c.desk.Info().Far), media.SendOnly)
		c.hangUp()
	})
}

func TestJoinOffersCross(t *testing.T) {
	for name, plans := range map[string][2]media.Plan{
		"both hold":                     {hold(both()), hold(both())},
		"one holds, one changes codec":  {hold(both()), onlyA()},
		"both change codec, to one":     {onlyA(), onlyA()},
		"both change codec, to another": {onlyU(), onlyA()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				c, guestWish, deskWish := standing(t, both(), both())
				guestWish.set(turned(both(), dir(plans[0])))
				deskWish.set(turned(both(), dir(plans[1])))
				errs := [2]error{}
				var acts sync.WaitGroup
				acts.Go(func() { errs[0] = c.guest.Update(c.ctx(), plans[0]) })
				acts.Go(func() { errs[1] = c.desk.Update(c.ctx(), plans[1]) })
				acts.Wait()
				synctest.Wait()
				want(t, "the call stands", c.guest.Info().Phase, bridge.Up)
				want(t, "both have the same codecs", agreed(c.guest), agreed(c.desk))
				for x, legs := range [...][2]bridge.Leg{{c.guest, c.desk}, {c.desk, c.guest}} {
					if errs[x] == nil {
						want(t, "the other knows the direction", dir(legs[1].Info().Far), dir(plans[x]))
					}
				}
				want(t, "nothing had to wait", time.Since(begun), 0)
				c.hangUp()
			})
		})
	}
}

func TestJoinUpdateMeetsOffer(t *testing.T) {
	// The guest's hold is on its way to the desk, which is slow to answer and holds at this moment itself.
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		c := newCall(t, both(), both())
		c.oblige(c.guest, fixed(hold(both())))
		c.join(nil).up(both())
		c.must(c.guest.Update(c.ctx(), hold(both())))
		want(t, "the desk is offered the hold", c.desk.Info().Pending, true)
		c.must(c.desk.Update(c.ctx(), hold(both())))
		want(t, "the guest knows", dir(c.guest.Info().Far), media.SendOnly)
		want(t, "the desk knows", dir(c.desk.Info().Far), media.SendOnly)
		want(t, "nothing had to wait", time.Since(begun), 0)
		c.hangUp()
	})
}

func TestJoinEndsWhileAsking(t *testing.T) {
	for name, end := range map[string]func(c *call) bridge.Leg{
		"the guest hangs up": func(c *call) bridge.Leg { return c.guest },
		"the desk hangs up":  func(c *call) bridge.Leg { return c.desk },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCall(t, both(), both()).join(nil).up(onlyU())
				var offer sync.WaitGroup
				offer.Go(func() {
					err := c.guest.Update(c.ctx(), onlyA())
					if _, ok := errors.AsType[*bridge.EndError](err); !ok {
						t.Errorf("the offer came to %v, want the end", err)
					}
				})
				synctest.Wait()
				want(t, "the desk is asked", c.desk.Info().Pending, true)
				c.must(end(c).Hangup(c.ctx(), bridge.Normal))
				offer.Wait()
				c.ended(bridge.Normal)
			})
		})
	}
}
