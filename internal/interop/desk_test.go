package interop

import (
	"context"
	"testing"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
)

// desk is a phone that can transfer calls, registered as the line "desk". It plays nothing.
type desk struct {
	t     *testing.T
	agent *sip.Agent
	line  *sip.Registration
	legs  chan *sip.Leg // that have come and are up
}

func newDesk(t *testing.T, a *asterisk) *desk {
	t.Helper()
	d := &desk{t: t, legs: make(chan *sip.Leg, 1)}
	d.open(a, bridge.Func(d.takes))
	return d
}

// newForwarder returns a desk whose calls all go on to somebody else at Asterisk.
func newForwarder(t *testing.T, a *asterisk, to string) *desk {
	t.Helper()
	d, open := &desk{t: t}, make(chan struct{})
	d.open(a, bridge.Func(func(ctx context.Context, in bridge.Leg) error {
		<-open
		return bridge.To(d.line, a.uri(to), nil).Handle(ctx, in)
	}))
	close(open)
	return d
}

// open registers it as the line "desk".
func (d *desk) open(a *asterisk, calls bridge.Bridge) {
	t := d.t
	t.Helper()
	e, err := engine.Listen("127.0.0.1:0", nil)
	must(t, err)
	t.Cleanup(func() { must(t, e.Close()) })
	d.agent, err = sip.Listen("127.0.0.1:0", e, &sip.Options{Bridge: calls})
	must(t, err)
	t.Cleanup(func() { must(t, d.agent.Close()) })
	d.line, err = d.agent.Register(within(t), &sip.RegisterOptions{
		AOR: bridge.Party{URI: a.uri("desk")}, Credentials: []sip.Credentials{{Username: "desk", Password: passwordOf("desk")}},
	})
	must(t, err)
}

// takes accepts a call and stays until it ends.
func (d *desk) takes(ctx context.Context, in bridge.Leg) error {
	if err := in.Answer(ctx, nil); err != nil {
		return err
	}
	leg, _ := in.(*sip.Leg)
	select {
	case d.legs <- leg:
	case <-ctx.Done():
		return ctx.Err()
	}
	for info := in.Info(); ; {
		var err error
		if info, err = in.Next(ctx, info.Rev); err != nil {
			return err
		}
	}
}

// next returns the next call that it has taken.
func (d *desk) next() *sip.Leg {
	d.t.Helper()
	select {
	case leg := <-d.legs:
		return leg
	case <-within(d.t).Done():
		d.t.Fatal("the desk is not called")
		return nil
	}
}

// calls has it call somebody, until the call is up.
func (d *desk) calls(uri string) *sip.Leg {
	d.t.Helper()
	out, err := d.line.Dial(within(d.t), uri, nil)
	must(d.t, err)
	leg, _ := out.(*sip.Leg)
	d.t.Cleanup(func() { _ = leg.Hangup(context.Background(), bridge.Normal) })
	for info := leg.Info(); info.Phase != bridge.Up; {
		info, err = leg.Next(within(d.t), info.Rev)
		must(d.t, err)
	}
	return leg
}

// wantOver waits until a leg has ended.
func wantOver(t *testing.T, leg *sip.Leg) {
	t.Helper()
	for info := leg.Info(); info.Phase != bridge.Over; {
		next, err := leg.Next(within(t), info.Rev)
		if next.Phase != bridge.Over {
			must(t, err)
		}
		info = next
	}
}
