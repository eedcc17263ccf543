package bridge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
)

func TestIntakeHangsUpWithTheReason(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bridge.Cause
	}{
		"nothing":          {nil, bridge.Normal},
		"an end":           {&bridge.EndError{Cause: bridge.Busy, Remote: true}, bridge.Busy},
		"an end, wrapped":  {fmt.Errorf("hotel: %w", &bridge.EndError{Cause: bridge.Forbidden}), bridge.Forbidden},
		"any other error":  {errors.New("hotel: closed"), bridge.Internal},
		"a normal end":     {&bridge.EndError{}, bridge.Normal},
		"context canceled": {context.Canceled, bridge.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in, guest := bridge.Pipe(both())
				i := bridge.NewIntake(bridge.Func(func(_ context.Context, got bridge.Leg) error {
					want(t, "the handler has the leg", got, in)
					return test.err
				}), nil)
				if err := i.Receive(in); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				want(t, "the caller is told", causeOf(t, guest), test.want)
				want(t, "stats", i.Stats(), bridge.IntakeStats{Total: 1})
				if err := i.Drain(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestIntakeSurvivesPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		log := slog.New(slog.NewTextHandler(&text, nil))
		stay := make(chan struct{})
		i := bridge.NewIntake(bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			if in.Info().Phase == bridge.Alerting {
				<-stay
				return nil
			}
			panic("a fault in the handler")
		}), log)
		good, staying := bridge.Pipe(both())
		if err := good.Ring(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		bad, dropped := bridge.Pipe(both())
		for _, leg := range []bridge.Leg{good, bad} {
			if err := i.Receive(leg); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		want(t, "the call of the panic ends", causeOf(t, dropped), bridge.Internal)
		want(t, "the other stands", staying.Info().Phase, bridge.Alerting)
		want(t, "stats", i.Stats(), bridge.IntakeStats{Standing: 1, Total: 2, Panics: 1})
		if !strings.Contains(text.String(), "handler panicked") || !strings.Contains(text.String(), bad.Info().ID) {
			t.Errorf("logged %q, want the panic and the leg", text.String())
		}
		close(stay)
		if err := i.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestIntakePanicWithoutALog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given context.Context
		i := bridge.NewIntake(bridge.Func(func(ctx context.Context, _ bridge.Leg) error {
			given = ctx
			panic("a fault in the handler")
		}), nil)
		in, guest := bridge.Pipe(both())
		if err := i.Receive(in); err != nil {
			t.Fatal(err)
		}
		if err := i.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		want(t, "the call of the panic ends", causeOf(t, guest), bridge.Internal)
		want(t, "after the drain no handler's context stands", context.Cause(given), bridge.ErrDraining)
	})
}

func TestIntakeDrainWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := bridge.NewIntake(bridge.Func(func(context.Context, bridge.Leg) error {
			time.Sleep(30 * time.Second)
			return nil
		}), nil)
		in, guest := bridge.Pipe(both())
		if err := i.Receive(in); err != nil {
			t.Fatal(err)
		}
		want(t, "it does not drain by itself", i.Draining(), false)
		begun := time.Now()
		var drains sync.WaitGroup
		for range 3 {
			drains.Go(func() {
				if err := i.Drain(t.Context()); err != nil {
					t.Error(err)
				}
				want(t, "the call had its time", time.Since(begun), 30*time.Second)
			})
		}
		synctest.Wait()
		want(t, "draining", i.Draining(), true)
		late, lateGuest := bridge.Pipe(both())
		want(t, "a call that comes now is refused", i.Receive(late), bridge.ErrDraining)
		want(t, "and left as it is", lateGuest.Info().Phase, bridge.Placed)
		drains.Wait()
		want(t, "the call ended as it wished", causeOf(t, guest), bridge.Normal)
		want(t, "stats", i.Stats(), bridge.IntakeStats{Total: 1})
		_ = late.Hangup(t.Context(), bridge.Overload)
	})
}

func TestIntakeDrainEndsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reason := errors.New("shutting down")
		i := bridge.NewIntake(bridge.Func(func(ctx context.Context, _ bridge.Leg) error {
			<-ctx.Done()
			want(t, "why the handler is to stop", context.Cause(ctx), bridge.ErrDraining)
			return context.Cause(ctx)
		}), nil)
		var guests []bridge.Leg
		for range 5 {
			in, guest := bridge.Pipe(both())
			guests = append(guests, guest)
			if err := i.Receive(in); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, reason)
		defer cancel()
		begun := time.Now()
		want(t, "Drain returns why it did not wait", i.Drain(ctx), reason)
		want(t, "when the time is over", time.Since(begun), 10*time.Second)
		for _, guest := range guests {
			want(t, "each caller is told", causeOf(t, guest), bridge.Overload)
		}
		want(t, "no call stands", i.Stats(), bridge.IntakeStats{Total: 5})
		want(t, "a second time there is nothing to do", i.Drain(t.Context()), nil)
	})
}

func TestIntakeDrainIdle(t *testing.T) {
	// Nothing stands, so nothing is cut off, also if there is no time at all.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		i := bridge.NewIntake(bridge.Func(nil), nil)
		if err := i.Drain(ctx); err != nil {
			t.Fatalf("got %v, want nothing", err)
		}
	}
}

func TestIntakeLegThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := bridge.NewIntake(bridge.Func(func(ctx context.Context, in bridge.Leg) error {
			_, err := in.Next(ctx, in.Info().Rev)
			return err
		}), nil)
		in, guest := bridge.Pipe(both())
		if err := i.Receive(in); err != nil {
			t.Fatal(err)
		}
		if err := guest.Hangup(t.Context(), bridge.Cancelled); err != nil {
			t.Fatal(err)
		}
		if err := i.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		want(t, "the first end counts", causeOf(t, in), bridge.Cancelled)
	})
}

func TestIntakeManyAtOnce(t *testing.T) {
	i := bridge.NewIntake(bridge.Func(func(context.Context, bridge.Leg) error { return nil }), nil)
	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() {
			in, _ := bridge.Pipe(both())
			if err := i.Receive(in); err != nil {
				t.Error(err)
			}
			_ = i.Stats()
		})
	}
	calls.Wait()
	if err := i.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	want(t, "stats", i.Stats(), bridge.IntakeStats{Total: 50})
}
