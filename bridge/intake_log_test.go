package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
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

// A handler that fails because the call has ended, such as one that plays or records, has not failed; else it has.
func TestIntakeKnowsAnEnd(t *testing.T) {
	for name, c := range map[string]struct {
		ends bridge.Cause // of the call, by the far side
		up   bool         // it goes on
		err  error
		want string // is said; "": nothing is
	}{
		"the caller hangs up":          {ends: bridge.Normal, err: io.EOF},
		"while something is written":   {ends: bridge.Cancelled, err: fmt.Errorf("dial: %w", media.ErrClosed)},
		"the media fail":               {ends: bridge.Media, err: io.EOF, want: "cause=media"},
		"something else fails as well": {ends: bridge.Normal, err: errors.New("no such file"), want: "no such file"},
		"a file ends":                  {up: true, err: io.EOF, want: "EOF"},
	} {
		var log strings.Builder
		leg, caller := bridge.Pipe(onlyU())
		i := bridge.NewIntake(bridge.Func(func(ctx context.Context, _ bridge.Leg) error {
			if c.up {
				return c.err
			}
			return errors.Join(caller.Hangup(ctx, c.ends), c.err)
		}), slog.New(slog.NewTextHandler(&log, nil)))
		if err := i.Receive(leg); err != nil {
			t.Fatal(err)
		}
		if err := i.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := log.String(); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: logged %q, want %q", name, got, c.want)
		}
	}
}
