package alexa_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/alexatest"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/testutil"
	"github.com/alexacall/alexacall/media"
)

// TestRandomCalls makes calls of both directions in which everybody does what he likes, while Alexa's API fails and her events come as
// they like.
func TestRandomCalls(t *testing.T) {
	t.Parallel()
	randomCalls(t, someCalls)
}

// TestRandomCallsSoak is TestRandomCalls at length.
func TestRandomCallsSoak(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") == "" {
		t.Skip("ALEXACALL_SOAK is not set")
	}
	randomCalls(t, 10_000)
}

// TestCallsConnect has three of ten requests fail, in each of the ways that the field knows. Who is patient is connected: all but one of
// a hundred, and that only where Alexa refuses two tokens in a row. The seeds stand, for by chance it might be two.
func TestCallsConnect(t *testing.T) {
	t.Parallel()
	callsConnect(t, func(yield func(uint64) bool) {
		for seed := range uint64(someCalls / perCrowd) {
			if !yield(seed) {
				return
			}
		}
	})
}

// TestCallsConnectSoak is TestCallsConnect at length.
func TestCallsConnectSoak(t *testing.T) {
	if os.Getenv("ALEXACALL_SOAK") == "" {
		t.Skip("ALEXACALL_SOAK is not set")
	}
	callsConnect(t, testutil.Seeds(t, 10_000/perCrowd))
}

const (
	someCalls = 1000 / (1 + 4*alexa.RaceEnabled) // the race detector needs fewer to find what it can
	perCrowd  = 50                               // calls that share a cloud and a skill
)

func randomCalls(t *testing.T, n uint64) {
	ends, ran := map[bridge.Cause]int{}, uint64(0)
	for seed := range testutil.Seeds(t, n/perCrowd) {
		synctest.Test(t, func(t *testing.T) {
			for _, c := range newCrowd(t, seed, true).plays() {
				ends[c.cause]++
			}
		})
		ran += perCrowd
	}
	t.Logf("%d calls, by how their phones saw them end: %v", ran, ends)
	for _, cause := range [...]bridge.Cause{bridge.Normal, bridge.Busy, bridge.Declined, bridge.Cancelled, bridge.NoAnswer} {
		if ran >= n && !t.Failed() && ends[cause] == 0 {
			t.Errorf("no call ended with %v: the run is not worth much", cause)
		}
	}
}

func callsConnect(t *testing.T, seeds iter.Seq[uint64]) {
	up, all := 0, 0
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			for _, c := range newCrowd(t, seed, false).plays() {
				if all++; c.up {
					up++
				}
			}
		})
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
	t.Logf("%d of %d calls were connected", up, all)
	if all > perCrowd && up*100 < all*99 {
		t.Errorf("%d of %d calls were connected, want 99 of 100", up, all)
	}
}

// crowd is the calls of one cloud.
type crowd struct {
	*stage
	wild   bool // everybody does what he likes; else everybody wants to talk
	chance *rand.Rand
	lines  []*bridge.Intake
	echoes []*alexatest.Echo

	mu     sync.Mutex
	phones []*randomPhone
}

// randomPhone is one call as its phone sees it.
type randomPhone struct {
	crowd *crowd
	rand  *rand.Rand
	late  *rand.Rand // for the answers that it gives beside
	leg   bridge.Leg
	up    bool
	cause bridge.Cause
}

func newCrowd(t *testing.T, seed uint64, wild bool) *crowd {
	c := &crowd{wild: wild, chance: rand.New(rand.NewPCG(seed, 1))}
	faults := alexatest.Faults{Random: alexatest.Random{Share: 0.3, Failures: []alexatest.Failure{
		alexatest.TokenRevoked, alexatest.Conflict, alexatest.Throttled, alexatest.ServerError, alexatest.RequestLost, alexatest.AnswerLate,
	}}}
	flip := func() bool { return wild && c.chance.IntN(3) == 0 }
	if wild {
		faults.Random.Share, faults.Random.Failures = 0.3*c.chance.Float64(), nil
	}
	faults.AckNever, faults.DuplicateEvents, faults.RepeatEvents = flip(), flip(), flip()
	faults.BareAccept, faults.AcceptTwice, faults.ReofferAfterAccept = flip(), flip(), flip()
	join := &bridge.JoinOptions{RingFor: 25 * time.Second}
	c.stage = newStage(t, props{
		cloud: alexatest.CloudOptions{Seed: seed, Faults: faults, AckFirst: flip()}, join: join,
	})
	c.wire.next = &lawful{t: t, next: c.wire.next, busy: map[string]bool{}, over: map[string]bool{}}
	options := []alexatest.EchoOptions{{}, {AnswerAfter: 3 * time.Second}}
	if wild {
		options = append(options, alexatest.EchoOptions{RingOnly: true}, alexatest.EchoOptions{HangUpAfter: 5 * time.Second},
			alexatest.EchoOptions{Reject: "DEVICE_BUSY"}, alexatest.EchoOptions{Reject: "SUCCESS", AnswerAfter: 2 * time.Second})
	}
	for i, o := range options {
		o.NoMedia = true
		address := fmt.Sprint("room ", i)
		echo, err := c.cloud.NewEcho(address, &o)
		must(t, err)
		c.echoes = append(c.echoes, echo)
		c.lines = append(c.lines, bridge.NewIntake(bridge.To(c.skill, address, join), nil))
	}
	return c
}

