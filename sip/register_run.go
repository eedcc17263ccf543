package sip

import (
	"errors"
	"math/rand/v2"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// When a registration is renewed or tried again.
const (
	earlyRefresh = 10 * time.Minute // ahead of the expiry
	leastRefresh = time.Second      // after a success
	mostRefresh  = 24 * time.Hour
	firstRetry   = 30 * time.Second // RFC 5626 section 4.5
	lastRetry    = 30 * time.Minute
	lostRetry    = 10 * time.Second // after the end of the connection that calls come by
)

var (
	errNotBound = errors.New("sip: the registrar has not kept our Contact")
	errLost     = errors.New("sip: the connection to the registrar has ended")
)

// post has f done in the inbox of the registration.
func (r *Registration) post(f func()) { r.agent.post(r.callID, f) }

// refresh asks the registrar to keep us.
func (r *Registration) refresh() {
	if r.under != nil || r.leaving || r.over {
		return
	}
	r.stopTimer()
	r.ask(r.asking)
}

// ask sends a REGISTER. 0 ends the registration.
func (r *Registration) ask(expires time.Duration) {
	way, rest, err := r.ways()
	if err != nil {
		r.failed(unanswered(sipmsg.REGISTER, err))
		return
	}
	r.dialog.net, r.dialog.login.home = way.network(), way.remote() // wherever the registrar, or our proxy, is by now
	x := &exchange{dialog: r.dialog, req: r.request(expires), way: way, rest: rest}
	x.handle = func(res *sipmsg.Response, err error) {
		if r.under == x && (res == nil || !res.IsProvisional()) {
			r.under = nil
			r.took(x.way)
			r.ended(res, err)
		}
	}
	r.under = x
	r.took(way)
	if err := x.send(); err != nil {
		r.under = nil
		r.failed(unanswered(sipmsg.REGISTER, err))
	}
}

// ways returns the way of the next request, which is the connection that there is, if it lives, and the other ways to the registrar.
func (r *Registration) ways() (conn, *route, error) {
	d := r.dialog
	hop := d.hop()
	rest, err := r.agent.route(r.agent.ctx, &hop, d.net)
	if d.flow != nil && d.flow.alive() {
		rest.leave(wayOf(d.flow))
		return d.flow, rest, nil
	}
	if err != nil {
		return nil, nil, err
	}
	way, err := rest.next(r.agent.ctx)
	return way, rest, err
}

// took takes note of the way that a request has taken. A connection is kept for the calls that come by it, unless it was made for the length
// of the request.
func (r *Registration) took(way conn) {
	if !reliable(r.dialog.net) {
		way = nil
	}
	r.note(func() { r.way = way })
	r.dialog.keep(way)
}

// ended takes the end of a REGISTER.
func (r *Registration) ended(res *sipmsg.Response, err error) {
	switch {
	case err != nil:
		r.failed(unanswered(sipmsg.REGISTER, err))
	case res.IsSuccess():
		r.succeeded(res)
	case res.StatusCode == 423 && r.raise(res):
		r.ask(r.asking)
	default:
		r.failed(errorOf(sipmsg.REGISTER, res))
	}
}

// raise asks for as much time as a 423 wants us to (RFC 3261 section 10.2.8), once in an attempt.
func (r *Registration) raise(res *sipmsg.Response) bool {
	least := readSeconds(headerText(res, "min-expires"))
	if r.raised || r.leaving || least <= r.asking || least > maxExpires {
		return false
	}
	r.raised, r.asking = true, least
	return true
}

func (r *Registration) succeeded(res *sipmsg.Response) {
	if r.left {
		r.finish(nil)
		return
	}
	lasts := granted(res, &r.contact().Address, r.asking)
	if lasts <= 0 {
		r.failed(&Error{Status: 503, Reason: "Service Unavailable", Method: string(sipmsg.REGISTER), Err: errNotBound})
		return
	}
	if r.failures > 0 || !r.stood {
		r.log.Debug("registered", "for", lasts)
	}
	r.failures, r.raised, r.stood = 0, false, true
	r.note(func() { r.until, r.err, r.routes = time.Now().Add(lasts), nil, serviceRoutes(res) })
	r.tell(nil)
	if r.leaving {
		r.farewell()
		return
	}
	r.again(refreshAfter(lasts, rand.Float64()))
	if flow := r.dialog.flow; flow != nil && !flow.alive() {
		r.lost(flow) // it may have ended before it was known to be ours
	}
}

// failed takes the failure of an attempt. Before there was any success, a refusal is the end.
func (r *Registration) failed(e *Error) {
	r.failures++
	r.raised = false
	r.note(func() { r.err = e })
	switch {
	case r.left:
		r.finish(e)
		return
	case r.leaving:
		r.farewell()
		return
	case !r.stood && hopeless(e):
		r.tell(e)
		r.finish(e)
		return
	case r.failures == 1:
		r.log.Warn("registration failed", "error", e)
	default:
		r.log.Debug("registration failed", "error", e)
	}
	r.again(max(retryWait(r.failures, rand.Float64()), e.RetryAfter))
}

// lost takes the end of a connection: if it was ours, calls cannot reach us.
func (r *Registration) lost(way conn) {
	if r.dialog.flow != way || r.leaving || r.over {
		return
	}
	r.dialog.keep(nil)
	if r.under != nil || r.failures > 0 {
		return // its end, or the next attempt, takes a new one
	}
	r.note(func() { r.err = errLost })
	r.again(between(lostRetry, rand.Float64()))
}

// leave ends the registration at the registrar. What is under way is waited for, so that it cannot come after the end.
func (r *Registration) leave() {
	if r.leaving || r.over {
		return
	}
	r.leaving = true
	r.stopTimer()
	if r.under == nil {
		r.farewell()
	}
}

func (r *Registration) farewell() {
	r.left = true
	r.ask(0)
}

// finish makes an end: nothing more is sent.
func (r *Registration) finish(err error) {
	if r.over {
		return
	}
	r.over = true
	r.stopTimer()
	if r.under != nil {
		r.under.abandon()
		r.under = nil
	}
	r.dialog.keep(nil)
	if err == nil {
		err = ErrClosed
	}
	_ = r.settle(err)
	a := r.agent
	a.mu.Lock()
	delete(a.registrations, r)
	a.mu.Unlock()
	close(r.done)
}

// note changes what others see, until the end.
func (r *Registration) note(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.settled {
		change()
	}
}

// silent takes the registrar's silence for the end: State says so at once, for the inbox may be waiting for a connection. It returns false
// if the end had come before.
func (r *Registration) silent() bool { return r.settle(errNotConfirmed) }

// settle says what State says from now on, once.
func (r *Registration) settle(err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.settled {
		return false
	}
	r.settled = true
	r.until, r.routes, r.way, r.err = time.Time{}, nil, nil, err
	return true
}

// tell tells Register how it went, unless it knows.
func (r *Registration) tell(err error) {
	select {
	case r.ready <- err:
	default:
	}
}

// again asks once more after d.
func (r *Registration) again(d time.Duration) {
	r.stopTimer()
	r.timer = time.AfterFunc(d, func() { r.post(r.refresh) })
}

func (r *Registration) stopTimer() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}

