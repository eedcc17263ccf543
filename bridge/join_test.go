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

func TestJoinAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(nil)
		want(t, "nobody is told of a call of which the desk has not been told", c.guest.Info().Phase, bridge.Placed)
		c.must(c.desk.Answer(c.ctx(), onlyA()))
		want(t, "the guest is answered", c.guest.Info().Phase, bridge.Up)
		want(t, "the guest has the codec that the desk took", agreed(c.guest), "PCMA")
		want(t, "the desk has it too", agreed(c.desk), "PCMA")
		want(t, "one answer is enough", c.in.count("answer"), 1)
		c.hangUp()
	})
}

func TestJoinRingingThenAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(nil)
		c.must(c.desk.Ring(c.ctx(), nil))
		want(t, "the guest hears that it rings", c.guest.Info().Phase, bridge.Alerting)
		time.Sleep(20 * time.Second)
		c.must(c.desk.Ring(c.ctx(), nil))
		want(t, "ringing is told once", c.in.count("ring"), 1)
		c.up(both())
		c.hangUp()
	})
}

func TestJoinEarlyMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(nil)
		c.must(c.desk.Ring(c.ctx(), onlyU()))
		want(t, "the guest has early media", c.guest.Info().Phase, bridge.Early)
		want(t, "with the desk's codec", agreed(c.guest), "PCMU")
		announcement, prompt := listen(t, c.guest), listen(t, c.desk)
		announcement.hears(t, c.desk, "please wait")
		prompt.hears(t, c.guest, "hello?")
		c.up(onlyU())
		announcement.hears(t, c.desk, "good morning")
		want(t, "what was agreed early stands", agreed(c.guest), "PCMU")
		announcement.close(t)
		prompt.close(t)
		c.hangUp()
	})
}

func TestJoinEarlyMediaOfAnotherDevice(t *testing.T) {
	// One device of the called party gives early media, another one accepts, with another codec: the caller has to follow.
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), nil)
		forked := newFork(onlyU())
		c.out.Leg = forked
		c.oblige(c.guest, fixed(both()))
		c.join(nil)
		want(t, "the guest has the early codec", agreed(c.guest), "PCMU")
		forked.accept(onlyA())
		synctest.Wait()
		want(t, "the guest is answered", c.guest.Info().Phase, bridge.Up)
		want(t, "the guest was moved to the codec of who accepted", agreed(c.guest), "PCMA")
		c.must(c.guest.Hangup(c.ctx(), bridge.Normal))
		c.joins.Wait()
		want(t, "the desk's end", causeOf(t, c.out), bridge.Normal)
	})
}

func TestJoinFailures(t *testing.T) {
	for _, cause := range []bridge.Cause{
		bridge.Busy, bridge.Declined, bridge.NoAnswer, bridge.NotFound, bridge.Unreachable, bridge.Forbidden, bridge.Overload, bridge.Internal,
		bridge.Elsewhere, bridge.Media,
	} {
		t.Run(cause.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCall(t, both(), both()).join(nil)
				c.must(c.desk.Ring(c.ctx(), nil))
				c.must(c.desk.Hangup(c.ctx(), cause))
				c.ended(cause)
				want(t, "the desk ended it, it needs no word", c.out.count("hang up"), 0)
			})
		})
	}
}

func TestJoinRingsOut(t *testing.T) {
	for _, test := range []struct {
		ringFor, want time.Duration
	}{{0, bridge.DefaultRingFor}, {-1, bridge.DefaultRingFor}, {15 * time.Second, 15 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			c := newCall(t, both(), both()).join(&bridge.JoinOptions{RingFor: test.ringFor})
			c.must(c.desk.Ring(c.ctx(), nil))
			c.ended(bridge.NoAnswer)
			want(t, "it rings that long", time.Since(begun), test.want)
			want(t, "the desk is told", c.out.count("hang up"), 1)
		})
	}
}

func TestJoinAnsweredCallDoesNotRingOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both()).join(&bridge.JoinOptions{RingFor: 10 * time.Second}).up(both())
		time.Sleep(time.Hour)
		synctest.Wait()
		want(t, "it stands", c.guest.Info().Phase, bridge.Up)
		c.hangUp()
	})
}

func TestJoinCallerGivesUp(t *testing.T) {
	for name, ring := range map[string]func(c *call) error{
		"at once": func(*call) error { return nil },
		"ringing": func(c *call) error { return c.desk.Ring(c.ctx(), nil) },
		"early":   func(c *call) error { return c.desk.Ring(c.ctx(), both()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCall(t, both(), both()).join(nil)
				c.must(ring(c))
				c.must(c.guest.Hangup(c.ctx(), bridge.Cancelled))
				c.ended(bridge.Cancelled)
				want(t, "the desk is told once", c.out.count("hang up"), 1)
			})
		})
	}
}

