package bridge_test

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

func TestRandomCalls(t *testing.T) { randomCalls(t, 1000) }

func TestRandomCallsSoak(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") != "1" {
		t.Skip("a long test: set ALEXACALL_SOAK=1")
	}
	randomCalls(t, 10_000)
}

// randomCalls makes n calls, each from a seed of its own.
func randomCalls(t *testing.T, n uint64) {
	ends, ran := map[bridge.Cause]int{}, uint64(0)
	for seed := range testutil.Seeds(t, n) {
		ends[randomCall(t, seed)]++
		ran++
	}
	t.Logf("%d calls, by how the caller saw them end: %v", ran, ends)
	for _, cause := range [...]bridge.Cause{bridge.Normal, bridge.Busy, bridge.Declined, bridge.Cancelled, bridge.NoAnswer, bridge.Media} {
		if ran == n && !t.Failed() && ends[cause] == 0 {
			t.Errorf("no call ended with %v: the run is not worth much", cause)
		}
	}
}

// actor is a party that does what chance wants. All its acts lie in the first 40 s; what it has to answer it may answer late.
type actor struct {
	leg  bridge.Leg
	rand *rand.Rand
	wish wish

	mu   sync.Mutex
	said []bridge.Cause // with which it has hung up, if it has
}

func newActor(leg bridge.Leg, seed uint64) *actor {
	a := &actor{leg: leg, rand: rand.New(rand.NewPCG(seed, seed>>32))}
	a.wish.set(a.plan())
	return a
}

func (a *actor) pick(n int) int { return a.rand.IntN(n) }

// pause waits: often not at all, and for at most limit.
func (a *actor) pause(limit time.Duration) {
	if a.pick(3) > 0 {
		time.Sleep(time.Duration(a.rand.Int64N(int64(limit))))
	}
}

func (a *actor) plan() media.Plan {
	return [...]media.Plan{both(), both(), both(), onlyU(), onlyA()}[a.pick(5)]
}

func (a *actor) hangUp(why bridge.Cause) {
	a.mu.Lock()
	a.said = append(a.said, why)
	a.mu.Unlock()
	_ = a.leg.Hangup(context.Background(), why)
}

// talk holds, resumes, mutes, changes codecs and perhaps hangs up.
func (a *actor) talk() {
	for range a.pick(5) {
		a.pause(4 * time.Second)
		p := turned(a.plan(), [...]media.Direction{media.SendRecv, media.SendRecv, media.SendOnly, media.RecvOnly}[a.pick(4)])
		ctx, cancel := context.WithTimeout(context.Background(), 6*time.Second)
		if a.leg.Update(ctx, p) == nil {
			a.wish.set(turned(both(), dir(p)))
		}
		cancel()
	}
	a.pause(4 * time.Second)
	if a.pick(6) == 0 {
		a.hangUp(bridge.Normal)
	}
}

// oblige answers offers, at once or after up to limit.
func (a *actor) oblige(limit time.Duration, late *rand.Rand) {
	for info := a.leg.Info(); ; {
		if info.Phase == bridge.Up && info.Pending {
			if late.IntN(3) == 0 {
				time.Sleep(time.Duration(late.Int64N(int64(limit))))
			}
			_ = a.leg.Answer(context.Background(), a.wish.get())
		}
		var err error
		if info, err = a.leg.Next(context.Background(), info.Rev); err != nil {
			return
		}
	}
}

// calls plays the guest.
func (a *actor) calls() {
	patience, cancel := context.WithTimeout(context.Background(), time.Duration(a.rand.Int64N(int64(40*time.Second))))
	defer cancel()
	for info := a.leg.Info(); info.Phase != bridge.Up; {
		var err error
		if info, err = a.leg.Next(patience, info.Rev); err != nil {
			if info.Phase != bridge.Over {
				a.hangUp(bridge.Cancelled)
			}
			return
		}
	}
	a.talk()
}

// isCalled plays the desk.
func (a *actor) isCalled() {
	ctx := context.Background()
	a.pause(10 * time.Second)
	if a.pick(3) > 0 {
		_ = a.leg.Ring(ctx, nil)
		a.pause(5 * time.Second)
	}
	if a.pick(3) == 0 && a.leg.Info().Far != nil {
		_ = a.leg.Ring(ctx, a.wish.get())
		a.pause(5 * time.Second)
	}
	switch a.pick(8) {
	case 0:
		a.hangUp(bridge.Busy)
	case 1:
		a.hangUp(bridge.Declined)
	case 2:
		return // nobody is there
	default:
		if a.leg.Answer(ctx, a.wish.get()) != nil {
			a.hangUp(bridge.Media)
			return
		}
		a.talk()
	}
}

// randomCall makes one call through an intake, To and Join, and returns how the guest saw it end.
func randomCall(t *testing.T, seed uint64) (end bridge.Cause) {
	synctest.Test(t, func(t *testing.T) {
		chance := rand.New(rand.NewPCG(seed, 1))
		offer := [...]media.Plan{both(), both(), onlyU(), nil}[chance.IntN(4)]
		in, guestLeg := bridge.Pipe(offer)
		guest := newActor(guestLeg, chance.Uint64())
		if guest.wish.set(offer); offer == nil { // a party can do what it, or its leg in its place, has said
			guest.wish.set(both())
		}
		var desk *actor
		var out *spy
		late := rand.New(rand.NewPCG(seed, 2))
		ex := withDesk(func(leg bridge.Leg) {
			desk = newActor(leg, chance.Uint64())
			desk.isCalled()
			desk.oblige(5*time.Second, late)
		})
		tap := &tapped{Dialer: ex, empty: chance.IntN(2) == 0, leg: func(s *spy) { out = s }}
		intake := bridge.NewIntake(bridge.To(tap, "desk", &bridge.JoinOptions{RingFor: 20 * time.Second}), nil)
		inSpy := &spy{Leg: in}
		if err := intake.Receive(inSpy); err != nil {
			t.Fatal(err)
		}
		var parties sync.WaitGroup
		parties.Go(guest.calls)
		parties.Go(func() { guest.oblige(5*time.Second, rand.New(rand.NewPCG(seed, 3))) })
		time.Sleep(100 * time.Second)
		synctest.Wait()
		if guestLeg.Info().Phase != bridge.Over {
			atRest(t, guest, desk, in, out)
			guest.hangUp(bridge.Normal)
		}
		if err := intake.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		parties.Wait()
		ex.playing.Wait()
		if stats := intake.Stats(); stats.Standing != 0 {
			t.Errorf("%d legs are left", stats.Standing)
		}
		end = causeOf(t, guestLeg)
		endsAgree(t, guest, desk, end, inSpy, out)
	})
	return end
}

// tapped is a Dialer that shows the leg it has dialled.
type tapped struct {
	bridge.Dialer
	leg   func(*spy)
	empty bool // without an offer of ours, where the caller has none
}

func (d *tapped) Dial(ctx context.Context, to string, o *bridge.DialOptions) (bridge.Leg, error) {
	asked := *o
	if d.empty && asked.Plan == nil {
		asked.Plan = media.Plan{}
	}
	leg, err := d.Dialer.Dial(ctx, to, &asked)
	if err != nil {
		return nil, err
	}
	s := &spy{Leg: leg}
	d.leg(s)
	return s, nil
}