// refreshAfter returns when a registration that lasts so long is renewed: ten minutes early, or at half of its time where that is short,
// and up to a tenth earlier by chance, so that those of one restart do not stay together. chance is from 0 to 1.
func refreshAfter(lasts time.Duration, chance float64) time.Duration {
	at := lasts / 2
	if lasts > 2*earlyRefresh {
		at = lasts - earlyRefresh
	}
	at -= time.Duration(float64(at) * chance / 10)
	return min(max(at, leastRefresh), mostRefresh)
}

// retryWait returns when the next attempt is made after so many failures (RFC 5626 section 4.5).
func retryWait(failures int, chance float64) time.Duration {
	return between(min(firstRetry<<min(failures, 16), lastRetry), chance)
}

// between returns a time from half of d to d.
func between(d time.Duration, chance float64) time.Duration {
	return d/2 + time.Duration(float64(d/2)*chance)
}

// hopeless reports whether trying again as we are would change nothing.
func hopeless(e *Error) bool {
	switch {
	case errors.Is(e.Err, errNoTLS), errors.Is(e.Err, errNoTCP), errors.Is(e.Err, errNoUDP), errors.Is(e.Err, errTransport), errors.Is(e.Err, errInjected):
		return true
	case e.Err != nil:
		return false
	}
	switch e.Status {
	case 408, 425, 429, 430, 480, 486, 491:
		return false
	}
	return e.Status < 500 || e.Status >= 600
}

// lostWay takes the end of a connection, for what was sent by it and for the registrations whose way it was.
func (a *Agent) lostWay(way *stream) {
	a.lost(way)
	if way.accepted {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	for r := range a.registrations {
		r.mu.Lock()
		ours := r.way == conn(way)
		r.mu.Unlock()
		if ours {
			a.enqueue(r.callID, time.Time{}, func() { r.lost(way) })
		}
	}
}
