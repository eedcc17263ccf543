package sip_test

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
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

// TestRandomCalls makes calls between two agents, each call in a network of its own that loses, repeats and reorders, with both sides doing
// what they like: they ring, send early media, answer, cancel, hold, resume, change codecs, and hang up.
func TestRandomCalls(t *testing.T) {
	t.Parallel()
	randomCalls(t, 1000)
}

// TestRandomCallsSoak is TestRandomCalls at length.
func TestRandomCallsSoak(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") == "" {
		t.Skip("ALEXACALL_SOAK is not set")
	}
	n, err := strconv.ParseUint(os.Getenv("ALEXACALL_CALLS"), 10, 64)
	if err != nil {
		n = 10_000
	}
	randomCalls(t, n)
}

// randomCalls makes n calls, each from a seed of its own.
func randomCalls(t *testing.T, n uint64) {
	ends, rested, ran := map[bridge.Cause]int{}, 0, uint64(0)
	for seed := range testutil.Seeds(t, n) {
		end, rest := randomCall(t, seed)
		if ends[end]++; rest {
			rested++
		}
		ran++
	}
	t.Logf("%d calls, by how the caller saw them end: %v; %d had come to rest before", ran, ends, rested)
	if t.Failed() || ran < n {
		return
	}
	for _, cause := range [...]bridge.Cause{bridge.Normal, bridge.Busy, bridge.Declined, bridge.Cancelled, bridge.Media} {
		if ends[cause] == 0 {
			t.Errorf("no call ended with %v: the run is not worth much", cause)
		}
	}
	if rested < int(n/5) {
		t.Errorf("%d calls came to rest: the run is not worth much", rested)
	}
}

// gambler is a side of a call that does what chance wants. All its acts lie in the first 90 s.
type gambler struct {
	rand *rand.Rand
	late *rand.Rand // for what it does at moments that the other side decides on
	leg  *sip.Leg
	work sync.WaitGroup

	mu    sync.Mutex
	infos []bridge.Info
}

func newGambler(seed, n uint64) *gambler {
	return &gambler{rand: rand.New(rand.NewPCG(seed, n)), late: rand.New(rand.NewPCG(seed, n+100))}
}

func (g *gambler) pick(n int) int { return g.rand.IntN(n) }

// pause waits: often not at all, and for at most limit.
func (g *gambler) pause(limit time.Duration) {
	if g.pick(3) > 0 {
		time.Sleep(time.Duration(g.rand.Int64N(int64(limit))))
	}
}

// somePlan is one of the wishes that a side may have: most agree with most.
func somePlan(r *rand.Rand) media.Plan {
	dir := [...]media.Direction{media.SendRecv, media.SendRecv, media.SendRecv, media.SendOnly, media.RecvOnly, media.Inactive}[r.IntN(6)]
	codecs := [...][]media.Codec{
		{media.PCMU(), media.PCMA()}, {media.PCMA(), media.PCMU()}, {media.PCMU(), media.PCMA()}, {media.PCMU()}, {media.PCMA()},
	}[r.IntN(5)]
	return media.Plan{{Kind: media.Audio, Dir: dir, Codecs: codecs}}
}

// owns takes a leg, writes down what becomes of it, and answers offers, at once or late.
func (g *gambler) owns(l *sip.Leg) {
	g.leg = l
	g.work.Go(func() {
		for info, err := l.Info(), error(nil); err == nil; info, err = l.Next(background, info.Rev) {
			g.mu.Lock()
			g.infos = append(g.infos, info)
			g.mu.Unlock()
			if info.Phase == bridge.Up && info.Pending {
				if g.late.IntN(3) == 0 {
					time.Sleep(time.Duration(g.late.Int64N(int64(5 * time.Second))))
				}
				_ = l.Answer(background, somePlan(g.late))
			}
		}
	})
}

// change makes offers.
func (g *gambler) change(most int) {
	for range g.pick(most) {
		g.pause(4 * time.Second)
		ctx, cancel := context.WithTimeout(background, 6*time.Second)
		_ = g.leg.Update(ctx, somePlan(g.rand))
		cancel()
	}
}

// talk is what either side does in a call that is up.
func (g *gambler) talk() {
	g.change(5)
	g.pause(4 * time.Second)
	if g.pick(5) == 0 {
		_ = g.leg.Hangup(background, bridge.Normal)
	}
}

// calls plays the caller.
func (g *gambler) calls(a *sip.Agent, to string) {
	ctx, cancel := context.WithTimeout(background, time.Duration(g.rand.Int64N(int64(40*time.Second))))
	defer cancel()
	l, err := a.Dial(ctx, to, &bridge.DialOptions{Plan: [...]media.Plan{nil, somePlan(g.rand), somePlan(g.rand), {}}[g.pick(4)]})
	if err != nil {
		return
	}
	leg, _ := l.(*sip.Leg)
	g.owns(leg)
	g.change(2)
	for info := l.Info(); info.Phase != bridge.Up; {
		if info, err = l.Next(ctx, info.Rev); err != nil {
			_ = l.Hangup(background, bridge.Cancelled)
			return
		}
	}
	g.talk()
}

