package bridge_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
)

func TestRandomTransfers(t *testing.T) { randomTransfers(t, 1000) }

func TestRandomTransfersSoak(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") != "1" {
		t.Skip("a long test: set ALEXACALL_SOAK=1")
	}
	randomTransfers(t, 50_000)
}

// randomTransfers makes n calls whose parties ask to be replaced, each from a seed of its own.
func randomTransfers(t *testing.T, n uint64) {
	done, failed, late, ran := 0, 0, 0, uint64(0)
	for seed := range testutil.Seeds(t, n) {
		d, f, end := randomTransfer(t, seed)
		done, failed = done+d, failed+f
		if errors.Is(end, bridge.ErrMaxDuration) {
			late++
		}
		ran++
	}
	t.Logf("%d calls, %d transfers done, %d failed, %d calls as long as they may be", ran, done, failed, late)
	if ran == n && !t.Failed() && (done < int(n/10) || failed < int(n/10) || late < int(n/50)) {
		t.Error("the run is not worth much")
	}
}

// removal is a party's wish to be replaced.
type removal struct {
	*asked
	from bridge.Leg // that asked
}

// troupe is a call in which everybody does what chance wants, and may put the other through.
type troupe struct {
	mu       sync.Mutex
	seed     uint64
	legs     []bridge.Leg // near ends, in the order in which they came to be
	actors   []*actor     // of each leg, its far side
	removals []removal
	playing  sync.WaitGroup
}

// join adds a leg with its far side.
func (tr *troupe) join(near, far bridge.Leg) *actor {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.seed++
	a := newActor(far, tr.seed)
	a.wish.set(both())
	tr.legs, tr.actors = append(tr.legs, near), append(tr.actors, a)
	late := rand.New(rand.NewPCG(tr.seed, 7))
	tr.playing.Go(func() { a.oblige(3*time.Second, late) })
	return a
}

// Dial calls another party, which takes the call or does not.
func (tr *troupe) Dial(ctx context.Context, _ string, o *bridge.DialOptions) (bridge.Leg, error) {
	far, out := bridge.Pipe(o.Plan)
	a := tr.join(out, far)
	tr.playing.Go(a.isCalled)
	for info := out.Info(); info.Phase < bridge.Alerting || info.Phase == bridge.Over; {
		var err error
		if info, err = out.Next(ctx, info.Rev); err != nil {
			_ = out.Hangup(context.WithoutCancel(ctx), bridge.Cancelled)
			return nil, err
		}
	}
	return out, nil
}

// asks lets a party ask to be replaced a few times: by one that is dialled, or by one that comes. It may hang up as soon as it has asked.
func (tr *troupe) asks(near bridge.Leg, a *actor, chance *rand.Rand) {
	for range chance.IntN(4) {
		time.Sleep(time.Duration(chance.Int64N(int64(20 * time.Second))))
		var by bridge.Leg
		if chance.IntN(2) == 0 {
			come, party := bridge.Pipe(both())
			tr.join(come, party)
			by = come
		}
		wish, ok := ask(near, "bar", by)
		if !ok {
			if by != nil {
				_ = by.Hangup(context.Background(), bridge.NotFound)
			}
			return
		}
		tr.mu.Lock()
		tr.removals = append(tr.removals, removal{wish, near})
		tr.mu.Unlock()
		if chance.IntN(4) == 0 {
			a.hangUp(bridge.Normal)
		}
		if by != nil {
			tr.playing.Go(func() { giveUp(by) })
		}
	}
}

// giveUp hangs up who has come and is not taken, as the leg does that has the wish.
func giveUp(by bridge.Leg) {
	time.Sleep(10 * time.Second)
	if by.Info().Phase < bridge.Up {
		_ = by.Hangup(context.Background(), bridge.NotFound)
	}
}

// randomTransfer makes one call and returns how many of its transfers were done, and what Join has returned. Nobody may be left in it, nobody
// told twice, and who still talk have to know each other. One call in four may last for a minute at the most.
func randomTransfer(t *testing.T, seed uint64) (done, failed int, end error) {
	synctest.Test(t, func(t *testing.T) {
		chance := rand.New(rand.NewPCG(seed, 1))
		tr := &troupe{seed: chance.Uint64()}
		in, guestLeg := bridge.Pipe(both())
		guest := tr.join(in, guestLeg)
		deskLeg, out := bridge.Pipe(both())
		desk := tr.join(out, deskLeg)
		tr.playing.Go(guest.calls)
		tr.playing.Go(desk.isCalled)
		tr.playing.Go(func() { tr.asks(in, guest, rand.New(rand.NewPCG(seed, 2))) })
		tr.playing.Go(func() { tr.asks(out, desk, rand.New(rand.NewPCG(seed, 3))) })
		ctx, stop := context.WithCancel(t.Context())
		o := &bridge.JoinOptions{Dialer: tr, RingFor: 20 * time.Second}
		if limit := rand.New(rand.NewPCG(seed, 4)); limit.IntN(4) == 0 {
			o.MaxDuration = time.Duration(1 + limit.Int64N(int64(time.Minute)))
		}
		var joins sync.WaitGroup
		joins.Go(func() { end = bridge.Join(ctx, in, out, o) })
		time.Sleep(200 * time.Second)
		synctest.Wait()
		if left := tr.rest(t); left > 0 && o.MaxDuration > 0 {
			t.Errorf("%d legs are left of a call that may last for %v", left, o.MaxDuration)
		}
		if chance.IntN(4) == 0 {
			stop() // the program takes the call for itself
		}
		for _, l := range [...]bridge.Leg{in, out} {
			_ = l.Hangup(t.Context(), bridge.Normal)
		}
		time.Sleep(100 * time.Second) // as if one of the two that are left had hung up
		for _, a := range tr.actors {
			a.hangUp(bridge.Normal)
		}
		joins.Wait()
		stop()
		tr.playing.Wait()
		done, failed = tr.over(t)
	})
	return done, failed, end
}

// rest checks a call in which nobody has done anything for long: two are left at the most, and they know each other. It returns how many.
func (tr *troupe) rest(t *testing.T) int {
	t.Helper()
	var left []int
	for x, l := range tr.legs {
		if l.Info().Phase != bridge.Over {
			left = append(left, x)
		}
	}
	switch len(left) {
	case 0:
		return 0
	case 2:
	default:
		t.Errorf("%d legs are left, want two or none", len(left))
		return len(left)
	}
	a, b := left[0], left[1]
	for _, x := range left {
		info := tr.legs[x].Info()
		want(t, "who is left is up", info.Phase, bridge.Up)
		want(t, "and has no offer that waits", info.Pending, false)
	}
	knows(t, "one party", tr.actors[a].leg, tr.legs[a], tr.legs[b])
	knows(t, "the other one", tr.actors[b].leg, tr.legs[b], tr.legs[a])
	return len(left)
}

// over checks a call that is over, and returns how many transfers were done and how many were not.
func (tr *troupe) over(t *testing.T) (done, failed int) {
	t.Helper()
	for x, l := range tr.legs {
		want(t, "leg "+strconv.Itoa(x)+" is over", l.Info().Phase, bridge.Over)
	}
	for _, r := range tr.removals {
		switch told := r.answers(); {
		case len(told) > 1:
			t.Errorf("a party that asked to be replaced was told %v", told)
		case len(told) == 0: // it had gone before anybody looked
		case told[0] == nil:
			want(t, "who is replaced is let go", r.from.Info().Phase, bridge.Over)
			done++
		default:
			failed++
		}
	}
	return done, failed
}