func TestJoinAcceptanceMeetsCancel(t *testing.T) {
	// The caller gives up while its answer is on its way: the cause is the caller's, not that of the answer that failed.
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), both())
		slow := &lateAnswer{Leg: c.in.Leg, before: func() {
			_ = c.guest.Hangup(context.Background(), bridge.Cancelled)
		}}
		c.in.Leg = slow
		c.join(nil)
		c.must(c.desk.Answer(c.ctx(), both()))
		c.ended(bridge.Cancelled)
	})
}

// lateAnswer is a leg on which something happens just before an answer.
type lateAnswer struct {
	bridge.Leg
	before func()
}

func (l *lateAnswer) Answer(ctx context.Context, want media.Plan) error {
	l.before()
	return l.Leg.Answer(ctx, want)
}

func TestJoinOfferlessCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, nil, both())
		c.oblige(c.guest, fixed(onlyA()))
		c.join(nil)
		c.oblige(c.desk, fixed(both()))
		c.up(both())
		want(t, "the guest chose of what the desk has", agreed(c.guest), "PCMA")
		want(t, "the desk was told", agreed(c.desk), "PCMA")
		c.hangUp()
	})
}

func TestJoinDeskMakesTheOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, both(), nil).join(nil)
		c.must(c.desk.Ring(c.ctx(), nil))
		c.must(c.desk.Answer(c.ctx(), onlyA()))
		want(t, "the guest is answered", c.guest.Info().Phase, bridge.Up)
		want(t, "the guest has what the desk offered", agreed(c.guest), "PCMA")
		want(t, "the desk has it too", agreed(c.desk), "PCMA")
		c.hangUp()
	})
}

func TestJoinNobodyOffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, nil, nil)
		c.oblige(c.guest, fixed(onlyA()))
		c.join(nil)
		c.must(c.desk.Answer(c.ctx(), both()))
		want(t, "the guest chose of what the desk offered", agreed(c.guest), "PCMA")
		want(t, "the desk was answered with the choice", agreed(c.desk), "PCMA")
		want(t, "it took no time", c.desk.Info().Pending, false)
		c.hangUp()
	})
}

func TestJoinTwoDialledWithoutOffer(t *testing.T) {
	// A click to dial: both are called, both make offers, each is answered with the other's.
	synctest.Test(t, func(t *testing.T) {
		c := &call{t: t, in: &spy{}, out: &spy{}}
		c.guest, c.in.Leg = bridge.Pipe(nil)
		c.desk, c.out.Leg = bridge.Pipe(nil)
		c.join(nil)
		c.must(c.guest.Answer(c.ctx(), both()))
		c.must(c.desk.Answer(c.ctx(), onlyA()))
		want(t, "the guest", agreed(c.guest), "PCMA")
		want(t, "the desk", agreed(c.desk), "PCMA")
		c.hangUp()
	})
}

func TestJoinNoCommonCodec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, onlyU(), onlyA()).join(nil)
		c.must(c.desk.Answer(c.ctx(), onlyA()))
		c.ended(bridge.Media)
		if !errors.Is(c.err, media.ErrNoCommonCodec) {
			t.Errorf("got %v, want the reason in it", c.err)
		}
	})
}

func TestJoinRingback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var playing, begun int
		c := newCall(t, both(), both())
		c.must(c.in.Leg.Answer(c.ctx(), both())) // by an announcement, say
		c.join(&bridge.JoinOptions{Ringback: func(to media.Endpoint) func() {
			if to != c.in.Media() {
				t.Error("the tone is played to the wrong side")
			}
			playing++
			begun++
			return func() { playing-- }
		}})
		want(t, "it plays while the desk is called", playing, 1)
		c.must(c.desk.Ring(c.ctx(), nil))
		want(t, "and while it rings", playing, 1)
		c.must(c.desk.Ring(c.ctx(), both()))
		want(t, "and stops when the desk has media of its own", playing, 0)
		c.must(c.desk.Answer(c.ctx(), both()))
		c.hangUp()
		want(t, "it played once", begun, 1)
		want(t, "it does not play on", playing, 0)
	})
}

func TestJoinRingbackStopsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		playing := 0
		c := newCall(t, both(), both())
		c.must(c.in.Leg.Answer(c.ctx(), both()))
		c.join(&bridge.JoinOptions{Ringback: func(media.Endpoint) func() { playing++; return func() { playing-- } }})
		want(t, "it plays", playing, 1)
		c.must(c.desk.Hangup(c.ctx(), bridge.Busy))
		c.ended(bridge.Busy)
		want(t, "it has stopped", playing, 0)
	})
}
