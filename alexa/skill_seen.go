package alexa

import (
	"sync"
	"time"
)

const (
	seenFor = 5 * time.Minute // twice the age that a request may have
	seenMax = 20_000          // request ids remembered at a time
)

// recent remembers the request ids of the last minutes, so that a delivery that Amazon repeats, or that somebody replays within the
// age that a request may have, does nothing. The zero value is ready for use.
type recent struct {
	mu     sync.Mutex
	now    map[string]struct{}
	before map[string]struct{}
	turned time.Time
}

// first reports whether an id has not been seen lately. A request without an id is always new.
func (r *recent) first(id string) bool {
	if id == "" {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := time.Now(); r.now == nil || t.Sub(r.turned) > seenFor || len(r.now) >= seenMax/2 {
		r.before, r.now, r.turned = r.now, map[string]struct{}{}, t
	}
	if _, ok := r.now[id]; ok {
		return false
	}
	if _, ok := r.before[id]; ok {
		return false
	}
	r.now[id] = struct{}{}
	return true
}
