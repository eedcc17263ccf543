package bridge_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// The plans of the tests.
func both() media.Plan  { return plan(media.PCMU(), media.PCMA()) }
func onlyU() media.Plan { return plan(media.PCMU()) }
func onlyA() media.Plan { return plan(media.PCMA()) }

func plan(codecs ...media.Codec) media.Plan {
	return media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: codecs}}
}

// turned returns p with another direction.
func turned(p media.Plan, d media.Direction) media.Plan {
	q := p.Clone()
	for i := range q {
		q[i].Dir = d
	}
	return q
}

func hold(p media.Plan) media.Plan { return turned(p, media.SendOnly) }

// dir returns the direction that p gives audio.
func dir(p media.Plan) media.Direction {
	m, _ := p.Find(media.Audio)
	return m.Dir
}

func want[T comparable](t *testing.T, why string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", why, got, want)
	}
}

// spy is a leg that writes down what is asked of it.
type spy struct {
	bridge.Leg
	mu  sync.Mutex
	log []string
}

func (s *spy) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, what)
}

// count returns how often something was asked.
func (s *spy) count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, l := range s.log {
		if l == what {
			n++
		}
	}
	return n
}

func (s *spy) Ring(ctx context.Context, early media.Plan) error {
	if early == nil {
		s.note("ring")
	} else {
		s.note("early")
	}
	return s.Leg.Ring(ctx, early)
}

func (s *spy) Answer(ctx context.Context, want media.Plan) error {
	s.note("answer")
	return s.Leg.Answer(ctx, want)
}

func (s *spy) Hangup(ctx context.Context, why bridge.Cause) error {
	s.note("hang up")
	return s.Leg.Hangup(ctx, why)
}

// call is two pipes whose near ends are joined: in came in from the guest, out was dialled to the desk. The test plays the guest and
// the desk. All of it is inside a bubble of synctest.
type call struct {
	t           *testing.T
	in, out     *spy
	guest, desk bridge.Leg
	joins       sync.WaitGroup
	stop        context.CancelCauseFunc
	err         error // of the last join
	over        bool  // it has returned
}

// newCall returns a call from a guest who offers one plan to a desk that is dialled with another one; nil is no offer.
func newCall(t *testing.T, guest, desk media.Plan) *call {
	c := &call{t: t, in: &spy{}, out: &spy{}}
	c.in.Leg, c.guest = bridge.Pipe(guest)
	c.desk, c.out.Leg = bridge.Pipe(desk)
	return c
}

// join begins to join the two legs.
func (c *call) join(o *bridge.JoinOptions) *call {
	ctx, stop := context.WithCancelCause(c.t.Context())
	c.stop, c.over, c.err = stop, false, nil
	c.joins.Go(func() {
		c.err = bridge.Join(ctx, c.in, c.out, o)
		c.over = true
	})
	synctest.Wait()
	return c
}

// must fails the test on an error, and lets everything come to rest.
func (c *call) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
	synctest.Wait()
}

func (c *call) ctx() context.Context { return c.t.Context() }

// up brings the call up with the codecs that the desk takes.
func (c *call) up(desk media.Plan) *call {
	c.t.Helper()
	c.must(c.desk.Ring(c.ctx(), nil))
	c.must(c.desk.Answer(c.ctx(), desk))
	want(c.t, "the guest is answered when the desk is", c.guest.Info().Phase, bridge.Up)
	return c
}

// oblige answers every offer that comes to a party once it is up, as a phone does by itself, until the leg is over.
func (c *call) oblige(leg bridge.Leg, wish func() media.Plan) {
	c.joins.Go(func() {
		for info := leg.Info(); ; {
			if info.Phase == bridge.Up && info.Pending {
				_ = leg.Answer(context.Background(), wish())
			}
			var err error
			if info, err = leg.Next(context.Background(), info.Rev); err != nil {
				return
			}
		}
	})
}

func fixed(p media.Plan) func() media.Plan { return func() media.Plan { return p } }

// ended waits for Join to return and checks that both parties were told one cause, and each leg was hung up once at most.
func (c *call) ended(cause bridge.Cause) {
	c.t.Helper()
	c.joins.Wait()
	for name, leg := range map[string]bridge.Leg{"guest": c.guest, "desk": c.desk, "in": c.in, "out": c.out} {
		want(c.t, "the end of "+name, causeOf(c.t, leg), cause)
	}
	for _, leg := range [...]*spy{c.in, c.out} {
		if n := leg.count("hang up"); n > 1 {
			c.t.Errorf("hung up %d times", n)
		}
	}
	if cause == bridge.Normal {
		if c.err != nil {
			c.t.Errorf("Join returned %v, want nothing after a normal end", c.err)
		}
		return
	}
	end, ok := errors.AsType[*bridge.EndError](c.err)
	if !ok || end.Cause != cause {
		c.t.Errorf("Join returned %v, want an end with cause %v", c.err, cause)
	}
}

// causeOf returns why a leg is over.
func causeOf(t *testing.T, leg bridge.Leg) bridge.Cause {
	t.Helper()
	info := leg.Info()
	_, err := leg.Next(t.Context(), info.Rev)
	end, ok := errors.AsType[*bridge.EndError](err)
	if !ok || info.Phase != bridge.Over {
		t.Errorf("the leg is not over: %v, %v", info.Phase, err)
		return bridge.Internal
	}
	return end.Cause
}

// hangUp ends the call from the guest's side and waits for Join.
func (c *call) hangUp() {
	c.t.Helper()
	c.must(c.guest.Hangup(c.ctx(), bridge.Normal))
	c.ended(bridge.Normal)
}

// agreed returns the sound codecs that are agreed on a leg.
func agreed(l bridge.Leg) string {
	var names []string
	if m, ok := l.Media().Plan().Find(media.Audio); ok {
		for _, c := range m.Codecs {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, "+")
}