// isCalled plays the called side.
func (g *gambler) isCalled(l *sip.Leg) error {
	g.owns(l)
	g.pause(5 * time.Second)
	if g.pick(3) > 0 {
		_ = l.Ring(background, nil)
		g.pause(3 * time.Second)
	}
	if g.pick(2) == 0 {
		_ = l.Ring(background, somePlan(g.rand))
		g.pause(3 * time.Second)
		g.change(2)
	}
	switch g.pick(10) {
	case 0:
		return &bridge.EndError{Cause: bridge.Busy}
	case 1:
		return &bridge.EndError{Cause: bridge.Declined}
	case 2:
		<-l.Context().Done() // nobody is there
		return nil
	}
	if l.Answer(background, somePlan(g.rand)) == nil {
		g.talk()
	}
	<-l.Context().Done()
	return nil
}

// randomAgent returns an agent with settings that chance has picked, in a bad network. tap sees what it sends.
func randomAgent(t *testing.T, chance *rand.Rand, network *testutil.PacketNet, addr string, e *calltest.Engine, b bridge.Bridge, tap func([]byte)) *sip.Agent {
	t.Helper()
	a, err := sip.Listen(addr, e, &sip.Options{
		Network: "udp", Bridge: b,
		Reliable:       [...]sip.Reliability{sip.ReliableSupported, sip.ReliableSupported, sip.ReliableRequired, sip.ReliableOff}[chance.IntN(4)],
		SessionExpires: [...]time.Duration{90 * time.Second, 120 * time.Second, 0, -1}[chance.IntN(4)],
		ListenPacket: func(n, addr string) (net.PacketConn, error) {
			c, err := network.ListenPacket(n, addr)
			if err != nil {
				return nil, err
			}
			bad := testutil.Impairment{Seed: chance.Uint64(), Jitter: time.Duration(chance.IntN(60)) * time.Millisecond}
			if chance.IntN(4) > 0 {
				bad.Loss, bad.Duplicate, bad.Reorder = 0.2*chance.Float64(), 0.3*chance.Float64(), 0.2*chance.Float64()
				bad.ReorderBy = time.Duration(30+chance.IntN(700)) * time.Millisecond
			}
			return &tapped{testutil.Impair(c, bad), tap}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// tapped is a socket that shows what is sent.
type tapped struct {
	net.PacketConn
	tap func([]byte)
}

func (c *tapped) WriteTo(b []byte, to net.Addr) (int, error) {
	c.tap(b)
	return c.PacketConn.WriteTo(b, to)
}

// randomCall makes one call and returns how the caller saw it end, and whether it had come to rest before.
func randomCall(t *testing.T, seed uint64) (end bridge.Cause, rest bool) {
	synctest.Test(t, func(t *testing.T) {
		chance := rand.New(rand.NewPCG(seed, 1))
		network := testutil.NewPacketNet()
		caller, called := newGambler(seed, 2), newGambler(seed, 3)
		engines, wires := [2]*calltest.Engine{{}, {}}, [2]*wireLog{newWireLog(), newWireLog()}
		takes := bridge.Func(func(_ context.Context, in bridge.Leg) error {
			l, _ := in.(*sip.Leg)
			return called.isCalled(l)
		})
		a := randomAgent(t, chance, network, "192.0.2.1:5060", engines[0], nil, wires[0].sent)
		b := randomAgent(t, chance, network, "192.0.2.2:5060", engines[1], takes, wires[1].sent)
		var dialling sync.WaitGroup
		dialling.Go(func() { caller.calls(a, "sip:x@"+b.Addr().String()) })
		time.Sleep(200 * time.Second) // sessions are refreshed twice
		synctest.Wait()
		if rest = caller.stands(); rest || called.stands() {
			atRest(t, caller, called)
			first, second := caller, called
			if chance.IntN(2) == 0 {
				first, second = called, caller
			}
			dialling.Go(func() { _ = first.leg.Hangup(background, bridge.Normal) })
			if chance.IntN(3) == 0 {
				time.Sleep(time.Duration(chance.IntN(100)) * time.Millisecond)
				_ = second.leg.Hangup(background, bridge.Normal)
			}
		}
		time.Sleep(2 * time.Minute) // what the far side did not hear of ends by itself
		synctest.Wait()
		dialling.Wait()
		end = endsAgree(t, caller, called)
		for i, agent := range []*sip.Agent{a, b} {
			if s := agent.Stats(); s.Standing != 0 || s.ServerTransactions != 0 || s.ClientTransactions != 0 || s.Dropped != 0 || s.Unparsed+s.Invalid != 0 || s.In+s.Out > 1 {
				t.Errorf("agent %d: %+v", i, s)
			}
			if n := len(engines[i].Terminals()); n != 0 {
				t.Errorf("agent %d: %d terminals are left", i, n)
			}
			wires[i].check(t)
			_ = agent.Close()
		}
	})
	return end, rest
}
