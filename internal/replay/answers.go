package replay

import (
	"sync"
	"time"
)

const (
	maxAnswers     = 4096    // kept at a time
	maxAnswerBytes = 4 << 20 // of all that are kept
)

// Answers keeps up to 4,096 answers of type T, or 4 MB of them, so that a request that comes again gets the same answer, and nobody works
// for it.
type Answers[T any] struct {
	mu    sync.Mutex
	byID  map[string]*Answer[T]
	queue []*Answer[T] // the oldest first
	bytes int          // of those that are kept
}

// An Answer is the answer to one request, perhaps still to come.
type Answer[T any] struct {
	done  chan struct{} // closed when value is set
	value T

	id    string
	until time.Time
	bytes int
}

// Wait returns the answer once it is there, unless one of the other channels is first; then ok is false.
func (x *Answer[T]) Wait(done <-chan struct{}, late <-chan time.Time) (value T, ok bool) {
	select {
	case <-x.done:
		return x.value, true
	case <-done:
	case <-late:
	}
	return value, false
}

// Begin returns the answer to the request id, and whether the caller has to find it and give it to Finish. It is kept for as long as
// keep says. A request without an id is always new.
func (a *Answers[T]) Begin(id string, keep time.Duration) (x *Answer[T], first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if old := a.byID[id]; id != "" && old != nil && now.Before(old.until) {
		return old, false
	}
	x = &Answer[T]{id: id, until: now.Add(keep), done: make(chan struct{})}
	if id == "" {
		return x, true
	}
	for len(a.queue) > 0 && (len(a.queue) >= maxAnswers || !now.Before(a.queue[0].until)) {
		a.drop()
	}
	if a.byID == nil {
		a.byID = map[string]*Answer[T]{}
	}
	a.byID[id] = x
	a.queue = append(a.queue, x)
	return x, true
}

// Finish sets an answer that counts as so many bytes. One that is not to be kept goes to those who wait for it only, and the request may
// come anew.
func (a *Answers[T]) Finish(x *Answer[T], value T, bytes int, keep bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	x.value = value
	close(x.done)
	switch {
	case a.byID[x.id] != x: // without an id, or pushed out meanwhile
		return
	case !keep:
		delete(a.byID, x.id)
		return
	}
	x.bytes = bytes
	for a.bytes += bytes; a.bytes > maxAnswerBytes; {
		a.drop()
	}
}

// drop forgets the oldest answer. a.mu is held.
func (a *Answers[T]) drop() {
	old := a.queue[0]
	a.queue[0], a.queue = nil, a.queue[1:]
	a.bytes -= old.bytes
	if a.byID[old.id] == old { // and not a later one of the same id
		delete(a.byID, old.id)
	}
}
