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
// Some goroutines wait for inboxes. They are not needed for that, since there is a new one where none waits, as when the far sides of others
// have to be looked up; but a new one's stack has to grow each time, which is a sixteenth of what a call costs.
type inbox struct {
	callID  string
	waiting []func()
	done    int       // of those in waiting
	since   time.Time // when the message came that it is there for; zero for anything else
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
	case in == nil && len(a.inboxes) >= maxInboxes, in != nil && len(in.waiting)-in.done >= maxWaiting:
		a.count.dropped.Add(1)
	default:
		a.enqueue(callID, came, f)
	}
}

// enqueue adds f to an inbox. a.mu is held.
func (a *Agent) enqueue(callID string, came time.Time, f func()) {
	if in := a.inboxes[callID]; in != nil {
		if in.done > 0 && len(in.waiting) == cap(in.waiting) {
			in.waiting, in.done = slices.Delete(in.waiting, 0, in.done), 0
		}
		in.waiting = append(in.waiting, f)
		return
	}
	in := new(inbox)
	if last := len(a.spare) - 1; last >= 0 {
		in, a.spare = a.spare[last], a.spare[:last]
	}
	in.callID, in.waiting, in.since = callID, append(in.waiting, f), came
	a.inboxes[callID] = in
	select {
	case a.filled <- in:
	default:
		a.work.Go(func() { a.empty(in) })
	}
}

// wait empties inboxes until the agent is closed.
func (a *Agent) wait() {
	for in := range a.filled {
		a.empty(in)
	}
}

// empty does what waits in one inbox, until nothing does.
func (a *Agent) empty(in *inbox) {
	if !in.since.IsZero() {
		a.overload.took(in.since, time.Now())
	}
	for {
		a.mu.Lock()
		if in.done == len(in.waiting) {
			delete(a.inboxes, in.callID)
			if len(a.spare) < maxSpare {
				in.waiting, in.done = in.waiting[:0], 0
				a.spare = append(a.spare, in)
			}
			a.mu.Unlock()
			return
		}
		f := in.waiting[in.done]
		in.waiting[in.done] = nil
		in.done++
		a.mu.Unlock()
		f()
	}
}
