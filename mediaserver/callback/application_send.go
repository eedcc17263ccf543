package callback

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	neturl "net/url"
	"time"

	"github.com/alexacall/alexacall/internal/jwtauth"
	"github.com/alexacall/alexacall/internal/outbound"
	"github.com/alexacall/alexacall/mediaserver/wire"
)

const (
	defaultTry     = 5 * time.Second
	defaultWhole   = 15 * time.Second       // where the context has no deadline
	margin         = 200 * time.Millisecond // before the context's deadline, so that what is stored is still in time
	connectTimeout = 2 * time.Second
	askPause       = 500 * time.Millisecond // before the second try of what asks
	tellPause      = time.Second            // before the second try of what tells
	tellGrows      = 4                      // times as long before the third
	maxHeader      = 64 << 10               // bytes of an answer's header; a client of the user's has its own limit
	maxRedirects   = 3
	idleTimeout    = time.Minute
)

// idHeader has the id of a callback, which is the same in every try.
const idHeader = "Idempotency-Key"

func (a *Application) makeClient() {
	var c http.Client
	if a.o.HTTPClient != nil {
		c = *a.o.HTTPClient
	} else {
		var d net.Dialer
		if !a.o.Private {
			d.Control = outbound.Control
		}
		a.own = newTransport(d.DialContext, a.targets[0].gate.most)
		c.Transport = a.own
	}
	c.CheckRedirect = redirect
	a.client = &c
}

// newTransport returns what makes the requests, over connections that dial makes. It, and then the TLS handshake, has connectTimeout.
func newTransport(dial func(ctx context.Context, network, addr string) (net.Conn, error), idle int) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, connectTimeout)
			defer cancel()
			return dial(ctx, network, addr)
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    idle,
		IdleConnTimeout:        idleTimeout,
	}
}

// redirect says whether one is followed: only to the same host, and with the body. Any other is an answer that cannot be used.
func redirect(r *http.Request, via []*http.Request) error {
	from := via[0].URL
	if len(via) > maxRedirects || r.Method != http.MethodPost || r.URL.Scheme != from.Scheme || r.URL.Host != from.Host {
		return http.ErrUseLastResponse
	}
	r.Header.Del("Referer")
	return nil
}

// delivery is a callback that is sent.
type delivery struct {
	name  wire.Callback
	id    string
	token string
	body  []byte
	rank  rank
	tries int                // at a target
	use   func([]byte) error // takes the answer
}

// newDelivery returns a callback with what v says.
func newDelivery[T any](a *Application, name wire.Callback, domain string, v *T, write func([]byte, *T) ([]byte, error)) (*delivery, error) {
	body, err := write(nil, v)
	if err != nil {
		return nil, err
	}
	c := &delivery{name: name, id: rand.Text(), body: body, rank: decides, tries: 2}
	if a.signer != nil {
		c.token, err = a.signer.Sign(&jwtauth.Claims{Domain: domain, ID: c.id, Body: jwtauth.Hash(body)})
	}
	return c, err
}

// ask sends a callback and returns what is answered.
func ask[T, R any](ctx context.Context, a *Application, name wire.Callback, domain string, v *T, write func([]byte, *T) ([]byte, error),
	read func([]byte) (*R, []string, error),
) (*R, error) {
	c, err := newDelivery(a, name, domain, v, write)
	if err != nil {
		return nil, err
	}
	var answer *R
	c.use = func(body []byte) error {
		r, unknown, err := read(body)
		if len(unknown) > 0 {
			a.unknown.Add(uint64(len(unknown)))
			a.log.Debug("answer has members that are not known", "callback", string(name), "members", unknown)
		}
		answer = r
		return err
	}
	err = a.deliver(ctx, c)
	return answer, err
}

// deliver sends a callback to one target after the other until one answers.
func (a *Application) deliver(ctx context.Context, c *delivery) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(defaultWhole)
	}
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(-margin))
	defer cancel()
	var errs []error
	for i, t := range a.targets {
		err := a.persist(ctx, c, t)
		if err == nil {
			if i > 0 {
				a.elsewhere.Add(1)
			}
			return nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	a.failed.Add(1)
	return errors.Join(errs...)
}

// persist sends a callback to a target until it answers or there is no use in trying.
func (a *Application) persist(ctx context.Context, c *delivery, t *target) error {
	pause, grows := askPause, time.Duration(1)
	if c.rank == tells {
		pause, grows = tellPause, tellGrows
	}
	for try := 1; ; try++ {
		e, again := a.try(ctx, c, t)
		if e == nil {
			return nil
		}
		if !again || try == c.tries || !sleep(ctx, pause) {
			return e
		}
		a.retried.Add(1)
		pause *= grows
	}
}

// sleep waits, and reports whether there is still time afterwards.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// try sends a callback once. It may be sent again if there was no answer, or one that says that the host has failed. Who waits for an answer
// does not wait twice for a host that is slow or left alone.
func (a *Application) try(ctx context.Context, c *delivery, t *target) (e *Error, again bool) {
	fail := func(status int, err error) *Error {
		return &Error{Callback: c.name, Host: t.base.Host, Status: status, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, a.o.Try)
	defer cancel()
	if err := t.gate.enter(ctx, c.rank); err != nil {
		a.count(err)
		return fail(0, err), c.rank == tells
	}
	status, body, err := a.post(ctx, c, t)
	o := outcomeOf(ctx, status, err)
	t.gate.leave(o)
	switch {
	case err != nil:
		slow := ctx.Err() != nil
		return fail(0, err), !errors.Is(err, outbound.ErrNotPublic) && (!slow || c.rank == tells)
	case status != http.StatusOK && (c.rank == decides || status/100 != 2):
		return fail(status, nil), o == failed
	}
	if err := c.use(body); err != nil {
		return fail(0, err), false
	}
	return nil, false
}

func (a *Application) count(err error) {
	switch {
	case errors.Is(err, ErrFull):
		a.full.Add(1)
	case errors.Is(err, ErrDown):
		a.down.Add(1)
	}
}

// outcomeOf says what a request tells of the host: nothing if it was given up by who waited for it.
func outcomeOf(ctx context.Context, status int, err error) outcome {
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		return unknown
	case err != nil || status >= 500:
		return failed
	}
	return answered
}

// post makes a request. Its error has no URL.
func (a *Application) post(ctx context.Context, c *delivery, t *target) (status int, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.base.JoinPath(string(c.name)).String(), bytes.NewReader(c.body))
	if err != nil {
		return 0, nil, bare(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "alexacall")
	r.Header.Set(idHeader, c.id)
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	a.sent.Add(1)
	resp, err := a.client.Do(r)
	if err != nil {
		return 0, nil, cause(ctx, bare(err))
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, wire.MaxBody+1))
	if err != nil {
		return 0, nil, cause(ctx, fmt.Errorf("answer broke off: %w", bare(err)))
	}
	return resp.StatusCode, body, nil
}

// bare returns an error without the URL that is in it.
func bare(err error) error {
	if e, ok := errors.AsType[*neturl.Error](err); ok {
		return e.Err
	}
	return err
}

// cause returns why the context has ended, which says more than how the transport noticed.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}
