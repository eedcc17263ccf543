package lambda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	aws "github.com/aws/aws-lambda-go/lambda"
)

// margin is left of an invocation's time, so that what went wrong can be said: a function that is late is killed without a word.
const margin = 300 * time.Millisecond

// Options are what Start does beside the usual. Nil and the zero value are valid.
type Options struct {
	// Shutdown is called when the environment is about to be taken away, which then lasts a few hundred milliseconds. Nil: the end is
	// not announced. Setting it registers an internal extension with Lambda, without which there is no announcement.
	Shutdown func()

	// Logger is told of handlers that panic. Nil is silent; aws-lambda-go logs the error of an event itself.
	Logger *slog.Logger
}

// A Handler answers an event: (*alexa.Skill).HandleEvent and (*forward.Forwarder).Forward are two. It is called for one event at a time,
// unless the function is set up for more.
type Handler func(ctx context.Context, event []byte) ([]byte, error)

// Start serves the events of the Lambda function that this program is, until Lambda ends the program. It does not return; outside of
// Lambda it ends the program with an error.
//
// The context ends 300 ms before the function's time is up. An error becomes the error of the invocation, with the text of the error:
// what a handler returns must not hold a secret. A panic costs its event and not the program.
func Start(h Handler, o *Options) {
	if o == nil {
		o = &Options{}
	}
	var more []aws.Option
	if o.Shutdown != nil {
		more = append(more, aws.WithEnableSIGTERM(o.Shutdown))
	}
	aws.StartWithOptions(h.guarded(o.Logger), more...)
}

// guarded is a Handler as aws-lambda-go calls it.
type guarded func(ctx context.Context, event []byte) ([]byte, error)

// Invoke implements the Handler of aws-lambda-go, which takes events and answers as they are.
func (g guarded) Invoke(ctx context.Context, event []byte) ([]byte, error) { return g(ctx, event) }

var (
	_ aws.Handler = guarded(nil)

	errPanic = errors.New("lambda: handler panicked")
)

// guarded gives the handler an end before Lambda's, and survives its panics.
func (h Handler) guarded(log *slog.Logger) guarded {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return func(ctx context.Context, event []byte) (answer []byte, err error) {
		if end, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, end.Add(-margin))
			defer cancel()
		}
		defer func() {
			if p := recover(); p != nil {
				log.Error("handler panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				answer, err = nil, errPanic
			}
		}()
		return h(ctx, event)
	}
}
