package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/internal/replay"
)

const (
	bodyLimit   = 5 * time.Second
	handleLimit = 8 * time.Second   // what Alexa waits
	window      = 150 * time.Second // by how much a request may be early or late
	remember    = 2 * window
)

// A Receiver takes the events that a Forwarder passes on. It is an http.Handler. Set the fields before the first use and leave them; Keys
// and Handle are needed. It is safe for concurrent use and must not be copied.
type Receiver struct {
	// Keys are accepted: one, or two while the key is being changed. More are not looked at.
	Keys []Key

	// Handle answers an event, such as (*alexa.Skill).HandleEvent does. Its context ends after eight seconds, and does not end when
	// the connection does: the Forwarder may come back for the answer. Its error goes to the Logger; the Forwarder gets 500.
	Handle func(ctx context.Context, event []byte) ([]byte, error)

	// Logger is silent if nil.
	Logger *slog.Logger

	seen    replay.Set
	answers replay.Answers[reply]
	work    sync.WaitGroup
	mu      sync.Mutex
	closed  bool
	stats   struct{ handled, repeated, refused, late, failed atomic.Uint64 }
}

// ReceiverStats are the totals of a Receiver.
type ReceiverStats struct {
	Handled  uint64 // events handed over
	Repeated uint64 // requests that came again
	Refused  uint64 // requests that are not the Forwarder's
	Late     uint64 // requests that are the Forwarder's, but by our clock too old or too early: one of the clocks is wrong
	Failed   uint64 // events whose handler failed
}

type reply struct {
	status int
	body   []byte
}

// Stats returns the totals.
func (v *Receiver) Stats() ReceiverStats {
	s := &v.stats
	return ReceiverStats{s.handled.Load(), s.repeated.Load(), s.refused.Load(), s.late.Load(), s.failed.Load()}
}

// Close refuses events that come later with 503, and waits for the handlers that run.
func (v *Receiver) Close() error {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.work.Wait()
	return nil
}

func (v *Receiver) logger() *slog.Logger {
	if v.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return v.Logger
}

// ServeHTTP implements http.Handler.
func (v *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(bodyLimit)) // where it can be set
	x, err := v.receive(w, r)
	if err != nil {
		_ = conn.SetReadDeadline(time.Now()) // else the server waits for what is left of the body before it answers
		if r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		v.logger().Warn("event refused", "err", err)
		write(w, x)
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	late := time.NewTimer(handleLimit)
	defer late.Stop()
	answer, ok := v.answer(r.Context(), x).Wait(r.Context().Done(), late.C)
	if !ok {
		answer = reply{http.StatusInternalServerError, []byte("late")}
	}
	x.reply = answer
	write(w, x)
}

// request is one that was received, or the reply with which it is refused.
type request struct {
	reply
	nonce string
	event []byte
}

func write(w http.ResponseWriter, x request) {
	w.Header().Set("Content-Type", "application/json")
	if x.status != http.StatusOK {
		w.Header().Set("Content-Type", "text/plain")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(x.body)))
	w.WriteHeader(x.status)
	_, _ = w.Write(x.body)
}

var (
	errMethod    = errors.New("forward: not a POST")
	errHeader    = errors.New("forward: header missing, doubled or malformed")
	errSignature = errors.New("forward: signature: not made of this request with a key of ours")
)

// receive reads a request and checks that it is the Forwarder's, and of now.
func (v *Receiver) receive(w http.ResponseWriter, r *http.Request) (request, error) {
	refuse := func(status int, text string, err error) (request, error) {
		v.stats.refused.Add(1)
		return request{reply: reply{status, []byte(text)}}, err
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return refuse(http.StatusMethodNotAllowed, "malformed", errMethod)
	}
	s, ok := parseStamp(r.Header)
	if !ok {
		return refuse(http.StatusBadRequest, "malformed", errHeader)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		return refuse(http.StatusBadRequest, "malformed", fmt.Errorf("forward: body: %w", err))
	}
	if !s.signedBy(v.Keys, body) {
		return refuse(http.StatusUnauthorized, "refused", errSignature)
	}
	if off := time.Since(s.at); off.Abs() > window {
		v.stats.late.Add(1)
		err := fmt.Errorf("forward: clock: the request is the Forwarder's and %v off by this host's clock (limit %v)", off.Round(time.Second), window)
		return request{reply: reply{http.StatusUnauthorized, []byte("clock")}}, err
	}
	return request{nonce: s.nonce, event: body}, nil
}

// answer returns the answer to an event, which the handler finds unless it has done so already.
func (v *Receiver) answer(ctx context.Context, e request) *replay.Answer[reply] {
	x, first := v.answers.Begin(e.nonce, remember)
	switch {
	case !first:
		v.stats.repeated.Add(1)
	case !v.seen.First(e.nonce):
		v.stats.repeated.Add(1)
		v.finish(x, reply{http.StatusConflict, []byte("repeated")})
	case !v.launch(func() { v.finish(x, v.handle(ctx, e.event)) }):
		v.finish(x, reply{http.StatusServiceUnavailable, []byte("closed")})
	}
	return x
}

func (v *Receiver) finish(x *replay.Answer[reply], r reply) {
	v.answers.Finish(x, r, len(r.body), r.status != http.StatusConflict)
}

// launch runs f in a goroutine that Close waits for, unless Close has been called.
func (v *Receiver) launch(f func()) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.work.Go(f)
	}
	return !v.closed
}

// handle calls the handler. A panic in it costs this event and no other.
func (v *Receiver) handle(ctx context.Context, event []byte) (r reply) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handleLimit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			v.stats.failed.Add(1)
			v.logger().Error("handler panicked", "panic", p, "stack", string(debug.Stack()))
			r = reply{http.StatusInternalServerError, []byte("failed")}
		}
	}()
	v.stats.handled.Add(1)
	answer, err := v.Handle(ctx, event)
	if err == nil && len(answer) > MaxBody {
		err = errTooLong
	}
	if err != nil {
		v.stats.failed.Add(1)
		v.logger().Warn("event failed", "err", err)
		return reply{http.StatusInternalServerError, []byte("failed")}
	}
	return reply{http.StatusOK, answer}
}
