package sip_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/internal/calltest"
	"github.com/alexacall/alexacall/sip"
)

type contextT = context.Context

// background is for calls of the API that a test gives no deadline.
var background = context.Background()

// waitPhase waits until a leg has come as far as phase.
func waitPhase(t testing.TB, l bridge.Leg, phase bridge.Phase) bridge.Info {
	t.Helper()
	return calltest.WaitPhase(t, l, phase)
}

// waitInfo waits until what is known of a leg is as wanted.
func waitInfo(t testing.TB, l bridge.Leg, ok func(bridge.Info) bool) bridge.Info {
	t.Helper()
	return calltest.Wait(t, l, "a change of the leg", ok)
}

// wantEnd waits for the end of a leg and checks its cause.
func wantEnd(t testing.TB, l bridge.Leg, cause bridge.Cause, remote bool) {
	t.Helper()
	_ = endOf(t, l, cause, remote)
}

// endOf is wantEnd for a test that looks at more of the end.
func endOf(t testing.TB, l bridge.Leg, cause bridge.Cause, remote bool) *bridge.EndError {
	t.Helper()
	end := calltest.End(t, l)
	if end.Cause != cause || end.Remote != remote {
		t.Fatalf("ended with %v, remote %v; want %s, remote %v", end, end.Remote, cause, remote)
	}
	return end
}

// wantDialError checks the error of Dial.
func wantDialError(t testing.TB, err error, cause bridge.Cause, status int) {
	t.Helper()
	end, ok := errors.AsType[*bridge.EndError](err)
	if !ok || end.Cause != cause {
		t.Fatalf("Dial: %v, want %s", err, cause)
	}
	if status != 0 && !errors.Is(err, &sip.Error{Status: status}) {
		t.Fatalf("Dial: %v, want status %d", err, status)
	}
}

// attempt is a Dial under way.
type attempt struct {
	t      testing.TB
	result chan outcome
}

type outcome struct {
	leg bridge.Leg
	err error
}

// dial begins to dial.
func (w *world) dial(ctx context.Context, to string, o *bridge.DialOptions) *attempt {
	d := &attempt{w.t, make(chan outcome, 1)}
	go func() {
		l, err := w.agent.Dial(ctx, to, o)
		d.result <- outcome{l, err}
	}()
	return d
}

// leg returns the leg that was dialled.
func (d *attempt) leg() *sip.Leg {
	d.t.Helper()
	r := d.wait()
	if r.err != nil {
		d.t.Fatalf("Dial: %v", r.err)
	}
	l, _ := r.leg.(*sip.Leg)
	return l
}

func (d *attempt) wait() outcome {
	d.t.Helper()
	select {
	case r := <-d.result:
		return r
	case <-time.After(2 * time.Minute):
		d.t.Fatal("Dial does not return")
		return outcome{}
	}
}

// goroutines returns the stacks of those that run in the package or in sipgo, but for those that wait for inboxes.
func goroutines() []string {
	buf := make([]byte, 4<<20)
	all := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	return slices.DeleteFunc(all, func(s string) bool {
		idle := strings.Contains(s, "sip.(*Agent).toil(") && !strings.Contains(s, "sip.(*Agent).empty(")
		return idle || !strings.Contains(s, "alexacall/sip.") && !strings.Contains(s, "emiago/sipgo") && !strings.Contains(s, "bridge.(*Intake)")
	})
}

// async runs f and returns a channel for its result.
func async(f func() error) <-chan error {
	c := make(chan error, 1)
	go func() { c <- f() }()
	return c
}
