package alexatest

import (
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"time"
)

// Failure is one way in which a signaling request fails by chance: see [Random].
type Failure uint8

const (
	faultNone Failure = iota
	// Conflict refuses with 409.
	Conflict
	// Throttled refuses with 429 and Retry-After.
	Throttled
	// ServerError refuses with 500.
	ServerError
	// TokenRevoked refuses with 401, and the token with it.
	TokenRevoked
	// RequestLost resets the connection; the request has no effect.
	RequestLost
	// AnswerLost takes the request and resets the connection instead of answering.
	AnswerLost
	// AnswerLate takes the request and answers after Random.Delay.
	AnswerLate
	// HalfBody takes the request and ends the connection in the middle of the answer's body.
	HalfBody
)

var failureTable = []Failure{Conflict, Throttled, ServerError, TokenRevoked, RequestLost, AnswerLost, AnswerLate, HalfBody}

// Random has signaling requests fail by chance, as CloudOptions.Seed decides. The zero value has none fail.
type Random struct {
	// Share of the requests that fail, from 0 to 1.
	Share float64
	// Failures are what may happen to them, each as likely as the others; nil: everything.
	Failures []Failure
	// RetryAfter is what Throttled names, in whole seconds; 0: one second.
	RetryAfter time.Duration
	// Delay is that of AnswerLate; 0: 3 s.
	Delay time.Duration
}

// draws counts what has been decided by chance. The zero value is ready; it is guarded by Cloud.mu.
type draws struct {
	calls int
	known map[string]*drawn
}

type drawn struct {
	call  int // its number, by the order of their beginning
	count map[string]int

	ufrags map[Direction][]string // of its descriptions
}

// maxDrawn limits the sessions that are remembered; above it all are forgotten, and number on as new ones.
const maxDrawn = 10 * maxEnded

// know gives a session its number.
func (d *draws) know(session string) *drawn {
	k := d.known[session]
	if k == nil {
		if d.known == nil || len(d.known) >= maxDrawn {
			d.known = make(map[string]*drawn)
		}
		d.calls++
		k = &drawn{call: d.calls, count: make(map[string]int)}
		d.known[session] = k
	}
	return k
}

func (d *draws) forget(session string) { delete(d.known, session) }

// source returns the chance of the next request of a type in a session.
func (d *draws) source(seed uint64, session, name string) *rand.Rand {
	k := d.know(session)
	k.count[name]++
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, h.Sum64()^uint64(k.call)<<40^uint64(k.count[name])<<20))
}

// fate is what chance does with one request.
type fate struct {
	refused *refusal
	what    Failure
	wait    time.Duration
}

// shown is the status of a request in the transcript until its answer is out.
func (f fate) shown(status int) int {
	if f.what == AnswerLost || f.what == HalfBody || f.wait > 0 {
		return statusCut
	}
	return status
}

// statusCut stands for an answer that is not given.
const statusCut = 0

// drawFate decides about a new request, whose form is good.
func (c *Cloud) drawFate(m *message) fate {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.faults.Random
	if r.Share <= 0 {
		return fate{}
	}
	chance := c.draws.source(c.opts.Seed, *m.SessionID, m.name)
	failures := r.Failures
	if len(failures) == 0 {
		failures = failureTable
	}
	hit, f := chance.Float64() < r.Share, failures[chance.IntN(len(failures))]
	if !hit {
		return fate{}
	}
	by := func(status int) fate { return fate{refused: refused(status, "refused by chance", false)} }
	switch f {
	case Conflict:
		return by(http.StatusConflict)
	case Throttled:
		throttled := by(http.StatusTooManyRequests)
		throttled.refused.retryAfter = orElse(r.RetryAfter, time.Second)
		return throttled
	case ServerError:
		return by(http.StatusInternalServerError)
	case TokenRevoked:
		return by(http.StatusUnauthorized)
	case RequestLost:
		return by(statusCut)
	case AnswerLate:
		return fate{what: f, wait: orElse(r.Delay, 3*time.Second)}
	default:
		return fate{what: f}
	}
}

func orElse(d, other time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return other
}

// refusedOnPurpose is a refusal of Faults.Refuse.
func (c *Cloud) refusedOnPurpose(status int) *refusal {
	r := refused(status, "refused on purpose", false)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		r.retryAfter = c.faultsNow().RetryAfter
	}
	return r
}

// hold keeps an answer back; false when nobody waits for it any more.
func (c *Cloud) hold(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-c.ctx.Done():
	}
	return false
}
