package engine

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexacall/alexacall/media"
)

const (
	firstMedia = 30 * time.Second
	silence    = 60 * time.Second
	watchEvery = 4 // ticks of the reporter
)

func (o *Options) firstMedia() time.Duration {
	if o == nil || o.FirstMedia == 0 {
		return firstMedia
	}
	return o.FirstMedia
}

func (o *Options) silence() time.Duration {
	if o == nil || o.Silence == 0 {
		return silence
	}
	return o.Silence
}

// vigil is what the engine keeps of a leg to tell that its far side has gone. Nobody has to send while a call rings, is held, or goes one
// way: then there is nothing to wait for.
type vigil struct {
	up atomic.Bool

	mu    sync.Mutex
	since time.Duration // when the far side's media became due, by the engine's clock; 0: it is not
}

// Answered implements media.Terminal. What is kept of an offer of ours for forks that answer later goes: none is heard any more.
func (t *terminal) Answered() {
	t.vigil.up.Store(true)
	t.mu.Lock()
	defer t.mu.Unlock()
	settled, agreed := t.neg.Settle(), t.agreed.Load()
	if agreed != nil && *agreed == t.neg && settled != t.neg {
		t.agreed.Store(&settled)
	}
	t.neg = settled
}

// Signals implements media.Terminal.
func (t *terminal) Signals(from netip.Addr) {
	if from.IsValid() {
		t.signals.Store(new(from.Unmap()))
	}
}

// silent ends a leg of whose far side nothing has been heard for too long. The reporter calls it now and then.
func (t *terminal) silent(now time.Time) {
	due := t.due()
	t.vigil.mu.Lock()
	defer t.vigil.mu.Unlock()
	if len(due) == 0 {
		t.vigil.since = 0
		return
	}
	if t.vigil.since == 0 {
		t.vigil.since = t.engine.clock(now)
	}
	last, limit := t.engine.opened.Add(t.vigil.since), t.engine.o.firstMedia()
	for _, s := range due {
		heard, sign := s.in.signs()
		if heard {
			limit = t.engine.o.silence()
		}
		last = later(last, sign)
	}
	if quiet := now.Sub(last); limit > 0 && quiet > limit {
		t.tellFailed(&media.SilentError{Kind: due[0].kind, Why: due[0].silenceIn(now), For: quiet})
	}
}

// due returns the streams whose media the far side has to send now, sound before pictures: those that go both ways. One of them that is
// heard is enough, for a camera may be covered.
func (t *terminal) due() []*stream {
	var due []*stream
	if !t.vigil.up.Load() {
		return nil
	}
	for s := range t.streams {
		if s.used() && media.Direction(s.dir.Load()) == media.SendRecv {
			due = append(due, s)
		}
	}
	return due
}

// signs reports whether media has ever come, and when the last sign of life was.
func (r *receiver) signs() (heard bool, last time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats.first != 0, r.clock.when(max(r.lastNow(), r.evidence.alive))
}
