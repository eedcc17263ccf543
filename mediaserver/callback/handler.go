package callback

import (
	"context"
	"crypto/rsa"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/alexacall/alexacall/internal/replay"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

const (
	bodyLimit = 5 * time.Second // that a body may take to come
	keepFor   = 5 * time.Minute // that the answer to a callback is known
)

// HandlerOptions are the options of Handler; nil and every zero field are valid.
type HandlerOptions struct {
	// Keys returns the public keys that the callbacks of a domain are signed with, of which the first eight are tried. Nil: callbacks are not
	// verified, and come from where nobody else can send any.
	Keys   func(ctx context.Context, domain string) ([]*rsa.PublicKey, error)
	Logger *slog.Logger // nil is silent
}

// Handler is the other end of an Application: an HTTP server of the callbacks, which has a mediaserver.Application in process decide. The last
// part of a path is the name of the callback. A callback that is sent again, by its Idempotency-Key, has the same answer, and no effect.
//
// A body that is no callback is answered 400, one that is not signed 401, what the application has failed with 500. A body has five seconds
// to come. Limits of time and size of the header are the server's.
func Handler(app mediaserver.Application, o *HandlerOptions) http.Handler {
	h := &handler{app: app, log: slog.New(slog.DiscardHandler)}
	if o != nil {
		h.keys = o.Keys
		if o.Logger != nil {
			h.log = o.Logger
		}
	}
	return h
}

type handler struct {
	app     mediaserver.Application
	keys    func(context.Context, string) ([]*rsa.PublicKey, error)
	log     *slog.Logger
	answers replay.Answers[answer]
}

// answer is what a callback has been answered.
type answer struct {
	status int
	body   []byte
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := wire.Callback(path.Base(r.URL.Path))
	f := handleOf(name)
	switch {
	case f == nil:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "only POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := readBody(w, r)
	if err != nil {
		h.refuse(w, name, http.StatusBadRequest, err)
		return
	}
	domain := ""
	if h.keys != nil {
		claims, err := verify(r, body, "", h.keys)
		if err != nil {
			h.refuse(w, name, http.StatusUnauthorized, err)
			return
		}
		domain = claims.Domain
	}
	got, ok := h.once(r, name, domain, func() answer { return h.decide(r, name, domain, body, f) })
	if !ok {
		return // nobody is there any more
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(got.body)))
	w.WriteHeader(got.status)
	_, _ = w.Write(got.body)
}

// once returns what f does, or has done for the same callback before.
func (h *handler) once(r *http.Request, name wire.Callback, domain string, f func() answer) (answer, bool) {
	id := r.Header.Get(idHeader)
	if id != "" {
		id = domain + "\n" + string(name) + "\n" + id
	}
	if len(id) > wire.MaxString {
		id = ""
	}
	x, first := h.answers.Begin(id, keepFor)
	if !first {
		return x.Wait(r.Context().Done(), nil)
	}
	got := answer{status: http.StatusInternalServerError}
	defer func() { // though f panics
		h.answers.Finish(x, got, len(got.body), got.status == http.StatusOK)
	}()
	got = f()
	return got, true
}

func (h *handler) refuse(w http.ResponseWriter, name wire.Callback, status int, err error) {
	h.log.Warn("callback refused", "callback", string(name), "err", err)
	http.Error(w, http.StatusText(status), status)
}

// readBody reads a body up to wire.MaxBody, and cuts off a client that is too slow with it.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	conn := http.NewResponseController(w)
	limited := conn.SetReadDeadline(time.Now().Add(bodyLimit)) == nil
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxBody))
	if err == nil && limited {
		// The server goes on reading, to see whether the client leaves; passing the deadline would look like that.
		err = conn.SetReadDeadline(time.Time{})
	}
	return body, err
}

// decide asks the application.
func (h *handler) decide(r *http.Request, name wire.Callback, domain string, body []byte, f handle) answer {
	out, err := f(r.Context(), h.app, domain, body)
	if err == nil {
		return answer{http.StatusOK, out}
	}
	status := http.StatusInternalServerError
	switch {
	case errors.As(err, new(malformed)):
		status = http.StatusBadRequest
	case errors.Is(err, errDomain):
		status = http.StatusForbidden
	}
	h.log.Warn("callback failed", "callback", string(name), "status", status, "err", err)
	return answer{status, []byte("{}")}
}

// malformed is the error of a callback that cannot be read.
type malformed struct{ err error }

func (m malformed) Error() string { return m.err.Error() }
func (m malformed) Unwrap() error { return m.err }

var (
	errDomain   = errors.New("callback: signed for another domain")
	errNoAnswer = errors.New("callback: the application has not answered")
)

// handle reads a callback, which has to be of the domain unless that is empty, has the application decide, and writes its answer.
type handle func(ctx context.Context, app mediaserver.Application, domain string, body []byte) ([]byte, error)

// handleOf returns what to do with a callback; nil if there is none of the name.
func handleOf(name wire.Callback) handle {
	switch name {
	case wire.NewCall:
		return asks(wire.ParseNewCall, func(e *mediaserver.NewCall) string { return e.Domain }, mediaserver.Application.NewCall, wire.AppendAction)
	case wire.GetIVRCommand:
		return asks(wire.ParseIVRRequest, func(e *mediaserver.IVRRequest) string { return e.Domain }, mediaserver.Application.IVRCommand, wire.AppendCommand)
	case wire.CallEvent:
		return asks(wire.ParseCallEvent, func(e *mediaserver.CallEvent) string { return e.Domain }, mediaserver.Application.CallEvent, wire.AppendAction)
	case wire.CallNotify, wire.CallAnswered, wire.SessionCompleted, wire.RecordingReady:
		return asks(
			func(body []byte) (*mediaserver.Notice, []string, error) { return wire.ParseNotice(name, body) },
			func(n *mediaserver.Notice) string { return n.Domain }, notify, func(b []byte, _ *struct{}) ([]byte, error) { return append(b, "{}"...), nil },
		)
	}
	return nil
}

func notify(app mediaserver.Application, ctx context.Context, n *mediaserver.Notice) (*struct{}, error) {
	if n.Kind != 0 { // an event that is not known here
		app.Notify(ctx, n)
	}
	return &struct{}{}, nil
}

// asks is a handle of parts.
func asks[E, R any](
	parse func([]byte) (*E, []string, error), domainOf func(*E) string,
	decide func(mediaserver.Application, context.Context, *E) (*R, error), write func([]byte, *R) ([]byte, error),
) handle {
	return func(ctx context.Context, app mediaserver.Application, domain string, body []byte) ([]byte, error) {
		e, _, err := parse(body)
		if err != nil {
			return nil, malformed{err}
		}
		if d := domainOf(e); domain != "" && d != "" && d != domain {
			return nil, errDomain
		}
		r, err := decide(app, ctx, e)
		switch {
		case err != nil:
			return nil, err
		case r == nil:
			return nil, errNoAnswer
		}
		return write(nil, r)
	}
}
