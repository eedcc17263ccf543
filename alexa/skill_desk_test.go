package alexa_test

import (
	"context"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// desk is where calls from devices go: phones in memory, which the test handles.
type desk struct {
	calls chan bridge.Leg
	err   error // in place of a phone
}

func newDesk() *desk { return &desk{calls: make(chan bridge.Leg, 16)} }

// Dial implements bridge.Dialer. The phone rings at once.
func (d *desk) Dial(ctx context.Context, _ string, o *bridge.DialOptions) (bridge.Leg, error) {
	if d.err != nil {
		return nil, d.err
	}
	near, far := bridge.Pipe(o.Plan)
	err := near.Ring(ctx, nil)
	d.calls <- near
	return far, err
}

func (d *desk) next(t *testing.T) bridge.Leg {
	t.Helper()
	select {
	case l := <-d.calls:
		return l
	case <-time.After(time.Minute):
		t.Fatal("no phone rings")
		return nil
	}
}

// turned returns a plan with another direction.
func turned(d media.Direction) media.Plan {
	p := g711()
	p[0].Dir = d
	return p
}
