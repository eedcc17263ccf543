package bridge_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/alexacall/alexacall/bridge"
)

// asked is a wish of a far side's to be replaced, with what it was told of it.
type asked struct {
	mu   sync.Mutex
	told []error
}

func (a *asked) done(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told = append(a.told, err)
}

func (a *asked) answers() []error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.told
}

// ask lets the far side of a leg ask to be replaced. It is false once the leg is over.
func ask(near bridge.Leg, to string, by bridge.Leg) (*asked, bool) {
	if s, ok := near.(*spy); ok {
		near = s.Leg
	}
	state, ok := near.(interface{ Change(func(*bridge.Info)) bool })
	if !ok {
		return nil, false
	}
	a := &asked{}
	ok = state.Change(func(i *bridge.Info) {
		i.Transfer = &bridge.Transfer{To: to, By: by, Attr: map[string]string{"asked by": "the desk"}, Done: a.done}
	})
	return a, ok
}

// wishes lets the far side of a leg ask, and lets everything come to rest.
func (c *call) wishes(near bridge.Leg, to string, by bridge.Leg) *asked {
	c.t.Helper()
	a, ok := ask(near, to, by)
	if !ok {
		c.t.Fatal("the leg takes no wish")
	}
	synctest.Wait()
	return a
}

// is checks that the far side was told once: nil for Normal, else an error of that cause.
func (a *asked) is(t *testing.T, why string, cause bridge.Cause) {
	t.Helper()
	told := a.answers()
	if len(told) != 1 {
		t.Errorf("%s: told %v, want one answer", why, told)
		return
	}
	want(t, why, bridge.CauseOf(told[0]), cause)
	want(t, why+", as nil", told[0] == nil, cause == bridge.Normal)
}

// open checks that the far side has not been told anything yet.
func (a *asked) open(t *testing.T) {
	t.Helper()
	if told := a.answers(); len(told) != 0 {
		t.Errorf("told %v too soon", told)
	}
}

// bar is a party that transfers lead to. The test plays it: the exchange dials it, and its leg is there from then on.
type bar struct {
	*exchange
	t *testing.T
}

func newBar(t *testing.T) *bar {
	return &bar{&exchange{parties: map[string]func(bridge.Leg){"bar": rings}}, t}
}

// leg returns the bar's own end of the last call to it.
func (b *bar) leg() bridge.Leg {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.legs) == 0 {
		b.t.Fatal("nobody has called the bar")
	}
	return b.legs[len(b.legs)-1]
}

// takes lets the bar accept the last call to it.
func (b *bar) takes(c *call) {
	b.t.Helper()
	leg := b.leg()
	c.oblige(leg, fixed(both()))
	c.must(leg.Answer(context.Background(), both()))
}

// transferring returns a call that is up and whose legs may be replaced.
func transferring(t *testing.T, o *bridge.JoinOptions) (*call, *bar) {
	t.Helper()
	b := newBar(t)
	c := newCall(t, both(), both())
	c.oblige(c.guest, fixed(both()))
	c.oblige(c.desk, fixed(both()))
	left := bridge.JoinOptions{}
	if o != nil {
		left = *o
	}
	left.Dialer = b
	c.join(&left).up(both())
	return c, b
}

// stands checks that the call is what it was before.
func (c *call) stands() {
	c.t.Helper()
	want(c.t, "Join goes on", c.over, false)
	ear, other := listen(c.t, c.guest), listen(c.t, c.desk)
	ear.hears(c.t, c.desk, "still here")
	other.hears(c.t, c.guest, "I hear you")
	ear.close(c.t)
	other.close(c.t)
	c.hangUp()
}

// between checks that the guest talks with a party in the desk's place, and ends the call.
func (c *call) between(party bridge.Leg) {
	c.t.Helper()
	want(c.t, "Join goes on", c.over, false)
	want(c.t, "the desk is let go", causeOf(c.t, c.desk), bridge.Normal)
	ear, other := listen(c.t, c.guest), listen(c.t, party)
	ear.hears(c.t, party, "good evening")
	other.hears(c.t, c.guest, "a table for two")
	ear.close(c.t)
	other.close(c.t)
	c.must(c.guest.Hangup(c.ctx(), bridge.Normal))
	c.joins.Wait()
	want(c.t, "Join returns", c.err, nil)
	want(c.t, "the end of who came instead", causeOf(c.t, party), bridge.Normal)
}