// newPhone gives a leg to a phone.
func (c *crowd) newPhone(leg bridge.Leg, r *rand.Rand) *randomPhone {
	p := &randomPhone{crowd: c, leg: leg, late: rand.New(rand.NewPCG(r.Uint64(), 4)), rand: r}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phones = append(c.phones, p)
	return p
}

// plays lets everybody act, ends what stands, and holds that all have ended once.
func (c *crowd) plays() []*randomPhone {
	var acts, desks, lasting sync.WaitGroup
	stop, desk := make(chan struct{}), rand.New(rand.NewPCG(c.chance.Uint64(), 5))
	desks.Go(func() {
		for {
			select {
			case leg := <-c.desk.calls:
				p := c.newPhone(leg, rand.New(rand.NewPCG(desk.Uint64(), 2)))
				lasting.Go(p.obliges)
				acts.Go(p.isCalled)
			case <-stop:
				return
			}
		}
	})
	for range perCrowd {
		r, at := rand.New(rand.NewPCG(c.chance.Uint64(), 3)), c.chance.IntN(len(c.echoes))
		if c.chance.IntN(2) == 0 {
			acts.Go(func() { c.deviceActs(c.echoes[at], r) })
			continue
		}
		near, far := bridge.Pipe(g711())
		p := c.newPhone(far, r)
		acts.Go(func() {
			p.pause(time.Minute)
			must(c.t, c.lines[at].Receive(near))
			lasting.Go(p.obliges)
			p.calls()
		})
	}
	time.Sleep(4 * time.Minute)
	synctest.Wait()
	acts.Wait()
	c.agree()
	for _, p := range c.phones {
		_ = p.leg.Hangup(c.t.Context(), bridge.Normal)
	}
	time.Sleep(2 * time.Minute)
	close(stop)
	desks.Wait()
	lasting.Wait()
	c.ended()
	return c.phones
}

// deviceActs is a device that calls, and does what its user wants.
func (c *crowd) deviceActs(e *alexatest.Echo, r *rand.Rand) {
	ctx := c.t.Context()
	time.Sleep(time.Duration(r.Int64N(int64(time.Minute))))
	call, err := e.Call(ctx, "desk")
	must(c.t, err)
	if !c.wild {
		return
	}
	patience, cancel := context.WithTimeout(ctx, time.Duration(r.Int64N(int64(40*time.Second))))
	defer cancel()
	if call.WaitState(patience, alexatest.StateConnected) != nil {
		_ = call.Hangup(ctx)
		return
	}
	for range r.IntN(4) {
		time.Sleep(time.Duration(r.Int64N(int64(4 * time.Second))))
		_ = call.Update(ctx, alexatest.Renegotiation(r.IntN(int(alexatest.Refresh)+1)))
	}
	if r.IntN(3) == 0 {
		_ = call.Hangup(ctx)
	}
}

func (p *randomPhone) pause(limit time.Duration) {
	time.Sleep(time.Duration(p.rand.Int64N(int64(limit))))
}

// obliges answers changes, at once or late.
func (p *randomPhone) obliges() {
	ctx := context.Background()
	for info, err := p.leg.Info(), error(nil); ; {
		if info.Phase == bridge.Up {
			p.up = true
		}
		if info.Phase == bridge.Up && info.Pending {
			if p.crowd.wild && p.late.IntN(3) == 0 {
				time.Sleep(time.Duration(p.late.Int64N(int64(5 * time.Second))))
			}
			_ = p.leg.Answer(ctx, g711())
		}
		if info, err = p.leg.Next(ctx, info.Rev); err != nil {
			p.cause = bridge.CauseOf(err)
			return
		}
	}
}

// calls plays a phone that calls.
func (p *randomPhone) calls() {
	limit := time.Minute
	if p.crowd.wild {
		limit = time.Duration(p.rand.Int64N(int64(50 * time.Second)))
	}
	patience, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for info, err := p.leg.Info(), error(nil); info.Phase != bridge.Up; {
		if info, err = p.leg.Next(patience, info.Rev); err != nil {
			_ = p.leg.Hangup(context.Background(), bridge.Cancelled)
			return
		}
	}
	p.talks()
}

// isCalled plays a phone of the desk.
func (p *randomPhone) isCalled() {
	ctx := context.Background()
	p.pause(4 * time.Second)
	if p.crowd.wild {
		if p.rand.IntN(3) == 0 {
			_ = p.leg.Ring(ctx, g711())
			p.pause(4 * time.Second)
		}
		switch p.rand.IntN(8) {
		case 0:
			_ = p.leg.Hangup(ctx, bridge.Busy)
		case 1:
			_ = p.leg.Hangup(ctx, bridge.Declined)
		case 2:
			return // nobody is there
		}
	}
	if p.leg.Answer(ctx, g711()) == nil {
		p.talks()
	}
}

func (p *randomPhone) talks() {
	if !p.crowd.wild {
		return
	}
	for range p.rand.IntN(4) {
		p.pause(4 * time.Second)
		dir := [...]media.Direction{media.SendRecv, media.SendOnly, media.RecvOnly, media.Inactive}[p.rand.IntN(4)]
		ctx, cancel := context.WithTimeout(context.Background(), 6*time.Second)
		_ = p.leg.Update(ctx, turned(dir))
		cancel()
	}
	p.pause(4 * time.Second)
	if p.rand.IntN(4) == 0 {
		_ = p.leg.Hangup(context.Background(), bridge.Normal)
	}
}
