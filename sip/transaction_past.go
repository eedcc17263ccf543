package sip

import (
	"time"
)

// past keeps what is over for as long as messages of it may be repeated: 64*T1 from when it was added. One timer and one queue do for
// all of it, so that a hundred thousand finished transactions cost neither goroutines nor timers. It is used under the lock of its owner.
type past[V any] struct {
	entries   map[mark]V
	queue     []leaving // oldest first, since all stay for as long
	since     time.Time // that times in queue are counted from
	timer     *time.Timer
	forgotten func(V) // called for each entry that leaves; may be nil
}

// leaving says when an entry is forgotten. There is no pointer in it.
type leaving struct {
	key mark
	at  time.Duration
}

// sweepEvery is how long forgetting waits at the least, so that it is done for many at a time.
const sweepEvery = time.Second

// add keeps v under a key. sweep is called later, without the lock.
func (p *past[V]) add(key mark, v V, sweep func()) {
	if p.entries == nil {
		p.entries, p.since = map[mark]V{}, time.Now()
	}
	p.entries[key] = v
	p.queue = append(p.queue, leaving{key, time.Since(p.since) + giveUp})
	if p.timer == nil {
		p.timer = time.AfterFunc(giveUp, sweep)
	}
}

// sweep forgets what has had its time.
func (p *past[V]) sweep() {
	if p.timer == nil {
		return // closed
	}
	now := time.Since(p.since)
	for len(p.queue) > 0 && p.queue[0].at <= now {
		key := p.queue[0].key
		p.queue = p.queue[1:]
		v, there := p.entries[key]
		if there && p.forgotten != nil {
			p.forgotten(v)
		}
		delete(p.entries, key)
	}
	if len(p.queue) > 0 {
		p.timer.Reset(max(p.queue[0].at-now, sweepEvery))
		return
	}
	p.entries, p.queue, p.timer = nil, nil, nil // a map does not get smaller
}

// sweep forgets what has had its time.
func (t *transactions) sweep() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered.sweep()
	t.settled.sweep()
}

func (p *past[V]) close() {
	stopTimer(p.timer)
	p.entries, p.queue, p.timer = nil, nil, nil
}

// spent is what is kept of a request of a far side's that has its final response.
type spent struct {
	text  []byte // the response, to repeat it; nil for an INVITE, whose 2xx its call repeats, and whose refusal has its ACK
	way   conn   // that the response took
	tag   string // of our To, for the response to a CANCEL that comes too late
	merge mark   // see transactions.calls
}

// repeated takes a repetition of the request, which may have come over another connection.
func (p *spent) repeated(from conn) {
	if !p.way.alive() {
		p.way = from
	}
	if p.text != nil {
		_ = p.way.write(p.text)
	}
}
