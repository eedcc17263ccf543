package bridge_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/bridge"
)

// Why a call failed is logged where somebody here can mend it, and not where a person has just declined.
func TestIntakeSaysWhy(t *testing.T) {
	for cause, want := range map[bridge.Cause]bool{
		bridge.Normal: false, bridge.Busy: false, bridge.Declined: false, bridge.NoAnswer: false,
		bridge.Unreachable: true, bridge.Forbidden: true, bridge.Media: true, bridge.Internal: true,
	} {
		var log strings.Builder
		i := bridge.NewIntake(bridge.Func(func(context.Context, bridge.Leg) error {
			return &bridge.EndError{Cause: cause, Err: errors.New("no such host")}
		}), slog.New(slog.NewTextHandler(&log, nil)))
		leg, _ := bridge.Pipe(onlyU())
		if err := i.Receive(leg); err != nil {
			t.Fatal(err)
		}
		if err := i.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(log.String(), "no such host") && strings.Contains(log.String(), leg.Info().ID); said != want {
			t.Errorf("%v: logged %q", cause, log.String())
		}
	}
}
