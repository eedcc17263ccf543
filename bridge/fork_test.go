package bridge_test

import (
	"context"
	"sync"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// fork is a dialled leg whose far side has many devices: where one has given early media, another may accept with another codec.
type fork struct {
	*bridge.State
	media.Endpoint
	mu   sync.Mutex
	plan media.Plan
}

// newFork returns a fork of which one device gives early media.
func newFork(early media.Plan) *fork {
	end, _ := media.Pipe(both())
	return &fork{State: bridge.NewState(bridge.Info{ID: "fork", Phase: bridge.Early, Far: early}), Endpoint: end, plan: early}
}

// accept lets another device accept.
func (f *fork) accept(p media.Plan) {
	f.mu.Lock()
	f.plan = p
	f.mu.Unlock()
	f.Change(func(i *bridge.Info) { i.Phase, i.Far = bridge.Up, p })
}

func (f *fork) Media() media.Endpoint { return f }

func (f *fork) Plan() media.Plan {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.plan
}

func (f *fork) Ring(context.Context, media.Plan) error   { return nil }
func (f *fork) Answer(context.Context, media.Plan) error { return nil }
func (f *fork) Update(context.Context, media.Plan) error { return nil }

func (f *fork) Hangup(_ context.Context, why bridge.Cause) error {
	f.End(&bridge.EndError{Cause: why})
	return nil
}
