package bridge_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media"
)

// dialling is a guest who calls a server, which dials through an exchange.
type dialling struct {
	guest  bridge.Leg
	intake *bridge.Intake
	ex     *exchange
}

// dial begins a call from a guest to a number.
func dial(t *testing.T, d bridge.Dialer, to string, o *bridge.JoinOptions) *dialling {
	t.Helper()
	in, guest := bridge.Pipe(both())
	s := &dialling{guest: guest, intake: bridge.NewIntake(bridge.To(d, to, o), nil)}
	s.ex, _ = d.(*exchange)
	if err := s.intake.Receive(in); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return s
}

// finish waits until no call stands and all parties have done.
func (s *dialling) finish(t *testing.T) {
	t.Helper()
	if err := s.intake.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if s.ex != nil {
		s.ex.playing.Wait()
	}
}

func exchangeOf(number string, party func(bridge.Leg)) *exchange {
	return &exchange{parties: map[string]func(bridge.Leg){number: party}}
}

func TestToAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := dial(t, exchangeOf("desk", answers), "desk", nil)
		want(t, "the guest is answered", s.guest.Info().Phase, bridge.Up)
		if err := s.guest.Hangup(t.Context(), bridge.Normal); err != nil {
			t.Error(err)
		}
		s.finish(t)
		want(t, "the desk's end", causeOf(t, s.ex.desk(0)), bridge.Normal)
	})
}

func TestToPassesOnWhoCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := dial(t, exchangeOf("desk", rejects(bridge.Busy)), "desk", nil)
		s.finish(t)
		o := s.ex.dialled[0]
		want(t, "the plan is the guest's", o.Plan.String(), both().String())
		want(t, "the caller is the guest", o.From, s.guest.Info().From)
	})
}

func TestToRejected(t *testing.T) {
	for _, cause := range []bridge.Cause{bridge.Busy, bridge.Declined, bridge.Unreachable, bridge.Forbidden} {
		synctest.Test(t, func(t *testing.T) {
			s := dial(t, exchangeOf("desk", rejects(cause)), "desk", nil)
			s.finish(t)
			want(t, "the guest is told why", causeOf(t, s.guest), cause)
		})
	}
}

func TestToUnknownNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := dial(t, &exchange{}, "nobody", nil)
		s.finish(t)
		want(t, "the guest is told", causeOf(t, s.guest), bridge.NotFound)
	})
}

func TestToDialerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := dialerFunc(func(context.Context) (bridge.Leg, error) { return nil, errors.New("no network") })
		s := dial(t, broken, "desk", nil)
		s.finish(t)
		want(t, "an error without a cause is a fault", causeOf(t, s.guest), bridge.Internal)
	})
}

// dialerFunc makes a Dialer of a function.
type dialerFunc func(ctx context.Context) (bridge.Leg, error)

func (f dialerFunc) Dial(ctx context.Context, _ string, _ *bridge.DialOptions) (bridge.Leg, error) {
	return f(ctx)
}

func TestToNoSignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		s := dial(t, exchangeOf("desk", func(bridge.Leg) {}), "desk", &bridge.JoinOptions{RingFor: 10 * time.Second})
		s.finish(t)
		want(t, "the guest is told", causeOf(t, s.guest), bridge.NoAnswer)
		want(t, "the attempt is withdrawn", causeOf(t, s.ex.desk(0)), bridge.Cancelled)
		want(t, "after the time to ring", time.Since(begun), 10*time.Second)
	})
}

func TestToDialAndRingShareTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		s := dial(t, exchangeOf("desk", func(leg bridge.Leg) {
			time.Sleep(4 * time.Second)
			rings(leg)
		}), "desk", &bridge.JoinOptions{RingFor: 10 * time.Second})
		s.finish(t)
		want(t, "the guest is told", causeOf(t, s.guest), bridge.NoAnswer)
		want(t, "the desk too", causeOf(t, s.ex.desk(0)), bridge.NoAnswer)
		want(t, "the time is that of dialling and ringing together", time.Since(begun), 10*time.Second)
	})
}

func TestToCallerGivesUp(t *testing.T) {
	for name, party := range map[string]func(bridge.Leg){"while dialling": func(bridge.Leg) {}, "while it rings": rings} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				s := dial(t, exchangeOf("desk", party), "desk", nil)
				if err := s.guest.Hangup(t.Context(), bridge.Cancelled); err != nil {
					t.Error(err)
				}
				s.finish(t)
				want(t, "the attempt is withdrawn", causeOf(t, s.ex.desk(0)), bridge.Cancelled)
				want(t, "at once", time.Since(begun), 0)
			})
		})
	}
}

func TestToReturnsTheCallersEnd(t *testing.T) {
	// Who handles the call after To learns that the caller gave up, not that a context ended.
	synctest.Test(t, func(t *testing.T) {
		in, guest := bridge.Pipe(both())
		ex := exchangeOf("desk", func(bridge.Leg) {})
		done := make(chan error, 1)
		go func() { done <- bridge.To(ex, "desk", nil).Handle(t.Context(), in) }()
		synctest.Wait()
		if err := guest.Hangup(t.Context(), bridge.Cancelled); err != nil {
			t.Error(err)
		}
		err := <-done
		if end, ok := errors.AsType[*bridge.EndError](err); !ok || end.Cause != bridge.Cancelled || !end.Remote {
			t.Errorf("got %v, want the caller's end", err)
		}
	})
}

func TestToHangsUpWhatItDialled(t *testing.T) {
	// When the context ends, Join leaves the legs up, but To answers for what it dialled.
	synctest.Test(t, func(t *testing.T) {
		in, guest := bridge.Pipe(both())
		ex := exchangeOf("desk", answers)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- bridge.To(ex, "desk", nil).Handle(ctx, in) }()
		synctest.Wait()
		want(t, "the call is up", guest.Info().Phase, bridge.Up)
		cancel()
		want(t, "the context's error", errors.Is(<-done, context.Canceled), true)
		want(t, "the desk is hung up", causeOf(t, ex.desk(0)), bridge.Normal)
		want(t, "the guest is left to who received it", guest.Info().Phase, bridge.Up)
		_ = in.Hangup(t.Context(), bridge.Normal)
	})
}

func TestToOptionsAreNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &bridge.JoinOptions{RingFor: 3 * time.Second, Relay: &media.RelayOptions{}}
		before := *o
		s := dial(t, exchangeOf("desk", rings), "desk", o)
		s.finish(t)
		want(t, "the caller's struct", o.RingFor, before.RingFor)
	})
}
