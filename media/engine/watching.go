package engine

import (
	"sync"
	"time"
)

// mendTick is how often streams of pictures are looked after: as often as libwebrtc does.
const mendTick = 20 * time.Millisecond

// watching are the terminals whose pictures are looked after.
type watching struct {
	wake chan struct{} // there is a first one

	mu   sync.Mutex
	all  map[*terminal]struct{}
	list []*terminal // of all; of the reporter's goroutine
}

func newWatching() watching {
	return watching{wake: make(chan struct{}, 1), all: map[*terminal]struct{}{}}
}

// watch looks after the pictures of t from now on.
func (w *watching) watch(t *terminal) {
	w.mu.Lock()
	w.all[t] = struct{}{}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watching) unwatch(t *terminal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, t)
}

// mend looks after all of them, and reports whether there are any.
func (w *watching) mend(now time.Time) bool {
	w.mu.Lock()
	w.list = w.list[:0]
	for t := range w.all {
		w.list = append(w.list, t)
	}
	w.mu.Unlock()
	for _, t := range w.list {
		t.mend(now)
	}
	n := len(w.list)
	clear(w.list)
	return n > 0
}

// often is a ticker that stands still while there is nothing to look after.
type often struct {
	tick *time.Ticker
	c    <-chan time.Time
}

func (o *often) start() {
	if o.tick == nil {
		o.tick = time.NewTicker(mendTick)
		o.c = o.tick.C
	}
}

func (o *often) stop() {
	if o.tick != nil {
		o.tick.Stop()
	}
	o.tick, o.c = nil, nil
}
