package sip_test

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
	"github.com/alexacall/alexacall/sip"
)

// TestLossy makes calls between two agents over a network that loses, repeats and reorders, with both sides doing what they like at random
// moments: CANCEL meets 200, offers meet, BYE meets BYE. Each call ends on both sides, and nothing is left of any.
func TestLossy(t *testing.T) { lossy(t, 1, 300) }

// TestSoakLossy is TestLossy at length.
func TestSoakLossy(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") == "" {
		t.Skip("ALEXACALL_SOAK is not set")
	}
	lossy(t, 10, 1000)
}

// lossy runs calls under fake time, in some worlds one after the other.
func lossy(t *testing.T, worlds uint64, calls int) {
	t.Helper()
	for seed := range testutil.Seeds(t, worlds) {
		synctest.Test(t, func(t *testing.T) { lossyWorld(t, seed, calls) })
	}
}

func lossyWorld(t *testing.T, seed uint64, calls int) {
	network := testutil.NewPacketNet()
	dice := &dice{r: rand.New(rand.NewPCG(seed, 1))}
	engines := [2]*calltest.Engine{{}, {}}
	var agents [2]*sip.Agent
	for i, addr := range [...]string{"192.0.2.1:5060", "192.0.2.2:5060"} {
		a, err := sip.Listen(addr, engines[i], &sip.Options{Network: "udp", Bridge: bridge.Func(dice.takeCall), ListenPacket: func(n, addr string) (net.PacketConn, error) {
			c, err := network.ListenPacket(n, addr)
			if err != nil {
				return nil, err
			}
			return testutil.Impair(c, testutil.Impairment{Seed: seed + uint64(i), Loss: 0.15, Duplicate: 0.1, Reorder: 0.1, Jitter: 40 * time.Millisecond}), nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		agents[i] = a
	}
	synctest.Wait()
	before := len(goroutines())
	var running sync.WaitGroup
	for n := range calls {
		running.Go(func() {
			time.Sleep(time.Duration(dice.n(60_000)) * time.Millisecond)
			from, to := agents[n%2], "sip:x@"+agents[1-n%2].Addr().String()
			dice.placeCall(from, to)
		})
	}
	running.Wait()
	time.Sleep(2 * time.Minute) // what the far side did not hear of ends by itself
	synctest.Wait()
	for i, a := range agents {
		if s := a.Stats(); s.Standing != 0 || s.ServerTransactions != 0 || s.ClientTransactions != 0 || s.Dropped != 0 {
			t.Errorf("agent %d: %+v", i, s)
		}
		if n := len(engines[i].Terminals()); n != 0 {
			t.Errorf("agent %d: %d terminals left", i, n)
		}
	}
	if now := goroutines(); len(now) > before {
		t.Errorf("%d goroutines, %d before\n%s", len(now), before, strings.Join(now, "\n\n"))
	}
	in, out := agents[0].Stats().In+agents[1].Stats().In, agents[0].Stats().Out+agents[1].Stats().Out
	t.Logf("%d calls placed, %d came in, %d were up on both sides", out, in, dice.both())
	if dice.both() < calls/6 {
		t.Errorf("%d of %d calls were up on both sides", dice.both(), calls)
	}
	for _, a := range agents {
		_ = a.Close()
	}
}

// dice decides what the sides of calls do.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
	up int
}

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

func (d *dice) both() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.up
}

// nap waits for up to most, or for the end of a leg.
func (d *dice) nap(l bridge.Leg, most time.Duration) {
	ctx, cancel := context.WithTimeout(background, time.Duration(d.n(int(most.Milliseconds())))*time.Millisecond)
	defer cancel()
	for info := l.Info(); ; {
		var err error
		if info, err = l.Next(ctx, info.Rev); err != nil {
			return
		}
		if info.Pending && info.Phase == bridge.Up && d.n(3) > 0 {
			_ = l.Answer(ctx, nil)
		}
	}
}

// takeCall is the called side.
func (d *dice) takeCall(_ contextT, in bridge.Leg) error {
	if d.n(4) > 0 {
		d.nap(in, time.Second)
		_ = in.Ring(background, nil)
	}
	if d.n(4) == 0 {
		_ = in.Ring(background, pcmu(media.SendRecv))
	}
	d.nap(in, 3*time.Second)
	if d.n(6) == 0 {
		return &bridge.EndError{Cause: bridge.Cause(d.n(int(bridge.Internal) + 1))}
	}
	_ = in.Answer(background, nil)
	d.live(in)
	return nil
}

// live is what either side does in a call that may be up.
func (d *dice) live(l bridge.Leg) {
	for range d.n(4) {
		d.nap(l, 3*time.Second)
		if d.n(2) == 0 {
			ctx, cancel := context.WithTimeout(background, 20*time.Second)
			_ = l.Update(ctx, pcmu([]media.Direction{media.SendRecv, media.SendOnly, media.Inactive}[d.n(3)]))
			cancel()
		}
	}
	d.nap(l, 3*time.Second)
}

// placeCall is the calling side.
func (d *dice) placeCall(a *sip.Agent, to string) {
	ctx, cancel := context.WithTimeout(background, time.Duration(200+d.n(20_000))*time.Millisecond)
	defer cancel()
	o := &bridge.DialOptions{}
	if d.n(5) == 0 {
		o.Plan = media.Plan{}
	}
	l, err := a.Dial(ctx, to, o)
	if err != nil {
		return
	}
	d.nap(l, 6*time.Second)
	if l.Info().Phase == bridge.Up {
		d.mu.Lock()
		d.up++
		d.mu.Unlock()
		d.live(l)
	}
	ctx, cancel = context.WithTimeout(background, time.Duration(d.n(5000))*time.Millisecond)
	defer cancel()
	_ = l.Hangup(ctx, bridge.Cause(d.n(int(bridge.Internal)+1)))
}
