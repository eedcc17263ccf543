package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/alexacall/alexacall/media"
)

// ErrDraining is returned for a call that comes in after Drain has begun.
var ErrDraining = errors.New("bridge: draining")

// An Intake hands the legs that come in at a server to a Bridge, each in a goroutine of its own, and hangs them up when it returns.
// Every protocol's server has one. A call that failed for what can be mended here is logged at level Warn.
// Make one with NewIntake.
type Intake struct {
	handler Bridge
	log     *slog.Logger
	ctx     context.Context // of the handlers
	cancel  context.CancelCauseFunc

	mu       sync.Mutex
	draining bool
	standing int
	total    uint64
	panics   uint64
	idle     chan struct{} // closed when draining and no call stands
	closed   bool          // idle is closed
	work     sync.WaitGroup
}

// IntakeStats are the totals of an Intake.
type IntakeStats struct {
	Standing int    // calls now
	Total    uint64 // calls ever received
	Panics   uint64 // handlers that panicked; each has cost one call
}

// NewIntake returns an Intake for a handler. A nil log is silent.
func NewIntake(handler Bridge, log *slog.Logger) *Intake {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	i := &Intake{handler: handler, log: log, idle: make(chan struct{})}
	i.ctx, i.cancel = context.WithCancelCause(context.Background())
	return i
}

// Receive takes charge of a leg that came in. It fails with ErrDraining, and then does nothing to the leg.
func (i *Intake) Receive(in Leg) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.draining {
		return ErrDraining
	}
	i.standing++
	i.total++
	i.work.Go(func() {
		defer i.leave()
		err := outcome(in, i.handle(in))
		cause := Overload // cancelled by Drain
		if i.ctx.Err() == nil {
			cause = CauseOf(err)
			i.tell(in, cause, err)
		}
		hangup(context.Background(), in, cause)
	})
	return nil
}

// outcome returns why a call has ended whose handler returned err: where that says no more than that the leg's media have, what ended the leg.
func outcome(in Leg, err error) error {
	info := in.Info()
	if info.Phase != Over || !errors.Is(err, io.EOF) && !errors.Is(err, media.ErrClosed) {
		return err
	}
	_, end := in.Next(context.Background(), info.Rev) // it is over, so this does not wait
	return end
}

// tell logs a call that failed because of something that whoever owns the handler can mend: nobody else is told of the error.
func (i *Intake) tell(in Leg, cause Cause, err error) {
	switch cause {
	case Unreachable, Forbidden, Overload, Media, Internal:
		i.log.Warn("call failed", "leg", in.Info().ID, "cause", cause.String(), "error", err)
	default:
	}
}

// handle runs the handler. A panic in it costs this call and no other.
func (i *Intake) handle(in Leg) (err error) {
	defer func() {
		if r := recover(); r != nil {
			i.mu.Lock()
			i.panics++
			i.mu.Unlock()
			err = fmt.Errorf("bridge: handler panicked: %v", r)
			i.log.Error("handler panicked", "leg", in.Info().ID, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	return i.handler.Handle(i.ctx, in)
}

func (i *Intake) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.standing--
	i.settle()
}

func (i *Intake) settle() {
	if i.draining && i.standing == 0 && !i.closed {
		i.closed = true
		close(i.idle)
	}
}

// Drain refuses new calls and waits for those that stand. When ctx ends first it ends them, waits for that, and returns ctx's error.
// It may be called more than once.
func (i *Intake) Drain(ctx context.Context) error {
	i.mu.Lock()
	i.draining = true
	i.settle()
	i.mu.Unlock()
	var err error
	select {
	case <-i.idle:
	case <-ctx.Done():
		if i.Stats().Standing > 0 {
			err = context.Cause(ctx)
			i.cancel(ErrDraining)
		}
	}
	i.work.Wait()
	i.cancel(ErrDraining)
	return err
}

// Draining reports whether Drain has begun.
func (i *Intake) Draining() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.draining
}

// Stats returns the totals.
func (i *Intake) Stats() IntakeStats {
	i.mu.Lock()
	defer i.mu.Unlock()
	return IntakeStats{Standing: i.standing, Total: i.total, Panics: i.panics}
}
