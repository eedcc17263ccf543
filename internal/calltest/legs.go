package calltest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

// patience ends a wait that would have no end.
const patience = 5 * time.Minute

// Wait waits until a leg is as wanted, which what names, and returns what is known of it then.
func Wait(t testing.TB, l bridge.Leg, what string, is func(bridge.Info) bool) bridge.Info {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for info := l.Info(); ; {
		if is(info) {
			return info
		}
		var err error
		if info, err = l.Next(ctx, info.Rev); err != nil && !is(info) {
			t.Fatalf("waiting for %s: %v; the leg is %v", what, err, info.Phase)
		}
	}
}

// WaitPhase waits until a leg has come as far as that.
func WaitPhase(t testing.TB, l bridge.Leg, phase bridge.Phase) bridge.Info {
	t.Helper()
	return Wait(t, l, phase.String(), func(i bridge.Info) bool { return i.Phase >= phase })
}

// End waits until a leg is over, and returns why.
func End(t testing.TB, l bridge.Leg) *bridge.EndError {
	t.Helper()
	info := WaitPhase(t, l, bridge.Over)
	_, err := l.Next(t.Context(), info.Rev)
	end, ok := errors.AsType[*bridge.EndError](err)
	if !ok {
		t.Fatalf("a leg that is over says %v", err)
	}
	return end
}

// WantEnd waits until a leg is over, and checks why.
func WantEnd(t testing.TB, l bridge.Leg, cause bridge.Cause, remote bool) {
	t.Helper()
	if end := End(t, l); end.Cause != cause || end.Remote != remote {
		t.Errorf("ended: %v, remote %v; want %v, remote %v", end, end.Remote, cause, remote)
	}
}
