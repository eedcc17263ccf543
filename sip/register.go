package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"github.com/alexacall/alexacall/bridge"
)

const (
	maxRegistrations = 10_000          // of one agent
	unregisterFor    = 5 * time.Second // that Registration.Close waits for the registrar
)

var (
	errTooManyRegistrations = errors.New("sip: too many registrations")
	errNotConfirmed         = errors.New("sip: the registrar has not confirmed the end of the registration")
)

// A Registration keeps an address of record at a registrar (RFC 3261 section 10.2): calls for it come to the agent's Bridge. Make one with
// Agent.Register. It is safe for concurrent use. It is also a bridge.Dialer for calls from that address.
type Registration struct {
	agent  *Agent
	as     enrolment
	log    *slog.Logger
	callID string
	ready  chan error    // the first success, or why there will be none
	done   chan struct{} // closed when nothing more will be sent

	mu      sync.Mutex
	until   time.Time // that we are registered
	err     error
	routes  []sipmsg.Uri // Service-Route (RFC 3608)
	way     conn         // that the last request took
	settled bool         // nothing of these changes any more

	// The rest belongs to the inbox of the registration.
	dialog   *dialog
	asking   time.Duration // the expiry that is asked for
	raised   bool          // it was raised for this attempt
	under    *exchange     // the request that waits for its response
	timer    *time.Timer   // until the next request
	failures int           // since the last success
	stood    bool          // there was a success
	leaving  bool          // Close was called
	left     bool          // the request that ends the registration was sent
	over     bool          // done is closed
}

var _ bridge.Dialer = (*Registration)(nil)

// Register registers an address of record and returns once that is done. From then on it is refreshed ahead of its expiry, and after a
// failure tried again: within 30 to 60 seconds first, then twice as late each time, up to half an hour (RFC 5626 section 4.5), or as late
// as the registrar says.
//
// A registrar that cannot be reached or has too much to do is tried again in the same way until ctx ends; the error then wraps that of ctx
// and the last *Error. One that refuses is an *Error at once.
func (a *Agent) Register(ctx context.Context, o *RegisterOptions) (*Registration, error) {
	if o == nil {
		o = &RegisterOptions{}
	}
	as, err := a.enrol(o)
	if err != nil {
		return nil, err
	}
	r := &Registration{agent: a, as: as, ready: make(chan error, 1), done: make(chan struct{}), asking: as.expires}
	if r.dialog, err = as.dialog(a); err != nil {
		return nil, fmt.Errorf("sip: register: %w", err)
	}
	r.callID = r.dialog.callID
	r.log = a.log.With("registration", "sip-"+r.dialog.localTag, "registrar", as.registrar.Host)
	if err := a.keepRegistration(r); err != nil {
		return nil, err
	}
	r.post(r.refresh)
	select {
	case err = <-r.ready:
	case <-r.done:
		select {
		case err = <-r.ready:
		default:
			err = ErrClosed
		}
	case <-ctx.Done():
		r.post(r.leave)
		if _, err = r.State(); err == nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("sip: register: %w: %w", context.Cause(ctx), err)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// State returns whether the address is registered now, as far as the registrar has said, and why the last attempt failed; nil if it did not.
// A registration that could not be refreshed stays true until it expires. After Close it is false, and the error is ErrClosed or that of
// Close.
func (r *Registration) State() (registered bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Before(r.until), r.err
}

// Close ends the registration at the registrar and waits up to five seconds for it to confirm that. It returns an *Error if the registrar
// refused, or another error if it has said nothing; nothing is sent after it either way. Close is idempotent.
func (r *Registration) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), unregisterFor)
	defer cancel()
	r.post(r.leave)
	return r.wait(ctx)
}

// wait waits for the end. When ctx ends first, that is the end.
func (r *Registration) wait(ctx context.Context) error {
	select {
	case <-r.done:
	case <-r.agent.ctx.Done():
	case <-ctx.Done():
		if !r.silent() {
			break
		}
		r.post(func() { r.finish(errNotConfirmed) })
		return errNotConfirmed
	}
	if _, err := r.State(); !errors.Is(err, ErrClosed) {
		return err
	}
	return nil
}

// Dial implements bridge.Dialer as Agent.Dial does, for a call from the registered address, under the name of o.From if it has one: who has
// an account knows its callers by its addresses, and refuses others, such as that of the far side whom o.From names when a call is passed
// on. The call goes by the proxies that the registrar has named (RFC 3608), else by RegisterOptions.Proxy, with RegisterOptions.Credentials.
func (r *Registration) Dial(ctx context.Context, to string, o *bridge.DialOptions) (bridge.Leg, error) {
	return r.dial(ctx, to, o, nil)
}

// dial is Dial with what the call says besides.
func (r *Registration) dial(ctx context.Context, to string, o *bridge.DialOptions, more *CallOptions) (bridge.Leg, error) {
	if o == nil {
		o = &bridge.DialOptions{}
	}
	as := *o
	as.From = r.as.aor.party()
	if o.From.Name != "" {
		as.From.Name = o.From.Name
	}
	return r.agent.dial(ctx, to, &as, more, r)
}

// set gives the dialog of a call its way and its credentials.
func (r *Registration) set(d *dialog) {
	r.mu.Lock()
	routes := r.routes
	r.mu.Unlock()
	if len(routes) == 0 {
		routes = r.as.proxy
	}
	d.routes, d.login.creds = routes, r.as.creds
	if len(routes) == 0 {
		d.login.creds = fitting(r.as.creds, d.target.Host) // it does not go to the registrar's proxies
	}
}

// dialog returns what REGISTER requests are made from: all of them have one Call-ID, and numbers that grow (RFC 3261 section 10.2).
func (e *enrolment) dialog(a *Agent) (*dialog, error) {
	d := a.newDialog(e.aor, e.aor)
	d.target, d.routes, d.login.creds = e.registrar, e.proxy, e.creds
	return d, d.aim()
}

// keepRegistration takes a registration into those that Close ends.
func (a *Agent) keepRegistration(r *Registration) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return ErrClosed
	case a.draining:
		return bridge.ErrDraining
	case len(a.registrations) >= maxRegistrations:
		return errTooManyRegistrations
	}
	a.registrations[r] = struct{}{}
	return nil
}

// unregister ends all registrations, and returns a function that waits for that.
func (a *Agent) unregister() (wait func(context.Context)) {
	a.mu.Lock()
	all := make([]*Registration, 0, len(a.registrations))
	for r := range a.registrations {
		all = append(all, r)
	}
	a.mu.Unlock()
	for _, r := range all {
		r.post(r.leave)
	}
	return func(ctx context.Context) {
		for _, r := range all {
			_ = r.wait(ctx)
		}
	}
}
