package audio

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// FrameTime is how long a frame of sound lasts.
const FrameTime = 20 * time.Millisecond

// phases is how many groups the turns of a Clock are spread over within a frame, so that the packets of a thousand players do not leave in
// one burst.
const phases = 10

// ClockOptions are the options of NewClock; nil and every zero field are valid.
type ClockOptions struct {
	Workers int // goroutines that take turns; 0: as many as Go runs at once
}

// A Clock calls what has to happen every 20 ms: one timer for all players, recorders and mixers of a program. Deadlines are absolute, so
// that nothing drifts; a turn that comes late is made up for at once, unless it is later than a second, when it is skipped and counted.
// Its methods are safe for concurrent use.
type Clock struct {
	workers int

	mu     sync.Mutex
	groups [phases][]*turn
	next   int // the group that is joined next
	closed bool
	wake   chan struct{} // there is a turn again, or the clock is closed

	late, skipped atomic.Uint64
	done          sync.WaitGroup
}

// ClockStats are the totals of a Clock.
type ClockStats struct {
	Turns   int    // that it takes now, every 20 ms
	Late    uint64 // phases, 10 in a frame, that began more than a frame late
	Skipped uint64 // frames that were left out because the clock was more than a second late
}

// turn is one thing that happens every frame.
type turn struct {
	mu   sync.Mutex // held while it runs
	f    func()
	over bool
}

// NewClock starts a clock. Close it.
func NewClock(o *ClockOptions) *Clock {
	c := &Clock{workers: runtime.GOMAXPROCS(0), wake: make(chan struct{}, 1)}
	if o != nil && o.Workers > 0 {
		c.workers = o.Workers
	}
	c.done.Go(c.run)
	return c
}

// Every calls f every 20 ms, one call at a time, until stop is called; f must not block. Stop returns when f is not running and will not
// run again, so f must not call it. After Close nothing is called.
func (c *Clock) Every(f func()) (stop func()) {
	t := &turn{f: f}
	c.mu.Lock()
	g := c.next
	c.next = (c.next + 1) % phases
	c.groups[g] = append(c.groups[g], t)
	c.mu.Unlock()
	c.rouse()
	return func() {
		t.end()
		c.remove(g, t)
	}
}

func (c *Clock) remove(g int, t *turn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.groups[g] {
		if other == t { // a group that is being run is never changed in place
			c.groups[g] = append(append([]*turn(nil), c.groups[g][:i]...), c.groups[g][i+1:]...)
			return
		}
	}
}

// end waits for a run of t and lets no other begin.
func (t *turn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
}

func (t *turn) take() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.f()
	}
}

// Stats returns the totals since the clock was started.
func (c *Clock) Stats() ClockStats {
	s := ClockStats{Late: c.late.Load(), Skipped: c.skipped.Load()}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, g := range c.groups {
		s.Turns += len(g)
	}
	return s
}

// Close stops the clock and waits for the turns that run. It is idempotent.
func (c *Clock) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.rouse()
	c.done.Wait()
}

func (c *Clock) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// look returns the turns of a group, and whether the clock has any turn at all.
func (c *Clock) look(g int) (turns []*turn, any, closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, other := range c.groups {
		any = any || len(other) > 0
	}
	return c.groups[g], any, c.closed
}
