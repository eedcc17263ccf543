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

// withDesk returns an exchange with one number, "desk".
func withDesk(party func(bridge.Leg)) *exchange {
	return &exchange{parties: map[string]func(bridge.Leg){"desk": party}}
}

func TestToAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := dial(t, withDesk(answers), "desk", nil)
		want(t, "the guest is answered", s.guest.Info().Phase, bridge.Up)
		if err := s.guest.Hangup(t.Context(), bridge.Normal); err != nil {
			t.Error(err)
		}
		s.finish(t)
		want(t, "the desk's end", causeOf(t, s.ex.desk()), bridge.Normal)
	})
}

func TestToPassesOnWhoCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := dial(t, withDesk(rejects(bridge.Busy)), "desk", nil)
		s.finish(t)
		o := s.ex.dialled[0]
		want(t, "the plan is the guest's", o.Plan.String(), both().String())
		want(t, "the caller is the guest", o.From, s.guest.Info().From)
	})
}

func TestToRejected(t *testing.T) {
	for _, cause := range []bridge.Cause{bridge.Busy, bridge.Declined, bridge.Unreachable, bridge.Forbidden} {
		synctest.Test(t, func(t *testing.T) {
			s := dial(t, withDesk(rejects(cause)), "desk", nil)
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
		s := dial(t, withDesk(func(bridge.Leg) {}), "desk", &bridge.JoinOptions{RingFor: 10 * time.Second})
		s.finish(t)
		want(t, "the guest is told", causeOf(t, s.guest), bridge.NoAnswer)
		want(t, "the attempt is withdrawn", causeOf(t, s.ex.desk()), bridge.Cancelled)
		want(t, "after the time to ring", time.Since(begun), 10*time.Second)
	})
}

func TestToDialAndRingShareTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		s := dial(t, withDesk(func(leg bridge.Leg) {
			time.Sleep(4 * time.Second)
			rings(leg)
		}), "desk", &bridge.JoinOptions{RingFor: 10 * time.Second})
		s.finish(t)
		want(t, "the guest is told", causeOf(t, s.guest), bridge.NoAnswer)
		want(t, "the desk too", causeOf(t, s.ex.desk()), bridge.NoAnswer)
		want(t, "the time is that of dialling and ringing together", time.Since(begun), 10*time.Second)
	})
}

func TestToCallerGivesUp(t *testing.T) {
	for name, party := range map[string]func(bridge.Leg){"while dialling": func(bridge.Leg) {}, "while it rings": rings} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				s := dial(t, withDesk(party), "desk", nil)
				if err := s.guest.Hangup(t.Context(), bridge.Cancelled); err != nil {
					t.Error(err)
				}
				s.finish(t)
				want(t, "the attempt is withdrawn", causeOf(t, s.ex.desk()), bridge.Cancelled)
				want(t, "at once", time.Since(begun), 0)
			})
		})
	}
}

func TestToReturnsTheCallersEnd(t *testing.T) {
	// Who handles the call after To learns that the caller gave up, not that a context ended.
	synctest.Test(t, func(t *testing.T) {
		in, guest := bridge.Pipe(both())
		ex := withDesk(func(bridge.Leg) {})
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

func TestToDialerThatOnlyKnowsOfItsContext(t *testing.T) {
	plain := dialerFunc(func(ctx context.Context) (bridge.Leg, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	for cause, end := range map[bridge.Cause]func(guest bridge.Leg){
		bridge.NoAnswer:  func(bridge.Leg) {},
		bridge.Cancelled: func(guest bridge.Leg) { _ = guest.Hangup(context.Background(), bridge.Cancelled) },
	} {
		synctest.Test(t, func(t *testing.T) {
			in, guest := bridge.Pipe(both())
			done := make(chan error, 1)
			go func() { done <- bridge.To(plain, "desk", nil).Handle(t.Context(), in) }()
			synctest.Wait()
			end(guest)
			want(t, "why the attempt was withdrawn", bridge.CauseOf(<-done), cause)
			_ = in.Hangup(t.Context(), bridge.Normal)
		})
	}
}

func TestToHangsUpWhatItDialled(t *testing.T) {
	// When the context ends, Join leaves the legs up, but To answers for what it dialled.
	synctest.Test(t, func(t *testing.T) {
		in, guest := bridge.Pipe(both())
		ex := withDesk(answers)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- bridge.To(ex, "desk", nil).Handle(ctx, in) }()
		synctest.Wait()
		want(t, "the call is up", guest.Info().Phase, bridge.Up)
		cancel()
		want(t, "the context's error", errors.Is(<-done, context.Canceled), true)
		want(t, "the desk is hung up", causeOf(t, ex.desk()), bridge.Normal)
		want(t, "the guest is left to who received it", guest.Info().Phase, bridge.Up)
		_ = in.Hangup(t.Context(), bridge.Normal)
	})
}

func TestToOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		played := 0
		o := &bridge.JoinOptions{RingFor: 3 * time.Second, Ringback: func(media.Endpoint) func() { played++; return func() {} }}
		in, guest := bridge.Pipe(both())
		if err := in.Answer(t.Context(), both()); err != nil {
			t.Fatal(err)
		}
		ex := withDesk(rings)
		err := bridge.To(ex, "desk", o).Handle(t.Context(), in)
		want(t, "it ended", bridge.CauseOf(err), bridge.NoAnswer)
		want(t, "the guest heard it ring", played, 1)
		want(t, "the caller's struct is not written to", o.RingFor, 3*time.Second)
		want(t, "the guest's end", causeOf(t, guest), bridge.NoAnswer)
		ex.playing.Wait()
	})
}
