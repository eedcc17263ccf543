package sip

import (
	"slices"
	"time"
)

// Limits of what waits to be handled.
const (
	maxWaiting = 128  // messages of one call
	maxInboxes = 8192 // calls that have messages waiting
	maxSpare   = 64   // inboxes that are kept for the next call
	workers    = 64   // goroutines that wait for inboxes
)

// inbox orders what happens to one call: its messages as they arrived, the wishes of its leg's owner and its timers come one after the
// other. It is there, with a goroutine, only while something waits, so a call costs neither while nothing happens to it. Whoever
// handles one thing owns the whole call: no lock guards it.
//
// Workers empty them, in the order in which they were filled. One who takes an inbox wakes another if there are more, since what he does may take
// its time, as when the far sides of others have to be looked up; who is done takes the next. So a burst is dealt with by few, whose stacks
// have grown already, and somebody is always about to take what waits. Where all workers are busy there is one more for a while.
type inbox struct {
	callID  string
	waiting fifo[func()]
	since   time.Time // when the message came that it is there for; zero for anything else
}

// workplace is where inboxes wait for workers. It is used with the agent's lock held.
type workplace struct {
	filled  fifo[*inbox]
	resting []chan struct{} // of workers who wait; the last has rested least
	waking  bool            // somebody is about to take an inbox
}

// post has f done in the inbox of a call, after what waits there. It returns false, and f is never done, once the agent is closed.
func (a *Agent) post(callID string, f func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.enqueue(callID, time.Time{}, f)
	return true
}

// postMessage is post for what has come from the network, at a time. It is dropped where too much waits.
func (a *Agent) postMessage(callID string, came time.Time, f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	in := a.inboxes[callID]
	switch {
	case a.closed:
	case in == nil && len(a.inboxes) >= maxInboxes, in != nil && in.waiting.len() >= maxWaiting:
		a.count.dropped.Add(1)
	default:
		a.enqueue(callID, came, f)
	}
}

// enqueue adds f to an inbox. a.mu is held.
func (a *Agent) enqueue(callID string, came time.Time, f func()) {
	if in := a.inboxes[callID]; in != nil {
		in.waiting.push(f)
		return
	}
	in := new(inbox)
	if last := len(a.spare) - 1; last >= 0 {
		in, a.spare = a.spare[last], a.spare[:last]
	}
	in.callID, in.since = callID, came
	in.waiting.push(f)
	a.inboxes[callID] = in
	a.workplace.filled.push(in)
	a.wake()
}

// wake has somebody take the next inbox, if there is one and nobody is about to. a.mu is held.
func (a *Agent) wake() {
	w := &a.workplace
	if w.waking || w.filled.len() == 0 {
		return
	}
	w.waking = true
	if last := len(w.resting) - 1; last >= 0 {
		w.resting[last] <- struct{}{}
		w.resting = w.resting[:last]
		return
	}
	turn := make(chan struct{}, 1)
	turn <- struct{}{}
	a.work.Go(func() { a.toil(turn) })
}

// employ has workers wait for inboxes.
func (a *Agent) employ() {
	for range workers {
		turn := make(chan struct{}, 1)
		a.workplace.resting = append(a.workplace.resting, turn)
		a.work.Go(func() { a.toil(turn) })
	}
}

// sendHome lets the workers go when they are done. a.mu is held, and a is closed.
func (a *Agent) sendHome() {
	for _, turn := range a.workplace.resting {
		close(turn)
	}
	a.workplace.resting = nil
}

// toil is a worker: whenever it is its turn it takes inboxes while there are any.
func (a *Agent) toil(turn chan struct{}) {
	for range turn {
		a.mu.Lock()
		a.workplace.waking = false
		for a.workplace.filled.len() > 0 {
			in := a.workplace.filled.pop()
			a.wake()
			a.empty(in)
		}
		if a.closed || len(a.workplace.resting) >= workers {
			a.mu.Unlock()
			return
		}
		a.workplace.resting = append(a.workplace.resting, turn)
		a.mu.Unlock()
	}
}

// empty does what waits in one inbox, until nothing does. a.mu is held, but not meanwhile.
func (a *Agent) empty(in *inbox) {
	if !in.since.IsZero() {
		a.overload.took(in.since, time.Now())
	}
	for in.waiting.len() > 0 {
		f := in.waiting.pop()
		a.mu.Unlock()
		f()
		a.mu.Lock()
	}
	delete(a.inboxes, in.callID)
	if len(a.spare) < maxSpare {
		a.spare = append(a.spare, in)
	}
}

// fifo is a queue. It keeps its memory.
type fifo[T any] struct {
	all   []T
	taken int // of those in all
}

func (q *fifo[T]) len() int { return len(q.all) - q.taken }

func (q *fifo[T]) push(v T) {
	if len(q.all) == cap(q.all) && q.taken > len(q.all)/2 {
		q.all, q.taken = slices.Delete(q.all, 0, q.taken), 0
	}
	q.all = append(q.all, v)
}

// pop takes the oldest. There must be one.
func (q *fifo[T]) pop() T {
	var none T
	v := q.all[q.taken]
	q.all[q.taken] = none
	if q.taken++; q.taken == len(q.all) {
		q.all, q.taken = q.all[:0], 0
	}
	return v
}
