package callback

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

const (
	defaultConcurrency = 64
	defaultQueue       = 1024
	defaultFailures    = 5
	defaultPause       = 5 * time.Second
)

// rank says which callbacks go first when they have to wait.
type rank uint8

const (
	decides rank = iota // somebody waits for the answer
	tells
)

// A gate stands before a host: so many callbacks at once, the others wait, and none for a while once several in a row have failed; then a
// single one tries whether it is back.
type gate struct {
	most, queue, failures int
	pause                 time.Duration

	mu      sync.Mutex
	inside  int
	waiting [2][]*visitor // by rank
	failed  int           // in a row
	until   time.Time     // when the host may be tried again; zero: it may
	probing bool          // it is being tried
}

// A visitor waits at a gate.
type visitor struct {
	in  chan struct{} // closed when it is let in, or refused
	err error
}

// enter waits until a callback may be sent. Who has entered leaves.
func (g *gate) enter(ctx context.Context, r rank) error {
	g.mu.Lock()
	if err := g.refuse(); err != nil {
		g.mu.Unlock()
		return err
	}
	if g.inside < g.most {
		g.inside++
		g.mu.Unlock()
		return nil
	}
	if len(g.waiting[r]) >= g.queue {
		g.mu.Unlock()
		return ErrFull
	}
	v := &visitor{in: make(chan struct{})}
	g.waiting[r] = append(g.waiting[r], v)
	g.mu.Unlock()
	select {
	case <-v.in:
		return v.err
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-v.in: // just now
		if v.err == nil {
			g.inside--
			g.next()
		}
	default:
		if i := slices.Index(g.waiting[r], v); i >= 0 {
			g.waiting[r] = slices.Delete(g.waiting[r], i, i+1)
		}
	}
	return context.Cause(ctx)
}

// refuse returns why nothing may be sent now. Who is let in after a pause probes. g.mu is held.
func (g *gate) refuse() error {
	if g.until.IsZero() {
		return nil
	}
	if g.probing || time.Now().Before(g.until) {
		return ErrDown
	}
	g.probing = true
	return nil
}

// An outcome is what a callback says of its host.
type outcome uint8

const (
	answered outcome = iota
	failed
	unknown // it was given up
)

// leave makes room for the next one.
func (g *gate) leave(o outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	switch o {
	case answered:
		g.failed, g.until, g.probing = 0, time.Time{}, false
	case failed:
		if g.failed++; g.failed >= g.failures {
			g.until, g.probing = time.Now().Add(g.pause), false
			g.turnAway()
		}
	case unknown:
		g.probing = false
	}
	g.next()
}

// next lets in who waits first. g.mu is held.
func (g *gate) next() {
	for r := range g.waiting {
		for len(g.waiting[r]) > 0 && g.inside < g.most {
			v := g.waiting[r][0]
			g.waiting[r] = g.waiting[r][1:]
			g.inside++
			close(v.in)
		}
	}
}

// turnAway refuses all who wait. g.mu is held.
func (g *gate) turnAway() {
	for r := range g.waiting {
		for _, v := range g.waiting[r] {
			v.err = ErrDown
			close(v.in)
		}
		g.waiting[r] = nil
	}
}

func newGate(o *Options) *gate {
	return &gate{
		most: cmp.Or(max(o.Concurrency, 0), defaultConcurrency), queue: cmp.Or(max(o.Queue, 0), defaultQueue),
		failures: cmp.Or(max(o.Failures, 0), defaultFailures), pause: cmp.Or(max(o.Pause, 0), defaultPause),
	}
}
