package callback

import (
	"context"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/internal/jwtauth"
	"github.com/alexacall/alexacall/internal/outbound"
	"github.com/alexacall/alexacall/mediaserver"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

// Options are the options of New; nil and every zero field are valid.
type Options struct {
	FallbackURL string          // where callbacks go to that BaseURL has failed; empty: nowhere
	Key         *rsa.PrivateKey // signs the callbacks; nil: they are not signed
	KeyID       string          // of Key, where the application has to tell several apart
	Fallbacks   FallbackStore   // of commands for when the application cannot be reached; nil: there are none

	// HTTPClient makes the requests; nil: one that connects to no address but the Internet's (RFC 6890) within 2 s, and uses no proxy. Of a
	// client that is given, the transport decides where it connects to.
	HTTPClient *http.Client
	Private    bool // the Application's own client may connect to addresses of private networks, and of this host

	Try         time.Duration // how long one request may take; 0: 5 s
	Concurrency int           // requests to a host at once; 0: 64
	Queue       int           // callbacks that wait for a host at most, those that ask and those that tell each; 0: 1024
	Failures    int           // in a row after which a host is left alone; 0: 5
	Pause       time.Duration // how long it is; 0: 5 s

	Logger *slog.Logger // nil is silent
}

// Application is a mediaserver.Application that is reached by HTTP. Its methods are safe for concurrent use.
type Application struct {
	o       Options
	signer  *jwtauth.Signer
	client  *http.Client
	own     *http.Transport // nil: the client is the user's
	targets []*target
	log     *slog.Logger

	mu     sync.Mutex
	fallen map[string]fallen // by session

	sent, retried, failed, elsewhere, stored, full, down, unknown atomic.Uint64
}

var _ mediaserver.Application = (*Application)(nil)

// A target is where callbacks go to.
type target struct {
	base *url.URL
	gate *gate
}

// Stats are the totals of an Application.
type Stats struct {
	Sent      uint64 // requests, retries among them
	Retried   uint64
	Failed    uint64 // callbacks that nobody has answered
	Elsewhere uint64 // callbacks that FallbackURL has answered
	Stored    uint64 // callbacks that a stored fallback has answered
	Full      uint64 // requests that were not sent: too many waited
	Down      uint64 // requests that were not sent: the host had failed too often
	Unknown   uint64 // members of answers that are not known here
}

// New returns an Application at a base URL, below which the callbacks are: "https://app.example/ivr" has
// "https://app.example/ivr/newCall". It fails for a URL that is no absolute http or https URL, and for one of this host or of a private address
// without Options.Private, unless the client is given. Close it.
func New(baseURL string, o *Options) (*Application, error) {
	a := &Application{fallen: map[string]fallen{}, log: slog.New(slog.DiscardHandler)}
	if o != nil {
		a.o = *o
	}
	if a.o.Logger != nil {
		a.log = a.o.Logger
	}
	if a.o.Key != nil {
		a.signer = &jwtauth.Signer{Key: a.o.Key, KeyID: a.o.KeyID}
	}
	if a.o.Try <= 0 {
		a.o.Try = defaultTry
	}
	if err := a.aim(baseURL); err != nil {
		return nil, err
	}
	a.makeClient()
	return a, nil
}

// aim makes the targets. Two of the same host have its gate in common.
func (a *Application) aim(baseURL string) error {
	gates := map[string]*gate{}
	for _, t := range []struct{ name, url string }{{"base URL", baseURL}, {"FallbackURL", a.o.FallbackURL}} {
		if t.url == "" && t.name == "FallbackURL" {
			continue
		}
		u, err := outbound.BaseURL(t.url)
		if err != nil {
			return &url.Error{Op: "callback", URL: t.name, Err: err}
		}
		if a.o.HTTPClient == nil && !a.o.Private && isPrivate(u.Hostname()) {
			return &url.Error{Op: "callback", URL: t.name, Err: fmt.Errorf("%w, and Options.Private is not set", outbound.ErrNotPublic)}
		}
		g := gates[u.Host]
		if g == nil {
			g = newGate(&a.o)
			gates[u.Host] = g
		}
		a.targets = append(a.targets, &target{base: u, gate: g})
	}
	return nil
}

// isPrivate reports whether a host is known, without asking for its addresses, to be none of the Internet's.
func isPrivate(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && !outbound.Public(addr) || strings.EqualFold(host, "localhost")
}

// NewCall implements mediaserver.Application. A stored fallback of the called number answers IVR, and is then the command.
func (a *Application) NewCall(ctx context.Context, e *mediaserver.NewCall) (*mediaserver.Action, error) {
	number := mediaserver.UserOf(e.To.URI)
	f := a.fallback(ctx, e.Domain, number)
	if f != nil && f.Mode == wire.Always {
		return a.fall(e.SessionID, f), nil
	}
	action, err := ask(ctx, a, wire.NewCall, e.Domain, e, wire.AppendNewCall, wire.ParseNewCallAction)
	if err != nil && f != nil {
		a.log.Warn("stored fallback in place of the application", "session", e.SessionID, "err", err)
		return a.fall(e.SessionID, f), nil
	}
	return action, err
}

// IVRCommand implements mediaserver.Application. A stored fallback of the called number is the command when the application fails.
func (a *Application) IVRCommand(ctx context.Context, e *mediaserver.IVRRequest) (*mediaserver.Command, error) {
	if m := a.recall(e.SessionID).command; m != nil {
		return a.command(e, m), nil
	}
	f := a.fallback(ctx, e.Domain, e.Called)
	if f != nil && f.Mode == wire.Always {
		return a.command(e, f.Command), nil
	}
	m, err := ask(ctx, a, wire.GetIVRCommand, e.Domain, e, wire.AppendIVRRequest, wire.ParseCommand)
	if err != nil && f != nil {
		a.log.Warn("stored fallback in place of the application", "session", e.SessionID, "err", err)
		return a.command(e, f.Command), nil
	}
	return m, err
}

// CallEvent implements mediaserver.Application. Whom a stored fallback hangs up after its phrases the application is not asked about.
func (a *Application) CallEvent(ctx context.Context, e *mediaserver.CallEvent) (*mediaserver.Action, error) {
	if a.hungUp(e) {
		a.stored.Add(1)
		return &mediaserver.Action{Kind: mediaserver.Drop}, nil
	}
	return ask(ctx, a, wire.CallEvent, e.Domain, e, wire.AppendCallEvent, wire.ParseCallEventAction)
}

// Notify implements mediaserver.Application. It returns when the application has taken the notice, when it has been tried three times, or
// when ctx ends.
func (a *Application) Notify(ctx context.Context, n *mediaserver.Notice) {
	if n.Kind == mediaserver.SessionCompleted {
		a.recall(n.SessionID)
	}
	name := wire.CallbackOf(n.Kind)
	r, err := newDelivery(a, name, n.Domain, n, wire.AppendNotice)
	if err == nil {
		r.rank, r.tries = tells, 3
		r.use = func([]byte) error { return nil }
		err = a.deliver(ctx, r)
	}
	if err != nil {
		a.log.Warn("callback failed", "callback", string(name), "session", n.SessionID, "err", err)
	}
}

// Stats returns the totals.
func (a *Application) Stats() Stats {
	return Stats{
		Sent: a.sent.Load(), Retried: a.retried.Load(), Failed: a.failed.Load(), Elsewhere: a.elsewhere.Load(), Stored: a.stored.Load(),
		Full: a.full.Load(), Down: a.down.Load(), Unknown: a.unknown.Load(),
	}
}

// Close closes the connections that are idle. Requests end with their contexts. It is idempotent.
func (a *Application) Close() error {
	if a.own != nil {
		a.own.CloseIdleConnections()
	}
	return nil
}
